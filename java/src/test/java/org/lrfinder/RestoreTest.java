package org.lrfinder;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import java.util.Iterator;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.bytedeco.openblas.global.openblas_nolapack;
import org.bytedeco.pytorch.GradMode;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.SequentialImpl;
import org.bytedeco.pytorch.StorageImpl;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.lrfinder.data.Batch;
import org.lrfinder.engine.EngineChoice;
import org.lrfinder.engine.EngineException;
import org.lrfinder.engine.RestoreException;
import org.lrfinder.sweep.EndReason;
import org.lrfinder.sweep.Loss;
import org.lrfinder.testkit.EnginesUnderTest;
import org.lrfinder.testkit.ModelState;
import org.lrfinder.testkit.Models;
import org.lrfinder.testkit.OnEachEngine;
import org.lrfinder.testkit.OptimizerSpec;

/** After a sweep everything is as it was, bit for bit, however it ended. */
class RestoreTest {
  private static final int STEPS = 12;

  private final List<Batch> batches = Models.batches(4, ScalarType.Float);

  @BeforeEach
  void seed() {
    torch.manual_seed(7);
    torch.randn(3); // an odd count leaves a second normal in the generator
  }

  /** Every way out of a sweep. */
  enum WayOut {
    COMPLETED {
      @Override
      LrFinderResult sweep(
          LrFinder.Builder finder,
          SequentialImpl network,
          Optimizer optimizer,
          List<Batch> batches) {
        return finder.noEarlyStop().build().find(network, optimizer, Loss.CROSS_ENTROPY, batches);
      }
    },
    DIVERGED {
      @Override
      LrFinderResult sweep(
          LrFinder.Builder finder,
          SequentialImpl network,
          Optimizer optimizer,
          List<Batch> batches) {
        return finder
            .maxLr(1e6)
            .smoothingBeta(0)
            .earlyStopThreshold(1.0001)
            .build()
            .find(network, optimizer, Loss.CROSS_ENTROPY, batches);
      }
    },
    NON_FINITE {
      @Override
      LrFinderResult sweep(
          LrFinder.Builder finder,
          SequentialImpl network,
          Optimizer optimizer,
          List<Batch> batches) {
        AtomicInteger calls = new AtomicInteger();
        return finder
            .build()
            .find(
                SweepTask.of(
                    network,
                    optimizer,
                    batch -> {
                      Tensor loss =
                          torch.cross_entropy_loss(network.forward(batch.input()), batch.target());
                      return calls.incrementAndGet() == 6 ? loss.div(new Scalar(0.0)) : loss;
                    },
                    List.of(batches.get(0))));
      }
    },
    CANCELLED {
      @Override
      LrFinderResult sweep(
          LrFinder.Builder finder,
          SequentialImpl network,
          Optimizer optimizer,
          List<Batch> batches) {
        AtomicInteger asked = new AtomicInteger();
        return finder
            .cancelIf(() -> asked.incrementAndGet() > 5)
            .build()
            .find(network, optimizer, Loss.CROSS_ENTROPY, batches);
      }
    },
    DATA_EXHAUSTED {
      @Override
      LrFinderResult sweep(
          LrFinder.Builder finder,
          SequentialImpl network,
          Optimizer optimizer,
          List<Batch> batches) {
        return finder
            .cycleData(false)
            .build()
            .find(network, optimizer, Loss.CROSS_ENTROPY, batches);
      }
    };

    abstract LrFinderResult sweep(
        LrFinder.Builder finder, SequentialImpl network, Optimizer optimizer, List<Batch> batches);
  }

  static Stream<Arguments> waysOut() {
    return EnginesUnderTest.stream()
        .flatMap(
            engine ->
                Stream.of(WayOut.values())
                    .flatMap(
                        way ->
                            Stream.of(OptimizerSpec.values())
                                .flatMap(
                                    kind ->
                                        Stream.of(0, 3)
                                            .map(used -> Arguments.of(engine, way, kind, used)))));
  }

