package example;

import java.io.IOException;
import java.nio.file.Path;
import org.bytedeco.pytorch.Adam;
import org.bytedeco.pytorch.AdamOptions;
import org.bytedeco.pytorch.LinearImpl;
import org.bytedeco.pytorch.LongOptional;
import org.bytedeco.pytorch.ReLUImpl;
import org.bytedeco.pytorch.SequentialImpl;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.lrfinder.LrFinder;
import org.lrfinder.LrFinderResult;
import org.lrfinder.data.TensorBatches;
import org.lrfinder.export.ResultJson;
import org.lrfinder.sweep.Loss;

/** Finds a learning rate for a small network. */
public class FindLr {
  public static void main(String[] args) throws IOException {
    torch.manual_seed(1);
    // These stand for data: a label says which of the first ten numbers is the greatest.
    Tensor images = torch.randn(2000, 64);
    Tensor labels = images.narrow(1, 0, 10).argmax(new LongOptional(1), false);

    SequentialImpl network = new SequentialImpl();
    network.push_back(new LinearImpl(64, 64));
    network.push_back(new ReLUImpl());
    network.push_back(new LinearImpl(64, 10));
    Adam adam = new Adam(network.parameters(), new AdamOptions(1e-3));
    TensorBatches batches = TensorBatches.of(images, labels, 32).shuffled(1);

    LrFinder finder = LrFinder.builder().minLr(1e-7).maxLr(10).build();
    LrFinderResult found = finder.find(network, adam, Loss.CROSS_ENTROPY, batches);

    System.out.println(found.status() + " " + found.suggestion() + " by " + found.engine());
    // Network and optimizer are as they were before, until the suggestion is applied.
    found.suggestion().ifPresent(s -> s.applyTo(adam));
    found.plot(true).save(Path.of("lr.png"));
    found.plot(true).save(Path.of("lr.svg"));
    ResultJson.write(found, Path.of("lr.json"));
  }
}
