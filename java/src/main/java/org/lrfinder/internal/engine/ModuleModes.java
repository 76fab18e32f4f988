package org.lrfinder.internal.engine;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Module;
import org.bytedeco.pytorch.SharedModuleVector;
import org.jspecify.annotations.Nullable;

/** The train/eval mode of each module of a network. */
final class ModuleModes implements AutoCloseable {
  private record Mode(Module module, boolean training) {}

  private final List<Mode> modes = new ArrayList<>(); // parents before their children

  ModuleModes(@Nullable Module network) {
    if (network == null) {
      return;
    }
    try (PointerScope scope = new PointerScope()) {
      SharedModuleVector modules = network.modules();
      for (long i = 0; i < modules.size(); i++) {
        Module module = modules.get(i);
        module.retainReference(); // outlives the scope, until close()
        modes.add(new Mode(module, module.is_training()));
      }
    }
  }

  /**
   * Puts every module back.
   *
   * @param attempt runs each part
   */
  void restore(Consumer<Runnable> attempt) {
    for (Mode mode : modes) {
      if (mode.module.is_training() != mode.training) {
        attempt.accept(() -> mode.module.train(mode.training));
      }
    }
  }

  @Override
  public void close() {
    modes.forEach(mode -> mode.module.close());
  }
}
