package org.lrfinder.internal.models;

import java.util.Arrays;
import java.util.List;
import java.util.Map;

/** Limits, some of which the user may have set. Immutable. */
public record Limits(Map<Limit, Long> set) {
  /** The usual ones. */
  public static final Limits USUAL = new Limits(Map.of());

  /**
   * Takes the usual limits but for some.
   *
   * @throws IllegalArgumentException if one of these is less than 1, or more than it may be
   */
  public Limits {
    set = Map.copyOf(set);
    set.forEach(
        (limit, value) -> {
          if (value < 1 || value > limit.most()) {
            throw new IllegalArgumentException(
                "--limit %s is %d, but must be from 1 to %d".formatted(limit, value, limit.most()));
          }
        });
  }

  public long of(Limit limit) {
    return set.getOrDefault(limit, limit.usual());
  }

  /** {@return of each limit what it is if nothing is said, as the command line takes it} */
  public static List<String> usual() {
    return Arrays.stream(Limit.values()).map(limit -> limit + "=" + limit.usual()).toList();
  }

  /**
   * Refuses what is more than a limit.
   *
   * @param what has so much, such as a file
   * @throws IllegalArgumentException says the limit and how it is raised
   */
  public void require(long value, Limit limit, Object what) {
    if (value > of(limit)) {
      throw new IllegalArgumentException(
          "%s has more than %d %s, which is the limit: --limit %s=N raises it"
              .formatted(what, of(limit), limit.unit(), limit));
    }
  }
}
