package org.lrfinder.trainer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.Stream;
import org.assertj.core.util.DoubleComparator;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.Adam;
import org.bytedeco.pytorch.AdamOptions;
import org.bytedeco.pytorch.LBFGS;
import org.bytedeco.pytorch.LBFGSOptions;
import org.bytedeco.pytorch.LRScheduler;
import org.bytedeco.pytorch.LinearImpl;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.SGD;
import org.bytedeco.pytorch.SGDOptions;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.SequentialImpl;
import org.bytedeco.pytorch.StepLR;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.lrfinder.LrFinder;
import org.lrfinder.LrFinderResult;
import org.lrfinder.data.Batch;
import org.lrfinder.engine.EngineChoice;
import org.lrfinder.sweep.Loss;
import org.lrfinder.sweep.Precision;
import org.lrfinder.testkit.EnginesUnderTest;
import org.lrfinder.testkit.ModelState;
import org.lrfinder.testkit.Models;
import org.lrfinder.testkit.OnEachEngine;
import org.lrfinder.testkit.OptimizerArchive;
import org.lrfinder.testkit.OptimizerSpec;

/** Trainings: the same as a plain loop's, with checkpoints, validation, schedulers and logs. */
class TrainerTest {
  @TempDir private Path folder;
  private final ByteArrayOutputStream printed = new ByteArrayOutputStream();

  private Trainer.Builder trainer(EngineChoice engine) {
    return Trainer.builder()
        .engine(engine)
        .maxEpochs(2)
        .defaultRootDir(folder)
        .console(new PrintStream(printed, true, StandardCharsets.UTF_8));
  }

  /** Equal initial weights for a trainer and a plain loop. */
  private static SequentialImpl network(long seed, boolean batchNorm) {
    torch.manual_seed(seed);
    return Models.inDouble(batchNorm ? Models.batchNormAndDropout() : Models.mlp());
  }

  /** A model with an optimizer of the test kit. */
  private static final class OfSpec extends ModelUnderTest {
    private final OptimizerSpec kind;
    private @Nullable Optimizer made;

    OfSpec(SequentialImpl network, OptimizerSpec kind) {
      super(network);
      this.kind = kind;
    }

    Optimizer made() {
      return Objects.requireNonNull(made);
    }

    @Override
    public Optimizer configureOptimizers() {
      made = kind.over(network);
      return made;
    }
  }

  static Stream<Arguments> enginesAndKinds() {
    return EnginesUnderTest.all().stream()
        .flatMap(
            engine -> Stream.of(OptimizerSpec.values()).map(kind -> Arguments.of(engine, kind)));
  }

  @ParameterizedTest
  @MethodSource("enginesAndKinds")
  void trainsAsAPlainLoopDoesAndKeepsTheOptimizerTrue(EngineChoice engine, OptimizerSpec kind) {
    OfSpec trained = new OfSpec(network(3, false), kind);
    SequentialImpl plain = network(3, false);
    Optimizer own = kind.over(plain);

    TrainingResult result = trainer(engine).build().fit(trained);
    for (int epoch = 0; epoch < 2; epoch++) {
      for (Batch batch : trained.batches.list) {
        own.zero_grad();
        torch.cross_entropy_loss(plain.forward(batch.input()), batch.target()).backward();
        own.step();
      }
    }

    assertThat(result.epochs()).isEqualTo(2);
    assertThat(result.steps()).isEqualTo(10);
    assertSame(trained.network, plain);
    assertSameEntries(OptimizerArchive.entries(trained.made()), OptimizerArchive.entries(own));
  }

  private static void assertSameEntries(Map<String, Object> actual, Map<String, Object> expected) {
    assertThat(actual).isNotEmpty().containsOnlyKeys(expected.keySet());
    expected.forEach(
        (name, value) -> {
          if (value instanceof List<?> numbers) {
            assertThat(actual.get(name))
                .as(name)
                .usingRecursiveComparison()
                .withComparatorForType(new DoubleComparator(1e-12), Double.class)
                .isEqualTo(numbers);
          } else {
            assertThat(actual.get(name)).as(name).isEqualTo(value);
          }
        });
  }

