package org.lrfinder.testkit;

import java.util.Arrays;
import org.bytedeco.pytorch.SequentialImpl;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.lrfinder.data.TensorBatches;

/** The digits data, and networks for it: a real task that takes milliseconds. */
public final class Digits {
  private static final CsvData DATA = CsvData.load("digits");
  private static final int BATCH_SIZE = 32;

  private Digits() {}

  /** Pixels from 0 to 1, one row a picture. */
  public static Tensor inputs() {
    return DATA.inputs().to(ScalarType.Float);
  }

  public static Tensor targets() {
    return DATA.targets();
  }

  public static TensorBatches batches() {
    return TensorBatches.of(inputs(), targets(), BATCH_SIZE).shuffled(1);
  }

  /** With a pixel that is not a number in every row. */
  public static TensorBatches brokenBatches() {
    return TensorBatches.of(inputs().div(torch.zeros(1)), targets(), BATCH_SIZE);
  }

  /** Linear layers with ReLU between, of the same weights each time. */
  public static SequentialImpl network(int... hidden) {
    torch.manual_seed(1);
    return Models.mlp(64, Arrays.stream(hidden).boxed().toList(), 10);
  }
}
