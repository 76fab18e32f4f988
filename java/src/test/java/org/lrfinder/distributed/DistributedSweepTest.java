package org.lrfinder.distributed;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.lrfinder.LrFinder;
import org.lrfinder.LrFinderResult;
import org.lrfinder.distributed.Ranks.Ended;
import org.lrfinder.engine.EngineChoice;
import org.lrfinder.testkit.EnginesUnderTest;

/** Sweeps of several JVMs, over gloo. */
class DistributedSweepTest {
  private static List<Ended> swept(int ranks, String what) throws Exception {
    assumeTrue(EnginesUnderTest.all().contains(EngineChoice.NATIVE));
    List<Ended> all = Ranks.run(ranks, SweepingRank.class, what);
    for (Ended rank : all) {
      assertThat(rank.exit()).as(rank.printed()).isZero();
      assertThat(rank.lines("differences")).as(rank.printed()).containsExactly("[]");
    }
    return all;
  }

  private static double[] numbers(List<String> lines) {
    return lines.stream().mapToDouble(Double::parseDouble).toArray();
  }

  @ParameterizedTest
  @CsvSource({"2,native", "3,java", "4,native accumulating clipped", "2,java accumulating"})
  void findTheCurveOfOneProcess(int ranks, String what) throws Exception {
    List<Ended> all = swept(ranks, what);

    LrFinder.Builder finder = SharedTask.finder().engine(EngineChoice.NATIVE);
    if (what.contains("accumulating")) {
      finder.accumulateGradBatches(2);
    }
    if (what.contains("clipped")) {
      finder.gradientClipNorm(0.5);
    }
    LrFinderResult alone = new SharedTask().sweep(finder, what, null);
    double[] losses = numbers(all.get(0).lines("loss"));
    assertThat(losses).hasSize(SharedTask.STEPS);
    for (int i = 0; i < losses.length; i++) {
      double loss = alone.results().loss(i);
      assertThat(losses[i]).as("step %d", i).isCloseTo(loss, within(1e-12 * loss));
    }
    for (Ended other : all) {
      assertThat(other.lines("loss")).isEqualTo(all.get(0).lines("loss"));
      assertThat(other.lines("validation"))
          .hasSize(SharedTask.STEPS)
          .isEqualTo(all.get(0).lines("validation"));
      assertThat(other.lines("end")).containsExactly("COMPLETED");
    }
  }

  @Test
  void endTogetherWhenOneIsCancelled() throws Exception {
    for (Ended rank : swept(3, "native cancelled")) {
      assertThat(rank.lines("loss")).hasSize(6); // the step that it says so with is done
      assertThat(rank.lines("end")).containsExactly("CANCELLED");
    }
  }

  @Test
  void endTogetherWithTheData() throws Exception {
    for (Ended rank : swept(2, "native once")) {
      assertThat(rank.lines("loss")).hasSize(3);
      assertThat(rank.lines("end")).containsExactly("DATA_EXHAUSTED");
    }
  }

  @Test
  void areToldOfOneThatThrows() throws Exception {
    for (String when : List.of("throwing", "last-throws")) {
      List<Ended> all = swept(3, "native " + when);

      String message = when.equals("throwing") ? "no more" : "at last";
      assertThat(all.get(1).lines("error")).containsExactly("IllegalStateException: " + message);
      for (Ended other : List.of(all.get(0), all.get(2))) {
        assertThat(other.lines("error"))
            .containsExactly(
                "PeerException: rank 1 failed: java.lang.IllegalStateException: " + message);
      }
    }
  }

  @Test
  void refuseSettingsThatDiffer() throws Exception {
    for (Ended rank : swept(2, "native other-range")) {
      assertThat(rank.lines("error"))
          .containsExactly(
              "IllegalArgumentException: the processes do not agree: rank 1 has maxLr=5.0, rank 0 has maxLr=0.5");
    }
  }

  @Test
  void tellTheOthersOfAnEngineThatCannot() throws Exception {
    List<Ended> all = swept(2, "native portable");

    String why = "several processes need the native engine, not the portable one";
    assertThat(all.get(1).lines("error")).containsExactly("IllegalArgumentException: " + why);
    assertThat(all.get(0).lines("error"))
        .containsExactly(
            "PeerException: rank 1 failed: java.lang.IllegalArgumentException: " + why);
  }
}