  private static void assertSame(SequentialImpl actual, SequentialImpl expected) {
    for (long i = 0; i < expected.parameters().size(); i++) {
      Tensor difference = actual.parameters().get(i).sub(expected.parameters().get(i)).abs();
      assertThat(difference.max().item_double()).as("parameter " + i).isLessThan(1e-10);
    }
  }

  @OnEachEngine
  void aTrainingStepInJavaTrainsTheSame(EngineChoice engine) {
    ModelUnderTest builtIn = new ModelUnderTest(network(5, true));
    ModelUnderTest inJava =
        new ModelUnderTest(network(5, true)) {
          @Override
          public Optional<Loss> loss() {
            return Optional.empty();
          }

          @Override
          public Tensor trainingStep(Batch batch) {
            return torch.cross_entropy_loss(network.forward(batch.input()), batch.target());
          }

          @Override
          public Iterable<Batch> trainBatches() {
            return builtIn.batches.list;
          }
        };
    Trainer trainer =
        trainer(engine).accumulateGradBatches(2).gradientClipNorm(0.1).maxEpochs(3).build();
    torch.manual_seed(1);
    double native_ = trainer.fit(builtIn).trainLoss();
    torch.manual_seed(1);
    double java = trainer.fit(inJava).trainLoss();
    assertThat(java).isCloseTo(native_, within(1e-12));
    assertSame(inJava.network, builtIn.network);
  }

  @OnEachEngine
  void thePartialWindowAtTheEndOfAnEpochIsAStepOfItsOwnMean(EngineChoice engine) {
    ModelUnderTest trained = new ModelUnderTest(network(6, false));
    SequentialImpl plain = network(6, false);
    Optimizer own = Models.keep(new Adam(plain.parameters(), new AdamOptions(1e-3)));
    List<Long> steps = new ArrayList<>();

    trainer(engine)
        .maxEpochs(1)
        .accumulateGradBatches(3)
        .listener(
            new TrainerListener() {
              @Override
              public void onStep(TrainingStep step) {
                steps.add(step.step());
              }
            })
        .build()
        .fit(trained);

    for (List<Batch> window :
        List.of(trained.batches.list.subList(0, 3), trained.batches.list.subList(3, 5))) {
      own.zero_grad();
      Tensor input =
          torch.cat(Models.vector(window.stream().map(Batch::input).toArray(Tensor[]::new)));
      Tensor target =
          torch.cat(Models.vector(window.stream().map(Batch::target).toArray(Tensor[]::new)));
      torch.cross_entropy_loss(plain.forward(input), target).backward();
      own.step();
    }
    assertThat(steps).containsExactly(1L, 2L);
    assertSame(trained.network, plain);
  }

