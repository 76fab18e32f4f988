package org.lrfinder.trainer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.LongStream;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.lrfinder.engine.EngineChoice;
import org.lrfinder.testkit.ModelState;
import org.lrfinder.testkit.Models;
import org.lrfinder.testkit.OnEachEngine;

/** What a checkpoint keeps, and that nothing of a damaged one is taken for it. */
class CheckpointTest {
  @TempDir private Path folder;
  private final ByteArrayOutputStream printed = new ByteArrayOutputStream();

  private Trainer.Builder trainer(EngineChoice engine) {
    return Trainer.builder()
        .engine(engine)
        .maxEpochs(2)
        .logEverySteps(1000)
        .defaultRootDir(folder)
        .console(new PrintStream(printed, true, StandardCharsets.UTF_8));
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
      assertThat(result).isEqualTo(uninterrupted);
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
}
