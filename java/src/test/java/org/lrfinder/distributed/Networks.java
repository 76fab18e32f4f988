package org.lrfinder.distributed;

import java.io.IOException;
import java.util.List;
import java.util.Map;

/**
 * Where ranks run: on this machine as it is, or each in a network namespace of its own, with a
 * cable between two of them that can be cut.
 *
 * @param names of the namespaces, by rank; empty for none
 */
record Networks(List<String> names) {
  private static final String PREFIX = "10.211.7.";

  static Networks none() {
    return new Networks(List.of());
  }

  /** {@return whether this user may make some} */
  static boolean possible() throws InterruptedException {
    try {
      String name = "lrfinder-try";
      boolean made = call("ip", "netns", "add", name) == 0;
      if (made) {
        call("ip", "netns", "delete", name);
      }
      return made;
    } catch (IOException e) {
      return false;
    }
  }

  static Networks ofTwo() throws IOException, InterruptedException {
    Networks two = new Networks(List.of("lrfinder-0", "lrfinder-1"));
    two.remove();
    for (String name : two.names) {
      require("ip", "netns", "add", name);
    }
    require(
        "ip",
        "link",
        "add",
        "lrf0",
        "netns",
        two.names.get(0),
        "type",
        "veth",
        "peer",
        "name",
        "lrf1",
        "netns",
        two.names.get(1));
    for (int rank = 0; rank < two.names.size(); rank++) {
      String name = two.names.get(rank);
      require("ip", "-n", name, "address", "add", PREFIX + (rank + 1) + "/24", "dev", "lrf" + rank);
      require("ip", "-n", name, "link", "set", "lrf" + rank, "up");
      require("ip", "-n", name, "link", "set", "lo", "up");
    }
    return two;
  }

  /** {@return what runs a command where a rank belongs} */
  List<String> command(int rank) {
    return names.isEmpty() ? List.of() : List.of("ip", "netns", "exec", names.get(rank));
  }

  Map<String, String> environment(int rank) {
    return names.isEmpty()
        ? Map.of("MASTER_ADDR", "127.0.0.1")
        : Map.of(
            "MASTER_ADDR", PREFIX + 1, "GLOO_SOCKET_IFNAME", "lrf" + rank, "LINK", "lrf" + rank);
  }

  void remove() throws IOException, InterruptedException {
    for (String name : names) {
      call("ip", "netns", "delete", name);
    }
  }

  private static void require(String... words) throws IOException, InterruptedException {
    if (call(words) != 0) {
      throw new IOException("failed: " + String.join(" ", words));
    }
  }

  private static int call(String... words) throws IOException, InterruptedException {
    return new ProcessBuilder(words)
        .redirectErrorStream(true)
        .redirectOutput(ProcessBuilder.Redirect.DISCARD)
        .start()
        .waitFor();
  }
}