  @OnEachEngine
  void aTrainingResumedFromACheckpointEqualsOneThatWasNotInterrupted(EngineChoice engine) {
    for (int stopAt : new int[] {5, 7}) { // at an epoch's end and within one
      Path file = folder.resolve("at" + stopAt + ".ckpt");
      Scheduled whole = new Scheduled(network(7, true));
      Trainer first = trainer(engine).maxEpochs(3).maxSteps(stopAt).build();
      torch.manual_seed(2);
      first.fit(whole);
      first.saveCheckpoint(file);
      Tensor drawnThen = torch.rand(3);

      Scheduled resumed = new Scheduled(network(99, true));
      resumed.batches.list.clear();
      resumed.batches.list.addAll(whole.batches.list);
      resumed.lr = 5;
      Trainer second = trainer(engine).maxEpochs(3).build();
      second.restore(file);
      torch.manual_seed(77);
      TrainingResult result = second.fit(resumed);

      Scheduled uninterrupted = new Scheduled(network(7, true));
      uninterrupted.batches.list.clear();
      uninterrupted.batches.list.addAll(whole.batches.list);
      torch.manual_seed(2);
      trainer(engine).maxEpochs(3).build().fit(uninterrupted);

      assertThat(result.steps()).isEqualTo(15);
      assertThat(result.epochs()).isEqualTo(3);
      assertThat(resumed.lr).isEqualTo(0.01);
      assertThat(drawnThen.numel()).isEqualTo(3);
      for (long i = 0; i < whole.network.parameters().size(); i++) {
        assertThat(
                resumed
                    .network
                    .parameters()
                    .get(i)
                    .equal(uninterrupted.network.parameters().get(i)))
            .as("parameter " + i)
            .isTrue();
      }
      for (long i = 0; i < whole.network.buffers().size(); i++) {
        assertThat(resumed.network.buffers().get(i).equal(uninterrupted.network.buffers().get(i)))
            .as("buffer " + i)
            .isTrue();
      }
    }
  }

  /** Its rate falls by a half after each epoch. */
  private static final class Scheduled extends ModelUnderTest {
    private final List<LRScheduler> kept = new ArrayList<>();

    Scheduled(SequentialImpl network) {
      super(network);
      lr = 0.01;
    }

    @Override
    public LRScheduler configureScheduler(Optimizer optimizer) {
      kept.add(new StepLR(optimizer, 1, 0.5));
      return kept.get(kept.size() - 1);
    }
  }

  @OnEachEngine
  void aSchedulerMovesTheRateAfterEachEpochAndASweepDoesNotMoveIt(EngineChoice engine) {
    Scheduled model = new Scheduled(network(8, false));
    List<Double> rates = new ArrayList<>();
    List<LrFinderResult> sweeps = new ArrayList<>();
    Trainer[] trainer = new Trainer[1];
    trainer[0] =
        trainer(engine)
            .maxEpochs(3)
            .listener(
                new TrainerListener() {
                  @Override
                  public void onEpochEnd(TrainingEpoch epoch) {
                    rates.add(epoch.lr());
                    Optimizer optimizer = Models.keep(model.configureOptimizers());
                    ModelState before = ModelState.of(model.network, optimizer);
                    sweeps.add(trainer[0].lrFind(model));
                    before.assertUnchangedIn(ModelState.of(model.network, optimizer));
                  }
                })
            .build();
    sweeps.add(trainer[0].lrFind(model));
    trainer[0].fit(model);
    sweeps.add(trainer[0].lrFind(model));

    // libtorch's StepLR takes its first step for the one that PyTorch's constructor makes.
    assertThat(rates).containsExactly(0.01, 0.01, 0.005);
    // Before, between and after training: each sweep starts at its own beginning.
    assertThat(sweeps)
        .hasSize(5)
        .allSatisfy(sweep -> assertThat(sweep.results().rates()[0]).isEqualTo(1e-8))
        .allSatisfy(sweep -> assertThat(sweep.results().size()).isGreaterThan(30));
  }

