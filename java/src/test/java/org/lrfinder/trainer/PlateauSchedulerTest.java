package org.lrfinder.trainer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.Adam;
import org.bytedeco.pytorch.AdamOptions;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.ReduceLROnPlateauScheduler;
import org.bytedeco.pytorch.ReduceLROnPlateauScheduler.SchedulerMode;
import org.bytedeco.pytorch.ReduceLROnPlateauScheduler.ThresholdMode;
import org.bytedeco.pytorch.SequentialImpl;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.io.TempDir;
import org.lrfinder.data.Batch;
import org.lrfinder.engine.EngineChoice;
import org.lrfinder.testkit.Models;
import org.lrfinder.testkit.OnEachEngine;

/** The presets' ReduceLROnPlateauScheduler, which is no LRScheduler. */
class PlateauSchedulerTest {
  private static final int EPOCHS = 9;

  @TempDir private Path folder;

  /** Halves the rate when the loss has not fallen by a twentieth for two epochs. */
  private static ReduceLROnPlateauScheduler scheduler(Optimizer optimizer) {
    return Models.keep(
        new ReduceLROnPlateauScheduler(
            optimizer,
            SchedulerMode.min,
            0.5f,
            1,
            0.05,
            ThresholdMode.rel,
            0,
            new float[] {0},
            1e-12,
            false));
  }

  private static final class Plateau extends ModelUnderTest {
    Plateau() {
      super(network());
      lr = 0.02;
    }

    static SequentialImpl network() {
      torch.manual_seed(3);
      return Models.inDouble(Models.mlp());
    }

    @Override
    public ReduceLROnPlateauScheduler configurePlateauScheduler(Optimizer optimizer) {
      return scheduler(optimizer);
    }
  }

  private static Trainer.Builder trainer(EngineChoice engine, List<Double> rates) {
    return Trainer.builder()
        .engine(engine)
        .maxEpochs(EPOCHS)
        .logger(MetricsLogger.NONE)
        .console(new PrintStream(OutputStream.nullOutputStream()))
        .listener(
            new TrainerListener() {
              @Override
              public void onEpochEnd(TrainingEpoch epoch) {
                rates.add(epoch.lr());
              }
            });
  }

  /** Labels that cannot be learned. */
  private static List<Batch> validation() {
    torch.manual_seed(6);
    return Models.batches(3, ScalarType.Double);
  }

  /** The rate of each epoch in a plain loop, which is told the validation or the training loss. */
  private static List<Double> byHand(List<Batch> train, List<Batch> validation) {
    SequentialImpl network = Plateau.network();
    Optimizer optimizer = Models.keep(new Adam(network.parameters(), new AdamOptions(0.02)));
    ReduceLROnPlateauScheduler scheduler = scheduler(optimizer);
    List<Double> rates = new ArrayList<>();
    for (int epoch = 0; epoch < EPOCHS; epoch++) {
      rates.add(optimizer.param_groups().get(0).options().get_lr());
      double total = 0;
      for (Batch batch : train) {
        optimizer.zero_grad();
        var loss = torch.cross_entropy_loss(network.forward(batch.input()), batch.target());
        loss.backward();
        optimizer.step();
        total += loss.item_double();
      }
      double mean = total / train.size();
      if (!validation.isEmpty()) {
        mean =
            validation.stream()
                .mapToDouble(
                    batch ->
                        torch
                            .cross_entropy_loss(network.forward(batch.input()), batch.target())
                            .item_double())
                .average()
                .orElseThrow();
      }
      scheduler.step((float) mean);
    }
    return rates;
  }

  @OnEachEngine
  void theValidationLossLowersTheRateAsInAPlainLoop(EngineChoice engine) {
    Plateau model = new Plateau();
    List<Batch> validation = validation();
    List<Double> rates = new ArrayList<>();
    trainer(engine, rates).build().fit(model, List.of(), validation);
    assertThat(rates.get(EPOCHS - 1)).isLessThan(0.02);
    assertThat(rates)
        .usingElementComparator((a, b) -> Math.abs(a - b) < 1e-12 ? 0 : Double.compare(a, b))
        .containsExactlyElementsOf(byHand(model.batches.list, validation));
  }

  @OnEachEngine
  void withoutValidationTheTrainingLossDoes(EngineChoice engine) {
    Plateau model = new Plateau();
    torch.manual_seed(6);
    model.batches.list.replaceAll(batch -> Models.batches(1, ScalarType.Double).get(0));
    List<Double> rates = new ArrayList<>();
    trainer(engine, rates).build().fit(model);
    assertThat(rates.get(EPOCHS - 1)).isLessThan(0.02);
    assertThat(rates)
        .usingElementComparator((a, b) -> Math.abs(a - b) < 1e-12 ? 0 : Double.compare(a, b))
        .containsExactlyElementsOf(byHand(model.batches.list, List.of()));
  }

  @OnEachEngine
  void aResumedTrainingLowersTheRateWhenOneThatWasNotInterruptedDoes(EngineChoice engine) {
    List<Batch> validation = validation();
    List<Double> expected = new ArrayList<>();
    Plateau whole = new Plateau();
    trainer(engine, expected).build().fit(whole, List.of(), validation);

    for (int stopAfter = 1; stopAfter < EPOCHS; stopAfter++) {
      Path file = folder.resolve(stopAfter + ".ckpt");
      List<Double> rates = new ArrayList<>();
      Trainer first = trainer(engine, rates).maxEpochs(stopAfter).build();
      first.fit(new Plateau(), List.of(), validation);
      first.saveCheckpoint(file);
      Trainer second = trainer(engine, rates).build();
      second.restore(file);
      Plateau resumed = new Plateau();
      second.fit(resumed, List.of(), validation);
      assertThat(rates).as("stopped after epoch " + stopAfter).isEqualTo(expected);
      assertThat(resumed.network.parameters().get(0).sum().item_double())
          .isCloseTo(whole.network.parameters().get(0).sum().item_double(), within(0.0));
    }
  }
}
