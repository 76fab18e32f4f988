package org.lrfinder.benchmarks.speed;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** BLAS and threads, which a process has for its life: equal for all that take turns. */
enum Setting {
  MKL_ONE("mkl-1", "MKL, one thread", true, true),
  MKL_DEFAULT("mkl-default", "MKL, default threads", true, false),
  OPENBLAS_ONE("openblas-1", "OpenBLAS, one thread", false, true),
  OPENBLAS_DEFAULT("openblas-default", "OpenBLAS, default threads", false, false);

  private final String key;
  private final String words;
  private final boolean mkl;
  private final boolean oneThread;

  Setting(String key, String words, boolean mkl, boolean oneThread) {
    this.key = key;
    this.words = words;
    this.mkl = mkl;
    this.oneThread = oneThread;
  }

  /** As in the rows. */
  String key() {
    return key;
  }

  String words() {
    return words;
  }

  static Setting of(String key) {
    for (Setting setting : values()) {
      if (setting.key.equals(key)) {
        return setting;
      }
    }
    throw new IllegalArgumentException("there is no setting \"" + key + "\"");
  }

  /** Python's torch has MKL: its ratios are taken there alone. */
  boolean hasPython() {
    return mkl;
  }

  /** With OpenBLAS the perceptrons are measured alone. */
  List<Case> of(List<Case> cases) {
    return mkl ? cases : cases.stream().filter(Case::isPerceptron).toList();
  }

  /** {@return a Java process, whose children have the same threads} */
  ProcessBuilder java(Class<?> program, List<String> arguments) {
    List<String> command = new ArrayList<>();
    command.add(ProcessHandle.current().info().command().orElse("java"));
    for (String property : List.of("org.bytedeco.javacpp.cachedir", "lrfinder.replay")) {
      if (System.getProperty(property) != null) {
        command.add("-D%s=%s".formatted(property, System.getProperty(property)));
      }
    }
    if (mkl) {
      command.add("-Dorg.bytedeco.openblas.load=mkl");
    }
    command.addAll(List.of("-cp", System.getProperty("java.class.path"), program.getName()));
    command.addAll(arguments);
    ProcessBuilder builder = new ProcessBuilder(command);
    Map<String, String> environment = builder.environment();
    for (String variable : List.of("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")) {
      if (oneThread) {
        environment.put(variable, "1");
      } else {
        environment.remove(variable);
      }
    }
    return builder;
  }
}
