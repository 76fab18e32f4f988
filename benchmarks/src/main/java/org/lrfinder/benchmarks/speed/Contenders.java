package org.lrfinder.benchmarks.speed;

import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.lrfinder.engine.EngineChoice;
import org.lrfinder.internal.models.OptimizerKind;
import org.lrfinder.internal.nativecore.NativeCore;

/** Who takes part: what this build has, and the Python workers that run. */
final class Contenders {
  static final String NATIVE = "native";
  static final String AUTOGRAD = "native autograd";
  static final String PORTABLE = "portable";
  static final String NAIVE = "naive JavaCPP";
  static final String PLAIN = "plain C++";
  static final String BARE = "bare C++";
  static final String COMPILED = "torch.compile";

  /** Who is measured where a figure grows. */
  static final Set<String> GROWING =
      Set.of(NATIVE, AUTOGRAD, NAIVE, PLAIN, BARE, "Lightning", "bare Python");

  /** Compiling takes half a minute a network. */
  private static final Set<String> COMPILING = Set.of("1x64", "2x512", "cnn-8x8");

  private final List<PythonWorker> workers;
  private final Notes notes;

  /**
   * @param workers Python's contenders, in their order
   * @param notes hears of those that are missing
   */
  Contenders(List<PythonWorker> workers, Notes notes) {
    this.workers = List.copyOf(workers);
    this.notes = notes;
  }

  List<Contender> of(Case subject) {
    Workload workload = Workload.of(subject, true);
    List<Contender> contenders = new ArrayList<>();
    here(notes).forEach(name -> contenders.add(of(name, workload)));
    for (PythonWorker worker : workers) {
      if (worker.name().equals(COMPILED) && !compiles(subject)) {
        continue;
      }
      try {
        worker.prepare(subject);
        contenders.add(worker);
      } catch (IllegalStateException e) {
        notes.add(
            "%s is left out of %s: %s".formatted(worker.name(), subject.label(), e.getMessage()));
      }
    }
    return contenders;
  }

  private static boolean compiles(Case subject) {
    return subject.optimizer() == OptimizerKind.ADAM
        && subject.equals(Case.of(subject.network().name()))
        && COMPILING.contains(subject.network().name());
  }

  /** {@return the library as it is by default} */
  Contender library(Case subject) {
    return new Library(NATIVE, EngineChoice.AUTO, true, Workload.of(subject, true));
  }

  /** {@return those of this process that this build has} */
  static List<String> here(Notes notes) {
    List<String> names = new ArrayList<>();
    try {
      NativeCore.load();
      names.addAll(List.of(NATIVE, AUTOGRAD));
    } catch (UnsatisfiedLinkError e) {
      notes.add("native is left out: " + e.getMessage());
    }
    names.addAll(List.of(PORTABLE, NAIVE));
    if (Files.exists(CppLoop.LIBRARY)) {
      names.addAll(List.of(PLAIN, BARE));
    } else {
      notes.add("C++ is left out: it was not built, which takes what the native engine takes");
    }
    return names;
  }

  /** {@return the library with one of its engines} */
  static Library library(String name, Workload workload) {
    return switch (name) {
      case NATIVE -> new Library(name, EngineChoice.NATIVE, true, workload);
      case AUTOGRAD -> new Library(name, EngineChoice.NATIVE, false, workload);
      case PORTABLE -> new Library(name, EngineChoice.PORTABLE, false, workload);
      default -> throw new IllegalArgumentException("there is no engine \"" + name + "\"");
    };
  }

  /** {@return one of those of this process} */
  static JvmContender of(String name, Workload workload) {
    return switch (name) {
      case NATIVE, AUTOGRAD, PORTABLE -> library(name, workload);
      case NAIVE -> new NaiveLoop(workload);
      case PLAIN -> CppLoop.plain(workload);
      case BARE -> CppLoop.bare(workload);
      default -> throw new IllegalArgumentException("there is no contender \"" + name + "\"");
    };
  }
}