  @ParameterizedTest(name = "{0} {1} {2} after {3} steps")
  @MethodSource("waysOut")
  void everyEndRestores(EngineChoice engine, WayOut way, OptimizerSpec kind, int stepsBefore) {
    SequentialImpl network = Models.batchNormAndDropout();
    Optimizer optimizer = kind.over(network);
    Models.train(network, optimizer, batches, stepsBefore);
    ModelState before = ModelState.of(network, optimizer);

    LrFinderResult found = way.sweep(finder(engine), network, optimizer, batches);

    assertThat(found.endReason().name()).isEqualTo(way.name());
    before.assertUnchangedIn(ModelState.of(network, optimizer));
  }

  static Stream<Arguments> faults() {
    return EnginesUnderTest.stream()
        .flatMap(
            engine ->
                Stream.of("loss", "batches", "listener")
                    .flatMap(
                        where ->
                            IntStream.of(0, 1, 7)
                                .boxed()
                                .flatMap(
                                    step ->
                                        Stream.of(0, 3)
                                            .map(
                                                used -> Arguments.of(engine, where, step, used)))));
  }

  @ParameterizedTest(name = "{0} {1} fails at step {2} after {3} steps")
  @MethodSource("faults")
  void whatUserCodeThrowsArrivesAndTheModelIsRestored(
      EngineChoice engine, String where, int step, int stepsBefore) {
    SequentialImpl network = Models.batchNormAndDropout();
    Optimizer optimizer = OptimizerSpec.ADAM.over(network);
    Models.train(network, optimizer, batches, stepsBefore);
    ModelState before = ModelState.of(network, optimizer);
    StackOverflowError fault = new StackOverflowError("from user code");
    AtomicInteger calls = new AtomicInteger();
    Runnable failAtStep =
        () -> {
          if (calls.getAndIncrement() == step) {
            throw fault;
          }
        };

    LrFinder.Builder finder = finder(engine);
    if (where.equals("listener")) {
      finder.listener(recorded -> failAtStep.run());
    }
    Iterable<Batch> data =
        where.equals("batches")
            ? () ->
                new Iterator<>() {
                  @Override
                  public boolean hasNext() {
                    return true;
                  }

                  @Override
                  public Batch next() {
                    failAtStep.run();
                    return batches.get(calls.get() % batches.size());
                  }
                }
            : batches;

    assertThatThrownBy(
            () ->
                finder
                    .build()
                    .find(
                        SweepTask.of(
                            network,
                            optimizer,
                            batch -> {
                              if (where.equals("loss")) {
                                network.eval(); // what user code flips is put back too
                                failAtStep.run();
                              }
                              return torch.cross_entropy_loss(
                                  network.forward(batch.input()), batch.target());
                            },
                            data)))
        .isSameAs(fault);
    assertThat(calls.get()).isEqualTo(step + 1);
    before.assertUnchangedIn(ModelState.of(network, optimizer));
  }

  @OnEachEngine
  void aFailureInsideLibtorchRestores(EngineChoice engine) {
    SequentialImpl network = Models.batchNormAndDropout();
    Optimizer optimizer = OptimizerSpec.ADAM.over(network);
    Models.train(network, optimizer, batches, 2);
    Batch misshapen = new Batch(torch.randn(16, Models.FEATURES + 1), batches.get(0).target());
    ModelState before = ModelState.of(network, optimizer);

    assertThatThrownBy(
            () ->
                finder(engine)
                    .build()
                    .find(
                        network,
                        optimizer,
                        Loss.CROSS_ENTROPY,
                        List.of(batches.get(0), batches.get(1), misshapen)))
        .isInstanceOf(EngineException.class)
        .hasMessageContaining("shapes cannot be multiplied")
        .hasMessageNotContaining("\n");
    before.assertUnchangedIn(ModelState.of(network, optimizer));
  }

  @OnEachEngine
  void anInterruptEndsTheSweepAndStaysSet(EngineChoice engine) {
    SequentialImpl network = Models.mlp();
    Optimizer optimizer = OptimizerSpec.SGD.over(network);

    LrFinderResult found;
    boolean stillInterrupted;
    try {
      found =
          finder(engine)
              .listener(
                  step -> {
                    if (step.index() == 3) {
                      Thread.currentThread().interrupt();
                    }
                  })
              .build()
              .find(network, optimizer, Loss.CROSS_ENTROPY, batches);
    } finally {
      stillInterrupted = Thread.interrupted();
    }

    assertThat(found.endReason()).isEqualTo(EndReason.CANCELLED);
    assertThat(found.results().size()).isEqualTo(4);
    assertThat(stillInterrupted).isTrue();
  }

