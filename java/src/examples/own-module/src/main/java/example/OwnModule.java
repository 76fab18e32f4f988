package example;

import java.io.IOException;
import java.nio.file.Path;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.pytorch.Adam;
import org.bytedeco.pytorch.AdamOptions;
import org.bytedeco.pytorch.Conv2dImpl;
import org.bytedeco.pytorch.Conv2dOptions;
import org.bytedeco.pytorch.LinearImpl;
import org.bytedeco.pytorch.LongOptional;
import org.bytedeco.pytorch.Module;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.lrfinder.LrFinder;
import org.lrfinder.LrFinderResult;
import org.lrfinder.SweepTask;
import org.lrfinder.data.TensorBatches;

/**
 * The presets' sample, a network for MNIST written as a module in Java, whose loss Java computes.
 */
public class OwnModule {
  static class Net extends Module {
    final Conv2dImpl convolution = new Conv2dImpl(new Conv2dOptions(1, 8, new LongPointer(5, 5)));
    final LinearImpl hidden = new LinearImpl(8 * 12 * 12, 64);
    final LinearImpl scores = new LinearImpl(64, 10);

    Net() {
      register_module("convolution", convolution);
      register_module("hidden", hidden);
      register_module("scores", scores);
    }

    /** Images {@code [n, 1, 28, 28]} to scores {@code [n, 10]}. */
    Tensor forward(Tensor images) {
      Tensor seen = torch.max_pool2d(convolution.forward(images).relu(), new long[] {2, 2});
      return scores.forward(hidden.forward(seen.flatten(1, -1)).relu());
    }
  }

  public static void main(String[] arguments) throws IOException {
    torch.manual_seed(1);
    // Stands for MNIST: noise, with a bright bar whose place is the label.
    Tensor labels = torch.randn(2000, 10).argmax(new LongOptional(1), false);
    Tensor bars =
        torch.one_hot(labels, 10).repeat_interleave(2, new LongOptional(1), new LongOptional());
    Tensor images = torch.randn(2000, 1, 28, 28);
    images.narrow(3, 4, 20).add_(bars.view(2000, 1, 1, 20));

    Net net = new Net();
    Adam adam = new Adam(net.parameters(), new AdamOptions(1e-3));
    LrFinder finder = LrFinder.builder().minLr(1e-7).maxLr(10).build();
    LrFinderResult found =
        finder.find(
            SweepTask.of(
                    net,
                    adam,
                    batch -> torch.cross_entropy(net.forward(batch.input()), batch.target()),
                    TensorBatches.of(images, labels, 32).shuffled(1))
                .declaredStatic()); // it does the same for every batch, so that its steps may be
    // replayed

    System.out.println(
        found.status()
            + " "
            + found.suggestion()
            + " by "
            + found.engine()
            + ", "
            + found.replay());
    found.plot(true).save(Path.of("lr.png"));
  }
}
