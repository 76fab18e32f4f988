package example;

import java.util.Random;
import org.lrfinder.LrFinder;
import org.lrfinder.LrFinderResult;
import org.lrfinder.sweep.StepFunction;

/**
 * A trainer that knows nothing of libtorch: logistic regression, by hand. No native library is
 * loaded.
 */
public class LogisticRegression implements StepFunction {
  private static final int FEATURES = 10;
  private static final int ROWS = 1000;
  private static final int BATCH = 32;

  private final double[][] inputs = new double[ROWS][FEATURES];
  private final boolean[] labels = new boolean[ROWS];
  private double[] weights = new double[FEATURES];
  private double[] saved = weights;
  private int next;

  LogisticRegression(long seed) {
    Random random = new Random(seed);
    for (int row = 0; row < ROWS; row++) {
      double sum = 0;
      for (int i = 0; i < FEATURES; i++) {
        inputs[row][i] = random.nextGaussian();
        sum += inputs[row][i] * (i % 2 == 0 ? 1 : -1);
      }
      labels[row] = sum + 0.3 * random.nextGaussian() > 0;
    }
  }

  @Override
  public double step(double lr) {
    double loss = 0;
    double[] gradient = new double[FEATURES];
    for (int i = 0; i < BATCH; i++, next = (next + 1) % ROWS) {
      double score = 0;
      for (int k = 0; k < FEATURES; k++) {
        score += weights[k] * inputs[next][k];
      }
      double margin = labels[next] ? score : -score;
      loss += Math.log1p(Math.exp(-margin)) / BATCH;
      double pull = (labels[next] ? 1 : -1) / (1 + Math.exp(margin)) / BATCH;
      for (int k = 0; k < FEATURES; k++) {
        gradient[k] += pull * inputs[next][k];
      }
    }
    for (int k = 0; k < FEATURES; k++) {
      weights[k] += lr * gradient[k];
    }
    return loss;
  }

  @Override
  public void save() {
    saved = weights.clone();
  }

  @Override
  public void restore() {
    weights = saved.clone();
  }

  public static void main(String[] arguments) {
    LogisticRegression trainer = new LogisticRegression(1);
    LrFinderResult found =
        LrFinder.builder().minLr(1e-4).maxLr(1e4).steps(200).build().find(trainer);
    System.out.println(found.status() + " " + found.suggestion());
    System.out.println(found.plot(true).toText(80, 20));
    found
        .suggestion()
        .ifPresent(
            suggestion -> {
              for (int i = 0; i < 300; i++) {
                double loss = trainer.step(suggestion.lr());
                if (i % 60 == 0) {
                  System.out.printf("step %d: %.4f%n", i, loss);
                }
              }
            });
  }
}
