package org.lrfinder;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import org.bytedeco.pytorch.BatchNorm1dImpl;
import org.bytedeco.pytorch.BatchNormOptions;
import org.bytedeco.pytorch.LinearImpl;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.SequentialImpl;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.lrfinder.data.Batch;
import org.lrfinder.engine.EngineChoice;
import org.lrfinder.sweep.Loss;
import org.lrfinder.sweep.SweepListener;
import org.lrfinder.testkit.ModelState;
import org.lrfinder.testkit.Models;
import org.lrfinder.testkit.OnEachEngine;
import org.lrfinder.testkit.OptimizerSpec;
import org.lrfinder.trainer.MetricsLogger;
import org.lrfinder.trainer.Model;
import org.lrfinder.trainer.Trainer;
import org.lrfinder.trainer.TrainerListener;
import org.lrfinder.trainer.TrainingEpoch;
import org.lrfinder.trainer.TrainingStep;

/** A model that one thread sweeps or trains is refused to all others, and to none afterwards. */
@Timeout(120)
class OneThreadForAModelTest {
  @TempDir private Path folder;

  private static final String REFUSAL =
      "thread \"first\" is %s this model, or one that shares its %s of shape %s with it:"
          + " wait for its end, or give each thread a network and an optimizer of its own";
  private static final int THREADS = 4;

  private final ExecutorService threads =
      Executors.newCachedThreadPool(task -> new Thread(task, "first"));
  private final List<Batch> batches = Models.batches(3, ScalarType.Float);
  private final Subject subject = Subject.of(Models.mlp());

  /** What a trainer trains, too. */
  private record Subject(SequentialImpl network, Optimizer optimizer, List<Batch> batches)
      implements Model {
    static Subject of(SequentialImpl network) {
      return new Subject(
          network, OptimizerSpec.ADAM.over(network), Models.batches(3, ScalarType.Float));
    }

    @Override
    public SequentialImpl module() {
      return network;
    }

    @Override
    public Optional<Loss> loss() {
      return Optional.of(Loss.CROSS_ENTROPY);
    }

    @Override
    public Optimizer configureOptimizers() {
      return optimizer;
    }

    @Override
    public Iterable<Batch> trainBatches() {
      return batches;
    }
  }

  @AfterEach
  void noThreadIsLeft() throws InterruptedException {
    threads.shutdownNow();
    assertThat(threads.awaitTermination(1, TimeUnit.MINUTES)).isTrue();
  }

  private static LrFinder finder(EngineChoice engine, SweepListener listener) {
    return LrFinder.builder().engine(engine).steps(10).noEarlyStop().listener(listener).build();
  }

  private LrFinderResult sweep(LrFinder finder, Subject swept) {
    return finder.find(swept.network, swept.optimizer, Loss.CROSS_ENTROPY, batches);
  }

  private LrFinderResult sweep(EngineChoice engine, Subject swept) {
    return sweep(finder(engine, step -> {}), swept);
  }

  private static Trainer.Builder trainer(EngineChoice engine) {
    return Trainer.builder()
        .engine(engine)
        .maxEpochs(2)
        .logger(MetricsLogger.NONE)
        .console(new PrintStream(OutputStream.nullOutputStream()));
  }

  /** Something that the first thread is in the midst of, until it is told to go on. */
  private final class Underway {
    private final CountDownLatch begun = new CountDownLatch(1);
    private final CountDownLatch goOn = new CountDownLatch(1);

    void reached() {
      begun.countDown();
      await(goOn);
    }

    void whileIt(Callable<?> runs, Runnable here) throws Exception {
      Future<?> running = threads.submit(runs);
      await(begun);
      try {
        here.run();
      } finally {
        goOn.countDown();
      }
      running.get();
    }
  }