  @OnEachEngine
  void validationIsInEvalModeAndLogged(EngineChoice engine) throws IOException {
    ModelUnderTest model = new ModelUnderTest(network(9, true));
    List<TrainingEpoch> epochs = new ArrayList<>();
    List<Boolean> modes = new ArrayList<>();
    Trainer trainer =
        trainer(engine)
            .logEverySteps(2)
            .listener(
                new TrainerListener() {
                  @Override
                  public void onEpochEnd(TrainingEpoch epoch) {
                    epochs.add(epoch);
                    for (long i = 0; i < model.network.modules().size(); i++) {
                      modes.add(model.network.modules().get(i).is_training());
                    }
                  }
                })
            .build();
    TrainingResult result = trainer.fit(model, List.of(), model.batches.list);

    model.network.eval();
    double expected =
        model.batches.list.stream()
            .mapToDouble(
                batch ->
                    torch
                        .cross_entropy_loss(model.network.forward(batch.input()), batch.target())
                        .item_double())
            .average()
            .orElseThrow();
    assertThat(result.validationLoss().orElseThrow()).isCloseTo(expected, within(1e-12));
    assertThat(epochs).extracting(TrainingEpoch::epoch).containsExactly(0L, 1L);
    assertThat(modes).startsWith(true, true, true, true, true, false, true); // one was in eval mode
    List<String> metrics =
        Files.readAllLines(folder.resolve("lrfinder_logs/version_0/metrics.csv"));
    assertThat(metrics.get(0)).isEqualTo("epoch,step,lr,train_loss,train_loss_epoch,val_loss");
    assertThat(
            metrics.stream()
                .skip(1)
                .map(
                    line ->
                        line.replaceAll("0\\.0?0?1,", "").replaceAll("\\d\\.\\d+(E-\\d+)?", "x")))
        .containsExactly(
            "0,2,x,,", "0,4,x,,", "0,5,,x,x", "1,6,x,,", "1,8,x,,", "1,10,x,,", "1,10,,x,x");
    assertThat(printed.toString(StandardCharsets.UTF_8).lines())
        .hasSize(2)
        .allSatisfy(
            line ->
                assertThat(line)
                    .matches("epoch [12]/2: loss [\\d.]+, lr 1.000e-03, validation loss [\\d.]+"));
  }

  @Test
  void eachTrainingLogsToAFolderOfItsOwn() {
    Trainer trainer = trainer(EngineChoice.AUTO).build();
    trainer.fit(new ModelUnderTest());
    trainer.fit(new ModelUnderTest());
    assertThat(folder.resolve("lrfinder_logs"))
        .isDirectoryContaining("glob:**version_0")
        .isDirectoryContaining("glob:**version_1");
  }

  @Test
  void theModelsOwnBatchesWinOverThoseGiven() {
    ModelUnderTest model = new ModelUnderTest();
    ModelUnderTest.CountedBatches given = new ModelUnderTest.CountedBatches(model.batches.list);
    trainer(EngineChoice.AUTO).build().fit(model, given, null);
    assertThat(given.drawn).isZero();
    assertThat(model.batches.drawn).isEqualTo(10);
  }

  @OnEachEngine
  void lrFindTakesValidationBatchesAndSettings(EngineChoice engine) {
    ModelUnderTest model = new ModelUnderTest();
    LrFinderResult found =
        trainer(engine)
            .build()
            .lrFind(
                model,
                model.batches.list,
                model.batches.list,
                LrFinder.builder().engine(engine).steps(12).minLr(1e-5).maxLr(1e-2).build());
    assertThat(found.results().size()).isEqualTo(12);
    assertThat(found.results().validationLosses()).hasSize(12);
    assertThat(folder).isEmptyDirectory();
  }

  @OnEachEngine
  void bfloat16AndADeviceTrainToo(EngineChoice engine) {
    torch.manual_seed(11);
    ModelUnderTest model = new ModelUnderTest(Models.mlp());
    List<Batch> floats = Models.batches(4, ScalarType.Float);
    model.batches.list.clear();
    model.batches.list.addAll(floats);
    TrainingResult result =
        trainer(engine).precision(Precision.BFLOAT16).device("cpu").maxEpochs(3).build().fit(model);
    assertThat(result.steps()).isEqualTo(12);
    assertThat(result.trainLoss()).isBetween(0.1, 3.0);
    assertThat(model.network.parameters().get(0).scalar_type().intern())
        .isEqualTo(ScalarType.Float);
  }

