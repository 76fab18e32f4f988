package org.lrfinder.trainer;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Adam;
import org.bytedeco.pytorch.AdamOptions;
import org.bytedeco.pytorch.Optimizer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.lrfinder.LrFinderResult;
import org.lrfinder.plot.LrPlot;
import org.lrfinder.sweep.Curve;
import org.lrfinder.testkit.Models;

/**
 * The examples of the page "Learning Rate Finder" of PyTorch Lightning 0.8.1's documentation, in
 * their order; each line of Python stands as a comment over the line of Java that takes its place.
 * Batches of the digits data and a folder for logs are all that is added.
 */
class Lightning081PageTest {
  @TempDir private Path folder;
  private final ByteArrayOutputStream printed = new ByteArrayOutputStream();
  private final List<TrainingStep> steps = new ArrayList<>();

  /** A trainer as on the page; one epoch, and a console that the test can read. */
  private Trainer.Builder builder() {
    return Trainer.builder()
        .maxEpochs(1)
        .defaultRootDir(folder)
        .console(new PrintStream(printed, true, StandardCharsets.UTF_8))
        .listener(
            new TrainerListener() {
              @Override
              public void onStep(TrainingStep step) {
                steps.add(step);
              }
            });
  }

  // class LitModel(LightningModule):
  //     def __init__(self, learning_rate):
  //         self.learning_rate = learning_rate
  //     def configure_optimizers(self):
  //         return Adam(self.parameters(), lr=(self.lr or self.learning_rate))
  private static class LitModel extends DigitsModel {
    double learningRate;

    LitModel(double learningRate) {
      super(learningRate, (parameters, lr) -> new Adam(parameters, new AdamOptions(lr)));
      this.learningRate = learningRate;
    }
  }

  private static final class MyModel extends DigitsModel {
    final Map<String, Object> hparams;

    MyModel(Map<String, Object> hparams) {
      super(0, (parameters, lr) -> new Adam(parameters, new AdamOptions(lr)));
      this.hparams = new HashMap<>(hparams);
    }

    @Override
    public Map<String, Object> hyperparameters() {
      return hparams;
    }

    @Override
    public Optimizer configureOptimizers() {
      Number rate = (Number) hparams.getOrDefault("lr", hparams.get("my_value"));
      return Models.keep(new Adam(network.parameters(), new AdamOptions(rate.doubleValue())));
    }
  }

  @Test
  void noAutomaticLearningRateFinder() {
    LitModel model = new LitModel(0.02);
    // # default: no automatic learning rate finder
    // trainer = Trainer(auto_lr_find=False)
    Trainer trainer = builder().autoLrFind(false).build();
    trainer.fit(model);
    assertThat(steps.get(0).lr()).isEqualTo(0.02);
  }

  @Test
  void findsLearningRateAutomatically() {
    LitModel model = new LitModel(0.02);
    // # finds learning rate automatically
    // # sets hparams.lr or hparams.learning_rate to that learning rate
    // trainer = Trainer(auto_lr_find=True)
    Trainer trainer = builder().autoLrFind(true).build();
    // # when you call .fit() this happens
    // # 1. find learning rate
    // # 2. actually run fit
    // trainer.fit(model)
    TrainingResult result = trainer.fit(model);

    double found = result.lrFind().orElseThrow().suggestion().orElseThrow().lr();
    assertThat(model.lr).isEqualTo(found);
    assertThat(steps.get(0).lr()).isEqualTo(found).isNotEqualTo(0.02);
    // "The lr that is found and used will be written to the console and logged together with all
    // other hyperparameters of the model."
    assertThat(printed.toString(StandardCharsets.UTF_8)).contains("%.3e".formatted(found));
    assertThat(folder.resolve("lrfinder_logs/version_0/hparams.yaml"))
        .content()
        .contains("lr: " + found, "learningRate: 0.02");
  }

  @Test
  void toUseAnArbitraryValueSetItAsAutoLrFind() {
    MyModel model = new MyModel(Map.of("my_value", 0.02));
    // # to set to your own hparams.my_value
    // trainer = Trainer(auto_lr_find='my_value')
    Trainer trainer = builder().autoLrFind("my_value").build();
    TrainingResult result = trainer.fit(model);

    double found = result.lrFind().orElseThrow().suggestion().orElseThrow().lr();
    assertThat(model.hparams).containsEntry("my_value", found);
    assertThat(steps.get(0).lr()).isEqualTo(found);
  }

  @Test
  void inspectTheResultsBeforeDoingAnyActualTraining() {
    Map<String, Object> hparams = new HashMap<>(Map.of("lr", 0.02));
    // model = MyModelClass(hparams)
    MyModel model = new MyModel(hparams);
    // trainer = Trainer()
    Trainer trainer = builder().build();

    // # Run learning rate finder
    // lr_finder = trainer.lr_find(model)
    LrFinderResult lrFinder = trainer.lrFind(model);

    // # Results can be found in
    // lr_finder.results
    Curve results = lrFinder.results();
    assertThat(results.rates()).hasSize(100).startsWith(1e-8).endsWith(1);
    assertThat(results.validationLosses()).as("the model has validation batches").hasSize(100);

    // # Plot with
    // fig = lr_finder.plot(suggest=True)
    LrPlot fig = lrFinder.plot(true);
    // fig.show()
    fig.save(folder.resolve("lr.png"));
    assertThat(Files.exists(folder.resolve("lr.png"))).isTrue();

    // # Pick point based on plot, or get suggestion
    // new_lr = lr_finder.suggestion()
    double newLr = lrFinder.suggestion().orElseThrow().lr();

    // # update hparams of the model
    // model.hparams.lr = new_lr
    hparams.put("lr", newLr);
    MyModel newModel = new MyModel(hparams);

    // # Fit model
    // trainer.fit(model)
    trainer.fit(newModel);
    assertThat(steps.get(0).lr()).isEqualTo(newLr).isNotEqualTo(0.02);
  }
}
