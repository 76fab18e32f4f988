package org.lrfinder.benchmarks.speed;

import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * What a network takes and gives, and how much of it is measured. The networks themselves are in
 * {@link JavaNetwork}, {@code native/networks.cpp} and {@code python/networks.py}.
 *
 * @param name as on the command line; {@code 20x64} is 64 inputs, a layer of 64, 20 more of 64, and
 *     10 classes
 * @param input sizes of one example
 * @param output sizes of one example's target, of the same shape as the output; empty for a class
 * @param batchSize unless a case says otherwise
 * @param steps of a sweep, unless a case says otherwise
 */
record NetworkShape(String name, List<Long> input, List<Long> output, int batchSize, int steps) {
  static final int CLASSES = 10;
  static final int FEATURES = 64;

  private static final Pattern PERCEPTRON = Pattern.compile("([1-9]\\d{0,2})x([1-9]\\d{0,4})");
  private static final int LARGE = 1000;

  static NetworkShape of(String name) {
    Matcher perceptron = PERCEPTRON.matcher(name);
    if (perceptron.matches()) {
      int width = Integer.parseInt(perceptron.group(2));
      int batchSize = width < 256 ? 32 : width < LARGE ? 64 : 128;
      return classifier(name, List.of((long) FEATURES), batchSize, width < LARGE ? 100 : 10);
    }
    return switch (name) {
      case "cnn-8x8" -> classifier(name, List.of(1L, 8L, 8L), 32, 100);
      case "cnn-28x28" -> classifier(name, List.of(1L, 28L, 28L), 32, 100);
      case "encoder-layer" -> new NetworkShape(name, List.of(5L, 16L), List.of(5L, 16L), 8, 100);
      case "lstm" -> new NetworkShape(name, List.of(6L, 8L), List.of(6L, 16L), 16, 100);
      case "gru" -> new NetworkShape(name, List.of(6L, 8L), List.of(6L, 32L), 16, 100);
      case "resnet-18" -> classifier(name, List.of(3L, 32L, 32L), 32, 10);
      default ->
          throw new IllegalArgumentException(
              "there is no network \""
                  + name
                  + "\"; there are multilayer perceptrons such as 2x512, cnn-8x8, cnn-28x28, encoder-layer, lstm, gru, resnet-18");
    };
  }

  private static NetworkShape classifier(String name, List<Long> input, int batchSize, int steps) {
    return new NetworkShape(name, input, List.of(), batchSize, steps);
  }

  boolean classifies() {
    return output.isEmpty();
  }

  /** Depth and width of a multilayer perceptron, else null. */
  int @Nullable [] perceptron() {
    Matcher matcher = PERCEPTRON.matcher(name);
    return matcher.matches()
        ? new int[] {Integer.parseInt(matcher.group(1)), Integer.parseInt(matcher.group(2))}
        : null;
  }
}
