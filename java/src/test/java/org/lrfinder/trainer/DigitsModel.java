package org.lrfinder.trainer;

import java.util.List;
import java.util.Optional;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.LongOptional;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.SequentialImpl;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.lrfinder.data.Batch;
import org.lrfinder.data.TensorBatches;
import org.lrfinder.sweep.Loss;
import org.lrfinder.testkit.Digits;
import org.lrfinder.testkit.Models;

/** A small network on the digits data, three quarters of it for training: as a user writes it. */
class DigitsModel implements Model {
  /** What makes an optimizer at a rate. */
  interface AtRate {
    Optimizer over(TensorVector parameters, double lr);
  }

  private static final List<Tensor> DATA = split();

  double lr;
  final SequentialImpl network;
  private final AtRate optimizer;

  DigitsModel(double lr, AtRate optimizer) {
    this.lr = lr;
    this.optimizer = optimizer;
    network = Digits.network(64);
  }

  @Override
  public SequentialImpl module() {
    return network;
  }

  @Override
  public Optional<Loss> loss() {
    return Optional.of(Loss.CROSS_ENTROPY);
  }

  @Override
  public Optimizer configureOptimizers() {
    return Models.keep(optimizer.over(network.parameters(), lr));
  }

  @Override
  public Iterable<Batch> trainBatches() {
    return TensorBatches.of(DATA.get(0), DATA.get(1), 32).shuffled(1);
  }

  @Override
  public Iterable<Batch> validationBatches() {
    return TensorBatches.of(DATA.get(2), DATA.get(3), 64).keepingPartial();
  }

  double accuracy() {
    try (PointerScope scope = new PointerScope()) {
      NoGradGuard noGrad = new NoGradGuard();
      Tensor predicted = network.forward(DATA.get(2)).argmax(new LongOptional(1), false);
      return predicted.eq(DATA.get(3)).sum().item_double() / DATA.get(3).numel();
    }
  }

  private static List<Tensor> split() {
    torch.manual_seed(5);
    Tensor order = torch.randperm(Digits.targets().numel());
    Tensor input = Digits.inputs().index_select(0, order);
    Tensor target = Digits.targets().index_select(0, order);
    long train = order.numel() * 3 / 4;
    return List.of(
        input.narrow(0, 0, train).contiguous(),
        target.narrow(0, 0, train).contiguous(),
        input.narrow(0, train, order.numel() - train).contiguous(),
        target.narrow(0, train, order.numel() - train).contiguous());
  }
}
