package org.lrfinder.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.File;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import javax.tools.JavaCompiler;
import javax.tools.ToolProvider;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.OptimizerParamGroup;
import org.bytedeco.pytorch.SGD;
import org.bytedeco.pytorch.SGDOptions;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.lrfinder.Comparison;
import org.lrfinder.LrFinder;
import org.lrfinder.LrFinderResult;
import org.lrfinder.suggestion.Status;
import org.lrfinder.suggestion.Suggestion;
import org.lrfinder.sweep.GroupRate;
import org.lrfinder.sweep.Precision;
import org.lrfinder.sweep.ScheduleMode;
import org.lrfinder.sweep.StepFunction;
import org.lrfinder.sweep.SweepSettings;
import org.lrfinder.testkit.OwnJvm;

class HtmlReportTest {
  private final Locale locale = Locale.getDefault();
  @TempDir private Path folder;

  @AfterEach
  void putBack() {
    Locale.setDefault(locale);
  }

  private static List<String> all(String pattern, String html) {
    return Pattern.compile(pattern, Pattern.DOTALL)
        .matcher(html)
        .results()
        .map((MatchResult found) -> found.group(1))
        .toList();
  }

  private static String text(String html) {
    return html.replaceAll("<[^>]*>", "")
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#39;", "'")
        .replace("&#x3D;", "=")
        .replace("&#x60;", "`")
        .replace("&amp;", "&");
  }

  private static List<String> code(String language, String html) {
    return all("<code class=\"" + language + "\">(.*?)</code>", html).stream()
        .map(HtmlReportTest::text)
        .toList();
  }

  static Stream<SweepSettings> settings() {
    return Stream.of(
        SweepSettings.DEFAULTS,
        SweepSettings.builder()
            .minLr(1e-4)
            .maxLr(100)
            .steps(77)
            .mode(ScheduleMode.LINEAR)
            .noEarlyStop()
            .smoothingBeta(0.5)
            .accumulateGradBatches(3)
            .gradientClipNorm(0.1)
            .precision(Precision.BFLOAT16)
            .threads(2)
            .replay(false)
            .groupRatios(1, 0.1)
            .cycleData(false)
            .validationBatchCount(9)
            .build(),
        SweepSettings.builder()
            .earlyStopThreshold(2.5)
            .gradientClipValue(3)
            .sweptGroups(0, 1)
            .groupRange(0, 1e-5, 1e-3)
            .groupRange(1, 1e-6, 1e-4)
            .build());
  }

  @ParameterizedTest
  @MethodSource("settings")
  void theJavaMakesTheSameSweepAndSetsEachGroupsRate(SweepSettings settings) throws Exception {
    LrFinderResult found =
        Results.with(settings, List.of(GroupRate.swept(1), GroupRate.swept(0.1)), Results.ENGINE);
    Suggestion suggestion = found.suggestion().orElseThrow();
    List<String> java = code("java", found.report().html());
    assertThat(java).hasSize(2);
    String source =
        """
        import org.bytedeco.pytorch.*;
        import org.lrfinder.*;
        import org.lrfinder.sweep.*;

        public class Pasted {
          public static void setRates(Optimizer optimizer) {
        %s  }

          public static LrFinder finder() {
        %s    return finder;
          }
        }
        """
            .formatted(java.get(0), java.get(1));
    try (URLClassLoader loader = compiled("Pasted", source)) {
      Class<?> pasted = loader.loadClass("Pasted");
      LrFinder finder = (LrFinder) pasted.getMethod("finder").invoke(null);
      assertThat(finder.settings()).isEqualTo(settings);
      TensorVector parameters = new TensorVector(torch.ones(2).requires_grad_(true));
      Optimizer optimizer = new SGD(parameters, new SGDOptions(1));
      TensorVector more = new TensorVector(torch.ones(3).requires_grad_(true));
      optimizer.add_param_group(new OptimizerParamGroup(more));
      pasted.getMethod("setRates", Optimizer.class).invoke(null, optimizer);
      for (int i = 0; i < 2; i++) {
        assertThat(optimizer.param_groups().get(i).options().get_lr())
            .isEqualTo(suggestion.perGroup().get(i));
      }
    }
    assertThat(java.get(1)).contains(".rule(\"steepest\")");
  }

