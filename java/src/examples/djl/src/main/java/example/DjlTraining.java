package example;

import ai.djl.Model;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Activation;
import ai.djl.nn.Parameter;
import ai.djl.nn.SequentialBlock;
import ai.djl.nn.core.Linear;
import ai.djl.training.DefaultTrainingConfig;
import ai.djl.training.GradientCollector;
import ai.djl.training.Trainer;
import ai.djl.training.loss.Loss;
import ai.djl.training.optimizer.Optimizer;
import java.util.ArrayList;
import java.util.List;
import org.lrfinder.LrFinder;
import org.lrfinder.LrFinderResult;
import org.lrfinder.sweep.StepFunction;

/** DJL trains, on its own engine; lrfinder asks it for steps. Nothing of the presets is loaded. */
public class DjlTraining implements StepFunction {
  private static final int ROWS = 2048;
  private static final int BATCH = 32;

  private final Model model;
  private final Trainer trainer;
  private final NDArray inputs;
  private final NDArray labels;
  private final List<float[]> saved = new ArrayList<>();
  private float lr;
  private int next;

  /** {@code manager} owns the data; the model is the caller's to close. */
  DjlTraining(Model model, NDManager manager) {
    this.model = model;
    model.setBlock(
        new SequentialBlock()
            .add(Linear.builder().setUnits(64).build())
            .add(Activation::relu)
            .add(Linear.builder().setUnits(5).build()));
    // Without momentum the optimizer has nothing to be saved.
    Optimizer sgd = Optimizer.sgd().setLearningRateTracker((parameter, update) -> lr).build();
    trainer =
        model.newTrainer(
            new DefaultTrainingConfig(Loss.softmaxCrossEntropyLoss()).optOptimizer(sgd));
    trainer.initialize(new Shape(BATCH, 20));
    inputs = manager.randomNormal(new Shape(ROWS, 20));
    labels =
        inputs
            .get(new NDIndex(":, :5"))
            .argMax(1); // which of the first five numbers is the greatest
  }

  @Override
  public double step(double rate) {
    lr = (float) rate;
    NDIndex rows = new NDIndex("%d:%d".formatted(next, next + BATCH));
    next = (next + BATCH) % ROWS;
    double loss;
    try (NDManager scope = inputs.getManager().newSubManager();
        GradientCollector gradients = trainer.newGradientCollector()) {
      NDArray input = inputs.get(scope, rows);
      NDArray label = labels.get(scope, rows);
      NDArray computed =
          trainer.getLoss().evaluate(new NDList(label), trainer.forward(new NDList(input)));
      gradients.backward(computed);
      loss = computed.getFloat();
    }
    trainer.step();
    return loss;
  }

  private List<Parameter> parameters() {
    return model.getBlock().getParameters().values();
  }

  @Override
  public void save() {
    saved.clear();
    parameters().forEach(parameter -> saved.add(parameter.getArray().toFloatArray()));
  }

  @Override
  public void restore() {
    for (int i = 0; i < saved.size(); i++) {
      parameters().get(i).getArray().set(saved.get(i));
    }
  }

  public static void main(String[] arguments) {
    try (Model model = Model.newInstance("classifier");
        NDManager manager = NDManager.newBaseManager()) {
      DjlTraining training = new DjlTraining(model, manager);
      LrFinderResult found = LrFinder.builder().minLr(1e-4).maxLr(100).build().find(training);
      System.out.println(found.status() + " " + found.suggestion());
      found
          .suggestion()
          .ifPresent(
              suggestion -> {
                for (int i = 0; i < 192; i++) {
                  double loss = training.step(suggestion.lr());
                  if (i % 64 == 0) {
                    System.out.printf("step %d: %.4f%n", i, loss);
                  }
                }
              });
      training.trainer.close();
    }
  }
}
