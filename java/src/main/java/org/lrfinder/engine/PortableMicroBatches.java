package org.lrfinder.engine;

import java.util.List;
import java.util.function.Supplier;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.GradMode;
import org.bytedeco.pytorch.Module;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.SequentialImpl;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.jspecify.annotations.Nullable;
import org.lrfinder.sweep.Batch;
import org.lrfinder.sweep.Loss;
import org.lrfinder.sweep.Precision;

/**
 * From batches to losses and from losses to gradients: what {@code lrfinder::MicroBatches} is to
 * the native core. Callers open a {@link PointerScope}.
 */
final class PortableMicroBatches {
  private final @Nullable Module network;
  private final String device;
  private final int perStep;
  private final Precision precision;
  private double total;
  private int count;

  PortableMicroBatches(@Nullable Module network, String device, int perStep, Precision precision) {
    this.network = network;
    this.device = device;
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
    if (!(network instanceof SequentialImpl sequential)) {
      throw new IllegalArgumentException(
          "only a SequentialImpl is forwarded natively: pass the loss instead");
    }
    for (Tensor tensor : List.of(batch.input(), batch.target())) {
      if (!PortableModel.deviceOf(tensor).equals(device)) {
        throw new IllegalArgumentException(
            "tensors on different devices: the network is on %s and the batch has a tensor on %s"
                .formatted(device, PortableModel.deviceOf(tensor)));
      }
    }
    try (Autocast region = autocast()) {
      return PortableModel.loss(loss, sequential.forward(batch.input()), batch.target());
    }
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
    return total / ++count;
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
    (perStep == 1 ? loss : loss.div(new Scalar((double) perStep))).backward();
  }

  /** Ends the step: makes the gradients the mean over its micro-batches, and clips them. */
  void finish(Optimizer optimizer, double gradientClipNorm) {
    List<Tensor> parameters = PortableModel.parameters(optimizer);
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
    if (Double.isFinite(gradientClipNorm)) {
      TensorVector all = new TensorVector();
      parameters.forEach(all::push_back);
      torch.clip_grad_norm_(all, gradientClipNorm);
    }
  }

  /** Steps the optimizer and drops the gradients. */
  static void update(Optimizer optimizer) {
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