  private URLClassLoader compiled(String name, String source) throws Exception {
    Path file = Files.writeString(folder.resolve(name + ".java"), source);
    JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
    StringWriter problems = new StringWriter();
    String classPath = String.join(File.pathSeparator, OwnJvm.classPath());
    boolean compiled =
        compiler
            .getTask(
                problems,
                null,
                null,
                List.of("-proc:none", "-d", folder.toString(), "-cp", classPath),
                null,
                compiler.getStandardFileManager(null, null, null).getJavaFileObjects(file))
            .call();
    assertThat(compiled).as("%s%s", source, problems).isTrue();
    return new URLClassLoader(
        new URL[] {folder.toUri().toURL()}, HtmlReportTest.class.getClassLoader());
  }

  @Test
  void thePythonNamesEachGroupsRate() {
    LrFinderResult found =
        Results.with(
            SweepSettings.DEFAULTS,
            List.of(GroupRate.swept(1), GroupRate.swept(0.1)),
            Results.ENGINE);
    List<Double> rates = found.suggestion().orElseThrow().perGroup();
    assertThat(code("python", found.report().html()))
        .containsExactly(
            """
            for group, lr in zip(optimizer.param_groups, %s):
                group["lr"] = lr
            """
                .formatted(rates));
  }

  @Test
  void nothingIsSetOfAStepFunctionWhichHasNoOptimizer() {
    String html = Results.falling(finder -> {}).report().html();
    assertThat(code("python", html)).isEmpty();
    assertThat(code("java", html)).hasSize(1);
  }

  @Test
  void whatDataSayIsTextAndNothingElse() {
    String html =
        new Comparison(
                List.of(
                    new Comparison.Entry("name " + Results.HOSTILE, Results.hostile()),
                    new Comparison.Entry("other", Results.hostile())))
            .report()
            .withTitle("title " + Results.HOSTILE)
            .html();
    assertThat(all("(<script)", html)).hasSize(1);
    assertThat(all("(<img)", html)).isEmpty();
    for (String where :
        List.of(
            "name",
            "title",
            "rule",
            "warning",
            "engine",
            "reason",
            "device",
            "blas",
            "libtorch",
            "path",
            "card",
            "replay")) {
      assertThat(text(html)).contains(where + " " + Results.HOSTILE);
    }
  }

  @Test
  void thePolicyLetsThePagesOwnStyleAndScriptRunAndNothingElse() throws Exception {
    String html = Results.falling(finder -> {}).report().html();
    String policy = all("Content-Security-Policy\" content=\"([^\"]*)\"", html).get(0);
    assertThat(policy)
        .isEqualTo(
            "default-src 'none'; style-src '%s'; script-src '%s'; img-src data:; base-uri 'none'; form-action 'none'"
                .formatted(
                    digest(all("<style>(.*?)</style>", html).get(0)),
                    digest(all("<script>(.*?)</script>", html).get(0))));
    assertThat(all("( style=)", html)).as("attributes that it would drop").isEmpty();
    assertThat(all("( on\\w+=)", html)).isEmpty();
  }

  private static String digest(String text) throws Exception {
    byte[] digest =
        MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
    return "sha256-" + Base64.getEncoder().encodeToString(digest);
  }

  @Test
  void nothingIsFetched() {
    String html =
        new Comparison(
                List.of(
                    new Comparison.Entry("a", Results.falling(finder -> {})),
                    new Comparison.Entry("b", Results.falling(finder -> finder.repeats(3)))))
            .report()
            .html()
            .replaceAll("http://www\\.w3\\.org/(2000/svg|1999/xlink)", "");
    assertThat(html)
        .doesNotContain("://")
        .doesNotContain("@import")
        .doesNotContain("<!DOCTYPE svg");
    assertThat(all("url\\(([^)]*)\\)", html)).allMatch(target -> target.startsWith("#"));
  }

  @Test
  void noTwoPartsOfAPageHaveTheSameId() {
    String html =
        new Comparison(
                List.of(
                    new Comparison.Entry("a", Results.falling(finder -> {})),
                    new Comparison.Entry("b", Results.falling(finder -> {}))))
            .report()
            .html();
    List<String> ids = all("\\sid=\"([^\"]*)\"", html);
    assertThat(ids).doesNotHaveDuplicates().hasSizeGreaterThan(20);
    assertThat(all("(?:href=\"|url\\()#([^\")]*)", html)).isNotEmpty().isSubsetOf(ids);
    assertThat(all("\\s(?:for|aria-labelledby|aria-describedby|data-values)=\"([^\"]*)\"", html))
        .isNotEmpty()
        .isSubsetOf(ids);
  }

