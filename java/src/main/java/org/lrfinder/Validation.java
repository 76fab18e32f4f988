package org.lrfinder;

import java.util.ArrayList;
import java.util.List;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.GradMode;
import org.bytedeco.pytorch.Module;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;
import org.lrfinder.engine.EngineSession;
import org.lrfinder.engine.EvalMode;
import org.lrfinder.engine.Objective;
import org.lrfinder.sweep.Batch;

/** The validation loss of a sweep: the mean over copies of a few batches, the same at each step. */
final class Validation implements AutoCloseable {
  private final @Nullable Module network;
  private final EngineSession session;
  private final Objective<Batch> objective;
  private final List<Batch> batches;

  Validation(
      @Nullable Module network,
      EngineSession session,
      Objective<Batch> objective,
      Iterable<Batch> source,
      int count) {
    this.network = network;
    this.session = session;
    this.objective = objective;
    this.batches = new ArrayList<>(count);
    try (BatchCycle<Batch> cycle = new BatchCycle<>(source, false)) {
      for (Batch batch = cycle.next();
          batch != null && batches.size() < count;
          batch = batches.size() < count ? cycle.next() : null) {
        batches.add(new Batch(copy(batch.input()), copy(batch.target())));
      }
    } catch (RuntimeException | Error e) {
      close();
      throw e;
    }
  }

  /** A source may close or reuse its tensors when it is asked for the next ones. */
  private static Tensor copy(Tensor tensor) {
    boolean gradMode = GradMode.is_enabled();
    GradMode.set_enabled(false);
    try (PointerScope scope = new PointerScope()) {
      Tensor copy = tensor.clone();
      copy.retainReference(); // outlives the scope, until close()
      return copy;
    } finally {
      GradMode.set_enabled(gradMode);
    }
  }

  double loss() {
    double total = 0;
    try (EvalMode evaluation = new EvalMode(network)) {
      for (Batch batch : batches) {
        total += objective.evaluate(session, batch);
      }
    }
    return total / batches.size();
  }

  @Override
  public void close() {
    for (Batch batch : batches) {
      batch.input().close();
      batch.target().close();
    }
  }
}
