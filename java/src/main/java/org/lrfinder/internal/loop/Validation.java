package org.lrfinder.internal.loop;

import java.util.ArrayList;
import java.util.List;
import java.util.function.DoubleConsumer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.GradMode;
import org.bytedeco.pytorch.Module;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;
import org.lrfinder.data.Batch;
import org.lrfinder.data.BatchWalk;
import org.lrfinder.internal.engine.EngineSession;
import org.lrfinder.internal.engine.EvalMode;
import org.lrfinder.internal.engine.Objective;

/**
 * The validation loss of a sweep: the mean over the first batches of a source, the same at each
 * step. Tensors are copied; of what cannot be copied nothing is kept, the source is walked anew.
 */
public final class Validation<V> implements AutoCloseable {
  private final @Nullable Module network;
  private final EngineSession session;
  private final Objective<V> objective;
  private final Iterable<V> source;
  private final int count;
  private final List<V> copies = new ArrayList<>(); // empty where the source is walked anew
  private final DoubleConsumer adding = this::add;
  private double total;
  private int used;

  public Validation(
      @Nullable Module network,
      EngineSession session,
      Objective<V> objective,
      Iterable<V> source,
      int count) {
    this.network = network;
    this.session = session;
    this.objective = objective;
    this.source = source;
    this.count = count;
    try {
      copy();
    } catch (RuntimeException | Error e) {
      close();
      throw e;
    }
  }

  @SuppressWarnings("unchecked") // a copy has the type of what it is made from: Batch, a record
  private void copy() {
    try (BatchWalk<V> walk = new BatchWalk<>(source, 0)) {
      if (!walk.hasNext()) {
        throw new IllegalArgumentException("there is no data: the batches are empty");
      }
      while (copies.size() < count && walk.hasNext()) {
        if (!(walk.next() instanceof Batch batch)) {
          close();
          return;
        }
        copies.add((V) new Batch(copy(batch.input()), copy(batch.target())));
      }
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
    total = 0;
    used = 0;
    int measured;
    try (EvalMode evaluation = new EvalMode(network)) {
      measured = copies.isEmpty() ? measureAnew() : measureCopies();
    }
    if (used == 0) {
      throw new IllegalArgumentException(
          measured == 0
              ? "there is no validation data left: a source of batches of this type is walked anew"
                  + " at each step, and this one was empty the second time"
              : "no validation batch is used: the loss was null for all %d of them"
                  .formatted(measured));
    }
    return total / used;
  }

  private int measureCopies() {
    for (V batch : copies) {
      objective.evaluate(session, batch, adding);
    }
    return copies.size();
  }

  private int measureAnew() {
    int measured = 0;
    try (BatchWalk<V> walk = new BatchWalk<>(source, 0)) {
      while (measured < count && walk.hasNext()) {
        objective.evaluate(session, walk.next(), adding);
        measured++;
      }
    }
    return measured;
  }

  private void add(double loss) {
    total += loss;
    used++;
  }

  @Override
  public void close() {
    for (V copy : copies) {
      if (copy instanceof Batch batch) {
        batch.input().close();
        batch.target().close();
      }
    }
    copies.clear();
  }
}