  @Test
  void theTableHasEveryValueInEveryLocale() {
    LrFinderResult found = Results.falling(finder -> {});
    Locale.setDefault(Locale.GERMANY);
    String html = found.report().html();
    List<String> rows = all("<tr data-x=(.*?)</tr>", html);
    assertThat(rows).hasSize(found.results().size());
    for (int i = 0; i < rows.size(); i++) {
      assertThat(rows.get(i))
          .contains("<th scope=\"row\">%d</th>".formatted(i))
          .contains(String.format(Locale.ROOT, "<td>%.2e</td>", found.results().rate(i)))
          .contains(String.format(Locale.ROOT, "<td>%.5g</td>", found.results().loss(i)))
          .contains(String.format(Locale.ROOT, "<td>%.5g</td>", found.results().smoothedLoss(i)));
    }
    assertThat(html)
        .contains(String.format(Locale.ROOT, "%.3e", found.suggestion().orElseThrow().lr()));
    assertThat(rows.get(0)).startsWith("\"0.00000\"");
  }

  @Test
  void aLongCurveIsThinnedAndSaysSo() {
    LrFinderResult found =
        LrFinder.builder().steps(5001).build().find(StepFunction.of(lr -> 1 + lr));
    String html = found.report().html();
    assertThat(all("<tr data-x=(.)", html)).hasSize(1667);
    assertThat(html).contains("One step in 3 of 5001");
    assertThat(Results.falling(finder -> {}).report().html()).doesNotContain("One step in ");
  }

  @ParameterizedTest
  @EnumSource
  void everyStatusSaysWhatHappenedAndWhatToDo(Status status) {
    String html = Results.ofStatus(status).report().html();
    assertThat(text(html)).contains(status.words());
    List<String> advice =
        all("<li>(.*?)</li>", html.substring(html.indexOf("What to do next"))).stream()
            .map(HtmlReportTest::text)
            .toList();
    assertThat(advice).isNotEmpty().doesNotHaveDuplicates();
    boolean ok = status == Status.OK;
    assertThat(html.contains("class=\"rate\"")).isEqualTo(ok);
    assertThat(html.contains("None of these is to be trusted")).isEqualTo(!ok);
  }

  @Test
  void whatCameBeforeAndBesideIsTold() {
    LrFinderResult found =
        LrFinder.builder()
            .maxLr(1e-6)
            .steps(20)
            .autoSteps(true)
            .autoBudget(300)
            .repeats(3)
            .build()
            .find(StepFunction.of(lr -> 2.3));
    String words = text(found.report().html());
    assertThat(found.attempts()).hasSize(1);
    assertThat(words)
        .contains(found.attempts().get(0).words())
        .contains("3 sweeps over different batches, 0 of them with a suggestion.");
    assertThat(text(Results.ofStatus(Status.OK).report().html()))
        .contains("cuda:0, NVIDIA H200, compute capability 9.0, driver 570.86.15, 64.0 of 128.0")
        .contains("MKL", "2.10.0", "late; no graph", "7 steps");
  }

  @Test
  void aSweepWithoutAPointIsReportedToo() {
    LrFinderResult none = LrFinder.builder().build().find(StepFunction.of(lr -> Double.NaN));
    assertThat(none.results().size()).isZero();
    assertThat(none.report().html())
        .contains("there is nothing to draw")
        .doesNotContain("<svg")
        .contains(Status.NON_FINITE.words());
    assertThat(
            new Comparison(
                    List.of(new Comparison.Entry("a", none), new Comparison.Entry("b", none)))
                .report()
                .html())
        .doesNotContain("<svg");
  }

  @Test
  void theFileIsWholeOrNotThere() throws Exception {
    LrFinderResult found = Results.falling(finder -> {});
    Path file = folder.resolve("report.html");
    found.report(file);
    assertThat(file).hasContent(found.report().html());
    Path nowhere = folder.resolve("none").resolve("report.html");
    assertThatThrownBy(() -> found.report(nowhere))
        .isInstanceOf(UncheckedIOException.class)
        .hasMessageContaining(nowhere.toString());
  }

  @Test
  void aTitleReplacesTheUsualOne() {
    HtmlReport report = Results.falling(finder -> {}).report();
    assertThat(report.html()).contains("<title>Learning rate finder</title>");
    assertThat(report.withTitle("Wine & more").html())
        .contains("<title>Wine &amp; more</title>", "<h1>Wine &amp; more</h1>");
    assertThatThrownBy(() -> HtmlReport.of(Map.of())).hasMessage("there is no result to report on");
  }
}
