package org.lrfinder.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assumptions.assumeThat;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.buffer_iterator;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.lrfinder.internal.models.Limit;
import org.lrfinder.internal.models.Limits;
import picocli.CommandLine;

/** {@code find} on scripts and arrays, and what it refuses of them, in words. */
class ScriptTest {
  private static final Path FOLDER = Path.of("src/test/python");

  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();
  @TempDir private Path folder;

  private int find(Object... arguments) {
    CommandLine commandLine = Main.commandLine();
    commandLine.setOut(new PrintWriter(out)).setErr(new PrintWriter(err));
    return Main.run(
        commandLine,
        Stream.concat(
                Stream.of("find", "--steps=30", "--no-auto-steps", "--no-auto-range"),
                Stream.of(arguments))
            .map(Object::toString)
            .toArray(String[]::new));
  }

  private int script(String name, String... options) {
    List<Object> all =
        new ArrayList<>(
            List.of("--script", FOLDER.resolve(name), "--inputs", FOLDER + "/mlp.npz:x"));
    all.addAll(List.of("--targets", FOLDER + "/mlp.npz:y"));
    all.addAll(Arrays.asList(options));
    return find(all.toArray());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "saved.pt|is no TorchScript, but a pickle of torch.save, which is not read here: export the model with torch.jit.script(model).save(...)",
        "saved-by-protocol-2.pt|is a pickle of Python's, which is not read here: export the model with torch.jit.script",
        "types.npz|is no TorchScript: export the model with",
        "README.md|is no TorchScript, which is a zip file: export the model with",
        "none.pt|there is no file ",
        "frozen.pt|has no parameters to train; torch.jit.freeze and optimize_for_inference make constants of them",
        "no-gradients.pt|has no parameter that takes a gradient",
        "two-inputs.pt|forward() is missing value for argument 'y'",
        "two-outputs.pt|forward returns a Tuple, but must return one tensor",
        "cnn-sgd.pt|given inputs of shape [32, 8] and type Float it fails: Expected 4-dimensional input"
      })
  void whatCannotBeSweptIsRefusedWithTheCure(String name, String message) {
    assertThat(script(name)).isEqualTo(Main.INPUT);
    assertThat(err.toString()).startsWith("lrfinder: ").contains(name, message);
    assertThat(err.toString().lines()).hasSize(1);
    assertThat(out.toString()).isEmpty();
  }

  @Test
  void whatNeedsCudaSaysSoWhereThereIsNone() {
    assumeThat(torch.cuda_device_count()).isZero();
    assertThat(script("names-cuda.pt")).isEqualTo(Main.INPUT);
    assertThat(err.toString())
        .contains("'CUDA' backend; its code names a CUDA device, as a model has that was traced");
  }

  @Test
  void aFileCutAnywhereIsRefused() throws IOException {
    byte[] whole = Files.readAllBytes(FOLDER.resolve("cnn-sgd.pt"));
    for (int length : new int[] {3, whole.length / 4, whole.length / 2, whole.length - 1}) {
      Path cut = Files.write(folder.resolve("cut.pt"), Arrays.copyOf(whole, length));
      assertThatThrownBy(() -> Script.load(cut, Limits.USUAL))
          .isInstanceOf(InputException.class)
          .hasMessageContaining("its end is missing: was it copied in part?");
    }
  }

  @Test
  void whatUnpacksToMoreThanTheLimitIsNotLoaded() throws IOException {
    Path bomb = folder.resolve("bomb.pt");
    try (ZipOutputStream zip = new ZipOutputStream(Files.newOutputStream(bomb))) {
      zip.putNextEntry(new ZipEntry("bomb/constants.pkl"));
      zip.putNextEntry(new ZipEntry("bomb/data/0"));
      zip.write(new byte[1 << 20]);
    }
    assertThat(Files.size(bomb)).isLessThan(10_000);
    assertThatThrownBy(() -> Script.load(bomb, new Limits(Map.of(Limit.BYTES, 1_000_000L))))
        .hasMessageEndingWith(
            "bomb.pt, unpacked, has more than 1000000 bytes, which is the limit: --limit bytes=N raises it");
    assertThat(script("mlp-adam.pt", "--limit", "parameters=10")).isEqualTo(Main.INPUT);
    assertThat(err.toString()).contains("mlp-adam.pt has more than 10 parameters");
  }

  @Test
  void exportInEvalModeIsSaidAndSwept() {
    assertThat(script("eval.pt", "--json")).isLessThan(Main.INPUT);
    assertThat(err.toString())
        .contains("eval.pt was exported in eval mode", "call model.train() before the export");
    assertThat(out.toString()).startsWith("{");
  }

  @Test
  void theTypeOfTheParametersIsThatOfTheNumbers() {
    assertThat(script("double.pt")).isLessThan(Main.INPUT);
    assertThat(err.toString()).isEmpty();
    assertThat(out.toString()).contains("mlp.npz:y: 96 rows, 8 inputs, a number to predict");
  }

  @Test
  void tryingABatchLeavesTheStatisticsOfBatchNormAlone() throws InterruptedException {
    try (PointerScope scope = new PointerScope()) {
      Script script = Script.load(FOLDER.resolve("cnn-sgd.pt"), Limits.USUAL);
      List<Double> before = statistics(script);
      ArrayFile images = new ArrayFile(FOLDER.resolve("cnn-x.npy"), null);
      assertThat(script.tried(images.read(Limits.USUAL)).shape()).containsExactly(96, 4);
      assertThat(statistics(script)).isEqualTo(before).hasSize(3);
    }
  }

  private static List<Double> statistics(Script script) {
    List<Double> sums = new ArrayList<>();
    buffer_iterator end = script.module().buffers().end();
    for (buffer_iterator i = script.module().buffers().begin(); i.notEquals(end); i.increment()) {
      sums.add(i.access().sum().item_double());
    }
    return sums;
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "--momentum=0.9|adamw has no momentum",
        "--optimizer=sgd;--betas=0.9,0.99|sgd has no betas",
        "--optimizer=adam;--nesterov|adam has no nesterov",
        "--optimizer=sgd;--eps=1e-8|sgd has no eps",
        "--optimizer=sgd;--nesterov|--nesterov needs a momentum: --momentum 0.9, say",
        "--optimizer=momentum;--nesterov;--compare=momentum=0|--nesterov needs a momentum",
        "--betas=0.9|--betas is [0.9], but must be two numbers, each at least 0 and less than 1",
        "--betas=0.9,1|--betas is [0.9, 1.0], but must be two numbers",
        "--optimizer=sgd;--momentum=1|--momentum is 1.0, but must be at least 0 and less than 1",
        "--weight-decay=-1|--weight-decay is -1.0, but must be at least 0",
        "--eps=-1|--eps is -1.0, but must be at least 0",
        "--eps=NaN|'NaN' is not a number",
        "--precision=fp8|precision is \"fp8\", but must be as-parameters or bf16",
        "--loss=mae|there is no loss \"mae\"; there are cross_entropy, mse, l1, smooth_l1, huber,",
        "--loss=nll|there is no loss \"nll\"",
        "--loss=negative-log-likelihood|has numbers with a point, but --loss negative_log_likelihood needs classes",
        "--loss=cross_entropy|its output has the shape [32], but targets of shape [96] and --loss cross_entropy need the same, [rows, classes], for probabilities; class indices are whole numbers",
        "--task=regression|--data=FILE, --target=COLUMN"
      })
  void anOptionThatDoesNotGoWithTheOthersIsNamed(String options, String message) {
    assertThat(script("mlp-adam.pt", options.split(";"))).isEqualTo(Main.INPUT);
    assertThat(err.toString()).startsWith("lrfinder: ").contains(message);
  }

  @Test
  void valuesAreComparedOverTheOtherOptions() {
    assertThat(
            script("mlp-adam.pt", "--compare=momentum=0,0.9", "--optimizer=rmsprop", "--eps=1e-6"))
        .isLessThan(Main.INPUT);
    List<String> rows = out.toString().lines().filter(row -> row.contains("momentum")).toList();
    assertThat(rows).hasSize(2);
    assertThat(rows.get(0)).startsWith("| momentum 0 |");
    assertThat(rows.get(1))
        .startsWith("| momentum 0.9 |")
        .doesNotEndWith(rows.get(0).substring("| momentum 0 |".length()));
  }

  private int arrays(String inputs, String targets, String... options) {
    return find(
        Stream.concat(
                Stream.of("--inputs", FOLDER + "/" + inputs, "--targets", FOLDER + "/" + targets),
                Stream.of(options))
            .toArray());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "cnn-x.npy|cnn-y.npy|--hidden=8|--hidden needs inputs of shape [rows, numbers], but",
        "mlp.npz:x|types.npz:f4|--hidden=8|mlp.npz:x has 96 rows and src/test/python/types.npz:f4 2: they must have as many",
        "words-x.npy|words-y.npy|--script=src/test/python/mlp-adam.pt|whole numbers are indices, for embeddings: store x.astype('float32')",
        "words-x.npy|cnn-y.npy|--script=src/test/python/words-rmsprop.pt|its output has the shape [32, 3], but 4 classes in targets of shape [96] need [32, 4 or more]"
      })
  void arraysThatDoNotFitAreRefused(String inputs, String targets, String option, String message) {
    assertThat(arrays(inputs, targets, option)).isEqualTo(Main.INPUT);
    assertThat(err.toString()).contains(message);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "mlp.npz:x|cnn-y.npy|--seed=2|96 rows, 8 inputs, 4 classes",
        "words-x.npy|mlp.npz:y|--seed=2|96 rows, 6 inputs, a number to predict",
        "mlp.npz:x|words-x.npy|--loss=l1|96 rows, 8 inputs, 6 numbers to predict",
        "words-x.npy|words-y.npy|--script=src/test/python/words-rmsprop.pt|96 rows, 6 inputs, 3 classes"
      })
  void arraysAreSweptByLayersAndScripts(
      String inputs, String targets, String option, String words) {
    assertThat(arrays(inputs, targets, option)).isLessThan(Main.INPUT);
    assertThat(out.toString()).contains(words);
    assertThat(err.toString()).isEmpty();
  }

  @Test
  void aNumberThatIsNotFiniteIsNamedByItsRow() throws IOException {
    byte[] rows = Files.readAllBytes(FOLDER.resolve("cnn-x.npy"));
    rows[128 + 64 * 4 * 7 + 3] = 0x7f; // in row 7, of 64 floats each
    rows[128 + 64 * 4 * 7 + 2] = (byte) 0xc0;
    Path file = Files.write(folder.resolve("x.npy"), rows);
    assertThat(find("--inputs", file, "--targets", FOLDER.resolve("cnn-y.npy"))).isEqualTo(2);
    assertThat(err.toString())
        .contains("x.npy has a number that is not finite, or too large for Float, in row 7,");
  }

  private int table(String name, String... options) {
    return find(
        Stream.concat(
                Stream.of("--data", "src/data/" + name + ".csv.gz", "--target", "target"),
                Stream.of(options))
            .toArray());
  }

  @ParameterizedTest
  @CsvSource({
    "breast_cancer, binary_cross_entropy_with_logits, 2 classes",
    "wine, cross-entropy, 3 classes",
    "diabetes, SMOOTH_L1, a number to predict",
    "wine, l1, a number to predict"
  })
  void aTablesTargetIsWhatTheLossTakes(String name, String loss, String words) {
    assertThat(table(name, "--loss", loss)).isLessThan(Main.INPUT);
    assertThat(out.toString()).contains(words);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "wine|--loss=binary_cross_entropy_with_logits|needs a target of two classes, but that of src/data/wine.csv.gz has 3",
        "wine|--loss=kl_divergence|--loss kl_divergence compares distributions",
        "wine|--loss=mse;--task=classification|--loss mse does not go with --task classification",
        "diabetes|--loss=cross_entropy;--task=regression|does not go with --task regression"
      })
  void aLossThatTheTargetIsNotForIsRefused(String name, String options, String message) {
    assertThat(table(name, options.split(";"))).isEqualTo(Main.INPUT);
    assertThat(err.toString()).contains(message);
  }

  @Test
  void rowsInTheFilesOrderAreTheSameForEverySeed() {
    List<String> curves = new ArrayList<>();
    for (String order : new String[] {"--no-shuffle", "--no-shuffle", "--shuffle"}) {
      out.getBuffer().setLength(0);
      script("mlp-adam.pt", order, "--json", "--seed=" + curves.size());
      curves.add(out.toString());
    }
    assertThat(curves.get(1)).isEqualTo(curves.get(0)).isNotEqualTo(curves.get(2));
  }

  @Test
  void theHelpSaysThatAScriptIsAProgram() {
    find("--help");
    assertThat(out.toString().replaceAll("\\s+", " "))
        .contains("Such a file is a program, which is run: take it only from whom you trust.")
        .contains("find --script model.pt --inputs data.npz:x --targets data.npz:y");
  }
}
