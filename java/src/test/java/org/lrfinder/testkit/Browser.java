package org.lrfinder.testkit;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.logging.Level;
import java.util.logging.Logger;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Assumptions;
import org.openqa.selenium.chrome.ChromeDriver;
import org.openqa.selenium.chrome.ChromeDriverService;
import org.openqa.selenium.chrome.ChromeOptions;
import org.openqa.selenium.logging.LogEntry;
import org.openqa.selenium.logging.LogType;
import org.openqa.selenium.logging.LoggingPreferences;

/** A Chromium without a window, which hears nothing of the network. */
public final class Browser implements AutoCloseable {
  private static final boolean REQUIRED = "required".equals(System.getProperty("lrfinder.browser"));

  // It warns that it knows no typed commands for that Chromium, of which none is used here.
  private static final Logger SELENIUM = Logger.getLogger("org.openqa.selenium");

  static {
    SELENIUM.setLevel(Level.SEVERE);
  }

  private final ChromeDriver driver;

  private Browser(ChromeDriver driver) {
    this.driver = driver;
  }

  /**
   * Starts Debian's Chromium. Where there is none the test is skipped with that reason, or fails if
   * {@code lrfinder.browser} is {@code required}.
   *
   * @param profile an empty folder
   */
  public static Browser start(Path profile) {
    File chromium = program("chromium");
    File chromedriver = program("chromedriver");
    LoggingPreferences logs = new LoggingPreferences();
    logs.enable(LogType.BROWSER, Level.ALL);
    logs.enable(LogType.PERFORMANCE, Level.ALL);
    ChromeOptions options = new ChromeOptions();
    options.setBinary(chromium);
    options.setCapability("goog:loggingPrefs", logs);
    options.addArguments(
        "--headless=new",
        "--no-sandbox", // it does not start as root with it
        "--disable-gpu",
        "--disable-quic",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--no-first-run",
        "--user-data-dir=" + profile);
    ChromeDriverService service =
        new ChromeDriverService.Builder()
            .usingDriverExecutable(chromedriver)
            .usingAnyFreePort()
            .build();
    ChromeDriver driver = new ChromeDriver(service, options);
    driver.manage().timeouts().scriptTimeout(Duration.ofMinutes(5)); // a machine may be busy
    return new Browser(driver);
  }

  private static File program(String name) {
    Optional<File> found =
        Stream.of(System.getenv("PATH").split(File.pathSeparator))
            .map(folder -> new File(folder, name))
            .filter(File::canExecute)
            .findFirst();
    if (found.isEmpty()) {
      String problem = "there is no " + name + " on the path";
      if (REQUIRED) {
        throw new AssertionError(problem);
      }
      Assumptions.abort(problem);
    }
    return found.orElseThrow();
  }

  /** Opens a file on a screen of that size. */
  public void open(Path file, int width, int height, String colorScheme) {
    driver.executeCdpCommand(
        "Emulation.setDeviceMetricsOverride",
        Map.of("width", width, "height", height, "deviceScaleFactor", 1, "mobile", false));
    driver.executeCdpCommand(
        "Emulation.setEmulatedMedia",
        Map.of("features", List.of(Map.of("name", "prefers-color-scheme", "value", colorScheme))));
    console();
    requests();
    driver.get(file.toUri().toString());
  }

  public ChromeDriver driver() {
    return driver;
  }

  /** {@return what the console says since it was asked last} */
  public List<String> console() {
    return log(LogType.BROWSER).map(LogEntry::getMessage).toList();
  }

  /** {@return what was asked for since that was asked last, by its addresses} */
  public List<String> requests() {
    Pattern sent =
        Pattern.compile("\"method\":\"Network\\.requestWillBeSent\".*?\"url\":\"([^\"]*)\"");
    return log(LogType.PERFORMANCE)
        .flatMap(entry -> sent.matcher(entry.getMessage()).results())
        .map(found -> found.group(1))
        .toList();
  }

  private Stream<LogEntry> log(String type) {
    return StreamSupport.stream(driver.manage().logs().get(type).spliterator(), false);
  }

  /** {@return what axe finds wrong with the page that is open, in words} */
  public List<String> violations() throws IOException {
    driver.executeScript(new String(axe(), StandardCharsets.UTF_8));
    Object found =
        driver.executeAsyncScript(
            """
            const done = arguments[arguments.length - 1];
            axe.run(document, {resultTypes: ["violations"]}).then(
              (results) => done(results.violations.flatMap((violation) =>
                violation.nodes.map((node) =>
                  violation.id + ": " + node.html + " " + node.failureSummary))),
              (error) => done([String(error)]));
            """);
    return ((List<?>) found).stream().map(String::valueOf).toList();
  }

  private static byte[] axe() throws IOException {
    try (var in = Browser.class.getResourceAsStream("/axe.min.js")) {
      return in.readAllBytes();
    }
  }

  @Override
  public void close() {
    driver.quit();
  }
}
