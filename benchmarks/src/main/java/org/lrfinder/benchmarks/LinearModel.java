package org.lrfinder.benchmarks;

import java.util.Arrays;
import java.util.Random;
import org.lrfinder.sweep.StepFunction;

/**
 * A linear model over made data, stepped by plain SGD in plain Java: batches are drawn at random
 * with replacement, and there is no bias. Everything comes from one seed. A sweep restores the
 * weights, and draws on.
 */
abstract class LinearModel implements StepFunction {
  private static final int ROWS = 2000;
  private static final int CLASSIFIED_FEATURES = 20;
  private static final int REGRESSION_FEATURES = 10;
  private static final double REGRESSION_WEIGHT = 0.316; // a target of variance 1

  final double[][] inputs;
  final double[] weights;
  final Random random;
  private final int batchSize;
  private double[] saved;

  private LinearModel(Random random, int features, int outputs, int batchSize) {
    this.random = random;
    this.batchSize = batchSize;
    inputs = new double[ROWS][features];
    weights = new double[features * outputs];
  }

  /** Adds what a row contributes to the sum of the gradients, and returns its loss. */
  abstract double addGradient(int row, double[] gradient);

  /**
   * Two classes, told apart by a plane.
   *
   * @param flipped share of the labels that are the other class
   * @param initial standard deviation of the weights to start from; 0 starts at zero
   */
  static LinearModel twoClasses(long seed, double flipped, double initial, int batchSize) {
    return new TwoClasses(new Random(seed), flipped, initial, batchSize);
  }

  /** Ten classes, the largest of ten scores; {@code flipped} are drawn anew. */
  static LinearModel tenClasses(long seed, double flipped, double initial, int batchSize) {
    return new TenClasses(new Random(seed), flipped, initial, batchSize);
  }

  /**
   * A target of variance 1, and noise of a standard deviation, with squared errors; starts at zero.
   */
  static LinearModel regression(long seed, double noise, int batchSize) {
    return new Regression(new Random(seed), noise, batchSize);
  }

  @Override
  public double step(double lr) {
    double[] gradient = new double[weights.length];
    double loss = 0;
    for (int b = 0; b < batchSize; b++) {
      loss += addGradient(random.nextInt(ROWS), gradient) / batchSize;
    }
    for (int j = 0; j < weights.length; j++) {
      weights[j] -= lr * gradient[j] / batchSize;
    }
    return loss;
  }

  @Override
  public void save() {
    saved = weights.clone();
  }

  @Override
  public void restore() {
    System.arraycopy(saved, 0, weights, 0, weights.length);
  }

  /** {@return the mean loss over all rows} */
  double loss() {
    double[] ignored = new double[weights.length];
    double sum = 0;
    for (int i = 0; i < ROWS; i++) {
      sum += addGradient(i, ignored);
    }
    return sum / ROWS;
  }

  /** {@return the loss over all rows after a training whose rate falls linearly to zero} */
  double train(double lr, int steps) {
    for (int i = 0; i < steps; i++) {
      step(lr * (1 - i / (double) steps));
    }
    return loss();
  }

  /** The labels, as class indices; for classifiers alone. */
  long[] labels() {
    throw new UnsupportedOperationException("a regression has no labels");
  }

  double score(double[] input, int output) {
    double sum = 0;
    for (int j = 0; j < input.length; j++) {
      sum += weights[output * input.length + j] * input[j];
    }
    return sum;
  }

  void start(double deviation) {
    if (deviation > 0) { // else what is drawn next would not be what a start at zero draws
      Arrays.setAll(weights, j -> deviation * random.nextGaussian());
    }
  }

  /** Draws a row's features and returns their product with the true weights. */
  double drawRow(double[] row, double[] truth) {
    double sum = 0;
    for (int j = 0; j < row.length; j++) {
      row[j] = random.nextGaussian();
      sum += truth[j] * row[j];
    }
    return sum;
  }

  private static final class TwoClasses extends LinearModel {
    private final int[] signs = new int[ROWS];

    TwoClasses(Random random, double flipped, double initial, int batchSize) {
      super(random, CLASSIFIED_FEATURES, 1, batchSize);
      double[] truth = random.doubles(CLASSIFIED_FEATURES).map(v -> v - 0.5).toArray();
      for (int i = 0; i < ROWS; i++) {
        double score = drawRow(inputs[i], truth);
        signs[i] = (score > 0) != (random.nextDouble() < flipped) ? 1 : -1;
      }
      start(initial);
    }

    @Override
    long[] labels() {
      return Arrays.stream(signs).mapToLong(sign -> sign > 0 ? 1 : 0).toArray();
    }

    @Override
    double addGradient(int row, double[] gradient) {
      double margin = signs[row] * score(inputs[row], 0);
      double slope = -signs[row] / (1 + Math.exp(margin));
      for (int j = 0; j < gradient.length; j++) {
        gradient[j] += slope * inputs[row][j];
      }
      return margin < -30 ? -margin : Math.log1p(Math.exp(-margin));
    }
  }

  private static final class TenClasses extends LinearModel {
    private static final int CLASSES = 10;

    private final int[] classes = new int[ROWS];

    TenClasses(Random random, double flipped, double initial, int batchSize) {
      super(random, CLASSIFIED_FEATURES, CLASSES, batchSize);
      Arrays.setAll(weights, j -> random.nextGaussian());
      for (int i = 0; i < ROWS; i++) {
        Arrays.setAll(inputs[i], j -> random.nextGaussian());
        for (int k = 1; k < CLASSES; k++) {
          if (score(inputs[i], k) > score(inputs[i], classes[i])) {
            classes[i] = k;
          }
        }
        if (random.nextDouble() < flipped) {
          classes[i] = random.nextInt(CLASSES);
        }
      }
      Arrays.fill(weights, 0);
      start(initial);
    }

    @Override
    double addGradient(int row, double[] gradient) {
      double[] scores = new double[CLASSES];
      Arrays.setAll(scores, k -> score(inputs[row], k));
      double most = Arrays.stream(scores).max().orElseThrow();
      double sum = Arrays.stream(scores).map(s -> Math.exp(s - most)).sum();
      int features = inputs[row].length;
      for (int k = 0; k < CLASSES; k++) {
        double slope = Math.exp(scores[k] - most) / sum - (k == classes[row] ? 1 : 0);
        for (int j = 0; j < features; j++) {
          gradient[k * features + j] += slope * inputs[row][j];
        }
      }
      return Math.log(sum) + most - scores[classes[row]];
    }
  }

  private static final class Regression extends LinearModel {
    private final double[] targets = new double[ROWS];

    Regression(Random random, double noise, int batchSize) {
      super(random, REGRESSION_FEATURES, 1, batchSize);
      double[] truth = new double[REGRESSION_FEATURES];
      Arrays.setAll(truth, j -> REGRESSION_WEIGHT * random.nextGaussian());
      for (int i = 0; i < ROWS; i++) {
        targets[i] = drawRow(inputs[i], truth) + noise * random.nextGaussian();
      }
    }

    @Override
    double addGradient(int row, double[] gradient) {
      double error = score(inputs[row], 0) - targets[row];
      for (int j = 0; j < gradient.length; j++) {
        gradient[j] += 2 * error * inputs[row][j];
      }
      return error * error;
    }
  }
}
