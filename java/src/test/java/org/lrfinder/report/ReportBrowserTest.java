package org.lrfinder.report;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.lrfinder.Comparison;
import org.lrfinder.LrFinderResult;
import org.lrfinder.suggestion.Status;
import org.lrfinder.testkit.Browser;
import org.openqa.selenium.By;
import org.openqa.selenium.Keys;
import org.openqa.selenium.WebElement;
import org.openqa.selenium.interactions.Actions;

/** A report as a reader has it before them. */
@Tag("browser")
class ReportBrowserTest {
  private static final String LONG = "a".repeat(300);

  @TempDir private static Path folder;
  private static Path one;
  private static Path several;
  private static Browser browser;

  /** Before each test, of which each is then skipped with the reason. */
  @BeforeEach
  void startOnce() {
    if (browser == null) {
      browser = Browser.start(folder.resolve("profile"));
    }
  }

  @BeforeAll
  static void makeReports() {
    one = folder.resolve("one.html");
    found().report(one);
    several = folder.resolve("several.html");
    new Comparison(
            List.of(
                new Comparison.Entry("name " + Results.HOSTILE, Results.hostile()),
                new Comparison.Entry(LONG, found()),
                new Comparison.Entry("third", Results.ofStatus(Status.NEVER_FELL))))
        .report()
        .save(several);
  }

  private static LrFinderResult found() {
    return Results.falling(finder -> finder.repeats(3));
  }

  @AfterAll
  static void close() {
    if (browser != null) {
      browser.close();
    }
  }

  private static Object run(String script, Object... arguments) {
    return browser.driver().executeScript(script, arguments);
  }

  private static WebElement element(String selector) {
    return browser.driver().findElement(By.cssSelector(selector));
  }

  private static String read() {
    return element("output").getText();
  }

  @ParameterizedTest
  @CsvSource({"360,light", "360,dark", "1280,light", "1280,dark"})
  void everyoneCanReadItAndNothingIsWiderThanTheScreen(int width, String scheme)
      throws IOException {
    for (Path report : List.of(one, several)) {
      browser.open(report, width, 800, scheme);
      assertThat(run("return matchMedia('(prefers-color-scheme: dark)').matches"))
          .isEqualTo(scheme.equals("dark"));
      run("document.querySelectorAll('details').forEach((details) => details.open = true)");
      assertThat(browser.violations()).isEmpty();
      assertThat(run("return innerWidth")).isEqualTo((long) width);
      assertThat(run("return document.documentElement.scrollWidth"))
          .isEqualTo(run("return document.documentElement.clientWidth"));
      assertThat(browser.console()).isEmpty();
      assertThat(browser.requests()).containsExactly(report.toUri().toString());
    }
  }

  @Test
  void theNarrowPictureIsThatOfNarrowScreens() {
    for (int width : new int[] {360, 1280}) {
      browser.open(one, width, 800, "light");
      assertThat(element(".wide svg").isDisplayed()).isEqualTo(width == 1280);
      assertThat(element(".narrow svg").isDisplayed()).isEqualTo(width == 360);
    }
  }

  @Test
  void aScriptThatGotInDoesNotRunAndNothingIsSent() {
    browser.open(one, 1280, 800, "light");
    run(
        """
        const script = document.createElement("script");
        script.textContent = "window.ran = 1";
        document.body.append(script);
        const picture = document.createElement("img");
        picture.setAttribute("onerror", "window.ran = 2");
        picture.src = "http://127.0.0.1:9/x.png";
        document.body.append(picture);
        """);
    assertThat(
            browser
                .driver()
                .executeAsyncScript(
                    "const done = arguments[0]; fetch('http://127.0.0.1:9/y').then(() => done('sent'), (error) => done(String(error)))"))
        .asString()
        .contains("Failed to fetch");
    assertThat(run("return window.ran")).isNull();
    assertThat(browser.console())
        .anyMatch(line -> line.contains("inline script"))
        .anyMatch(line -> line.contains("x.png"))
        .anyMatch(line -> line.contains("127.0.0.1:9/y"));
  }

  @Test
  void hostileNamesAreTextAndDoNotRun() {
    browser.open(several, 1280, 800, "light");
    assertThat(element("article h2").getText()).isEqualTo("name " + Results.HOSTILE);
    assertThat(element(".warnings li").getText()).isEqualTo("warning " + Results.HOSTILE);
    assertThat(run("return window.ran")).isNull();
    assertThat(run("return document.querySelectorAll('img').length")).isEqualTo(0L);
    assertThat(run("return document.scripts.length")).isEqualTo(1L);
  }

  @Test
  void keysWalkAlongTheCurveAndSayItsValues() {
    browser.open(one, 1280, 800, "light");
    WebElement slider = element("input[type=range]");
    String first = read();
    slider.sendKeys(Keys.ARROW_RIGHT);
    String second = read();
    assertThat(second).isNotEqualTo(first);
    assertThat(slider.getDomAttribute("aria-valuetext")).isEqualTo(second);
    slider.sendKeys(Keys.ARROW_LEFT);
    assertThat(read()).isEqualTo(first);
    slider.sendKeys(Keys.HOME);
    assertThat(read()).startsWith("step 0, learning rate 1.00e-04, loss ").contains(", trend ");
    slider.sendKeys(Keys.END);
    assertThat(read()).startsWith("step " + (found().results().size() - 1) + ", ");
    assertThat(element("output").getDomAttribute("aria-live")).isEqualTo("polite");
  }

  @Test
  void thePointerShowsTheValuesBelowIt() {
    browser.open(one, 1280, 800, "light");
    WebElement picture = element(".wide svg");
    run("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", picture);
    assertThat(element(".wide .cross").isDisplayed()).isFalse();
    int step = found().results().size() / 3;
    Object fromCentre =
        run(
            """
            const [svg, step] = arguments;
            const row = document.querySelector("table[id] tbody").rows[step];
            const box = svg.getBoundingClientRect();
            const scale = box.width / svg.viewBox.baseVal.width;
            const x = Number(svg.dataset.left)
              + row.dataset.x * (svg.dataset.right - svg.dataset.left);
            return Math.round(x * scale - box.width / 2);
            """,
            picture,
            step);
    int x = ((Number) fromCentre).intValue();
    new Actions(browser.driver()).moveToElement(picture, x, 0).perform();
    assertThat(read()).startsWith("step " + step + ", learning rate ");
    assertThat(element(".wide .cross").isDisplayed()).isTrue();
    new Actions(browser.driver()).moveToElement(picture, x + 100, 10).perform();
    assertThat(read()).doesNotStartWith("step " + step + ",");
  }

  @ParameterizedTest
  @ValueSource(strings = {"light", "dark"})
  void paperIsLightAndHasNoControls(String scheme) {
    browser.open(one, 1280, 800, scheme);
    browser
        .driver()
        .executeCdpCommand(
            "Emulation.setEmulatedMedia",
            Map.of(
                "media",
                "print",
                "features",
                List.of(Map.of("name", "prefers-color-scheme", "value", scheme))));
    assertThat(element(".reader").isDisplayed()).isFalse();
    assertThat(element(".wide svg").isDisplayed()).isTrue();
    assertThat(run("return getComputedStyle(document.querySelector('h1')).color"))
        .isEqualTo("rgb(27, 31, 36)");
    assertThat(run("return getComputedStyle(document.querySelector('svg')).filter"))
        .isEqualTo("none");
  }
}
