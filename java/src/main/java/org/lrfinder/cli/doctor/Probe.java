package org.lrfinder.cli.doctor;

import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.Map;
import org.lrfinder.internal.engine.Engines;

/**
 * The JVM that may die: takes the steps that it is given, and tells of each, before and after, in a
 * line of JSON on the standard output.
 */
final class Probe {
  static final String STEP = "lrfinder_doctor_step";
  static final String STATE = "state";
  static final String BEGUN = "begun";
  static final String DONE = "done";
  static final String FAILED = "failed";
  static final String WORDS = "words";
  static final String SEEN = "seen";

  private Probe() {}

  /**
   * Takes steps.
   *
   * @param arguments names of steps
   */
  public static void main(String[] arguments) throws IOException {
    for (String name : arguments) {
      Step step = Step.valueOf(name);
      tell(step, BEGUN, Map.of());
      try {
        tell(step, DONE, Map.of(SEEN, step.take()));
        continue;
      } catch (LinkageError e) {
        tell(step, FAILED, Map.of(WORDS, Engines.explained(e)));
      } catch (OutOfMemoryError | RuntimeException | IOException e) {
        tell(step, FAILED, Map.of(WORDS, String.valueOf(e).lines().findFirst().orElse("")));
      }
      if (step == Step.LIBTORCH) {
        break; // all that follows needs it
      }
    }
    System.out.flush();
    Runtime.getRuntime().halt(0); // what libraries do at the exit is none of these steps
  }

  private static void tell(Step step, String state, Map<String, Object> more) throws IOException {
    Map<String, Object> line = new LinkedHashMap<>();
    line.put(STEP, step.name());
    line.put(STATE, state);
    line.putAll(more);
    System.out.println("\n" + new JsonMapper().writeValueAsString(line));
    System.out.flush();
  }
}
