package org.lrfinder.benchmarks;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Adam;
import org.bytedeco.pytorch.AdamOptions;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.SequentialImpl;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.lrfinder.data.Batch;

/**
 * The loop that users of the presets write without this library. Its optimizer is made for each
 * run, because the presets offer no way to put one back.
 */
final class NaiveLoop implements Supplier<double[]> {
  private final SequentialImpl network;
  private final List<Batch> batches;
  private final double[] rates;

  NaiveLoop(Workload workload) {
    network = workload.network();
    batches = workload.batches();
    rates = workload.rates();
  }

  @Override
  public double[] get() {
    List<Float> losses = new ArrayList<>();
    try (PointerScope run = new PointerScope()) {
      TensorVector parameters = network.parameters();
      List<Tensor> saved = new ArrayList<>();
      for (long i = 0; i < parameters.size(); i++) {
        saved.add(parameters.get(i).detach().clone());
      }
      Adam optimizer = new Adam(parameters, new AdamOptions());
      for (int i = 0; i < rates.length; i++) {
        try (PointerScope step = new PointerScope()) {
          optimizer.zero_grad();
          Tensor loss =
              torch.cross_entropy_loss(
                  network.forward(batches.get(i).input()), batches.get(i).target());
          loss.backward();
          optimizer.param_groups().get(0).options().set_lr(rates[i]);
          optimizer.step();
          losses.add(loss.item_float());
        }
      }
      optimizer.zero_grad();
      try (NoGradGuard noGrad = new NoGradGuard()) {
        for (int i = 0; i < saved.size(); i++) {
          parameters.get(i).copy_(saved.get(i));
        }
      }
    }
    return losses.stream().mapToDouble(Float::doubleValue).toArray();
  }
}
