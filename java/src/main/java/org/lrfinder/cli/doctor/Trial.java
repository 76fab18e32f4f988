package org.lrfinder.cli.doctor;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Takes steps in JVMs of their own, started as this one was: what ends one of them, or never ends,
 * ends in words.
 */
final class Trial {
  private static final List<String> NOT_PASSED_ON =
      List.of(
          "-agentlib:", // which may want a port for itself
          "-agentpath:",
          "-javaagent:",
          "-XX:SharedArchiveFile", // of the launcher, like the next
          "-XX:ArchiveClassesAtExit",
          "-XX:TieredStopAtLevel");
  private static final Pattern SIGNAL = Pattern.compile("#\\s+(SIG\\w+) \\(0x\\w+\\) at .*");
  private static final Pattern FRAME = Pattern.compile("# C\\s+\\[(\\S+?)\\+0x\\w+\\].*");
  private static final int KILLED = 128 + 9;
  private static final int LINES_KEPT = 5;
  private static final int SECONDS_TO_END = 10;

  /**
   * How a step ended.
   *
   * @param seen what it saw; nothing unless it was done
   * @param failure why it was not, in words
   */
  record Ended(Map<String, Object> seen, Optional<String> failure) {}

  private final Map<Step, Ended> ended = new EnumMap<>(Step.class);
  private final List<String> said = new ArrayList<>(); // of the present JVM, the last lines
  private String signal = "";
  private String frame = "";

  private Trial() {}

  /**
   * Takes steps, those after one that ended its JVM in another JVM. Without {@link Step#LIBTORCH}
   * there is nothing to be seen by those after it: they are left out.
   *
   * @throws IOException if no JVM can be started
   */
  static Trial of(List<Step> steps) throws IOException, InterruptedException {
    Trial trial = new Trial();
    List<Step> left = steps;
    while (!left.isEmpty()) {
      trial.take(left);
      if (trial.of(Step.LIBTORCH).failure().isPresent()) {
        break;
      }
      left = left.stream().filter(step -> !trial.ended.containsKey(step)).toList();
    }
    return trial;
  }

  /** {@return how a step ended; with nothing seen if it was not taken} */
  Ended of(Step step) {
    return ended.getOrDefault(step, new Ended(Map.of(), Optional.empty()));
  }

  private void take(List<Step> steps) throws IOException, InterruptedException {
    said.clear();
    signal = "";
    frame = "";
    Process jvm = new ProcessBuilder(command(steps)).redirectErrorStream(true).start();
    @Nullable Step present = null;
    try {
      jvm.getOutputStream().close();
      BlockingQueue<Optional<String>> lines = lines(jvm);
      for (; ; ) {
        int patience = (present == null ? steps.get(0) : present).seconds();
        Optional<String> line = lines.poll(patience, TimeUnit.SECONDS);
        if (line == null) {
          fail(present, steps, "it did not end within %d seconds".formatted(patience));
          return;
        }
        if (line.isEmpty()) {
          break;
        }
        @Nullable Step told = hear(line.get());
        present = told == null ? present : told;
      }
      jvm.waitFor(SECONDS_TO_END, TimeUnit.SECONDS);
      boolean all = ended.keySet().containsAll(steps);
      if (!all && of(Step.LIBTORCH).failure().isEmpty()) {
        fail(present, steps, death(jvm));
      }
    } finally {
      jvm.destroyForcibly();
    }
  }

  private void fail(@Nullable Step present, List<Step> steps, String words) throws IOException {
    if (present == null) {
      throw new IOException(words);
    }
    Step failed =
        steps.stream().filter(step -> !ended.containsKey(step)).findFirst().orElse(present);
    ended.put(failed, new Ended(Map.of(), Optional.of(words)));
  }

  private String death(Process jvm) {
    int code = jvm.isAlive() ? -1 : jvm.exitValue();
    if (code == KILLED) {
      return "its JVM was killed, as happens where the memory of a machine or container runs out";
    }
    if (!signal.isEmpty()) {
      return "its JVM died by " + signal + (frame.isEmpty() ? "" : " in " + frame);
    }
    return "its JVM ended with code %d: %s".formatted(code, String.join("; ", said));
  }

  /** {@return the lines that a process prints, and an empty one for the end} */
  private static BlockingQueue<Optional<String>> lines(Process jvm) {
    BlockingQueue<Optional<String>> lines = new LinkedBlockingQueue<>();
    Thread reader =
        new Thread(
            () -> {
              try (BufferedReader in =
                  new BufferedReader(new InputStreamReader(jvm.getInputStream(), UTF_8))) {
                for (String line = in.readLine(); line != null; line = in.readLine()) {
                  lines.add(Optional.of(line));
                }
              } catch (IOException e) {
                // It ended.
              }
              lines.add(Optional.empty());
            });
    reader.setDaemon(true);
    reader.start();
    return lines;
  }

  /** {@return the step that a line tells of; null of what others printed} */
  private @Nullable Step hear(String line) {
    if (line.startsWith("{\"" + Probe.STEP)) {
      try {
        JsonMapper mapper = new JsonMapper();
        JsonNode told = mapper.readTree(line);
        Step step = Step.valueOf(told.get(Probe.STEP).textValue());
        switch (told.get(Probe.STATE).textValue()) {
          case Probe.DONE ->
              ended.put(
                  step,
                  new Ended(
                      mapper.convertValue(
                          told.get(Probe.SEEN), new TypeReference<Map<String, Object>>() {}),
                      Optional.empty()));
          case Probe.FAILED ->
              ended.put(step, new Ended(Map.of(), Optional.of(told.get(Probe.WORDS).textValue())));
          default -> {
            // begun
          }
        }
        return step;
      } catch (JsonProcessingException e) {
        return null; // cut off
      }
    }
    Matcher ofSignal = SIGNAL.matcher(line);
    Matcher ofFrame = FRAME.matcher(line);
    if (signal.isEmpty() && ofSignal.matches()) {
      signal = ofSignal.group(1);
    } else if (frame.isEmpty() && ofFrame.matches()) {
      frame = ofFrame.group(1);
    } else if (!line.isBlank() && !line.startsWith("NOTE: Picked up")) {
      said.add(line);
      if (said.size() > LINES_KEPT) {
        said.remove(0);
      }
    }
    return null;
  }

  private static List<String> command(List<Step> steps) {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    Jvm.options().stream()
        .filter(option -> NOT_PASSED_ON.stream().noneMatch(option::startsWith))
        .forEach(command::add);
    command.add("-XX:+IgnoreUnrecognizedVMOptions"); // of the next, other JVMs than HotSpot
    command.add("-XX:+ErrorFileToStdout"); // no file is left behind
    command.add("-XX:-CreateCoredumpOnCrash");
    String blas = System.getProperty("org.bytedeco.openblas.load"); // the command line chooses it
    if (blas != null) {
      command.add("-Dorg.bytedeco.openblas.load=" + blas);
    }
    Module module = Probe.class.getModule();
    if (module.isNamed()) {
      command.addAll(
          List.of(
              "-p",
              System.getProperty("jdk.module.path"),
              "--add-modules",
              "ALL-MODULE-PATH",
              "-m",
              module.getName() + "/" + Probe.class.getName()));
    } else {
      command.addAll(List.of("-cp", System.getProperty("java.class.path"), Probe.class.getName()));
    }
    steps.forEach(step -> command.add(step.name()));
    return command;
  }
}
