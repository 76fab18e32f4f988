package org.lrfinder.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.withinPercentage;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class ContenderTest {
  private static final int STEPS = 30;

  private final List<String> missing = new ArrayList<>();
  private final List<Contender> contenders = Contender.all(Workload.of(64, STEPS), missing::add);

  @Test
  void allDoTheSameWork() {
    double[] expected = contenders.get(0).sweep().get();
    assertThat(expected).hasSize(STEPS);
    for (Contender contender : contenders) {
      double[] losses = contender.sweep().get();
      assertThat(losses).as(contender.name()).hasSize(STEPS);
      for (int i = 0; i < STEPS; i++) {
        assertThat(losses[i])
            .as("%s, step %d", contender.name(), i)
            .isCloseTo(expected[i], withinPercentage(0.1));
      }
    }
  }

  @Test
  void aSecondRunFindsTheNetworkAsTheFirstDid() {
    for (Contender contender : contenders) {
      assertThat(contender.sweep().get()).as(contender.name()).isEqualTo(contender.sweep().get());
    }
  }

  @Test
  void whoeverIsMissingIsNamed() {
    assertThat(contenders.size() + missing.size()).isEqualTo(4);
    assertThat(missing).allMatch(line -> line.matches("(native|bare) is left out: .+"));
  }
}
