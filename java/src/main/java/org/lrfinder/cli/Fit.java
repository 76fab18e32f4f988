package org.lrfinder.cli;

import java.util.Arrays;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.lrfinder.data.Batch;
import org.lrfinder.data.TensorBatches;
import org.lrfinder.sweep.Loss;

/**
 * Whether a network, the data and the loss go together, tried on one batch before anything is
 * swept.
 *
 * @param name of the network, for messages
 */
record Fit(String name, SweptNetwork network, DataSet data, Loss loss) {
  /**
   * {@return the data, whose targets have the shape of the network's outputs where a dimension of
   * one was missing or too many}
   *
   * @throws InputException if they do not go together; it names the shapes
   */
  DataSet checked(int batchSize) {
    long[] output;
    try (PointerScope scope = new PointerScope()) {
      Batch first = TensorBatches.of(data.inputs(), data.targets(), batchSize).iterator().next();
      output = outputOf(first.input());
    }
    boolean indices = data.targets().scalar_type().intern() == ScalarType.Long;
    return data.with(data.inputs(), indices ? classes(output, batchSize) : numbers(output));
  }

  private long[] outputOf(Tensor input) {
    NoGradGuard noGrad = new NoGradGuard(); // until the scope's end
    try {
      return network.tried(input).shape();
    } catch (RuntimeException e) {
      String words = e instanceof InputException ? e.getMessage() : Words.ofLibtorch(e);
      if (words.contains("can't allocate memory")) {
        throw e; // fits, but for that
      }
      boolean whole = input.scalar_type().intern() == ScalarType.Long;
      throw refused(
          "given inputs of shape %s and type %s it fails: %s%s%s",
          Arrays.toString(input.shape()),
          input.scalar_type().intern(),
          words,
          Script.hint(words),
          whole ? "; whole numbers are indices, for embeddings: store x.astype('float32')" : "");
    }
  }

  /** A script may have outputs for more classes than occur, layers are for those that do. */
  private Tensor classes(long[] output, int rows) {
    long[] shape = data.targets().shape();
    boolean fits =
        output.length == shape.length + 1
            && output[0] == rows
            && Arrays.equals(output, 2, output.length, shape, 1, shape.length)
            && (network instanceof Script
                ? output[1] >= data.outputs()
                : output[1] == data.outputs());
    if (!fits) {
      String more = network instanceof Script ? " or more" : "";
      String needed =
          IntStream.range(1, shape.length)
              .mapToObj(i -> ", " + shape[i])
              .collect(
                  Collectors.joining("", "[%d, %d%s".formatted(rows, data.outputs(), more), "]"));
      throw refused(
          "its output has the shape %s, but %d classes in targets of shape %s need %s",
          Arrays.toString(output), data.outputs(), Arrays.toString(shape), needed);
    }
    return data.targets();
  }

  private Tensor numbers(long[] output) {
    long[] shape = data.targets().shape();
    long[] wanted = output.clone();
    if (output.length > 0) {
      wanted[0] = shape[0];
    }
    boolean probabilities = loss == Loss.CROSS_ENTROPY;
    if ((probabilities && output.length < 2)
        || !Arrays.equals(withoutOnes(wanted), withoutOnes(shape))) {
      throw refused(
          "its output has the shape %s, but targets of shape %s and --loss %s need %s",
          Arrays.toString(output),
          Arrays.toString(shape),
          LossOption.name(loss),
          probabilities
              ? "the same, [rows, classes], for probabilities; class indices are whole numbers: store y.astype('int64')"
              : "the same, but for the number of rows");
    }
    return data.targets().view(wanted);
  }

  /** Without those behind the rows. */
  private static long[] withoutOnes(long[] shape) {
    return IntStream.range(0, shape.length)
        .filter(i -> i == 0 || shape[i] != 1)
        .mapToLong(i -> shape[i])
        .toArray();
  }

  private InputException refused(String why, Object... arguments) {
    return new InputException(
        "%s does not fit %s: ".formatted(name, data.name()) + why.formatted(arguments));
  }
}
