package org.lrfinder.internal.engine;

import java.util.ArrayList;
import java.util.List;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.GradMode;
import org.bytedeco.pytorch.IValue;
import org.bytedeco.pytorch.JitModule;
import org.bytedeco.pytorch.NamedIValue;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.module_iterator;
import org.bytedeco.pytorch.module_list;
import org.bytedeco.pytorch.named_attribute_iterator;
import org.bytedeco.pytorch.named_attribute_list;
import org.jspecify.annotations.Nullable;
import org.lrfinder.engine.RestoreException;

/** The portable engine's snapshot: what {@code lrfinder::Snapshot} is to the native one. */
final class PortableSnapshot implements AutoCloseable {
  /**
   * A tensor, its elements' memory, and what was there.
   *
   * @param whole a view of the same memory, which stays where it is when {@code live} is given
   *     other memory
   * @param elements the same, each element once
   * @param bytes of the memory
   */
  private record Saved(
      Tensor live,
      Tensor whole,
      Tensor elements,
      Tensor copy,
      long bytes,
      boolean requiresGrad,
      Tensor gradient) {}

  /** What an attribute of a TorchScript module referred to: a tensor, or its train/eval mode. */
  private record Attribute(JitModule owner, String name, IValue value) {}

  private final List<Saved> tensors = new ArrayList<>();
  private final List<ModuleModes> modes = new ArrayList<>();
  private final List<Attribute> attributes = new ArrayList<>();
  private final List<Pointer> owned = new ArrayList<>();
  private @Nullable PortableRandomState randomState;

  private PortableSnapshot() {}

  static PortableSnapshot take(SweepSubject subject) {
    PortableSnapshot snapshot = new PortableSnapshot();
    List<Tensor> live = ModelTensors.tensors(subject);
    for (SweepSubject.Part part : subject.parts()) {
      snapshot.modes.add(new ModuleModes(part.module(), null));
      if (part.script() != null) {
        snapshot.saveAttributes(part.script());
      }
    }
    try (GradRegion region = GradRegion.disabled()) {
      for (Tensor tensor : ModelTensors.byIdentity(live).values()) {
        Tensor whole = snapshot.own(tensor.detach());
        Tensor elements = snapshot.own(distinctElements(whole));
        snapshot.tensors.add(
            new Saved(
                snapshot.own(new Tensor(tensor)),
                whole,
                elements,
                snapshot.own(elements.clone()),
                memory(tensor),
                tensor.requires_grad(),
                snapshot.own(tensor.is_leaf() ? new Tensor(tensor.grad()) : new Tensor())));
      }
      snapshot.randomState = PortableRandomState.save();
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
    }
    return snapshot;
  }

  private void saveAttributes(JitModule script) {
    module_list modules = script.modules();
    module_iterator lastModule = modules.end();
    for (module_iterator m = modules.begin(); m.notEquals(lastModule); m.increment()) {
      JitModule owner = own(new JitModule(m.access()));
      named_attribute_list list = owner.named_attributes(false);
      named_attribute_iterator last = list.end();
      for (named_attribute_iterator i = list.begin(); i.notEquals(last); i.increment()) {
        NamedIValue named = i.access();
        if (!named.value().isModule()) {
          IValue value = own(new IValue(named.value()));
          attributes.add(new Attribute(owner, named.name().getString(), value));
        }
      }
    }
  }

  private <P extends Pointer> P own(P pointer) {
    pointer.retainReference(); // outlives the scope of the call, until close()
    owned.add(pointer);
    return pointer;
  }

  /**
   * Puts back what {@link #take} found, without a new native object: there may be no memory for
   * one. Whatever fails, the rest is put back all the same; the first failure is then thrown.
   */
  void restore() {
    GradMode.set_enabled(false);
    List<Throwable> failures = new ArrayList<>();
    for (Saved saved : tensors) {
      attempt(() -> putBack(saved), failures);
    }
    attempt(this::putGradientsBack, failures);
    for (Saved saved : tensors) {
      if (saved.live.is_leaf() && saved.live.requires_grad() != saved.requiresGrad) {
        attempt(() -> saved.live.set_requires_grad(saved.requiresGrad), failures);
      }
    }
    modes.forEach(each -> each.restore(part -> attempt(part, failures)));
    attributes.forEach(
        saved -> attempt(() -> saved.owner.setattr(saved.name, saved.value), failures));
    PortableRandomState random = randomState;
    if (random != null) {
      randomState = null;
      attempt(random::restore, failures);
    }
    if (!failures.isEmpty()) {
      throw new RestoreException(failures.get(0));
    }
  }

  private static void putBack(Saved saved) {
    if (memory(saved.whole) < saved.bytes) {
      throw new IllegalStateException(
          "the memory of a tensor of %d bytes was freed or shrunk to %d"
              .formatted(saved.bytes, memory(saved.whole)));
    }
    if (!sameView(saved.live, saved.whole)) {
      saved.live.set_data(saved.whole);
    }
    saved.elements.copy_(saved.copy);
  }

  /** Bytes of the memory that a tensor is a view of. */
  private static long memory(Tensor tensor) {
    return isStrided(tensor) && tensor.has_storage() ? tensor.storage().nbytes() : 0;
  }

  private static boolean isStrided(Tensor tensor) {
    return tensor.layout().value == torch.Layout.Strided.value;
  }

  /** Whether {@code live} still is what {@code saved} was made of. */
  private static boolean sameView(Tensor live, Tensor saved) {
    if (!isStrided(live) || !isStrided(saved)) {
      return isStrided(live) == isStrided(saved);
    }
    if (!live.has_storage() || !saved.has_storage()) {
      return live.has_storage() == saved.has_storage();
    }
    boolean same =
        live.is_alias_of(saved)
            && live.storage_offset() == saved.storage_offset()
            && live.scalar_type() == saved.scalar_type()
            && live.dim() == saved.dim();
    for (long d = 0; same && d < saved.dim(); d++) {
      same = live.size(d) == saved.size(d) && live.stride(d) == saved.stride(d);
    }
    return same;
  }

  private static void attempt(Runnable part, List<Throwable> failures) {
    try {
      part.run();
    } catch (RuntimeException | Error e) {
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
  private static Tensor distinctElements(Tensor whole) {
    Tensor elements = whole.detach(); // a Java object of its own
    for (long d = 0; isStrided(whole) && d < elements.dim(); d++) {
      if (elements.stride(d) == 0 && elements.size(d) > 1) {
        elements = elements.narrow(d, 0, 1);
      }
    }
    return elements;
  }

  @Override
  public void close() {
    if (randomState != null) {
      randomState.restore();
      randomState = null;
    }
    owned.forEach(Pointer::close);
    modes.forEach(ModuleModes::close);
  }
}
