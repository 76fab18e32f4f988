package org.lrfinder.internal.engine;

import java.util.ArrayList;
import java.util.List;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.BoolOptional;
import org.bytedeco.pytorch.IValue;
import org.bytedeco.pytorch.IValueVector;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.ScalarOptional;
import org.bytedeco.pytorch.SequentialImpl;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorArrayRefOptional;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.lrfinder.data.Batch;
import org.lrfinder.sweep.Loss;
import org.lrfinder.sweep.StepSettings;

/**
 * From batches to losses and from losses to gradients: what {@code lrfinder::MicroBatches} is to
 * the native core. Callers open a {@link PointerScope}.
 */
final class PortableMicroBatches {
  private static final long SUM = 2; // at::Reduction::Sum
  private static final double EPSILON = 1e-6; // what torch.nn.utils.clip_grad_norm_ adds

  private final SweepSubject.Part part;
  private final String device;
  private final StepSettings step;
  private double total;
  private int count;

  PortableMicroBatches(SweepSubject.Part part, StepSettings step) {
    this.part = part;
    this.device = ModelTensors.check(part);
    this.step = step;
  }

  String device() {
    return device;
  }

  Autocast autocast() {
    return Autocast.of(step.precision(), device);
  }

  /** The loss of the network's output, in the present grad mode. */
  Tensor loss(Batch batch, Loss loss) {
    if (part.script() == null && !(part.module() instanceof SequentialImpl)) {
      throw new IllegalArgumentException(
          "only a SequentialImpl or a TorchScript module is forwarded natively: pass the loss instead");
    }
    ModelTensors.requireOn(device, batch);
    try (Autocast region = autocast()) {
      return lossOf(loss, forward(batch.input()), batch.target());
    }
  }

  private static Tensor lossOf(Loss loss, Tensor prediction, Tensor target) {
    boolean classIndices = loss == Loss.CROSS_ENTROPY || loss == Loss.NEGATIVE_LOG_LIKELIHOOD;
    if (!classIndices && !ModelTensors.shape(prediction).equals(ModelTensors.shape(target))) {
      // libtorch would broadcast and average over every pair.
      throw new IllegalArgumentException(
          "the network's output has shape %s and the target %s: this loss needs the same shape"
              .formatted(ModelTensors.shape(prediction), ModelTensors.shape(target)));
    }
    return switch (loss) {
      case CROSS_ENTROPY -> torch.cross_entropy_loss(prediction, target);
      case MSE -> torch.mse_loss(prediction, target);
      case L1 -> torch.l1_loss(prediction, target);
      case SMOOTH_L1 -> torch.smooth_l1_loss(prediction, target);
      case HUBER -> torch.huber_loss(prediction, target);
      case BINARY_CROSS_ENTROPY_WITH_LOGITS ->
          torch.binary_cross_entropy_with_logits(prediction, target);
      case NEGATIVE_LOG_LIKELIHOOD -> torch.nll_loss_nd(prediction, target);
      // By the number of examples: the mean over every element is no divergence.
      case KL_DIVERGENCE ->
          torch
              .kl_div(prediction, target, SUM, false)
              .div(new Scalar((double) (prediction.dim() == 0 ? 1 : prediction.size(0))));
    };
  }

  private Tensor forward(Tensor input) {
    if (part.module() instanceof SequentialImpl sequential) {
      return sequential.forward(input);
    }
    IValue output = part.script().forward(new IValueVector(new IValue(input)));
    if (!output.isTensor()) {
      throw new IllegalArgumentException(
          "the TorchScript module returns no tensor but a %s: pass the loss instead"
              .formatted(output.tagKind().getString()));
    }
    return output.toTensor();
  }

  double evaluate(Batch batch, Loss loss) {
    try (GradRegion region = GradRegion.disabled()) {
      return ModelTensors.number(loss(batch, loss));
    }
  }

  /** Counts a micro-batch of the present step; returns the mean loss of those counted. */
  double add(Tensor loss) {
    double value = ModelTensors.number(loss);
    if (!loss.requires_grad()) {
      throw new IllegalArgumentException(
          "the loss does not depend on any parameter that takes a gradient");
    }
    total += value;
    count++;
    return mean();
  }

