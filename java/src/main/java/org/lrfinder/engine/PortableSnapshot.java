package org.lrfinder.engine;

import java.util.ArrayList;
import java.util.List;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.Generator;
import org.bytedeco.pytorch.GradMode;
import org.bytedeco.pytorch.Module;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.jspecify.annotations.Nullable;

/** The portable engine's snapshot: what {@code lrfinder::Snapshot} is to the native one. */
final class PortableSnapshot implements AutoCloseable {
  /**
   * A tensor, its elements' memory, and what was there.
   *
   * @param elements of the same memory, each once
   */
  private record Saved(Tensor live, Tensor elements, Tensor copy, Tensor gradient) {}

  private record RandomState(Generator generator, Tensor state) {}

  private final List<Saved> tensors = new ArrayList<>();
  private final ModuleModes modes;
  private final List<RandomState> randomStates = new ArrayList<>();
  private final List<Pointer> owned = new ArrayList<>();

  private PortableSnapshot(@Nullable Module network) {
    modes = new ModuleModes(network);
  }

  static PortableSnapshot take(@Nullable Module network, Optimizer optimizer) {
    PortableSnapshot snapshot = new PortableSnapshot(network);
    List<Tensor> live = PortableModel.parameters(optimizer);
    if (network != null) {
      PortableModel.addAll(live, network.parameters());
      PortableModel.addAll(live, network.buffers());
    }
    boolean gradMode = GradMode.is_enabled();
    GradMode.set_enabled(false);
    try {
      for (Tensor tensor : PortableModel.byIdentity(live).values()) {
        Tensor elements = snapshot.own(distinctElements(tensor));
        snapshot.tensors.add(
            new Saved(
                snapshot.own(new Tensor(tensor)),
                elements,
                snapshot.own(elements.clone()),
                snapshot.own(tensor.is_leaf() ? new Tensor(tensor.grad()) : new Tensor())));
      }
      snapshot.saveRandomState(torch.getDefaultCPUGenerator());
      for (byte i = 0; i < torch.cuda_device_count(); i++) {
        Device device = new Device(new BytePointer("cuda:" + i));
        snapshot.saveRandomState(torch.globalContext().defaultGenerator(device));
      }
      // Last, so that a copy that fails leaves every gradient where it was.
      for (Saved saved : snapshot.tensors) {
        if (saved.gradient.defined()) {
          saved.live.mutable_grad().put(new Tensor());
        }
      }
    } catch (RuntimeException | Error e) {
      snapshot.putGradientsBack();
      snapshot.close();
      throw e;
    } finally {
      GradMode.set_enabled(gradMode);
    }
    return snapshot;
  }

  private void saveRandomState(Generator generator) {
    randomStates.add(new RandomState(own(new Generator(generator)), own(generator.get_state())));
  }

  private <P extends Pointer> P own(P pointer) {
    pointer.retainReference(); // outlives the scope of the call, until close()
    owned.add(pointer);
    return pointer;
  }

  void restore() {
    GradMode.set_enabled(false);
    // Whatever fails, the rest is put back all the same.
    List<RuntimeException> failures = new ArrayList<>();
    tensors.forEach(saved -> attempt(() -> saved.elements.copy_(saved.copy), failures));
    attempt(this::putGradientsBack, failures);
    modes.restore(part -> attempt(part, failures));
    randomStates.forEach(
        random -> attempt(() -> random.generator.set_state(random.state), failures));
    if (!failures.isEmpty()) {
      throw failures.get(0);
    }
  }

  private static void attempt(Runnable part, List<RuntimeException> failures) {
    try {
      part.run();
    } catch (RuntimeException e) {
      failures.add(e);
    }
  }

  private void putGradientsBack() {
    for (Saved saved : tensors) {
      if (saved.live.is_leaf()) {
        saved.live.mutable_grad().put(saved.gradient);
      }
    }
  }

  /** The tensor's memory with each element once: an expanded tensor cannot be written as it is. */
  private static Tensor distinctElements(Tensor tensor) {
    Tensor elements = tensor.detach();
    for (long d = 0; !tensor.is_sparse() && d < elements.dim(); d++) {
      if (elements.stride(d) == 0 && elements.size(d) > 1) {
        elements = elements.narrow(d, 0, 1);
      }
    }
    return elements;
  }

  @Override
  public void close() {
    owned.forEach(Pointer::close);
    modes.close();
  }
}