  private static void await(CountDownLatch latch) {
    try {
      assertThat(latch.await(30, TimeUnit.SECONDS)).as("the others came so far").isTrue();
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  private static void refused(String doing, String tensor, String shape, Supplier<?> call) {
    assertThatThrownBy(call::get)
        .isExactlyInstanceOf(IllegalStateException.class)
        .hasMessage(REFUSAL, doing, tensor, shape);
  }

  @OnEachEngine
  void whileAThreadSweepsItsModelIsRefusedToOthers(EngineChoice engine) throws Exception {
    Subject another = Subject.of(Models.mlp());
    ModelState before = ModelState.of(subject.network, subject.optimizer);
    Underway sweeping = new Underway();
    LrFinder finder = finder(engine, step -> sweeping.reached());
    sweeping.whileIt(
        () -> sweep(finder, subject),
        () -> {
          refused("sweeping", "parameter", "[8, 6]", () -> sweep(engine, subject));
          refused(
              "sweeping",
              "parameter",
              "[8, 6]",
              () -> finder(engine, step -> {}).find(subject.optimizer, b -> null, batches));
          refused("sweeping", "parameter", "[8, 6]", () -> trainer(engine).build().fit(subject));
          assertThat(sweep(engine, another).results().size()).isEqualTo(10);
        });
    before.assertUnchangedIn(ModelState.of(subject.network, subject.optimizer));
    assertThat(sweep(engine, subject).results().size()).isEqualTo(10);
  }

  @OnEachEngine
  void nobodyComesInBetweenTheSweepsOfOneSearch(EngineChoice engine) throws Exception {
    Underway betweenSweeps = new Underway();
    AtomicInteger walks = new AtomicInteger();
    Iterable<Batch> once =
        () -> {
          if (walks.incrementAndGet() > 1) {
            betweenSweeps.reached();
          }
          return batches.iterator();
        };
    LrFinder finder = LrFinder.builder().engine(engine).steps(3).noEarlyStop().repeats(3).build();
    betweenSweeps.whileIt(
        () -> finder.find(subject.network, subject.optimizer, Loss.CROSS_ENTROPY, once),
        () -> refused("sweeping", "parameter", "[8, 6]", () -> sweep(engine, subject)));
    assertThat(walks.get()).isGreaterThan(1);
  }

  @OnEachEngine
  void ofThreadsThatStartAtOnceOneSweepsAndTheOthersAreRefused(EngineChoice engine)
      throws Exception {
    ModelState before = ModelState.of(subject.network, subject.optimizer);
    for (int round = 0; round < 20; round++) {
      CyclicBarrier together = new CyclicBarrier(THREADS);
      CountDownLatch refusals = new CountDownLatch(THREADS - 1);
      LrFinder finder = finder(engine, step -> await(refusals));
      List<Future<Boolean>> sweeping = new ArrayList<>();
      for (int i = 0; i < THREADS; i++) {
        sweeping.add(
            threads.submit(
                () -> {
                  together.await();
                  try {
                    return sweep(finder, subject).results().size() == 10;
                  } catch (IllegalStateException e) {
                    refusals.countDown();
                    return false;
                  }
                }));
      }
      int swept = 0;
      for (Future<Boolean> one : sweeping) {
        swept += one.get() ? 1 : 0;
      }
      assertThat(swept).isEqualTo(1);
      before.assertUnchangedIn(ModelState.of(subject.network, subject.optimizer));
    }
  }

  @OnEachEngine
  void aModelThatSharesAParameterOrABufferIsRefusedToo(EngineChoice engine) throws Exception {
    BatchNorm1dImpl norm = Models.keep(new BatchNorm1dImpl(new BatchNormOptions(Models.FEATURES)));
    Subject head = Subject.of(headOn(norm));
    SequentialImpl network = headOn(norm);
    Optimizer ofHead = OptimizerSpec.SGD.over(network.get(1));
    Underway sweeping = new Underway();
    sweeping.whileIt(
        () -> sweep(finder(engine, step -> sweeping.reached()), head),
        () ->
            refused(
                "sweeping",
                "parameter",
                "[6]",
                () ->
                    finder(engine, step -> {}).find(network, ofHead, Loss.CROSS_ENTROPY, batches)));
    SequentialImpl a = Models.mlp();
    SequentialImpl b = Models.mlp();
    a.register_buffer("shared", batches.get(0).input());
    b.register_buffer("shared", batches.get(0).input());
    Underway withBuffer = new Underway();
    withBuffer.whileIt(
        () -> sweep(finder(engine, step -> withBuffer.reached()), Subject.of(a)),
        () -> refused("sweeping", "buffer", "[16, 6]", () -> sweep(engine, Subject.of(b))));
  }

  private static SequentialImpl headOn(BatchNorm1dImpl norm) {
    SequentialImpl network = Models.keep(new SequentialImpl());
    network.push_back(norm);
    network.push_back(Models.keep(new LinearImpl(Models.FEATURES, Models.CLASSES)));
    return network;
  }

  @OnEachEngine
  void theThreadItselfMaySweepWithinASweepAndWithinATraining(EngineChoice engine) {
    List<LrFinderResult> inner = new ArrayList<>();
    sweep(
        finder(
            engine,
            step -> {
              if (step.index() == 3) {
                inner.add(sweep(engine, subject));
              }
            }),
        subject);
    Trainer[] trainer = new Trainer[1];
    trainer[0] =
        trainer(engine)
            .listener(
                new TrainerListener() {
                  @Override
                  public void onStep(TrainingStep step) {
                    if (step.step() == 2) {
                      inner.add(trainer[0].lrFind(subject));
                    }
                  }
                })
            .build();
    trainer[0].fit(subject);
    assertThat(inner).hasSize(2);
  }

  @OnEachEngine
  void anInnerSweepDoesNotReleaseWhatTheOuterHolds(EngineChoice engine) throws Exception {
    Underway afterwards = new Underway();
    LrFinder outer =
        finder(
            engine,
            step -> {
              if (step.index() == 0) {
                sweep(engine, subject);
                afterwards.reached();
              }
            });
    afterwards.whileIt(
        () -> sweep(outer, subject),
        () -> refused("sweeping", "parameter", "[8, 6]", () -> sweep(engine, subject)));
  }

  @OnEachEngine
  void whileAThreadTrainsAndBetweenItsEpochsItsModelIsRefusedToOthers(EngineChoice engine)
      throws Exception {
    Underway inAStep = new Underway();
    Underway betweenEpochs = new Underway();
    Path file = folder.resolve("before.ckpt");
    Trainer trainedBefore = trainer(engine).build();
    trainedBefore.fit(subject);
    trainedBefore.saveCheckpoint(file);
    inAStep.whileIt(
        () ->
            trainer(engine)
                .listener(
                    new TrainerListener() {
                      @Override
                      public void onStep(TrainingStep step) {
                        inAStep.reached();
                      }
                    })
                .build()
                .fit(subject),
        () -> {
          refused("training", "parameter", "[8, 6]", () -> sweep(engine, subject));
          refused("training", "parameter", "[8, 6]", () -> trainer(engine).build().fit(subject));
          refused(
              "training",
              "parameter",
              "[8, 6]",
              () -> {
                trainedBefore.restore(file);
                return null;
              });
          refused(
              "training",
              "parameter",
              "[8, 6]",
              () -> trainer(engine).device("cpu").build().lrFind(subject));
        });
    betweenEpochs.whileIt(
        () ->
            trainer(engine)
                .listener(
                    new TrainerListener() {
                      @Override
                      public void onEpochEnd(TrainingEpoch epoch) {
                        betweenEpochs.reached();
                      }
                    })
                .build()
                .fit(subject),
        () -> refused("training", "parameter", "[8, 6]", () -> sweep(engine, subject)));
    assertThat(sweep(engine, subject).results().size()).isEqualTo(10);
  }

  @OnEachEngine
  void whateverEndsASweepOrATrainingItsModelIsFreeAfterwards(EngineChoice engine) throws Exception {
    List<Callable<?>> failing =
        List.of(
            () ->
                sweep(
                    finder(
                        engine,
                        step -> {
                          throw new AssertionError("listener");
                        }),
                    subject),
            () -> finder(engine, step -> {}).find(subject.optimizer, b -> null, batches),
            () ->
                finder(engine, step -> {})
                    .find(subject.network, subject.optimizer, Loss.CROSS_ENTROPY, List.of()),
            () ->
                LrFinder.builder()
                    .engine(engine)
                    .groupRatios(1, 2)
                    .build()
                    .find(subject.network, subject.optimizer, Loss.CROSS_ENTROPY, batches),
            () ->
                trainer(engine)
                    .listener(
                        new TrainerListener() {
                          @Override
                          public void onStep(TrainingStep step) {
                            throw new AssertionError("listener");
                          }
                        })
                    .build()
                    .fit(subject));
    for (Callable<?> call : failing) {
      assertThatThrownBy(() -> threads.submit(call).get()).isInstanceOf(ExecutionException.class);
      assertThat(sweep(engine, subject).results().size()).isEqualTo(10);
    }
  }
}
