package org.lrfinder.internal.engine;

import java.util.List;
import org.bytedeco.pytorch.Module;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;
import org.lrfinder.data.RowCutter;
import org.lrfinder.sweep.GroupRate;
import org.lrfinder.sweep.StepSettings;
import org.lrfinder.sweep.SweepSettings;

/** Computes the steps of sweeps and trainings. Thread-safe and without state. */
public sealed interface Engine permits NativeEngine, PortableEngine {
  /**
   * Takes a snapshot and starts a sweep on the calling thread.
   *
   * @param groupRates of each parameter group, through all optimizers
   * @param peers who make each step together with this process; null if it is alone. Then {@link
   *     EngineSweep#agree} comes next
   * @throws IllegalArgumentException if networks and optimizers cannot be swept; nothing was
   *     changed
   */
  EngineSweep start(
      SweepSubject subject,
      SweepSettings settings,
      List<GroupRate> groupRates,
      @Nullable Peers peers);

  /**
   * Starts a training on the calling thread.
   *
   * @param network forwarded if it is a {@code SequentialImpl}; null where the caller computes
   *     losses
   * @param optimizer stepped, at the rates that its groups have; any class but LBFGS
   * @param declaredStatic whether the caller promises that the model does the same for every batch
   *     of a shape
   * @param peers who make each step together with this process; null if it is alone. Then {@link
   *     EngineTraining#agree} comes next
   * @throws IllegalArgumentException if network and optimizer cannot be trained
   */
  EngineTraining train(
      @Nullable Module network,
      Optimizer optimizer,
      StepSettings step,
      boolean declaredStatic,
      @Nullable Peers peers);

  /** Cuts batches for sessions of this engine that alone look at them. */
  RowCutter cutter(Tensor inputs, Tensor targets, int batchSize, @Nullable Tensor order);
}
