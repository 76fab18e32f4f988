package org.lrfinder.internal.engine;

import static org.lrfinder.internal.engine.PortableSession.guarded;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.bytedeco.pytorch.GradMode;
import org.bytedeco.pytorch.Module;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.jspecify.annotations.Nullable;
import org.lrfinder.data.RowCutter;
import org.lrfinder.sweep.GroupRate;
import org.lrfinder.sweep.StepSettings;
import org.lrfinder.sweep.SweepSettings;

/**
 * A plain Java loop over the presets' API: the reference for the native engine, and the fallback
 * without it.
 */
final class PortableEngine implements Engine {
  private final Optional<String> reason;

  /**
   * Creates an engine.
   *
   * @param reason why it stands in for the native one; empty if it was asked for
   */
  PortableEngine(Optional<String> reason) {
    this.reason = reason;
  }

  @Override
  public EngineSweep start(
      SweepSubject subject,
      SweepSettings settings,
      List<GroupRate> groupRates,
      @Nullable Peers peers) {
    requireAlone(peers);
    return guarded(
        () -> ThreadState.during(state -> started(subject, settings, groupRates, state)));
  }

  private void requireAlone(@Nullable Peers peers) {
    if (peers != null) {
      throw new IllegalArgumentException(
          "several processes need the native engine, not the portable one"
              + reason.map(why -> ": " + why).orElse(""));
    }
  }

  private EngineSweep started(
      SweepSubject subject,
      SweepSettings settings,
      List<GroupRate> groupRates,
      ThreadState threadState) {
    List<PortableMicroBatches> microBatches =
        subject.parts().stream()
            .map(part -> new PortableMicroBatches(part, settings.step()))
            .toList();
    MemoryNeed.check(subject, /* fused= */ false);
    threadState.choose(settings.step().threads(), subject.optimizers());
    List<PortableSweepSession.Part> parts = new ArrayList<>();
    int first = 0;
    for (int i = 0; i < microBatches.size(); i++) {
      SweepSubject.Part part = subject.parts().get(i);
      List<Optimizer> copies = part.optimizers().stream().map(SweptOptimizer::privateCopy).toList();
      int next = first + copies.stream().mapToInt(copy -> (int) copy.param_groups().size()).sum();
      parts.add(
          new PortableSweepSession.Part(
              microBatches.get(i), copies, groupRates.subList(first, next), part.recorded()));
      first = next;
    }
    PortableSnapshot snapshot = PortableSnapshot.take(subject);
    parts.forEach(part -> part.copies().forEach(Optimizer::retainReference)); // until close()
    GradMode.set_enabled(true);
    torch.setGraphExecutorOptimize(false); // it would learn from the sweep
    return new PortableSweepSession(parts, settings, threadState, snapshot, reason);
  }

  @Override
  public EngineTraining train(
      @Nullable Module network,
      Optimizer optimizer,
      StepSettings step,
      boolean declaredStatic,
      @Nullable Peers peers) {
    requireAlone(peers);
    return guarded(
        () -> {
          SweepSubject.Part part = new SweepSubject.Part(network, null, List.of(optimizer), true);
          SweptOptimizer.requireSteppable(optimizer);
          PortableMicroBatches microBatches = new PortableMicroBatches(part, step);
          return ThreadState.during(
              threadState -> {
                threadState.choose(step.threads(), part.optimizers());
                PortableMicroBatches.dropGradients(optimizer); // of steps that were not finished
                return new PortableTrainingSession(microBatches, optimizer, threadState, reason);
              });
        });
  }

  @Override
  public RowCutter cutter(Tensor inputs, Tensor targets, int batchSize, @Nullable Tensor order) {
    return RowCutter.ofOperators(inputs, targets, batchSize, order);
  }
}