  @OnEachEngine
  void whatUserCodeDoesToThreadsAndGradModeIsPutBack(EngineChoice engine) {
    SequentialImpl network = Models.mlp();
    Optimizer optimizer = OptimizerSpec.SGD.over(network);
    int threads = torch.get_num_threads();
    torch.set_num_threads(2);
    GradMode.set_enabled(false);
    try {
      ModelState before = ModelState.of(network, optimizer);
      finder(engine)
          .listener(
              step -> {
                torch.set_num_threads(1);
                openblas_nolapack.blas_set_num_threads(1);
                torch.manual_seed(step.index());
              })
          .build()
          .find(
              SweepTask.of(
                  network,
                  optimizer,
                  batch -> torch.cross_entropy_loss(network.forward(batch.input()), batch.target()),
                  batches));
      before.assertUnchangedIn(ModelState.of(network, optimizer));
    } finally {
      GradMode.set_enabled(true);
      torch.set_num_threads(threads);
    }
  }

  @OnEachEngine
  void aParameterThatUserCodeGaveOtherMemoryGetsItsOwnBack(EngineChoice engine) {
    SequentialImpl network = Models.batchNormAndDropout();
    Optimizer optimizer = OptimizerSpec.ADAM.over(network);
    Models.train(network, optimizer, batches, 2);
    Tensor weight = network.parameters().get(0);
    long memory = weight.data_ptr().address();
    ModelState before = ModelState.of(network, optimizer);
    finder(engine)
        .listener(
            step -> {
              weight.set_data(weight.detach().clone());
              network.parameters().get(1).set_requires_grad(false);
              network.buffers().get(0).resize_(100);
            })
        .steps(3)
        .build()
        .find(
            SweepTask.of(
                network,
                optimizer,
                batch -> weight.sum().add(network.parameters().get(7).sum()),
                batches));
    assertThat(weight.data_ptr().address()).isEqualTo(memory);
    before.assertUnchangedIn(ModelState.of(network, optimizer));
  }

  static Stream<Arguments> twoFailures() {
    return EnginesUnderTest.stream()
        .flatMap(engine -> Stream.of(true, false).map(alone -> Arguments.of(engine, alone)));
  }

  @ParameterizedTest(name = "{0}, nothing else failed: {1}")
  @MethodSource("twoFailures")
  void whatCannotBeRestoredIsSaidAndTheRestIsRestored(EngineChoice engine, boolean alone) {
    SequentialImpl network = Models.batchNormAndDropout();
    Optimizer optimizer = OptimizerSpec.ADAM.over(network);
    Models.train(network, optimizer, batches, 2);
    StorageImpl storage = network.parameters().get(0).storage().unsafeGetStorageImpl();
    long bytes = storage.nbytes();
    IllegalStateException fault = new IllegalStateException("from user code");
    ModelState before = ModelState.of(network, optimizer);

    Throwable thrown =
        catchThrowable(
            () ->
                finder(engine)
                    .steps(5)
                    .listener(
                        step -> {
                          if (step.index() == 4) {
                            network.eval();
                            storage.set_nbytes(0); // as if it had been freed
                            if (!alone) {
                              throw fault;
                            }
                          }
                        })
                    .build()
                    .find(network, optimizer, Loss.CROSS_ENTROPY, batches));
    storage.set_nbytes(bytes);

    assertThat(thrown)
        .isInstanceOf(RestoreException.class)
        .hasMessage(
            "the model could not be restored and is not as it was: the memory of a tensor of "
                + bytes
                + " bytes was freed or shrunk to 0");
    assertThat(thrown.getSuppressed())
        .isEqualTo(alone ? new Throwable[0] : new Throwable[] {fault});
    ModelState after = ModelState.of(network, optimizer);
    assertThat(before.differencesTo(after))
        .containsExactlyInAnyOrder("parameter 0", "group 0 parameter 0");
  }

  private static LrFinder.Builder finder(EngineChoice engine) {
    return LrFinder.builder().engine(engine).minLr(1e-3).maxLr(0.5).steps(STEPS);
  }
}
