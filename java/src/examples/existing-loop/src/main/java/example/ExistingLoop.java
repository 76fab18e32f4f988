package example;

import java.util.ArrayList;
import java.util.List;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Adam;
import org.bytedeco.pytorch.AdamOptions;
import org.bytedeco.pytorch.LinearImpl;
import org.bytedeco.pytorch.ReLUImpl;
import org.bytedeco.pytorch.SequentialImpl;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.lrfinder.LrFinder;
import org.lrfinder.LrFinderResult;
import org.lrfinder.data.Batch;

/** A training loop as one writes it with the presets, and the three lines that find its rate. */
public class ExistingLoop {
  private static final SequentialImpl NETWORK = new SequentialImpl();

  private static Tensor loss(Batch batch) {
    return torch.mse_loss(NETWORK.forward(batch.input()), batch.target());
  }

  public static void main(String[] arguments) {
    torch.manual_seed(1);
    NETWORK.push_back(new LinearImpl(8, 64));
    NETWORK.push_back(new ReLUImpl());
    NETWORK.push_back(new LinearImpl(64, 1));
    Adam adam = new Adam(NETWORK.parameters(), new AdamOptions(1e-3));
    List<Batch> batches = new ArrayList<>();
    for (int i = 0; i < 64; i++) {
      Tensor input = torch.randn(32, 8);
      batches.add(new Batch(input, input.square().sum(1).unsqueeze(1)));
    }

    LrFinder finder = LrFinder.builder().minLr(1e-7).maxLr(10).build();
    LrFinderResult found = finder.find(adam, ExistingLoop::loss, batches);
    found.suggestion().ifPresent(suggestion -> suggestion.applyTo(adam));
    System.out.println(found.status() + " " + found.suggestion() + " by " + found.engine());

    for (int epoch = 0; epoch < 5; epoch++) {
      double sum = 0;
      for (Batch batch : batches) {
        try (PointerScope scope = new PointerScope()) {
          adam.zero_grad();
          Tensor loss = loss(batch);
          loss.backward();
          adam.step();
          sum += loss.item_double();
        }
      }
      System.out.printf("epoch %d: %.4f%n", epoch, sum / batches.size());
    }
  }
}
