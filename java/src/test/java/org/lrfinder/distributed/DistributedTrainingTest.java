package org.lrfinder.distributed;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.lrfinder.distributed.Ranks.Ended;
import org.lrfinder.engine.EngineChoice;
import org.lrfinder.testkit.EnginesUnderTest;
import org.lrfinder.trainer.MetricsLogger;
import org.lrfinder.trainer.Trainer;
import org.lrfinder.trainer.TrainerListener;
import org.lrfinder.trainer.TrainingStep;

/** Trainings of several JVMs, over gloo. */
class DistributedTrainingTest {
  private static final int STEPS = 50;

  @TempDir private Path folder;

  @BeforeEach
  void assumeNative() {
    assumeTrue(EnginesUnderTest.all().contains(EngineChoice.NATIVE));
  }

  private List<Ended> trained(int ranks, String what) throws Exception {
    List<Ended> all = Ranks.run(ranks, TrainingRank.class, what, folder.toString());
    for (Ended rank : all) {
      assertThat(rank.exit()).as(rank.printed()).isZero();
    }
    return all;
  }

  private static void assertAlike(List<Ended> all, String... names) {
    for (Ended rank : all) {
      for (String name : names) {
        assertThat(rank.lines(name)).as(rank.printed()).isEqualTo(all.get(0).lines(name));
      }
    }
  }

  /** What one process makes of the same batches. */
  private static List<Double> alone() {
    List<Double> losses = new ArrayList<>();
    TrainerListener listener =
        new TrainerListener() {
          @Override
          public void onStep(TrainingStep step) {
            losses.add(step.loss());
          }
        };
    Trainer.builder()
        .engine(EngineChoice.NATIVE)
        .maxSteps(STEPS)
        .listener(listener)
        .logger(MetricsLogger.NONE)
        .build()
        .fit(new TrainingRank.Subject(null, false));
    return losses;
  }

  @Test
  void doWhatOneProcessDoes() throws Exception {
    List<Double> alone = alone();
    for (int ranks : new int[] {2, 3}) {
      List<Ended> all = trained(ranks, "fit");

      assertAlike(all, "loss", "epoch", "steps", "stopped");
      List<String> losses = all.get(0).lines("loss");
      assertThat(losses).hasSize(STEPS);
      for (int i = 0; i < STEPS; i++) {
        assertThat(Double.parseDouble(losses.get(i)))
            .as("step %d", i)
            .isCloseTo(alone.get(i), within(1e-12 * Math.max(alone.get(i), 1)));
      }
      assertThat(all.get(0).lines("console")).containsExactly("true log true");
      assertThat(all.get(1).lines("console")).containsExactly("false log false");
    }
  }

  @Test
  void haveStatisticsOfTheirOwn() throws Exception {
    List<Ended> all = trained(2, "statistics");

    assertAlike(all, "loss", "steps");
    assertThat(all.get(0).lines("loss")).hasSize(STEPS);
  }

  @Test
  void setTheRateThatTheirSweepFound() throws Exception {
    List<Ended> all = trained(2, "finding");

    assertAlike(all, "rate", "loss");
    assertThat(Double.parseDouble(all.get(0).lines("rate").get(0))).isNotEqualTo(0.01);
  }

  @Test
  void goOnFromTheCheckpointOfRank0() throws Exception {
    List<Ended> all = trained(2, "saving");
    assertThat(all.get(0).lines("saved")).containsExactly("true");
    List<Ended> resumed = trained(2, "resuming");

    assertAlike(resumed, "loss", "steps");
    List<String> whole = all.get(0).lines("loss");
    List<String> rest = resumed.get(0).lines("loss");
    assertThat(rest).isNotEmpty().isEqualTo(whole.subList(whole.size() - rest.size(), STEPS));
  }

  @Test
  void stopTogether() throws Exception {
    List<Ended> all = trained(2, "stopped");

    assertAlike(all, "loss", "stopped");
    assertThat(all.get(0).lines("loss")).hasSize(8); // the step that it says so with is done
    assertThat(all.get(0).lines("stopped")).containsExactly("true");
  }

  @Test
  void areToldOfOneThatThrows() throws Exception {
    for (String when : List.of("throwing", "late-throw")) {
      List<Ended> all = trained(2, when);

      String message = when.equals("throwing") ? "no more" : "at last";
      assertThat(all.get(1).lines("error")).containsExactly("IllegalStateException: " + message);
      assertThat(all.get(0).lines("error"))
          .containsExactly(
              "PeerException: rank 1 failed: java.lang.IllegalStateException: " + message);
    }
  }
}
