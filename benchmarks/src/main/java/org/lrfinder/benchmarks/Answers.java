package org.lrfinder.benchmarks;

import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.function.DoublePredicate;
import java.util.function.LongFunction;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import java.util.stream.DoubleStream;
import java.util.stream.LongStream;
import org.lrfinder.LrFinderResult;
import org.lrfinder.internal.engine.Engines;
import org.lrfinder.suggestion.Status;
import org.lrfinder.suggestion.Suggestion;

/** The results of many seeds, counted. */
public record Answers(List<LrFinderResult> results) {
  /** Sweeps with each seed from 1. */
  static Answers of(int seeds, LongFunction<LrFinderResult> sweep) {
    return new Answers(LongStream.rangeClosed(1, seeds).mapToObj(sweep).toList());
  }

  int size() {
    return results.size();
  }

  long count(Predicate<LrFinderResult> which) {
    return results.stream().filter(which).count();
  }

  long count(Status status) {
    return count(result -> result.status() == status);
  }

  /** Of a status of OK, how many have a rate like that. */
  long rates(DoublePredicate which) {
    return rates().filter(which).count();
  }

  /** Of a status of OK, how many have a rate like that and a warning that is of the answer. */
  long warned(DoublePredicate which) {
    return count(
        result ->
            result.suggestion().filter(s -> which.test(s.lr())).isPresent()
                && result.warnings().size() > Engines.warnings(result.engine()).size());
  }

  DoubleStream rates() {
    return results.stream().flatMap(r -> r.suggestion().stream()).mapToDouble(Suggestion::lr);
  }

  String medianRate() {
    double[] rates = rates().toArray();
    return rates.length == 0 ? "-" : rate(Summary.of(rates).median());
  }

  String others() {
    return others(results.stream().map(LrFinderResult::status).toList());
  }

  /** The statuses but OK, each with its number. */
  public static String others(List<Status> statuses) {
    String others =
        Arrays.stream(Status.values())
            .filter(status -> status != Status.OK && statuses.contains(status))
            .map(status -> status + " " + Collections.frequency(statuses, status))
            .collect(Collectors.joining(", "));
    return others.isEmpty() ? "-" : others;
  }

  public static String rate(double lr) {
    return Report.format("%.1e", lr);
  }
}
