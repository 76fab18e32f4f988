package org.lrfinder.benchmarks.speed;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Supplier;
import org.bytedeco.openblas.global.openblas_nolapack;
import org.bytedeco.pytorch.global.torch;
import org.lrfinder.internal.models.OptimizerKind;

/** What is measured in turn within one process: groups of trials, made when their turn comes. */
enum Figure {
  /** Sweeps, whole and of a few steps: what they differ by is the price of a step. */
  SWEEP {
    @Override
    List<Supplier<List<Trial>>> groups(List<Case> cases, Contenders contenders) {
      List<Supplier<List<Trial>>> groups = new ArrayList<>();
      for (Case subject : cases) {
        groups.add(
            () -> {
              List<Trial> trials = new ArrayList<>();
              for (Contender contender : contenders.of(subject)) {
                for (int steps : new int[] {subject.steps(), few(subject)}) {
                  trials.add(sweep(subject.label(), steps, contender, steps));
                }
              }
              return trials;
            });
      }
      return groups;
    }
  },

  /** Trainings of an epoch. */
  EPOCH {
    @Override
    List<Supplier<List<Trial>>> groups(List<Case> cases, Contenders contenders) {
      List<Supplier<List<Trial>>> groups = new ArrayList<>();
      for (Case subject : cases) {
        if (subject.optimizer() == OptimizerKind.ADAM) {
          groups.add(
              () ->
                  contenders.of(subject).stream()
                      .filter(Contender::trains)
                      .map(
                          contender ->
                              new Trial(
                                  subject.label(),
                                  Math.toIntExact(Workload.rows(subject) / subject.batchSize()),
                                  contender.name(),
                                  contender::epoch))
                      .toList());
        }
      }
      return groups;
    }
  },

  /** How sweeps grow with the width, the depth, the batch and the steps. */
  GROWTH {
    @Override
    List<Supplier<List<Trial>>> groups(List<Case> cases, Contenders contenders) {
      List<Supplier<List<Trial>>> groups = new ArrayList<>();
      for (int width : new int[] {64, 128, 256, 512, 1024}) {
        groups.add(() -> point("width", width, grown("1x" + width, 32, 100), contenders));
      }
      for (int depth : new int[] {1, 5, 10, 20}) {
        groups.add(() -> point("depth", depth, grown(depth + "x64", 32, 100), contenders));
      }
      for (int batch : new int[] {8, 32, 128, 512}) {
        groups.add(() -> point("batch", batch, grown("1x64", batch, 100), contenders));
      }
      for (int steps : new int[] {10, 30, 100, 300, 1000}) {
        groups.add(() -> point("steps", steps, grown("1x64", 32, steps), contenders));
      }
      return groups;
    }
  },

  /** Sweeps under the library's choice of thread counts and under counts set by hand. */
  THREADS {
    @Override
    List<Supplier<List<Trial>>> groups(List<Case> cases, Contenders contenders) {
      List<Supplier<List<Trial>>> groups = new ArrayList<>();
      for (Case subject : cases) {
        if (subject.optimizer() == OptimizerKind.ADAM) {
          groups.add(() -> underThreadCounts(subject, contenders.library(subject)));
        }
      }
      return groups;
    }
  };

  private static final int BLAS_DEFAULT = -1;
  private static final int LEAST_STEPS = 6; // fastai does no fewer

  /** The contender whose counts nobody sets. */
  static final String DEFAULT_COUNTS = "the library's choice";

  abstract List<Supplier<List<Trial>>> groups(List<Case> cases, Contenders contenders);

  /** As in the rows. */
  String key() {
    return name().toLowerCase(Locale.ROOT);
  }

  static int few(Case subject) {
    return Math.max(LEAST_STEPS, subject.steps() / 5);
  }

  private static Trial sweep(String subject, int x, Contender contender, int steps) {
    return new Trial(subject, x, contender.name(), () -> contender.sweep(steps));
  }

  private static Case grown(String network, int batchSize, int steps) {
    return new Case(NetworkShape.of(network), OptimizerKind.ADAM, batchSize, steps);
  }

  private static List<Trial> point(String curve, int x, Case subject, Contenders contenders) {
    return contenders.of(subject).stream()
        .filter(contender -> Contenders.GROWING.contains(contender.name()))
        .map(contender -> sweep(curve, x, contender, subject.steps()))
        .toList();
  }

  /** Each is timed after an untimed sweep: the threads of the counts before spin on for a while. */
  private static List<Trial> underThreadCounts(Case subject, Contender library) {
    Map<String, Runnable> choices =
        "mkl".equals(System.getProperty("org.bytedeco.openblas.load")) ? ofMkl() : ofOpenBlas();
    int steps = Math.min(subject.steps(), 40);
    List<Trial> trials = new ArrayList<>();
    choices.forEach(
        (name, choice) ->
            trials.add(
                new Trial(
                    subject.label(),
                    steps,
                    name,
                    () -> {
                      choice.run();
                      library.sweep(few(subject));
                      return library.sweep(steps);
                    })));
    return trials;
  }

  /**
   * MKL has libtorch's count until it is given one of its own, which then holds for the rest of the
   * process: the choice of the library could not be timed beside it.
   */
  private static Map<String, Runnable> ofMkl() {
    int all = torch.intraop_default_num_threads();
    Map<String, Runnable> choices = new LinkedHashMap<>();
    choices.put(DEFAULT_COUNTS, () -> torch.set_num_threads(all));
    for (int threads : new int[] {1, all}) {
      choices.put("both %d".formatted(threads), () -> torch.set_num_threads(threads));
    }
    return choices;
  }

  private static Map<String, Runnable> ofOpenBlas() {
    int all = torch.intraop_default_num_threads();
    Map<String, Runnable> choices = new LinkedHashMap<>();
    choices.put(DEFAULT_COUNTS, () -> set(all, BLAS_DEFAULT));
    for (int libtorch : new int[] {1, all}) {
      for (int blas : new int[] {1, all}) {
        choices.put("libtorch %d BLAS %d".formatted(libtorch, blas), () -> set(libtorch, blas));
      }
    }
    return choices;
  }

  private static void set(int libtorch, int blas) {
    torch.set_num_threads(libtorch);
    openblas_nolapack.blas_set_num_threads(blas);
  }
}