  @Test
  void anInterruptEndsTheTrainingAfterAStep() {
    ModelUnderTest model = new ModelUnderTest();
    TrainingResult result =
        trainer(EngineChoice.AUTO)
            .listener(
                new TrainerListener() {
                  @Override
                  public void onStep(TrainingStep step) {
                    if (step.step() == 3) {
                      Thread.currentThread().interrupt();
                    }
                  }
                })
            .build()
            .fit(model);
    assertThat(Thread.interrupted()).isTrue();
    assertThat(result.interrupted()).isTrue();
    assertThat(result.steps()).isEqualTo(3);
  }

  @Test
  void restoreOfAFittedModelIsAtOnce() {
    ModelUnderTest model = new ModelUnderTest();
    Trainer trainer = trainer(EngineChoice.AUTO).build();
    trainer.fit(model);
    Path file = folder.resolve("model.ckpt");
    trainer.saveCheckpoint(file);
    torch.manual_seed(4);
    ModelState before = ModelState.of(model.network, model.configureOptimizers());
    trainer.saveCheckpoint(file);
    trainer.fit(model);
    model.lr = 9;

    trainer.restore(file);

    model.network.parameters().get(0); // gradients were dropped by the training before, too
    before.assertUnchangedIn(ModelState.of(model.network, model.configureOptimizers()));
    assertThat(model.lr).isEqualTo(1e-3);
  }

  @Test
  void wrongCheckpointsAreRefusedAndChangeNothing() throws IOException {
    Trainer trainer = trainer(EngineChoice.AUTO).build();
    assertThatThrownBy(() -> trainer.saveCheckpoint(folder.resolve("early.ckpt")))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage("there is nothing to save before fit");
    assertThatThrownBy(() -> trainer.restore(folder.resolve("missing.ckpt")))
        .isInstanceOf(UncheckedIOException.class)
        .hasMessageContaining("missing.ckpt: there is no such file");
    Path garbage = Files.writeString(folder.resolve("garbage.ckpt"), "no archive");
    assertThatThrownBy(() -> trainer.restore(garbage))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageEndingWith(
            "garbage.ckpt is damaged, or no checkpoint of lrfinder: it does not end with a checksum");

    Path file = folder.resolve("mlp.ckpt");
    trainer.fit(new ModelUnderTest());
    trainer.saveCheckpoint(file);
    ModelUnderTest other = new ModelUnderTest(Models.inDouble(Models.batchNormAndDropout()));
    other.lr = 8;
    ModelState before = ModelState.of(other.network, other.configureOptimizers());
    Trainer fresh = trainer(EngineChoice.AUTO).build();
    fresh.restore(file);
    assertThatThrownBy(() -> fresh.fit(other))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("mlp.ckpt is a checkpoint of another network");
    before.assertUnchangedIn(ModelState.of(other.network, other.configureOptimizers()));
    assertThat(other.lr).isEqualTo(8);

    assertThatThrownBy(() -> trainer.saveCheckpoint(folder.resolve("no/such/folder.ckpt")))
        .isInstanceOf(UncheckedIOException.class);
    try (Stream<Path> files = Files.list(folder)) {
      assertThat(files.map(path -> path.getFileName().toString()))
          .containsExactlyInAnyOrder("garbage.ckpt", "mlp.ckpt", "lrfinder_logs");
    }
  }

