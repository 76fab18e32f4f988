package org.lrfinder.trainer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Random;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.lrfinder.data.Batch;
import org.lrfinder.engine.EngineChoice;
import org.lrfinder.testkit.ModelState;
import org.lrfinder.testkit.Models;
import org.lrfinder.testkit.OnEachEngine;
import org.lrfinder.testkit.OptimizerArchive;
import org.lrfinder.testkit.OptimizerSpec;

/** What a checkpoint keeps, and that nothing of a damaged one is taken for it. */
class CheckpointTest extends TrainerFixture {
  @Override
  Trainer.Builder trainer(EngineChoice engine) {
    return super.trainer(engine).logEverySteps(1000);
  }

  @Test
  void noFlippedBitIsTakenForAValue() throws IOException {
    ModelUnderTest model = new ModelUnderTest();
    List<Optimizer> made = new ArrayList<>();
    ModelUnderTest kept =
        new ModelUnderTest(model.network) {
          @Override
          public Optimizer configureOptimizers() {
            made.add(super.configureOptimizers());
            return made.get(made.size() - 1);
          }
        };
    Trainer trainer = trainer(EngineChoice.AUTO).build();
    trainer.fit(kept);
    Path file = folder.resolve("whole.ckpt");
    trainer.saveCheckpoint(file);
    byte[] whole = Files.readAllBytes(file);
    ModelState before = ModelState.of(kept.network, made.get(0));

    long bits = 8L * whole.length;
    Random random = new Random(1);
    LongStream anywhere = LongStream.generate(() -> random.nextLong(bits)).limit(1000);
    // The first record's header, the directory with its end, and the checksum.
    LongStream headers =
        LongStream.concat(LongStream.range(0, 600), LongStream.range(bits - 3000, bits));
    Path damaged = folder.resolve("damaged.ckpt");
    LongStream.concat(anywhere, headers)
        .forEach(
            bit -> {
              byte[] flipped = whole.clone();
              flipped[(int) (bit / 8)] ^= (byte) (1 << (bit % 8));
              write(damaged, flipped);
              assertThatThrownBy(() -> trainer.restore(damaged))
                  .as("bit %d of %d", bit, bits)
                  .isInstanceOf(IllegalArgumentException.class)
                  .hasMessageContaining("damaged.ckpt is damaged");
            });
    for (int length : new int[] {0, 1, 40, whole.length / 2, whole.length - 1}) {
      write(damaged, Arrays.copyOf(whole, length));
      assertThatThrownBy(() -> trainer.restore(damaged))
          .as("the first %d bytes", length)
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("damaged.ckpt is damaged");
    }

    assertThat(made).hasSize(1);
    before.assertUnchangedIn(ModelState.of(kept.network, made.get(0)));
    trainer.restore(file);
    assertThat(made).hasSize(2);
  }

  private static void write(Path file, byte[] bytes) {
    try {
      Files.write(file, bytes);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static TrainerListener epochsTo(List<TrainingEpoch> epochs) {
    return new TrainerListener() {
      @Override
      public void onEpochEnd(TrainingEpoch epoch) {
        epochs.add(epoch);
      }
    };
  }

  /** The same initial weights and batches each time. */
  private static ModelUnderTest model() {
    torch.manual_seed(3);
    ModelUnderTest model = new ModelUnderTest(Models.inDouble(Models.batchNormAndDropout()));
    torch.manual_seed(4);
    return model;
  }

  @OnEachEngine
  void theLossOfAnEpochThatWasResumedIsTheMeanOfAllItsSteps(EngineChoice engine)
      throws IOException {
    List<TrainingEpoch> expected = new ArrayList<>();
    Trainer[] whole = new Trainer[1];
    whole[0] =
        trainer(engine)
            .listener(
                new TrainerListener() {
                  @Override
                  public void onStep(TrainingStep step) {
                    whole[0].saveCheckpoint(folder.resolve(step.step() + ".ckpt"));
                  }

                  @Override
                  public void onEpochEnd(TrainingEpoch epoch) {
                    expected.add(epoch);
                  }
                })
            .build();
    TrainingResult uninterrupted = whole[0].fit(model());
    String lines = printed.toString(StandardCharsets.UTF_8);
    String rows = Files.readString(folder.resolve("lrfinder_logs/version_0/metrics.csv"));
    assertThat(expected).hasSize(2);

    for (int step : new int[] {1, 3, 5}) { // the fifth is the first epoch's last
      printed.reset();
      List<TrainingEpoch> epochs = new ArrayList<>();
      CsvLogger logger = new CsvLogger(folder);
      Trainer resumed = trainer(engine).logger(logger).listener(epochsTo(epochs)).build();
      resumed.restore(folder.resolve(step + ".ckpt"));
      TrainingResult result = resumed.fit(model());
      assertThat(epochs).as("from step " + step).isEqualTo(expected);
      assertThat(result)
          .usingRecursiveComparison()
          .ignoringFields("replay") // of the steps since the start
          .isEqualTo(uninterrupted);
      assertThat(printed.toString(StandardCharsets.UTF_8)).isEqualTo(lines);
      assertThat(Files.readString(logger.folder().orElseThrow().resolve("metrics.csv")))
          .isEqualTo(rows);
    }
  }

  @Test
  void aLossThatWasNotFiniteIsKeptToo() {
    ModelUnderTest model = model();
    model.lr = 1e300;
    Path file = folder.resolve("nan.ckpt");
    Trainer first = trainer(EngineChoice.AUTO).maxSteps(4).build();
    first.fit(model);
    first.saveCheckpoint(file);
    Trainer second = trainer(EngineChoice.AUTO).maxEpochs(1).build();
    second.restore(file);
    assertThat(second.fit(model()).trainLoss()).isNaN();
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
      assertSame(resumed.network, uninterrupted.network);
    }
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
    assertClose(cut[0].network, whole.network, 1e-10);
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
      assertThat(two.contents().progress())
          .usingRecursiveComparison()
          .isEqualTo(one.contents().progress());
    }
    assertThat(trainer.lrFind(model).results())
        .as("of the optimizer as it was saved")
        .isEqualTo(trainer.lrFind(model).results());
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

  @ParameterizedTest
  @EnumSource
  void everyOptimizersStateAndOptionsComeBack(OptimizerSpec kind) {
    OfSpec model = new OfSpec(network(16, false), kind);
    Trainer trainer = trainer(EngineChoice.AUTO).maxEpochs(1).build();
    trainer.fit(model);
    Optimizer trained = model.made();
    Path file = folder.resolve("state.ckpt");
    trainer.saveCheckpoint(file);
    trainer.restore(file);
    assertThat(model.made()).isNotSameAs(trained);
    assertThat(OptimizerArchive.entries(model.made()))
        .isNotEmpty()
        .usingRecursiveComparison()
        .isEqualTo(OptimizerArchive.entries(trained));
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
}
