package org.lrfinder.benchmarks.speed;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/**
 * A process that runs {@code python/worker.py} with one contender: it stays alive for all cases,
 * waits while others have their turn, and times itself. A question and an answer are a line of JSON
 * each.
 */
final class PythonWorker implements Contender, AutoCloseable {
  /** In the table's order; {@code python/contenders.py} has a class for each. */
  static final List<String> NAMES =
      List.of("Lightning", "torch-lr-finder", "fastai", "Ignite", "bare Python", "torch.compile");

  private static final List<String> TRAINING = List.of("Lightning", "bare Python");
  private static final int MOST_SECONDS = 240; // torch.compile's first step takes half a minute

  private final ObjectMapper json = new ObjectMapper();
  private final String name;
  private final Process process;
  private final BufferedWriter questions;
  private final BufferedReader answers;
  private final JsonNode versions;

  /** Starts it, and waits until it has imported what it needs. */
  PythonWorker(String name, Path python, Path scripts, Path log) {
    this.name = name;
    try {
      ProcessBuilder builder =
          new ProcessBuilder(python.toString(), scripts.resolve("worker.py").toString(), name);
      builder.environment().put("TQDM_DISABLE", "1");
      builder.redirectError(ProcessBuilder.Redirect.appendTo(log.toFile()));
      process = builder.start();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    questions = process.outputWriter();
    answers = process.inputReader();
    versions = answer();
  }

  /** {@return what the process says of itself: versions, BLAS, threads} */
  JsonNode versions() {
    return versions;
  }

  /** Makes network and data, and forgets those before. */
  void prepare(Case subject) {
    ask(
        Map.of(
            "do", "prepare",
            "network", subject.network().name(),
            "optimizer", subject.optimizer().toString(),
            "input", subject.network().input(),
            "output", subject.network().output(),
            "batch_size", subject.batchSize(),
            "rows", Workload.rows(subject)));
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public Timed sweep(int steps) {
    Timed timed =
        timed(ask(Map.of("do", "sweep", "steps", steps, "min_lr", MIN_LR, "max_lr", MAX_LR)));
    if (Math.abs(timed.losses().length - steps) > 1
        || Arrays.stream(timed.losses()).anyMatch(loss -> !Double.isFinite(loss))) {
      throw new IllegalStateException(
          "%s did not do %d steps, but %d".formatted(name, steps, timed.losses().length));
    }
    return timed;
  }

  @Override
  public Timed epoch() {
    return timed(ask(Map.of("do", "epoch")));
  }

  @Override
  public boolean trains() {
    return TRAINING.contains(name);
  }

  private static Timed timed(JsonNode answer) {
    double[] losses = new double[answer.path("losses").size()];
    Arrays.setAll(losses, i -> answer.get("losses").get(i).asDouble());
    return new Timed(answer.get("micros").asDouble(), losses);
  }

  private JsonNode ask(Map<String, ?> question) {
    try {
      questions.write(json.writeValueAsString(question));
      questions.newLine();
      questions.flush();
    } catch (IOException e) {
      throw new IllegalStateException(name + " ended", e);
    }
    return answer();
  }

  private JsonNode answer() {
    CompletableFuture<Void> tooLate =
        CompletableFuture.runAsync(
            process::destroyForcibly,
            CompletableFuture.delayedExecutor(MOST_SECONDS, TimeUnit.SECONDS));
    try {
      String line = answers.readLine();
      if (line == null) {
        throw new IllegalStateException(name + " ended without an answer; see its log");
      }
      JsonNode answer = json.readTree(line);
      if (answer.has("error")) {
        throw new IllegalStateException(name + ": " + answer.get("error").asText());
      }
      return answer;
    } catch (IOException e) {
      throw new IllegalStateException(name + " ended", e);
    } finally {
      tooLate.cancel(false);
    }
  }

  @Override
  public void close() {
    process.destroy();
  }
}
