package org.lrfinder.benchmarks.quality;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.DoubleStream;

/**
 * What a finder's answers lose on tasks.
 *
 * @param regret mean over tasks of the means over seeds
 * @param low where the 95 % interval of that begins, networks drawn anew, all of one kin together
 * @param high where it ends
 * @param worst mean over seeds of the worst task
 * @param bad share of the answers that lose more than 0.2
 * @param spent steps, mean
 * @param spread mean over tasks of the standard deviation over seeds, in decades
 * @param ok share of the answers that are OK
 * @param okRegret mean of these
 * @param okBad share of these that lose more than 0.2
 */
record Score(
    double regret,
    double low,
    double high,
    double worst,
    double bad,
    double spent,
    double spread,
    double ok,
    double okRegret,
    double okBad) {
  static final double BAD = 0.2;
  private static final int RESAMPLES = 2000;

  static Score of(Finder finder, List<Row> rows) {
    Map<String, List<Double>> networks = new LinkedHashMap<>();
    List<Finder.Answer> all = new ArrayList<>();
    DoubleStream.Builder spreads = DoubleStream.builder();
    double worst = 0;
    for (Row row : rows) {
      List<Finder.Answer> answers = finder.answers().apply(row);
      double mean = mean(answers);
      worst = Math.max(worst, mean);
      networks.computeIfAbsent(row.kin(), n -> new ArrayList<>()).add(mean);
      if (answers.stream().filter(answer -> answer.lr().isPresent()).count() > 1) {
        spreads.add(deviation(answers));
      }
      all.addAll(answers);
    }
    List<Finder.Answer> ok = all.stream().filter(Finder.Answer::ok).toList();
    double[] resampled = resampled(List.copyOf(networks.values()));
    return new Score(
        networks.values().stream()
            .flatMap(List::stream)
            .mapToDouble(v -> v)
            .average()
            .orElseThrow(),
        resampled[(int) (0.025 * RESAMPLES)],
        resampled[(int) (0.975 * RESAMPLES)],
        worst,
        bad(all),
        all.stream().mapToInt(Finder.Answer::spent).average().orElseThrow(),
        spreads.build().average().orElse(0),
        ok.size() / (double) all.size(),
        mean(ok),
        bad(ok));
  }

  private static double mean(List<Finder.Answer> answers) {
    return answers.stream().mapToDouble(Finder.Answer::regret).average().orElse(Double.NaN);
  }

  private static double bad(List<Finder.Answer> answers) {
    return answers.stream().mapToDouble(a -> a.regret() > BAD ? 1 : 0).average().orElse(Double.NaN);
  }

  private static double deviation(List<Finder.Answer> answers) {
    double[] logs =
        answers.stream().flatMapToDouble(a -> a.lr().stream()).map(Math::log10).toArray();
    double mean = Arrays.stream(logs).average().orElse(0);
    double squares = Arrays.stream(logs).map(v -> (v - mean) * (v - mean)).sum();
    return Math.sqrt(squares / (logs.length - 1));
  }

  /** Means over networks drawn with replacement, sorted. */
  private static double[] resampled(List<List<Double>> networks) {
    Random random = new Random(1);
    double[] means = new double[RESAMPLES];
    for (int k = 0; k < RESAMPLES; k++) {
      double sum = 0;
      int count = 0;
      for (int i = 0; i < networks.size(); i++) {
        for (double value : networks.get(random.nextInt(networks.size()))) {
          sum += value;
          count++;
        }
      }
      means[k] = sum / count;
    }
    Arrays.sort(means);
    return means;
  }
}
