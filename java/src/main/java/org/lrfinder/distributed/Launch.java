package org.lrfinder.distributed;

import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What the environment says of this process and of those that it was started with, in the variables
 * that torchrun sets and PyTorch's {@code env://} reads.
 *
 * @param address of the machine where the store is served
 * @param serves whether this process serves it; else another, or torchrun's agent
 * @param attempt how often the agent has started the processes anew, whose store remembers
 */
record Launch(int rank, int ranks, String address, int port, boolean serves, String attempt) {
  private static final int MOST_PORTS = 65535;

  /**
   * Reads the variables.
   *
   * @throws IllegalStateException if one is missing or no number in its range; the message names it
   */
  static Launch of(Map<String, String> environment) {
    int ranks = number(environment, "WORLD_SIZE", 1, Integer.MAX_VALUE);
    int rank = number(environment, "RANK", 0, ranks - 1);
    boolean agentServes = "True".equals(environment.get("TORCHELASTIC_USE_AGENT_STORE"));
    return new Launch(
        rank,
        ranks,
        value(environment, "MASTER_ADDR"),
        number(environment, "MASTER_PORT", 1, MOST_PORTS),
        rank == 0 && !agentServes,
        environment.getOrDefault("TORCHELASTIC_RESTART_COUNT", "0"));
  }

  /** {@return whether these variables are set, for more than one process} */
  static boolean isIn(Map<String, String> environment) {
    return environment.keySet().containsAll(Set.of("RANK", "WORLD_SIZE"))
        && !"1".equals(environment.get("WORLD_SIZE"));
  }

  private static String value(Map<String, String> environment, String name) {
    String value = environment.get(name);
    if (value == null || value.isBlank()) {
      throw refused(name, value, "set");
    }
    return value;
  }

  private static int number(Map<String, String> environment, String name, int least, int most) {
    String value = value(environment, name);
    try {
      int number = Integer.parseInt(value.strip());
      if (number >= least && number <= most) {
        return number;
      }
    } catch (NumberFormatException e) {
      // refused below
    }
    throw refused(name, value, "a number from " + least + " to " + most);
  }

  private static IllegalStateException refused(
      String name, @Nullable String value, String expected) {
    return new IllegalStateException(
        "the environment variable %s is %s, but must be %s: start the processes with torchrun --no-python, or set RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT for each"
            .formatted(name, value == null ? "not set" : "'" + value + "'", expected));
  }
}
