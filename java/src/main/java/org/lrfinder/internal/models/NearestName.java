package org.lrfinder.internal.models;

import java.util.Collection;
import java.util.Comparator;

/** The name that was meant by one that is none. */
final class NearestName {
  private NearestName() {}

  /** {@return the name with the fewest letters to change, put in or left out} */
  static String to(String wrong, Collection<String> names) {
    return names.stream().min(Comparator.comparingInt(name -> changes(wrong, name))).orElseThrow();
  }

  /** Levenshtein's distance. */
  private static int changes(String from, String to) {
    int[] row = new int[to.length() + 1];
    for (int j = 0; j < row.length; j++) {
      row[j] = j;
    }
    for (int i = 1; i <= from.length(); i++) {
      int diagonal = row[0];
      row[0] = i;
      for (int j = 1; j < row.length; j++) {
        int replaced = diagonal + (from.charAt(i - 1) == to.charAt(j - 1) ? 0 : 1);
        diagonal = row[j];
        row[j] = Math.min(replaced, Math.min(row[j], row[j - 1]) + 1);
      }
    }
    return row[to.length()];
  }
}
