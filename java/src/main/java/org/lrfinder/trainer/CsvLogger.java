package org.lrfinder.trainer;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalDouble;
import org.jspecify.annotations.Nullable;
import org.lrfinder.internal.io.AtomicFile;
import org.yaml.snakeyaml.DumperOptions;
import org.yaml.snakeyaml.Yaml;
import org.yaml.snakeyaml.nodes.Tag;
import org.yaml.snakeyaml.representer.Representer;

/**
 * Keeps {@code hparams.yaml} and {@code metrics.csv} in a folder of their own for each training:
 * {@code lrfinder_logs/version_0}, {@code version_1} and so on under the root, made when there is
 * something to write. The layout is that of Lightning's {@code CSVLogger}; the columns are {@code
 * epoch,step,lr,train_loss,train_loss_epoch,val_loss}, with empty cells where a row has no value.
 *
 * <p>One logger for one training at a time; not thread-safe. Each row is in the file when {@link
 * #metrics} returns. Every method throws {@link UncheckedIOException} if a file cannot be written.
 */
public final class CsvLogger implements MetricsLogger {
  private static final String FOLDER = "lrfinder_logs";
  private static final String HEADER = "epoch,step,lr,train_loss,train_loss_epoch,val_loss\n";

  private final Path root;
  private @Nullable Path folder;
  private boolean open;

  /**
   * Creates a logger; no file is made yet.
   *
   * @param root folder under which {@code lrfinder_logs} lies, made if missing
   */
  public CsvLogger(Path root) {
    this.root = Objects.requireNonNull(root, "root");
  }

  @Override
  public void hyperparameters(Map<String, Object> values) {
    DumperOptions options = new DumperOptions();
    options.setDefaultFlowStyle(DumperOptions.FlowStyle.BLOCK);
    options.setDereferenceAliases(true);
    String yaml = values.isEmpty() ? "{}\n" : new Yaml(new Numbers(options), options).dump(values);
    AtomicFile.write(open().resolve("hparams.yaml"), yaml.getBytes(StandardCharsets.UTF_8));
  }

  @Override
  public void metrics(Metrics row) {
    String line =
        String.format(
            Locale.ROOT,
            "%d,%d,%s,%s,%s,%s\n",
            row.epoch(),
            row.step(),
            row.lr(),
            cell(row.trainLoss()),
            cell(row.epochTrainLoss()),
            cell(row.validationLoss()));
    Path file = open().resolve("metrics.csv");
    try {
      if (!Files.exists(file)) {
        line = HEADER + line;
      }
      Files.writeString(file, line, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot write " + file + ": " + e, e);
    }
  }

  private static String cell(OptionalDouble value) {
    return value.isPresent() ? Double.toString(value.getAsDouble()) : "";
  }

  /** The next training writes to a new folder. */
  @Override
  public void end() {
    open = false;
  }

  /** {@return the folder of the present training, or else of the last; empty before the first} */
  public Optional<Path> folder() {
    return Optional.ofNullable(folder);
  }

  private Path open() {
    Path present = folder;
    if (present == null || !open) {
      present = newVersion(root.resolve(FOLDER));
      folder = present;
      open = true;
    }
    return present;
  }

  /** Writes 1.0E10 as 1.0E+10: other readers of YAML take it for a text without the sign. */
  private static final class Numbers extends Representer {
    Numbers(DumperOptions options) {
      super(options);
      representers.put(Double.class, number -> representScalar(Tag.FLOAT, text((Double) number)));
    }

    private static String text(double number) {
      if (Double.isNaN(number)) {
        return ".nan";
      } else if (Double.isInfinite(number)) {
        return number > 0 ? ".inf" : "-.inf";
      }
      return Double.toString(number).replaceFirst("E(?=\\d)", "E+");
    }
  }

  private static Path newVersion(Path logs) {
    try {
      Files.createDirectories(logs);
      for (int version = 0; ; version++) {
        try {
          return Files.createDirectory(logs.resolve("version_" + version));
        } catch (FileAlreadyExistsException e) {
          // taken, perhaps just now by another program
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException("cannot make a folder in " + logs + ": " + e, e);
    }
  }
}
