package org.lrfinder.internal.engine;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.JitModule;
import org.bytedeco.pytorch.Module;
import org.bytedeco.pytorch.SharedModuleVector;
import org.bytedeco.pytorch.module_iterator;
import org.bytedeco.pytorch.module_list;
import org.jspecify.annotations.Nullable;

/** The train/eval mode of each module of a network. */
final class ModuleModes implements AutoCloseable {
  private record Mode(Module module, boolean training) {}

  private record ScriptMode(JitModule module, boolean training) {}

  private final @Nullable Module network;
  private final @Nullable JitModule script;
  private final List<Mode> modes; // parents before their children
  private final List<ScriptMode> scriptModes; // likewise

  ModuleModes(@Nullable Module network, @Nullable JitModule script) {
    this.network = network;
    this.script = script;
    modes = network == null ? List.of() : new ArrayList<>();
    scriptModes = script == null ? List.of() : new ArrayList<>();
    try (PointerScope scope = new PointerScope()) {
      if (network != null) {
        add(network.modules());
      }
      if (script != null) {
        add(script.modules());
      }
    }
  }

  private void add(SharedModuleVector modules) {
    for (long i = 0; i < modules.size(); i++) {
      Module module = modules.get(i);
      module.retainReference(); // outlives the scope, until close()
      modes.add(new Mode(module, module.is_training()));
    }
  }

  private void add(module_list modules) {
    module_iterator last = modules.end();
    for (module_iterator i = modules.begin(); i.notEquals(last); i.increment()) {
      JitModule module = new JitModule(i.access());
      module.retainReference(); // outlives the scope, until close()
      scriptModes.add(new ScriptMode(module, module.is_training()));
    }
  }

  void eval() {
    if (network != null) {
      network.eval();
    }
    if (script != null) {
      script.eval();
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
    for (ScriptMode mode : scriptModes) {
      if (mode.module.is_training() != mode.training) {
        attempt.accept(() -> mode.module.train(mode.training));
      }
    }
  }

  @Override
  public void close() {
    modes.forEach(mode -> mode.module.close());
    scriptModes.forEach(mode -> mode.module.close());
  }
}
