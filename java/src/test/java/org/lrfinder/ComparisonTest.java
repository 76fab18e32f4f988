package org.lrfinder;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import javax.imageio.ImageIO;
import org.bytedeco.pytorch.AdamW;
import org.bytedeco.pytorch.AdamWOptions;
import org.bytedeco.pytorch.SequentialImpl;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.knowm.xchart.XYSeries;
import org.lrfinder.suggestion.Trend;
import org.lrfinder.sweep.Loss;
import org.lrfinder.sweep.StepFunction;
import org.lrfinder.testkit.Digits;
import org.lrfinder.testkit.Models;

class ComparisonTest {
  @TempDir private Path folder;

  @Test
  void settingsAreSweptOneAfterTheOtherAndLaidOverOneAnother() throws Exception {
    SequentialImpl network = Digits.network(64, 64);
    Map<String, SweepTask<?>> tasks = new LinkedHashMap<>();
    for (double decay : new double[] {0, 1, 30}) {
      AdamWOptions options = new AdamWOptions(1e-3);
      options.weight_decay().put(decay);
      AdamW optimizer = Models.keep(new AdamW(network.parameters(), options));
      tasks.put(
          "weight decay " + decay,
          SweepTask.of(network, optimizer, Loss.CROSS_ENTROPY, Digits.batches()));
    }
    LrFinder finder = LrFinder.builder().minLr(1e-7).maxLr(10).build();

    Comparison compared = Comparison.sweep(finder, tasks);

    assertThat(compared.entries())
        .extracting(Comparison.Entry::setting)
        .containsExactly("weight decay 0.0", "weight decay 1.0", "weight decay 30.0");
    // From the same weights over the same batches.
    assertThat(compared.entries().stream().map(e -> e.result().results().losses()[0]).distinct())
        .hasSize(1);
    LrFinderResult plain = compared.entries().get(0).result();
    assertThat(compared.table().lines()).hasSize(5);
    assertThat(compared.table())
        .contains("| setting | status | suggestion | range | largest stable rate | lowest loss |\n")
        .contains(
            String.format(
                Locale.ROOT,
                "| weight decay 0.0 | OK | %.2e | %.2e to %.2e | %.2e |",
                plain.suggestion().orElseThrow().lr(),
                plain.cyclicRange().orElseThrow().base(),
                plain.cyclicRange().orElseThrow().max(),
                plain.largestStableLr().orElseThrow()));
    double[] judged = Trend.of(plain.results(), plain.settings()).orElseThrow().losses();
    double lowest = Arrays.stream(judged).min().orElseThrow();
    assertThat(Arrays.stream(plain.results().smoothedLosses()).min().orElseThrow())
        .as("the running loss lags")
        .isGreaterThan(1.5 * lowest);
    assertThat(compared.table()).contains(String.format(Locale.ROOT, " | %.4g |\n", lowest));
    XYSeries drawn =
        compared.plot().chart().getSeriesMap().entrySet().stream()
            .filter(series -> series.getKey().startsWith("weight decay 0.0: "))
            .findFirst()
            .orElseThrow()
            .getValue();
    assertThat(Arrays.stream(drawn.getYData()).min()).hasValue(lowest);
    assertThat(compared.plot().chart().getSeriesMap().keySet())
        .anySatisfy(name -> assertThat(name).startsWith("weight decay 30.0: "))
        .contains("suggestion of weight decay 0.0");
    assertThat(compared.plot().chart().getStyler().getYAxisMax())
        .as("a divergence does not flatten the rest")
        .isLessThan(4.0);
    Path picture = folder.resolve("decays.png");
    compared.plot().save(picture);
    assertThat(ImageIO.read(picture.toFile()).getWidth()).isEqualTo(900);
  }

  @Test
  void noSettingTwoOfTheSameNameAndNothingToDrawAreRefused() {
    LrFinderResult empty = LrFinder.builder().build().find(StepFunction.of(lr -> Double.NaN));
    Comparison.Entry entry = new Comparison.Entry("one", empty);
    assertThatThrownBy(() -> new Comparison(List.of()))
        .hasMessage("there is no setting to compare");
    assertThatThrownBy(() -> new Comparison(List.of(entry, entry)))
        .hasMessage("two settings have the same name: [one, one]");
    assertThat(new Comparison(List.of(entry)).table()).contains("| one | NON_FINITE | - | - | - |");
    assertThatThrownBy(() -> new Comparison(List.of(entry)).plot())
        .hasMessage("the curves have no points to draw");
  }
}
