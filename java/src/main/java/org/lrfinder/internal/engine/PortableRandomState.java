package org.lrfinder.internal.engine;

import java.util.ArrayList;
import java.util.List;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.Generator;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.jspecify.annotations.Nullable;

/**
 * The states of libtorch's default generators: what {@code lrfinder::RandomState} is to the native
 * engine. Of sweeps that overlap in time all share what the first one saved, and the last one puts
 * it back.
 */
final class PortableRandomState {
  private record Saved(Generator generator, Tensor state) {}

  private static @Nullable PortableRandomState shared;

  private final List<Saved> saved = new ArrayList<>();
  private int users;

  private PortableRandomState() {}

  /** Whoever calls this calls {@link #restore} once. */
  static synchronized PortableRandomState save() {
    PortableRandomState state = shared;
    if (state == null) {
      state = new PortableRandomState();
      try (PointerScope scope = new PointerScope()) {
        state.save(torch.getDefaultCPUGenerator());
        for (byte i = 0; i < torch.cuda_device_count(); i++) {
          Device device = new Device(new BytePointer("cuda:" + i));
          state.save(torch.globalContext().defaultGenerator(device));
        }
      } catch (RuntimeException | Error e) {
        state.close();
        throw e;
      }
      shared = state;
    }
    state.users++;
    return state;
  }

  private void save(Generator generator) {
    saved.add(new Saved(keep(new Generator(generator)), keep(generator.get_state())));
  }

  private static <P extends Pointer> P keep(P pointer) {
    pointer.retainReference(); // outlives the scope, until close()
    return pointer;
  }

  void restore() {
    synchronized (PortableRandomState.class) {
      users--;
      if (users > 0) {
        return;
      }
      shared = null; // who comes now finds the generators as they are from here on
      try {
        saved.forEach(of -> of.generator.set_state(of.state));
      } finally {
        close();
      }
    }
  }

  private void close() {
    for (Saved of : saved) {
      of.generator.close();
      of.state.close();
    }
    saved.clear();
  }
}
