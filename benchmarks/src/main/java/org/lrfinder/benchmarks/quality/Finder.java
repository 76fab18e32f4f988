package org.lrfinder.benchmarks.quality;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * Whatever says a rate of a task: a finder, or a constant.
 *
 * @param steps that it was asked to take; 0 if it chooses
 * @param answers what it said of a task, with what that loses
 */
record Finder(String name, int steps, Function<Row, List<Answer>> answers) {
  static final String CONSTANTS = "constant per optimizer";
  private static final List<String> TUNING = List.of("public", "noisy");
  private static final int FINE = 10; // rates between two of the grid

  /**
   * An answer.
   *
   * @param spent steps
   */
  record Answer(OptionalDouble lr, double regret, int spent, boolean ok) {}

  /**
   * All that were asked, ours first.
   *
   * @param fitted the constant of each optimizer; none if empty
   */
  static List<Finder> all(List<Row> rows, List<Integer> steps, Map<String, Double> fitted) {
    List<Finder> all = new ArrayList<>();
    all.add(asked(Measurement.BY_DEFAULT, 0));
    for (String name : rows.get(0).finders().toList()) {
      if (!name.equals(Measurement.BY_DEFAULT)) {
        steps.forEach(count -> all.add(asked(name, count)));
      }
    }
    all.add(constant("always 1e-3", optimizer -> 1e-3));
    all.add(constant("always 1e-2", optimizer -> 1e-2));
    if (!fitted.isEmpty()) {
      all.add(constant(CONSTANTS, fitted::get));
    }
    all.add(new Finder("grid search, one seed", 0, Finder::gridSearch));
    return all;
  }

  private static Finder asked(String name, int steps) {
    return new Finder(
        name,
        steps,
        row ->
            row.of(name, steps).stream()
                .map(run -> new Answer(run.rate(), run.regret(row.truth()), run.spent(), run.ok()))
                .toList());
  }

  private static Finder constant(String name, Function<String, Double> rate) {
    return new Finder(
        name,
        0,
        row -> {
          OptionalDouble lr = OptionalDouble.of(rate.apply(row.name().optimizer()));
          return List.of(new Answer(lr, row.truth().regret(lr), 0, true));
        });
  }

  /** Each seed's best rate, judged by the others. */
  private static List<Answer> gridSearch(Row row) {
    return IntStream.range(0, row.truth().starts().size())
        .mapToObj(
            seed -> {
              OptionalDouble lr = OptionalDouble.of(row.truth().pickOfSeed(seed));
              return new Answer(lr, row.truth().without(seed).regret(lr), 0, true);
            })
        .toList();
  }

  /** For each optimizer the rate that loses least on the tuning tasks. */
  static Map<String, Double> fitted(List<Row> rows) {
    Map<String, List<Row>> tuning =
        rows.stream()
            .filter(row -> TUNING.contains(row.folder()) && row.truth().worthwhile())
            .collect(
                Collectors.groupingBy(
                    row -> row.name().optimizer(), TreeMap::new, Collectors.toList()));
    Map<String, Double> fitted = new TreeMap<>();
    tuning.forEach((optimizer, own) -> fitted.put(optimizer, best(own)));
    List<String> needed = rows.stream().map(row -> row.name().optimizer()).distinct().toList();
    return fitted.keySet().containsAll(needed) ? fitted : Map.of();
  }

  private static double best(List<Row> rows) {
    Truth grid = rows.get(0).truth();
    int count = (grid.courses().size() - 1) * FINE;
    double[] regrets = new double[count + 1];
    double[] rates = new double[count + 1];
    for (int i = 0; i <= count; i++) {
      double lr = grid.lr(0) * Math.pow(grid.lr(count / FINE) / grid.lr(0), i / (double) count);
      rates[i] = lr;
      regrets[i] =
          rows.stream()
              .mapToDouble(row -> row.truth().regret(OptionalDouble.of(lr)))
              .average()
              .orElseThrow();
    }
    return rates[Truth.lowest(regrets)];
  }
}
