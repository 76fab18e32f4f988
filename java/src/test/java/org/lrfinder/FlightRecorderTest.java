package org.lrfinder;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.SGD;
import org.bytedeco.pytorch.SGDOptions;
import org.bytedeco.pytorch.SequentialImpl;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.lrfinder.data.Batch;
import org.lrfinder.sweep.Loss;
import org.lrfinder.testkit.Models;
import org.lrfinder.testkit.OwnJvm;
import org.lrfinder.trainer.MetricsLogger;
import org.lrfinder.trainer.Model;
import org.lrfinder.trainer.Trainer;

/** What JDK Flight Recorder is told, as {@code jfr print} shows it. */
class FlightRecorderTest {
  private static final int SWEPT = 30;
  private static final int TRAINED = 7;
  private static final String RECORDER = "-XX:StartFlightRecording:filename=";

  @TempDir private Path folder;

  /** A sweep and a training. */
  public static void main(String[] arguments) {
    SequentialImpl network = Models.mlp();
    Batch batch =
        new Batch(torch.randn(8, Models.FEATURES), torch.zeros(8).to(torch.ScalarType.Long));
    LrFinderResult found =
        LrFinder.builder()
            .minLr(1e-7)
            .maxLr(1e-6)
            .steps(SWEPT)
            .build()
            .find(
                network,
                new SGD(network.parameters(), new SGDOptions(0.1)),
                Loss.CROSS_ENTROPY,
                Collections.nCopies(SWEPT, batch));
    Trainer.builder()
        .maxEpochs(1)
        .logger(MetricsLogger.NONE)
        .console(new PrintStream(OutputStream.nullOutputStream()))
        .progressBar(false)
        .build()
        .fit(new Trained(network, Collections.nCopies(TRAINED, batch)));
    System.out.println("engine: " + found.engine().engine());
  }

  private record Trained(SequentialImpl module, List<Batch> batches) implements Model {
    @Override
    public Optional<Loss> loss() {
      return Optional.of(Loss.CROSS_ENTROPY);
    }

    @Override
    public Optimizer configureOptimizers() {
      return new SGD(module.parameters(), new SGDOptions(0.25));
    }

    @Override
    public Iterable<Batch> trainBatches() {
      return batches;
    }
  }

  private String recorded(Path file, String events) throws IOException, InterruptedException {
    Path jfr = Path.of(System.getProperty("java.home"), "bin", "jfr");
    assumeThat(jfr).as("the JDK's tool").exists();
    Path printed = folder.resolve("printed");
    Process print =
        new ProcessBuilder(jfr.toString(), "print", "--events", events, file.toString())
            .redirectErrorStream(true)
            .redirectOutput(printed.toFile())
            .start();
    assertThat(print.waitFor()).isZero();
    return Files.readString(printed, StandardCharsets.UTF_8);
  }

  private static long count(String recorded, String words) {
    return recorded.lines().filter(line -> line.strip().startsWith(words)).count();
  }

  @Test
  void sweepsStepsAndTrainingsAreRecordedWhereTheyAreEnabled() throws Exception {
    Path file = folder.resolve("enabled.jfr");
    String engine =
        OwnJvm.run(
            List.of(
                RECORDER
                    + file
                    + ",+org.lrfinder.Sweep#enabled=true,+org.lrfinder.Step#enabled=true,+org.lrfinder.Training#enabled=true"),
            FlightRecorderTest.class);
    String name = engine.lines().filter(l -> l.startsWith("engine: ")).findFirst().orElseThrow();
    String quoted = "engine = \"" + name.substring("engine: ".length()) + "\"";
    assertThat(recorded(file, "org.lrfinder.Sweep"))
        .containsOnlyOnce("org.lrfinder.Sweep {")
        .contains(quoted, "device = \"cpu\"", "steps = 30", "recorded = 30");
    assertThat(recorded(file, "org.lrfinder.Training"))
        .containsOnlyOnce("org.lrfinder.Training {")
        .contains(quoted, "epochs = 1", "steps = 7");
    String steps = recorded(file, "org.lrfinder.Step");
    assertThat(count(steps, "org.lrfinder.Step {")).isEqualTo(SWEPT + TRAINED);
    assertThat(count(steps, "step = 7")).isEqualTo(2);
    assertThat(count(steps, "step = 30")).isEqualTo(1);
    assertThat(count(steps, "lr = 0.25")).isEqualTo(TRAINED);
    assertThat(steps).doesNotContain("NaN");
  }

  @Test
  void nothingIsRecordedUnlessItIsAskedFor() throws Exception {
    Path file = folder.resolve("default.jfr");
    OwnJvm.run(List.of(RECORDER + file + ",settings=profile"), FlightRecorderTest.class);
    assertThat(recorded(file, "org.lrfinder.*")).doesNotContain("org.lrfinder.");
    assertThat(recorded(file, "jdk.JVMInformation")).contains("FlightRecorderTest");
  }

  @Test
  void aJvmWithoutFlightRecorderSweepsAndTrains() throws Exception {
    assertThat(
            OwnJvm.run(
                List.of("--limit-modules", "java.se,jdk.unsupported"), FlightRecorderTest.class))
        .contains("engine: ");
  }
}
