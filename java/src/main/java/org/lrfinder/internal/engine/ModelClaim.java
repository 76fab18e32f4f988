package org.lrfinder.internal.engine;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Module;
import org.bytedeco.pytorch.Tensor;

/**
 * The calling thread's claim to a model: as long as it is open, no other thread of this process can
 * claim that model or one that has a parameter or buffer of it. The thread itself can: a listener
 * may sweep the model that it is told of. To be closed by the thread that made it, the last one
 * first.
 */
public final class ModelClaim implements AutoCloseable {
  private static final Map<Long, ModelClaim> HELD = new HashMap<>(); // by a tensor's identity

  private final Thread thread = Thread.currentThread();
  private final String doing;
  private final List<Long> held = new ArrayList<>(); // but those of the thread's outer claims

  private ModelClaim(String doing, SweepSubject subject) {
    this.doing = doing;
    try (PointerScope scope = new PointerScope()) {
      Map<Long, Tensor> tensors = ModelTensors.byIdentity(ModelTensors.tensors(subject));
      synchronized (HELD) {
        tensors.forEach((identity, tensor) -> requireFree(identity, tensor, subject));
        for (Long identity : tensors.keySet()) {
          if (!HELD.containsKey(identity)) {
            held.add(identity);
            HELD.put(identity, this);
          }
        }
      }
    } catch (Error e) { // of a full heap
      close();
      throw e;
    }
  }

  /**
   * Claims what a sweep trains and restores.
   *
   * @throws IllegalStateException if another thread sweeps or trains it; the message names the
   *     thread
   */
  public static ModelClaim ofSweep(SweepSubject subject) {
    return new ModelClaim("sweeping", subject);
  }

  /**
   * Claims what a training changes.
   *
   * @param network all parameters of the training's optimizers are in it
   * @throws IllegalStateException as {@link #ofSweep}
   */
  public static ModelClaim ofTraining(Module network) {
    return new ModelClaim("training", SweepSubject.of(network));
  }

  private void requireFree(long identity, Tensor tensor, SweepSubject subject) {
    ModelClaim holder = HELD.get(identity);
    if (holder != null && holder.thread != thread) {
      boolean buffer =
          subject.parts().stream()
              .flatMap(part -> ModelTensors.networkBuffers(part).stream())
              .anyMatch(each -> ModelTensors.identity(each) == identity);
      throw new IllegalStateException(
          ("thread \"%s\" is %s this model, or one that shares its %s of shape %s with it:"
                  + " wait for its end, or give each thread a network and an optimizer of its own")
              .formatted(
                  holder.thread.getName(),
                  holder.doing,
                  buffer ? "buffer" : "parameter",
                  ModelTensors.shape(tensor)));
    }
  }

  @Override
  public void close() {
    synchronized (HELD) {
      held.forEach(HELD::remove);
    }
    held.clear();
  }
}
