package org.lrfinder.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import java.awt.image.BufferedImage;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import javax.imageio.ImageIO;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.lrfinder.testkit.Cuda;
import picocli.CommandLine;

class DemoCommandTest {
  private final Locale locale = Locale.getDefault();
  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();
  @TempDir private Path folder;

  @BeforeEach
  void aLocaleWithOtherNumbers() {
    Locale.setDefault(Locale.GERMANY);
  }

  @AfterEach
  void putBack() {
    Locale.setDefault(locale);
  }

  private int run(String... arguments) {
    CommandLine commandLine = Main.commandLine();
    commandLine.setOut(new PrintWriter(out)).setErr(new PrintWriter(err));
    return Main.run(commandLine, arguments);
  }

  @Test
  void theDemoFindsARateAndDrawsIt() throws IOException {
    assertThat(run("demo", "--out", folder.resolve("new").toString())).isZero();

    assertThat(out.toString())
        .contains("device cpu, ", " engine, OpenBLAS, ", "libtorch 2.10.0")
        .containsPattern("swept .*, .*, \\d+ of 140 steps")
        .containsPattern(
            "(?s)validation accuracy after 3 epochs:.*%\\d?.* at AdamW's default, 1.00e-03.* at the suggestion, ")
        .containsPattern(
            "suggested learning rate: \\d\\.\\d{3}e-\\d\\d, from sweep to sweep \\d\\.\\de-\\d\\d to \\d\\.\\de-\\d\\d \\(rule middle-of-fall; the loss fell\\)");
    List<String> lines = Files.readAllLines(folder.resolve("new").resolve("lr.csv"));
    assertThat(lines).hasSizeBetween(80, 141).first().isEqualTo("step,lr,loss,smoothed_loss");
    assertThat(lines.get(1)).startsWith("0,").contains(",2.").matches("(?:[^,]+,){3}[^,]+");
    BufferedImage picture = ImageIO.read(folder.resolve("new").resolve("lr.png").toFile());
    assertThat(redPixels(picture)).as("red pixels of the suggestion").isGreaterThan(30);
    try (var files = Files.list(folder.resolve("new"))) {
      assertThat(files).as("no half-written file").hasSize(4);
    }
  }

  private static long redPixels(BufferedImage picture) {
    long red = 0;
    for (int x = picture.getWidth() / 3; x < picture.getWidth(); x++) { // the legend is to the left
      for (int y = 0; y < picture.getHeight(); y++) {
        int rgb = picture.getRGB(x, y);
        if ((rgb >> 16 & 255) > 180 && (rgb >> 8 & 255) < 80 && (rgb & 255) < 80) {
          red++;
        }
      }
    }
    return red;
  }

  @Test
  void wrongUsageIsTwoAndAFailureThree() throws IOException {
    assertThat(run("demo", "--engine", "abacus")).isEqualTo(2);
    assertThat(err.toString()).contains("abacus", "AUTO, NATIVE, PORTABLE");
    Path file = Files.createFile(folder.resolve("file"));
    assertThat(run("demo", "--out", file.toString())).isEqualTo(2);
    assertThat(err.toString()).contains("lrfinder: ", file.toString());
  }

  @Test
  void aDeviceThatIsNoneOrNotThereIsWrongUsage() {
    assertThat(run("demo", "--device", "gpu", "--out", folder.resolve("none").toString()))
        .isEqualTo(2);
    assertThat(err.toString()).contains("device is gpu, but must be cpu, cuda or cuda:N");
    assertThat(folder.resolve("none")).doesNotExist();
    assumeThat(torch.cuda_device_count()).isZero();
    assertThat(run("demo", "--device", "cuda")).isEqualTo(2);
    assertThat(err.toString()).contains("device is cuda, but libtorch finds no CUDA device: ");
  }

  @Test
  @Tag("cuda")
  void theDemoRunsOnCuda() {
    Cuda.assumeDevice();
    assertThat(run("demo", "--device", "cuda", "--out", folder.resolve("there").toString()))
        .isZero();
    assertThat(out.toString()).contains("device cuda:0", "validation accuracy after 3 epochs:");
  }

  @Test
  void withoutACommandTheHelpIsShown() {
    assertThat(run()).isEqualTo(2);
    assertThat(err.toString()).contains("demo");
  }
}
