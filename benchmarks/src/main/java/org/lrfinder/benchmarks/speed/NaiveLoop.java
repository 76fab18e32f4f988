package org.lrfinder.benchmarks.speed;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.jspecify.annotations.Nullable;

/**
 * The loop that users of the presets write without this library. Its optimizer is made for each
 * run, because the presets offer no way to put one back.
 */
final class NaiveLoop extends JvmContender {
  private static final double LR = 1e-3;

  private final Workload workload;
  private final JavaNetwork network;

  NaiveLoop(Workload workload) {
    super(Contenders.NAIVE);
    this.workload = workload;
    network = workload.network();
  }

  @Override
  double[] swept(double[] rates) {
    try (PointerScope run = new PointerScope()) {
      List<Tensor> state = Workload.state(network);
      List<Tensor> saved = state.stream().map(tensor -> tensor.detach().clone()).toList();
      double[] losses = steps(rates);
      try (NoGradGuard noGrad = new NoGradGuard()) {
        for (int i = 0; i < saved.size(); i++) {
          state.get(i).copy_(saved.get(i));
        }
      }
      return losses;
    }
  }

  @Override
  double[] trained() {
    double[] rates = new double[workload.batchesPerEpoch()];
    Arrays.fill(rates, LR);
    try (PointerScope run = new PointerScope()) {
      return steps(rates);
    }
  }

  private double[] steps(double[] rates) {
    int batchSize = workload.subject().batchSize();
    long rows = workload.inputs().size(0);
    Optimizer optimizer =
        workload.subject().optimizer().over(network.module().parameters(), LR, Map.of());
    @Nullable Tensor order = null;
    long from = 0;
    List<Float> losses = new ArrayList<>();
    for (double rate : rates) {
      if (from + batchSize > rows) {
        from = 0;
      }
      if (from == 0 && workload.shuffled()) {
        order = torch.randperm(rows).to(ScalarType.Long);
      }
      try (PointerScope step = new PointerScope()) {
        Tensor input = rows(workload.inputs(), order, from, batchSize);
        Tensor target = rows(workload.targets(), order, from, batchSize);
        optimizer.zero_grad();
        Tensor loss = workload.loss(network, input, target);
        loss.backward();
        optimizer.param_groups().get(0).options().set_lr(rate);
        optimizer.step();
        losses.add(loss.item_float());
      }
      from += batchSize;
    }
    optimizer.zero_grad();
    return losses.stream().mapToDouble(Float::doubleValue).toArray();
  }

  private static Tensor rows(Tensor data, @Nullable Tensor order, long from, long count) {
    return order == null
        ? data.narrow(0, from, count)
        : data.index_select(0, order.narrow(0, from, count));
  }
}
