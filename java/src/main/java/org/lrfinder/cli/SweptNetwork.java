package org.lrfinder.cli;

import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.SequentialImpl;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.lrfinder.SweepTask;
import org.lrfinder.data.Batch;
import org.lrfinder.internal.models.Network;
import org.lrfinder.sweep.Loss;

/** What {@code find} sweeps. */
sealed interface SweptNetwork permits Script, SweptNetwork.Layers {
  TensorVector parameters();

  /** {@return the type of its parameters} */
  ScalarType type();

  void to(Device device);

  /**
   * Forwards a batch, and leaves no trace but random numbers that were drawn.
   *
   * @throws RuntimeException as libtorch does
   */
  Tensor tried(Tensor input);

  SweepTask<Batch> task(Optimizer optimizer, Loss loss, Iterable<Batch> batches);

  /** A network of layers. */
  record Layers(Network network) implements SweptNetwork {
    @Override
    public TensorVector parameters() {
      return network.module().parameters();
    }

    @Override
    public ScalarType type() {
      return ScalarType.Float;
    }

    @Override
    public void to(Device device) {
      network.module().to(device, false);
    }

    @Override
    public Tensor tried(Tensor input) {
      SequentialImpl module = network.module();
      boolean training = module.is_training();
      module.eval(); // leaves the statistics of batch norm alone
      try {
        return module.forward(input);
      } finally {
        module.train(training);
      }
    }

    @Override
    public SweepTask<Batch> task(Optimizer optimizer, Loss loss, Iterable<Batch> batches) {
      return SweepTask.of(network.module(), optimizer, loss, batches);
    }
  }
}
