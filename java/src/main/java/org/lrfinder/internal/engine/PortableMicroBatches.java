package org.lrfinder.internal.engine;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.BoolOptional;
import org.bytedeco.pytorch.GradMode;
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
import org.lrfinder.engine.EngineException;
import org.lrfinder.sweep.Loss;
import org.lrfinder.sweep.Precision;

/**
 * From batches to losses and from losses to gradients: what {@code lrfinder::MicroBatches} is to
 * the native core. Callers open a {@link PointerScope}.
 */
final class PortableMicroBatches {
  private static final double EPSILON = 1e-6; // what torch.nn.utils.clip_grad_norm_ adds

  private final SweepSubject.Part part;
  private final String device;
  private final int perStep;
  private final Precision precision;
  private double total;
  private int count;

  PortableMicroBatches(SweepSubject.Part part, int perStep, Precision precision) {
    this.part = part;
    this.device = PortableModel.check(part);
    this.perStep = perStep;
    this.precision = precision;
  }

  /**
   * Runs a call in a scope. The presets throw plain RuntimeExceptions, whose messages end in a C++
   * backtrace.
   */
  static <T> T guarded(Supplier<T> call) {
    try (PointerScope scope = new PointerScope()) {
      return call.get();
    } catch (IllegalArgumentException | IllegalStateException | EngineException e) {
      throw e;
    } catch (RuntimeException e) {
      String message = String.valueOf(e.getMessage());
      String line = message.lines().findFirst().orElse(message);
      throw MemoryNeed.isExhausted(message)
          ? MemoryNeed.exhausted(line, e)
          : new EngineException(line, e);
    }
  }

  String device() {
    return device;
  }

  Autocast autocast() {
    return Autocast.of(precision, device);
  }

  /** The loss of the network's output, in the present grad mode. */
  Tensor loss(Batch batch, Loss loss) {
    if (part.script() == null && !(part.module() instanceof SequentialImpl)) {
      throw new IllegalArgumentException(
          "only a SequentialImpl or a TorchScript module is forwarded natively: pass the loss instead");
    }
    for (Tensor tensor : List.of(batch.input(), batch.target())) {
      if (!PortableModel.deviceOf(tensor).equals(device)) {
        throw new IllegalArgumentException(
            "tensors on different devices: the network is on %s and the batch has a tensor on %s"
                .formatted(device, PortableModel.deviceOf(tensor)));
      }
    }
    try (Autocast region = autocast()) {
      return PortableModel.loss(loss, forward(batch.input()), batch.target());
    }
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
    boolean gradMode = GradMode.is_enabled();
    GradMode.set_enabled(false);
    try {
      return number(loss(batch, loss));
    } finally {
      GradMode.set_enabled(gradMode);
    }
  }

  /** Counts a micro-batch of the present step; returns the mean loss of those counted. */
  double add(Tensor loss) {
    double value = number(loss);
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

  private static double number(Tensor loss) {
    if (!loss.defined()) {
      throw new IllegalArgumentException("the loss is an undefined tensor");
    }
    if (loss.numel() != 1 || !torch.isFloatingType(loss.scalar_type())) {
      throw new IllegalArgumentException(
          "the loss must be one real number, not a tensor of shape %s and type %s"
              .formatted(PortableModel.shape(loss), loss.dtype().name().getString()));
    }
    return loss.item_double();
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
    return perStep == 1 ? loss : loss.div(new Scalar((double) perStep));
  }

  /** Ends the step: makes the gradients the mean over its micro-batches. */
  void finish(List<Optimizer> optimizers) {
    List<Tensor> parameters = PortableModel.parameters(optimizers);
    if (count < perStep) {
      Scalar factor = new Scalar((double) perStep / count);
      for (Tensor parameter : PortableModel.byIdentity(parameters).values()) {
        Tensor gradient = parameter.grad();
        if (gradient.defined()) {
          parameter.mutable_grad().put(gradient.mul(factor)); // may be a view
        }
      }
    }
    total = 0;
    count = 0;
  }

  /**
   * Clips the gradients of an optimizer's parameters by their total norm, unless it is infinite.
   * Not by libtorch's {@code clip_grad_norm_}, which leaves sparse ones as they are.
   */
  static void clipNorm(Optimizer optimizer, double maxNorm) {
    if (Double.isFinite(maxNorm)) {
      List<Tensor> gradients = writableValues(optimizer);
      double squares = 0;
      for (Tensor gradient : gradients) {
        squares += Math.pow(gradient.norm().item_double(), 2);
      }
      double coefficient = maxNorm / (Math.sqrt(squares) + EPSILON);
      // Not-a-number passes on, as in PyTorch: the sweep then ends at the next loss.
      if (!(coefficient >= 1)) {
        gradients.forEach(gradient -> gradient.mul_(new Scalar(coefficient)));
      }
    }
  }

  /** Clamps the gradients of an optimizer's parameters, unless the largest value is infinite. */
  static void clampValues(Optimizer optimizer, double maxValue) {
    if (Double.isFinite(maxValue)) {
      ScalarOptional low = new ScalarOptional(new Scalar(-maxValue));
      ScalarOptional high = new ScalarOptional(new Scalar(maxValue));
      writableValues(optimizer).forEach(gradient -> gradient.clamp_(low, high));
    }
  }

  /** What there is to clip in each gradient, which is first made fit to be written. */
  private static List<Tensor> writableValues(Optimizer optimizer) {
    List<Tensor> values = new ArrayList<>();
    for (Tensor parameter :
        PortableModel.byIdentity(PortableModel.parameters(optimizer)).values()) {
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
    PortableModel.checkSparseGradients(optimizer);
    optimizer.step();
    dropGradients(optimizer);
  }

  static void dropGradients(Optimizer optimizer) {
    // Not by zero_grad, which cannot drop a gradient that is a view.
    for (Tensor parameter : PortableModel.parameters(optimizer)) {
      parameter.mutable_grad().put(new Tensor());
    }
  }
}
