package org.lrfinder.benchmarks.speed;

import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Predicate;
import org.lrfinder.benchmarks.Summary;

/** Measured values, and what is computed from them: nothing but medians and quartiles. */
record Rows(List<Row> all) {
  Rows where(Predicate<Row> condition) {
    return new Rows(all.stream().filter(condition).toList());
  }

  Rows of(Setting setting, String figure, String subject) {
    return where(
        row ->
            row.setting().equals(setting.key())
                && row.figure().equals(figure)
                && row.subject().equals(subject));
  }

  Set<String> contenders() {
    return set(all.stream().map(Row::contender).toList());
  }

  Set<String> subjects() {
    return set(all.stream().map(Row::subject).toList());
  }

  Set<Integer> xs() {
    return set(all.stream().map(Row::x).toList());
  }

  private static <T> Set<T> set(Collection<T> values) {
    return new LinkedHashSet<>(values);
  }

  int rounds() {
    return all.stream().mapToInt(row -> row.round() + 1).max().orElse(0);
  }

  /** {@return the values of a contender at one point, absent if it was not measured} */
  Optional<Summary> summary(String contender, int x) {
    return summaryOf(byRound(contender, x).values());
  }

  /** {@return the quotients of two contenders' values in the same rounds} */
  Optional<Summary> ratio(String numerator, String denominator, int x) {
    Map<Integer, Double> above = byRound(numerator, x);
    Map<Integer, Double> below = byRound(denominator, x);
    above.keySet().retainAll(below.keySet());
    below.keySet().retainAll(above.keySet());
    return above.isEmpty()
        ? Optional.empty()
        : Optional.of(Summary.ofPairedRatios(array(above.values()), array(below.values())));
  }

  /** {@return by how much a value grows with each unit of x, from rounds that have both ends} */
  Optional<Summary> slope(String contender, int low, int high) {
    Map<Integer, Double> lower = byRound(contender, low);
    List<Double> slopes = new ArrayList<>();
    byRound(contender, high)
        .forEach(
            (round, value) -> {
              if (low < high && lower.containsKey(round)) {
                slopes.add((value - lower.get(round)) / (high - low));
              }
            });
    return summaryOf(slopes);
  }

  private Map<Integer, Double> byRound(String contender, int x) {
    Map<Integer, Double> values = new TreeMap<>();
    for (Row row : all) {
      if (row.contender().equals(contender) && row.x() == x) {
        values.put(row.round(), row.value());
      }
    }
    return values;
  }

  private static Optional<Summary> summaryOf(Collection<Double> values) {
    return values.isEmpty() ? Optional.empty() : Optional.of(Summary.of(array(values)));
  }

  private static double[] array(Collection<Double> values) {
    return values.stream().mapToDouble(Double::doubleValue).toArray();
  }
}