  /** The mean loss of those counted, of which there must be one at least. */
  double mean() {
    if (count == 0) {
      throw new IllegalArgumentException("there is no step to finish: nothing was accumulated");
    }
    return total / count;
  }

  /** Adds the gradients of the micro-batch counted last. */
  void backward(Tensor loss) {
    share(loss).backward();
  }

  /** The same, to these parameters alone. */
  void backward(Tensor loss, TensorVector parameters) {
    share(loss)
        .backward(new Tensor(), new BoolOptional(), false, new TensorArrayRefOptional(parameters));
  }

  private Tensor share(Tensor loss) {
    return step.accumulateGradBatches() == 1
        ? loss
        : loss.div(new Scalar((double) step.accumulateGradBatches()));
  }

  /** Ends the step: makes the gradients the mean over its micro-batches, and clips them. */
  void finish(List<Optimizer> optimizers) {
    if (count < step.accumulateGradBatches()) {
      Scalar factor = new Scalar((double) step.accumulateGradBatches() / count);
      List<Tensor> parameters = ModelTensors.parameters(optimizers);
      for (Tensor parameter : ModelTensors.byIdentity(parameters).values()) {
        Tensor gradient = parameter.grad();
        if (gradient.defined()) {
          parameter.mutable_grad().put(gradient.mul(factor)); // may be a view
        }
      }
    }
    total = 0;
    count = 0;
    for (Optimizer optimizer : optimizers) {
      clip(optimizer);
    }
  }

  /**
   * Clips the gradients of an optimizer's parameters, as the settings say. Not by libtorch's {@code
   * clip_grad_norm_}, which leaves sparse ones as they are.
   */
  private void clip(Optimizer optimizer) {
    if (Double.isFinite(step.gradientClipNorm())) {
      List<Tensor> gradients = writableValues(optimizer);
      double squares = 0;
      for (Tensor gradient : gradients) {
        squares += Math.pow(gradient.norm().item_double(), 2);
      }
      double coefficient = step.gradientClipNorm() / (Math.sqrt(squares) + EPSILON);
      // Not-a-number passes on, as in PyTorch: the sweep then ends at the next loss.
      if (!(coefficient >= 1)) {
        gradients.forEach(gradient -> gradient.mul_(new Scalar(coefficient)));
      }
    }
    double maxValue = step.gradientClipValue();
    if (Double.isFinite(maxValue)) {
      ScalarOptional low = new ScalarOptional(new Scalar(-maxValue));
      ScalarOptional high = new ScalarOptional(new Scalar(maxValue));
      writableValues(optimizer).forEach(gradient -> gradient.clamp_(low, high));
    }
  }

  /** What there is to clip in each gradient, which is first made fit to be written. */
  private static List<Tensor> writableValues(Optimizer optimizer) {
    List<Tensor> values = new ArrayList<>();
    for (Tensor parameter : ModelTensors.byIdentity(ModelTensors.parameters(optimizer)).values()) {
      Tensor gradient = parameter.grad();
      if (gradient.defined() && gradient.is_sparse()) {
        Tensor coalesced = gradient.coalesce(); // values of one index count together
        parameter.mutable_grad().put(coalesced);
        values.add(coalesced._values());
      } else if (gradient.defined()) {
        if (!gradient.is_non_overlapping_and_dense()) {
          gradient = gradient.clone();
          parameter.mutable_grad().put(gradient);
        }
        values.add(gradient);
      }
    }
    return values;
  }

  /** Steps the optimizer and drops the gradients. */
  static void update(Optimizer optimizer) {
    SweptOptimizer.checkSparseGradients(optimizer);
    optimizer.step();
    dropGradients(optimizer);
  }

  static void dropGradients(Optimizer optimizer) {
    // Not by zero_grad, which cannot drop a gradient that is a view.
    for (Tensor parameter : ModelTensors.parameters(optimizer)) {
      parameter.mutable_grad().put(new Tensor());
    }
  }
}
