package org.lrfinder.benchmarks.speed;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.withinPercentage;

import java.util.List;
import org.bytedeco.openblas.global.openblas_nolapack;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class ContendersTest {
  private static final int STEPS = 4;
  private static final int SEED = 7;
  private static final List<String> LARGE = List.of("2x2048");

  private final Notes missing = new Notes();
  private final List<String> names = Contenders.here(missing);

  /** As in the measurements: on more, threads wait for each other while others use the cores. */
  @BeforeAll
  static void useOneThread() {
    torch.set_num_threads(1);
    openblas_nolapack.blas_set_num_threads(1);
  }

  static List<Case> cases() {
    return Case.all().stream().filter(known -> !LARGE.contains(known.network().name())).toList();
  }

  @ParameterizedTest
  @MethodSource("cases")
  void allTrainTheSameNetworkInTheSameWay(Case subject) {
    Workload workload = workload(subject);
    double[] expected = losses(Contenders.of(names.get(0), workload));
    assertThat(expected).hasSize(STEPS);
    for (String name : names) {
      double[] losses = losses(Contenders.of(name, workload));
      assertThat(losses).as(name).hasSize(STEPS);
      for (int i = 0; i < STEPS; i++) {
        assertThat(losses[i])
            .as("%s, step %d", name, i)
            .isCloseTo(expected[i], withinPercentage(0.1));
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"1x64", "lstm"})
  void aSecondSweepFindsTheNetworkAsTheFirstDid(String network) {
    Workload workload = workload(Case.of(network));
    for (String name : names) {
      JvmContender contender = Contenders.of(name, workload);
      assertThat(losses(contender)).as(name).isEqualTo(losses(contender));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"1x64", "gru"})
  void stepsOfAnOpenSweepAreThoseOfASweepAndLeaveTheNetworkAsItWas(String network) {
    Workload workload = workload(Case.of(network));
    List<String> engines = List.of(Contenders.NATIVE, Contenders.AUTOGRAD, Contenders.PORTABLE);
    for (String name : names.stream().filter(engines::contains).toList()) {
      Library library = Contenders.library(name, workload);
      double[] expected = losses(library);
      try (Library.OpenSweep open = library.open()) {
        assertThat(open.step()).as(name).isEqualTo(expected[0]);
        open.step();
      }
      assertThat(losses(library)).as(name).isEqualTo(expected);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"1x64", "gru"})
  void anEpochMovesTheNetwork(String network) {
    Workload workload = workload(Case.of(network));
    for (String name : names) {
      JvmContender contender = Contenders.of(name, workload);
      double before = losses(contender)[0];
      contender.epoch();
      assertThat(losses(contender)[0]).as(name).isLessThan(before);
    }
  }

  @ParameterizedTest
  @ValueSource(ints = 6)
  void whoeverIsMissingIsNamed(int all) {
    long missingNames =
        missing.lines().stream()
            .mapToLong(line -> line.startsWith("native") || line.startsWith("C++") ? 2 : 0)
            .sum();
    assertThat(names.size() + missingNames).isEqualTo(all);
  }

  private static Workload workload(Case subject) {
    return Workload.of(
        new Case(subject.network(), subject.optimizer(), subject.batchSize(), STEPS), false);
  }

  /** Dropout draws the same each time. */
  private static double[] losses(JvmContender contender) {
    torch.manual_seed(SEED);
    return contender.sweep(STEPS).losses();
  }
}
