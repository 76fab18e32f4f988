package org.lrfinder.benchmarks.speed;

import java.util.LinkedHashSet;
import java.util.Set;

/** What a reader of the table has to know beside it; each thing once. */
final class Notes {
  private final Set<String> lines = new LinkedHashSet<>();

  void add(String line) {
    if (lines.add(line)) {
      System.err.println(line);
    }
  }

  Set<String> lines() {
    return lines;
  }
}
