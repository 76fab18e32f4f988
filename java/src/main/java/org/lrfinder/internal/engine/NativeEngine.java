package org.lrfinder.internal.engine;

import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Function;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Module;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;
import org.lrfinder.data.RowCutter;
import org.lrfinder.internal.nativecore.NativeCore;
import org.lrfinder.internal.nativecore.NativeCoreException;
import org.lrfinder.internal.nativecore.NativeStepSettings;
import org.lrfinder.internal.nativecore.NativeSweep;
import org.lrfinder.internal.nativecore.NativeSweepSettings;
import org.lrfinder.internal.nativecore.NativeSweepSubject;
import org.lrfinder.internal.nativecore.NativeTraining;
import org.lrfinder.sweep.GroupRate;
import org.lrfinder.sweep.StepSettings;
import org.lrfinder.sweep.SweepSettings;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The native core behind the engines' interface. */
final class NativeEngine implements Engine {
  private static final Logger LOG = LoggerFactory.getLogger(NativeEngine.class);
  private static final AtomicBoolean SAID = new AtomicBoolean();
  private static final AtomicBoolean SAID_OF_CUDA = new AtomicBoolean();

  @Override
  public EngineSweep start(
      SweepSubject subject,
      SweepSettings settings,
      List<GroupRate> groupRates,
      @Nullable Peers peers) {
    return started(
        threadState -> {
          ReplayMode replay = ReplayMode.of(settings.step(), subject.declaredStatic());
          NativeSweepSettings nativeSettings =
              new NativeSweepSettings()
                  .steps(settings.steps())
                  .smoothing_beta(settings.smoothingBeta())
                  .early_stop_threshold(settings.earlyStopThreshold())
                  .step(nativeStep(settings.step(), replay, peers));
          for (GroupRate rate : groupRates) {
            nativeSettings.add_group_rate(
                rate.ratio(), rate.constant(), rate.origin(), rate.scale(), rate.exponent());
          }
          NativeSweepSubject nativeSubject = new NativeSweepSubject();
          for (SweepSubject.Part part : subject.parts()) {
            if (part.script() != null) {
              nativeSubject.add_part(part.script(), part.recorded());
            } else {
              nativeSubject.add_part(part.module(), part.recorded());
            }
            part.optimizers().forEach(nativeSubject::add_optimizer);
          }
          provideForDevice(subject.optimizers());
          MemoryNeed.check(subject, /* fused= */ true);
          // Before the snapshot, whose copies would wake threads that spin on into the first steps.
          threadState.choose(settings.step().threads(), subject.optimizers());
          NativeSweep sweep = new NativeSweep(nativeSubject, nativeSettings);
          NativeSweepSession session =
              new NativeSweepSession(
                  sweep, subject, threadState, settings.step().precision(), replay, peers);
          sweep.retainReference(); // outlives the scope, until close()
          return session;
        });
  }

  @Override
  public EngineTraining train(
      @Nullable Module network,
      Optimizer optimizer,
      StepSettings step,
      boolean declaredStatic,
      @Nullable Peers peers) {
    SweepSubject.Part part = new SweepSubject.Part(network, null, List.of(optimizer), true);
    SweptOptimizer.requireSteppable(optimizer);
    if (!SweptOptimizer.isOfPresets(optimizer)) {
      String name = optimizer.getClass().getName();
      if (SAID.compareAndSet(false, true)) {
        LOG.info("Training with the portable engine, which calls the step of {} in Java", name);
      }
      return new PortableEngine(Optional.of("the step of %s is called in Java".formatted(name)))
          .train(network, optimizer, step, declaredStatic, peers);
    }
    return started(
        threadState -> {
          ReplayMode replay = ReplayMode.of(step, declaredStatic);
          provideForDevice(part.optimizers());
          NativeTraining training =
              new NativeTraining(network, optimizer, nativeStep(step, replay, peers));
          threadState.choose(step.threads(), part.optimizers());
          NativeTrainingSession session =
              new NativeTrainingSession(
                  training, part, threadState, step.precision(), replay, peers);
          training.retainReference(); // outlives the scope, until close()
          return session;
        });
  }

  @Override
  public RowCutter cutter(Tensor inputs, Tensor targets, int batchSize, @Nullable Tensor order) {
    return new NativeRowCutter(inputs, targets, batchSize, order);
  }

  /** What the core needs CUDA for is unpacked where it is needed; steps go on without. */
  private static void provideForDevice(List<Optimizer> optimizers) {
    if (ModelTensors.parameters(optimizers).stream().anyMatch(Tensor::is_cuda)) {
      NativeCore.provideCudaLibrary()
          .filter(problem -> SAID_OF_CUDA.compareAndSet(false, true))
          .ifPresent(problem -> LOG.warn("The library for CUDA is left out: {}", problem));
    }
  }

  private static NativeStepSettings nativeStep(
      StepSettings step, ReplayMode replay, @Nullable Peers peers) {
    NativeStepSettings settings =
        new NativeStepSettings()
            .accumulate_grad_batches(step.accumulateGradBatches())
            .gradient_clip_norm(step.gradientClipNorm())
            .gradient_clip_value(step.gradientClipValue())
            .precision(step.precision().ordinal())
            .replay(replay.ordinal());
    if (peers != null) {
      settings.across(peers.core());
    }
    return settings;
  }

  private static <S> S started(Function<ThreadState, S> start) {
    return ThreadState.during(
        threadState -> {
          try (PointerScope scope = new PointerScope()) {
            return start.apply(threadState);
          } catch (NativeCoreException e) {
            throw NativeSession.translated(e);
          }
        });
  }
}
