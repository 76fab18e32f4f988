package org.lrfinder.testkit;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.BatchNorm1dImpl;
import org.bytedeco.pytorch.BatchNormOptions;
import org.bytedeco.pytorch.DropoutImpl;
import org.bytedeco.pytorch.LinearImpl;
import org.bytedeco.pytorch.Module;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.ReLUImpl;
import org.bytedeco.pytorch.SequentialImpl;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.lrfinder.data.Batch;
import org.lrfinder.internal.models.Network;

/** Small networks and batches for the tests. */
public final class Models {
  public static final int FEATURES = 6;
  public static final int CLASSES = 3;

  // The presets free some layers with their Java objects, although a network holds them.
  private static final List<Object> KEPT = new ArrayList<>();

  private Models() {}

  public static <P extends Pointer> P keep(P pointer) {
    KEPT.add(pointer);
    return pointer;
  }

  /**
   * Linear, batch norm, ReLU, dropout, linear; the batch norm in eval mode, which a sweep must not
   * change.
   */
  public static SequentialImpl batchNormAndDropout() {
    SequentialImpl network = keep(new SequentialImpl());
    network.push_back(keep(new LinearImpl(FEATURES, 8)));
    network.push_back(keep(new BatchNorm1dImpl(new BatchNormOptions(8))));
    network.push_back(keep(new ReLUImpl()));
    network.push_back(keep(new DropoutImpl(0.3)));
    BatchNorm1dImpl frozenStatistics = keep(new BatchNorm1dImpl(new BatchNormOptions(8)));
    frozenStatistics.eval();
    network.push_back(frozenStatistics);
    network.push_back(keep(new LinearImpl(8, CLASSES)));
    network.register_buffer("expanded", torch.ones(3).expand(4, 3));
    return network;
  }

  public static SequentialImpl mlp() {
    return mlp(FEATURES, List.of(8), CLASSES);
  }

  /** Linear layers with ReLU between. */
  public static SequentialImpl mlp(int features, List<Integer> hidden, int outputs) {
    Network network = Network.multilayerPerceptron(features, hidden, outputs);
    KEPT.add(network);
    return network.module();
  }

  public static <M extends Module> M inDouble(M network) {
    network.to(ScalarType.Double, false);
    return network;
  }

  /** Batches of 16 rows, of the parameters' type. */
  public static List<Batch> batches(int count, ScalarType type) {
    List<Batch> batches = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      Tensor input = torch.randn(16, FEATURES).to(type);
      Tensor target = torch.randint(0, CLASSES, new long[] {16}).to(ScalarType.Long);
      batches.add(new Batch(input, target));
    }
    return batches;
  }

  public static TensorVector vector(Tensor... tensors) {
    TensorVector vector = new TensorVector();
    Arrays.stream(tensors).forEach(vector::push_back);
    return vector;
  }

  /**
   * Makes a used optimizer of a fresh one, and leaves gradients behind.
   *
   * @return the losses
   */
  public static List<Double> train(
      SequentialImpl network, Optimizer optimizer, List<Batch> batches, int steps) {
    List<Double> losses = new ArrayList<>();
    for (int i = 0; i < steps; i++) {
      try (PointerScope scope = new PointerScope()) {
        Batch batch = batches.get(i % batches.size());
        optimizer.zero_grad();
        Tensor loss = torch.cross_entropy_loss(network.forward(batch.input()), batch.target());
        loss.backward();
        optimizer.step();
        losses.add(loss.item_double());
      }
    }
    return losses;
  }
}
