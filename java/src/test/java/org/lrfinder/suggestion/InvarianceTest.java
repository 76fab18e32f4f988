package org.lrfinder.suggestion;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.lrfinder.sweep.Curve;

/**
 * Which rule lacks which invariance on the golden sweeps, as the rules' documentation has it:
 * changed losses are averaged and stopped anew, as a sweep of that loss would do.
 */
class InvarianceTest {
  private static final List<JsonNode> SWEEPS = GoldenTest.sweeps("even").toList();

  private static Optional<Double> pick(
      SuggestionRule rule, JsonNode sweep, UnaryOperator<double[]> change) {
    double[] losses = change.apply(GoldenTest.losses(sweep));
    double[] smoothed = GoldenTest.lightning(losses);
    // The default sees what a sweep recorded up to the stop, like the others.
    double[] rates = Arrays.copyOf(GoldenTest.doubles(sweep.get("rates")), smoothed.length);
    Curve curve = new Curve(rates, Arrays.copyOf(losses, smoothed.length), smoothed);
    return rule.pick(curve, GoldenTest.settings(sweep)).map(Pick::lr);
  }

  /** Names of the rules that a change moves, by more than so much, on some sweep. */
  private static Set<String> movedBy(double decades, UnaryOperator<double[]> change) {
    Set<String> moved = new TreeSet<>();
    for (SuggestionRule rule : SuggestionRules.all()) {
      for (JsonNode sweep : SWEEPS) {
        Optional<Double> before = pick(rule, sweep, UnaryOperator.identity());
        Optional<Double> after = pick(rule, sweep, change);
        if (before.isPresent() != after.isPresent()
            || (before.isPresent() && Math.abs(Math.log10(after.get() / before.get())) > decades)) {
          moved.add(rule.name());
        }
      }
    }
    return moved;
  }

  @Test
  void aScaleMovesSlideAlone() {
    assertThat(movedBy(1e-6, losses -> Arrays.stream(losses).map(loss -> 1000 * loss).toArray()))
        .containsExactly("slide");
  }

  @Test
  void aConstantMovesEveryPublishedRuleSinceTheStopIsARatio() {
    assertThat(movedBy(0.1, losses -> Arrays.stream(losses).map(l -> l + 10 * losses[0]).toArray()))
        .containsExactly("minimum", "slide", "steep", "steepest", "steepest-log", "valley");
  }

  @Test
  void oneSpikeMovesEveryPublishedRule() {
    assertThat(
            movedBy(
                0.2,
                losses -> {
                  double[] spiked = losses.clone();
                  spiked[30] *= 10;
                  return spiked;
                }))
        .contains("minimum", "slide", "steep", "steepest", "steepest-log", "valley");
  }
}