  @Test
  void whatCannotBeTrainedIsRefused() {
    assertThatThrownBy(() -> Trainer.builder().maxEpochs(-1).build())
        .hasMessage("maxEpochs is -1, but must be at least 0");
    assertThatThrownBy(() -> Trainer.builder().accumulateGradBatches(0).build())
        .hasMessage("accumulateGradBatches is 0, but must be at least 1");
    assertThatThrownBy(() -> Trainer.builder().gradientClipNorm(Double.NaN).build())
        .hasMessage("gradientClipNorm is NaN, but must be greater than 0");
    assertThatThrownBy(() -> Trainer.builder().device("gpu"))
        .hasMessage("device is gpu, but must be cpu, cuda or cuda:N");
    if (!torch.cuda_is_available()) {
      assertThatThrownBy(
              () -> trainer(EngineChoice.AUTO).device("cuda").build().fit(new ModelUnderTest()))
          .hasMessage("device is cuda, but libtorch finds no CUDA device");
    }
    ModelUnderTest withoutData =
        new ModelUnderTest() {
          @Override
          public @Nullable Iterable<Batch> trainBatches() {
            return null;
          }
        };
    Trainer trainer = trainer(EngineChoice.AUTO).build();
    assertThatThrownBy(() -> trainer.fit(withoutData))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("has no trainBatches(), and none were given");
    assertThatThrownBy(() -> trainer.fit(withoutData, List.of(), null))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("there is no data: the batches of epoch 0 are empty");
    ModelUnderTest withoutLoss =
        new ModelUnderTest() {
          @Override
          public Optional<Loss> loss() {
            return Optional.empty();
          }
        };
    assertThatThrownBy(() -> trainer.fit(withoutLoss))
        .isInstanceOf(UnsupportedOperationException.class)
        .hasMessageContaining("needs a loss() or a trainingStep(batch)");
  }

