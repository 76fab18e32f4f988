package org.lrfinder;

import java.nio.file.Path;
import org.bytedeco.pytorch.LinearImpl;
import org.bytedeco.pytorch.ReLUImpl;
import org.bytedeco.pytorch.SequentialImpl;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.lrfinder.data.TensorBatches;

/** The digits data, and networks for it: a real task that takes milliseconds. */
final class DigitsNetwork {
  private static final ReferenceCase.Data DATA =
      ReferenceCase.load(Path.of(System.getProperty("lrfinder.data", "src/data")), "digits");
  private static final int BATCH_SIZE = 32;

  private DigitsNetwork() {}

  static TensorBatches batches() {
    return TensorBatches.of(DATA.inputs().to(ScalarType.Float), DATA.targets(), BATCH_SIZE)
        .shuffled(1);
  }

  /** With a pixel that is not a number in every row. */
  static TensorBatches brokenBatches() {
    Tensor broken = DATA.inputs().to(ScalarType.Float).div(torch.zeros(1));
    return TensorBatches.of(broken, DATA.targets(), BATCH_SIZE);
  }

  /** Linear layers with ReLU between, of the same weights each time. */
  static SequentialImpl network(int... hidden) {
    torch.manual_seed(1);
    SequentialImpl network = Models.keep(new SequentialImpl());
    int in = 64;
    for (int width : hidden) {
      network.push_back(Models.keep(new LinearImpl(in, width)));
      network.push_back(Models.keep(new ReLUImpl()));
      in = width;
    }
    network.push_back(Models.keep(new LinearImpl(in, 10)));
    return network;
  }
}
