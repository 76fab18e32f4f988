package org.lrfinder;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Stream;
import org.bytedeco.openblas.global.openblas_nolapack;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.SequentialImpl;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Timeout;
import org.lrfinder.data.Batch;
import org.lrfinder.engine.EngineChoice;
import org.lrfinder.sweep.Curve;
import org.lrfinder.sweep.EndReason;
import org.lrfinder.sweep.Loss;
import org.lrfinder.testkit.ModelState;
import org.lrfinder.testkit.Models;
import org.lrfinder.testkit.OnEachEngine;
import org.lrfinder.testkit.OptimizerSpec;

/** Sweeps on several threads at once, beside a thread that trains, and ended from other threads. */
@Timeout(120)
class ConcurrentSweepTest {
  private static final int SWEEPS = 10;
  private static final int TRAINING_STEPS = 400;

  private final int libtorchThreads = torch.get_num_threads();
  private final int blasThreads = openblas_nolapack.blas_get_num_threads();
  private final List<Batch> batches = Models.batches(3, ScalarType.Float);
  private final ExecutorService threads = Executors.newCachedThreadPool();

  /** Sums of several threads are rounded differently from run to run. */
  @BeforeEach
  void oneThread() {
    torch.set_num_threads(1);
    openblas_nolapack.blas_set_num_threads(1);
  }

  @AfterEach
  void threadsAsTheyWere() throws InterruptedException {
    threads.shutdownNow();
    assertThat(threads.awaitTermination(1, TimeUnit.MINUTES)).isTrue();
    torch.set_num_threads(libtorchThreads);
    openblas_nolapack.blas_set_num_threads(blasThreads);
  }

  private record Subject(SequentialImpl network, Optimizer optimizer) {
    static Subject of(OptimizerSpec kind) {
      SequentialImpl network = Models.mlp();
      return new Subject(network, kind.over(network));
    }
  }

  private Curve sweep(EngineChoice engine, Subject subject) {
    return LrFinder.builder()
        .engine(engine)
        .steps(40)
        .noEarlyStop()
        .build()
        .find(subject.network, subject.optimizer, Loss.CROSS_ENTROPY, batches)
        .results();
  }

  private List<Double> train(Subject subject) {
    return Models.train(subject.network, subject.optimizer, batches, TRAINING_STEPS);
  }

  @OnEachEngine
  void curvesBesideEachOtherAndBesideTrainingAreThoseAlone(EngineChoice engine) throws Exception {
    List<Subject> subjects =
        Stream.of(OptimizerSpec.SGD_MOMENTUM_DAMPENING, OptimizerSpec.ADAM, OptimizerSpec.RMSPROP)
            .map(Subject::of)
            .toList();
    List<Curve> alone = subjects.stream().map(subject -> sweep(engine, subject)).toList();
    torch.manual_seed(3);
    List<Double> trainedAlone = train(Subject.of(OptimizerSpec.ADAMW));
    torch.manual_seed(3);
    Subject inTraining = Subject.of(OptimizerSpec.ADAMW);
    List<ModelState> before =
        subjects.stream().map(s -> ModelState.of(s.network, s.optimizer)).toList();
    CountDownLatch start = new CountDownLatch(subjects.size() + 1);

    List<Future<List<Curve>>> sweeping = new ArrayList<>();
    for (Subject subject : subjects) {
      sweeping.add(
          threads.submit(
              together(
                  start,
                  () -> Stream.generate(() -> sweep(engine, subject)).limit(SWEEPS).toList())));
    }
    Future<List<Double>> training = threads.submit(together(start, () -> train(inTraining)));

    for (int i = 0; i < subjects.size(); i++) {
      assertThat(sweeping.get(i).get()).hasSize(SWEEPS).containsOnly(alone.get(i));
    }
    assertThat(training.get()).isEqualTo(trainedAlone);
    for (int i = 0; i < subjects.size(); i++) {
      Subject subject = subjects.get(i);
      before.get(i).assertUnchangedIn(ModelState.of(subject.network, subject.optimizer));
    }
  }

  private static <T> Callable<T> together(CountDownLatch start, Callable<T> call) {
    return () -> {
      start.countDown();
      start.await();
      return call.call();
    };
  }

  @OnEachEngine
  void overlappingSweepsThatDrawLeaveTheGeneratorAsTheFirstFoundIt(EngineChoice engine)
      throws Exception {
    torch.manual_seed(5);
    double drawn = torch.rand(1).item_double();
    List<Subject> subjects = new ArrayList<>();
    for (int i = 0; i < 3; i++) {
      SequentialImpl network = Models.batchNormAndDropout();
      subjects.add(new Subject(network, OptimizerSpec.ADAM.over(network)));
    }
    torch.manual_seed(5);
    CountDownLatch overlap = new CountDownLatch(subjects.size());
    List<Future<LrFinderResult>> sweeping = new ArrayList<>();
    for (Subject subject : subjects) {
      LrFinder finder =
          LrFinder.builder()
              .engine(engine)
              .steps(20)
              .noEarlyStop()
              .listener(
                  step -> {
                    overlap.countDown();
                    await(overlap);
                  })
              .build();
      sweeping.add(
          threads.submit(
              () -> finder.find(subject.network, subject.optimizer, Loss.CROSS_ENTROPY, batches)));
    }
    for (Future<LrFinderResult> result : sweeping) {
      assertThat(result.get().endReason()).isEqualTo(EndReason.COMPLETED);
    }
    assertThat(torch.rand(1).item_double()).isEqualTo(drawn);
  }

  private static void await(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  @OnEachEngine
  void otherThreadsEndASweepAtAnyMoment(EngineChoice engine) throws Exception {
    Subject subject = Subject.of(OptimizerSpec.ADAM);
    ModelState before = ModelState.of(subject.network, subject.optimizer);
    for (int i = 0; i < 20; i++) {
      boolean byInterrupt = i % 2 == 0;
      AtomicBoolean cancelled = new AtomicBoolean();
      CountDownLatch underway = new CountDownLatch(3);
      LrFinder finder =
          LrFinder.builder()
              .engine(engine)
              .steps(Integer.MAX_VALUE)
              .noEarlyStop()
              .cancelIf(cancelled::get)
              .listener(step -> underway.countDown())
              .build();
      Thread sweeper = Thread.currentThread();
      Future<?> other =
          threads.submit(
              () -> {
                await(underway);
                if (byInterrupt) {
                  sweeper.interrupt();
                } else {
                  cancelled.set(true);
                }
              });

      LrFinderResult found =
          finder.find(subject.network, subject.optimizer, Loss.CROSS_ENTROPY, batches);

      assertThat(Thread.interrupted()).isEqualTo(byInterrupt);
      other.get();
      assertThat(found.endReason()).isEqualTo(EndReason.CANCELLED);
      assertThat(found.results().size()).isGreaterThanOrEqualTo(3);
      before.assertUnchangedIn(ModelState.of(subject.network, subject.optimizer));
    }
  }
}
