package org.lrfinder.trainer;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalDouble;
import org.lrfinder.io.AtomicFile;
import org.yaml.snakeyaml.DumperOptions;
import org.yaml.snakeyaml.Yaml;

/**
 * Keeps {@code hparams.yaml} and {@code metrics.csv} in a folder of their own for each training:
 * {@code lrfinder_logs/version_0}, {@code version_1} and so on under the root, made when there is
 * something to write. The layout is that of Lightning's {@code CSVLogger}; the columns are {@code
 * epoch,step,lr,train_loss,val_loss}, with empty cells where a row has no value.
 *
 * <p>One logger for one training at a time; not thread-safe. Each row is in the file when {@link
 * #metrics} returns. Every method throws {@link UncheckedIOException} if a file cannot be written.
 */
public final class CsvLogger implements MetricsLogger {
  private static final String FOLDER = "lrfinder_logs";
  private static final String HEADER = "epoch,step,lr,train_loss,val_loss\n";

  private final Path root;
  private Path folder = Path.of("");
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
    String yaml = values.isEmpty() ? "{}\n" : new Yaml(options).dump(values);
    AtomicFile.write(folder().resolve("hparams.yaml"), yaml.getBytes(StandardCharsets.UTF_8));
  }

  @Override
  public void metrics(Metrics row) {
    // Concatenation knows no locale.
    String line =
        row.epoch()
            + ","
            + row.step()
            + ","
            + row.lr()
            + ","
            + cell(row.trainLoss())
            + ","
            + cell(row.validationLoss())
            + "\n";
    Path file = folder().resolve("metrics.csv");
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

  /** {@return the folder of the present training, made if missing; after its end, a new one} */
  public Path folder() {
    if (!open) {
      folder = newVersion(root.resolve(FOLDER));
      open = true;
    }
    return folder;
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