  @OnEachEngine
  void lbfgsIsRefused(EngineChoice engine) {
    ModelUnderTest model =
        new ModelUnderTest() {
          @Override
          public Optimizer configureOptimizers() {
            return Models.keep(new LBFGS(network.parameters(), new LBFGSOptions(0.1)));
          }
        };
    assertThatThrownBy(() -> trainer(engine).build().fit(model))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(
            "optimizer LBFGS cannot be trained with: it needs to compute the loss several times in a step;"
                + " call its step(closure) in a loop of your own");
    assertThatThrownBy(() -> trainer(engine).autoLrFind(true).build().fit(model))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("LBFGS");
    assertThat(folder).isEmptyDirectory();
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void withoutBatchesThereIsNoTraceOfATraining(boolean autoLrFind) {
    Trainer trainer = trainer(EngineChoice.AUTO).autoLrFind(autoLrFind).build();
    ModelUnderTest model = new ModelUnderTest();
    model.batches.list.clear();
    assertThatThrownBy(() -> trainer.fit(model))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageStartingWith("there is no data: the batches");
    assertThat(folder).isEmptyDirectory();
  }

  @OnEachEngine
  void gradientsLeftBehindDoNotEnterTheFirstStep(EngineChoice engine) {
    ModelUnderTest clean = new ModelUnderTest(network(13, false));
    ModelUnderTest dirty = new ModelUnderTest(network(13, false));
    torch
        .cross_entropy_loss(
            dirty.network.forward(dirty.batches.list.get(0).input()),
            dirty.batches.list.get(0).target())
        .backward();
    trainer(engine).build().fit(clean);
    trainer(engine).build().fit(dirty);
    assertSame(dirty.network, clean.network);
  }

  @OnEachEngine
  void aTrainingInterruptedWithinAWindowAndResumedLosesNothing(EngineChoice engine) {
    Path file = folder.resolve("window.ckpt");
    ModelUnderTest whole = new ModelUnderTest(network(14, false));
    trainer(engine).accumulateGradBatches(3).build().fit(whole);

    ModelUnderTest[] cut = new ModelUnderTest[1];
    cut[0] =
        new ModelUnderTest(network(14, false)) {
          @Override
          public Iterable<Batch> trainBatches() {
            return () -> {
              Iterator<Batch> walk = batches.list.iterator();
              return new Iterator<>() {
                @Override
                public boolean hasNext() {
                  return walk.hasNext();
                }

                @Override
                public Batch next() {
                  if (++batches.drawn == 4) { // the first of the second window
                    Thread.currentThread().interrupt();
                  }
                  return walk.next();
                }
              };
            };
          }
        };
    Trainer trainer = trainer(engine).accumulateGradBatches(3).build();
    assertThat(trainer.fit(cut[0]).interrupted()).isTrue();
    assertThat(Thread.interrupted()).isTrue();
    trainer.saveCheckpoint(file);
    trainer.restore(file);
    trainer.fit(cut[0]);
    assertSame(cut[0].network, whole.network);
  }

  @Test
  void aCheckpointRestoredAndSavedAgainIsTheSame() {
    ModelUnderTest model = new ModelUnderTest();
    Trainer trainer = trainer(EngineChoice.AUTO).maxEpochs(1).build();
    trainer.fit(model);
    Path first = folder.resolve("first.ckpt");
    Path second = folder.resolve("second.ckpt");
    trainer.saveCheckpoint(first);
    trainer(EngineChoice.AUTO).maxEpochs(3).build().fit(model);
    trainer.restore(first);
    trainer.saveCheckpoint(second);
    try (Checkpoint one = Checkpoint.read(first);
        Checkpoint two = Checkpoint.read(second)) {
      assertThat(two.progress()).isEqualTo(one.progress());
    }
    assertThat(trainer.lrFind(model).results())
        .as("of the optimizer as it was saved")
        .isEqualTo(trainer.lrFind(model).results());
  }

  @Test
  void aCheckpointOfAnotherOptimizerChangesNothing() {
    Path file = folder.resolve("adam.ckpt");
    Trainer trainer = trainer(EngineChoice.AUTO).build();
    trainer.fit(new ModelUnderTest());
    trainer.saveCheckpoint(file);
    OfSpec other = new OfSpec(network(15, false), OptimizerSpec.SGD);
    ModelState before = ModelState.of(other.network, other.configureOptimizers());
    Trainer fresh = trainer(EngineChoice.AUTO).build();
    fresh.restore(file);
    assertThatThrownBy(() -> fresh.fit(other))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining(
            "has the state of a org.bytedeco.pytorch.Adam, but configureOptimizers() made a org.bytedeco.pytorch.SGD");
    before.assertUnchangedIn(ModelState.of(other.network, other.configureOptimizers()));
  }

  /** Steps in Java: every parameter falls by a constant. */
  private static final class OwnOptimizer extends SGD {
    int steps;
    private final SequentialImpl network;

    OwnOptimizer(SequentialImpl network) {
      super(network.parameters(), new SGDOptions(0.1));
      this.network = network;
    }

    @Override
    public Tensor step() {
      steps++;
      for (long i = 0; i < network.parameters().size(); i++) {
        Tensor parameter = network.parameters().get(i).detach();
        parameter.sub_(new Scalar(0.25));
      }
      return new Tensor();
    }
  }

  @OnEachEngine
  void anOptimizerWrittenInJavaStepsByItselfAndIsNotSwept(EngineChoice engine) {
    SequentialImpl network = network(16, false);
    OwnOptimizer own = Models.keep(new OwnOptimizer(network));
    ModelUnderTest model =
        new ModelUnderTest(network) {
          @Override
          public Optimizer configureOptimizers() {
            return own;
          }
        };
    double first = network.parameters().get(0).sum().item_double();
    Trainer trainer = trainer(engine).maxEpochs(1).build();
    trainer.fit(model);
    assertThat(own.steps).isEqualTo(5);
    assertThat(network.parameters().get(0).sum().item_double())
        .isCloseTo(first - 1.25 * network.parameters().get(0).numel(), within(1e-9));
    assertThatThrownBy(() -> trainer.lrFind(model))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(
            "optimizer org.lrfinder.trainer.TrainerTest$OwnOptimizer cannot be swept: allowed are SGD, Adam, AdamW, Adagrad and RMSprop;"
                + " sweep another by a step of your own, find(StepFunction.of(lr -> loss, save, restore))");
  }

  @Test
  void aNetworkMadeOnFirstUseSurvivesItsMoveToADevice() {
    ModelUnderTest model =
        new ModelUnderTest() {
          private @Nullable SequentialImpl lazy;

          @Override
          public SequentialImpl module() {
            if (lazy == null) {
              SequentialImpl made = new SequentialImpl();
              made.push_back(new LinearImpl(Models.FEATURES, Models.CLASSES));
              made.to(ScalarType.Double, false);
              lazy = made;
            }
            return lazy;
          }

          @Override
          public Optimizer configureOptimizers() {
            return OptimizerSpec.SGD.over(module());
          }
        };
    assertThat(trainer(EngineChoice.AUTO).device("cpu").build().fit(model).steps()).isEqualTo(10);
  }

  @Test
  void aLoggersFailuresAreBothHeard() {
    MetricsLogger failing =
        new MetricsLogger() {
          @Override
          public void hyperparameters(Map<String, Object> values) {
            throw new IllegalStateException("cannot log");
          }

          @Override
          public void metrics(Metrics row) {}

          @Override
          public void end() {
            throw new IllegalStateException("cannot end");
          }
        };
    ModelUnderTest model = new ModelUnderTest();
    Trainer trainer = trainer(EngineChoice.AUTO).autoLrFind(true).logger(failing).build();
    assertThatThrownBy(() -> trainer.fit(model))
        .hasMessage("cannot log")
        .satisfies(e -> assertThat(e.getSuppressed()).hasSize(1));
    assertThat(model.batches.drawn).as("before the sweep").isZero();
  }

  @Test
  void theCsvLoggerSaysWhereItsFilesAre() {
    CsvLogger logger = new CsvLogger(folder);
    assertThat(logger.folder()).isEmpty();
    trainer(EngineChoice.AUTO).logger(logger).build().fit(new ModelUnderTest());
    assertThat(logger.folder()).contains(folder.resolve("lrfinder_logs/version_0"));
    assertThat(logger.folder().orElseThrow()).isDirectoryContaining("glob:**metrics.csv");
    assertThat(folder.resolve("lrfinder_logs/version_1")).doesNotExist();
  }

  @Test
  void aBarIsDrawnOnLinesOfItsOwn() {
    trainer(EngineChoice.AUTO)
        .progressBar(true)
        .autoLrFind(true)
        .build()
        .fit(new ModelUnderTest(), List.of(), new ModelUnderTest().batches.list);
    String drawn = printed.toString(StandardCharsets.UTF_8);
    assertThat(
            Stream.of(drawn.split("\n"))
                .map(line -> line.substring(line.lastIndexOf('\r') + 1))
                .toList())
        .hasSize(4)
        .satisfiesExactly(
            line -> assertThat(line).startsWith("finding a learning rate"),
            line -> assertThat(line).startsWith("learning rate finder: field lr set to "),
            line -> assertThat(line).startsWith("epoch 1/2").contains("loss ", "validation loss "),
            line -> assertThat(line).startsWith("epoch 2/2").contains("loss ", "validation loss "));
  }

  @OnEachEngine
  void trainingsLeaveNoNativeObjectBehind(EngineChoice engine) {
    SequentialImpl network = network(10, true);
    Optimizer optimizer = OptimizerSpec.ADAMW.over(network);
    ModelUnderTest model =
        new ModelUnderTest(network) {
          @Override
          public Optimizer configureOptimizers() {
            return optimizer;
          }
        };
    Trainer trainer = trainer(engine).logger(MetricsLogger.NONE).accumulateGradBatches(2).build();
    Path file = folder.resolve("leak.ckpt");
    Runnable once =
        () -> {
          trainer.fit(model, List.of(), model.batches.list);
          trainer.lrFind(model, model.batches.list, model.batches.list, LrFinder.builder().build());
          trainer.saveCheckpoint(file);
          trainer.restore(file);
        };
    once.run();
    once.run();
    long before = Pointer.totalCount();
    for (int i = 0; i < 5; i++) {
      once.run();
    }
    assertThat(Pointer.totalCount() - before).isLessThanOrEqualTo(0);
  }
}
