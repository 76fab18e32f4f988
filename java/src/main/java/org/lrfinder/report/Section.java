package org.lrfinder.report;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.lrfinder.engine.EngineInfo;
import org.lrfinder.plot.SvgPicture;
import org.lrfinder.suggestion.Agreement;
import org.lrfinder.suggestion.Answer;
import org.lrfinder.suggestion.Descent;
import org.lrfinder.suggestion.MiddleOfFall;
import org.lrfinder.suggestion.Status;
import org.lrfinder.suggestion.Suggestion;
import org.lrfinder.suggestion.SuggestionRule;
import org.lrfinder.suggestion.SuggestionRules;
import org.lrfinder.suggestion.Trend;
import org.lrfinder.sweep.Curve;
import org.lrfinder.sweep.GroupRange;
import org.lrfinder.sweep.SweepSettings;

/**
 * What the template shows of one sweep.
 *
 * @param id of its parts in the page
 * @param name empty of a single sweep
 * @param ok whether there is a suggestion to trust
 * @param status what happened, in words
 * @param rate the suggestion; empty if there is none
 * @param by which rule says so; empty if there is no suggestion
 * @param rates the parameter groups' rates, as code; empty if there are none to set
 */
record Section(
    String id,
    String name,
    boolean ok,
    String status,
    Optional<String> rate,
    Optional<String> by,
    List<Advice> advice,
    List<String> warnings,
    Optional<Picture> picture,
    List<Rule> rules,
    boolean grouped,
    Optional<Repeats> repeats,
    List<String> attempts,
    List<String> calls,
    Optional<String> rates,
    List<Setting> settings,
    List<Fact> facts) {
  private static final int MOST_ROWS = 2000; // that a browser and its reader take

  /** A name and what there is to say of it. */
  record Fact(String term, String words) {}

  /**
   * The curve.
   *
   * @param start the row that is shown first
   * @param every which steps have a row, in words; empty if all do
   */
  record Picture(
      Pictures pictures,
      boolean trended,
      boolean validated,
      List<Row> rows,
      int start,
      int last,
      Optional<String> every) {}

  /**
   * A step of the curve.
   *
   * @param x how far to the right it lies in the picture, from 0 to 1
   * @param y how far down its loss lies
   * @param trendY how far down the trend lies; empty if it has ended
   */
  record Row(
      int step,
      String lr,
      String loss,
      String trend,
      String running,
      String validation,
      String x,
      String y,
      String trendY) {}

  /** What a rule says. */
  record Rule(String name, boolean chosen, String lr, String times, String perGroup) {}

  /** The sweeps of which this is the median. */
  record Repeats(String summary, List<Repeat> runs) {}

  /** One of them. */
  record Repeat(int number, int points, String status, String lr) {}

  /** A setting, its value and its default. */
  record Setting(String name, String value, String usual, boolean changed) {}

  static Section of(String id, String name, Findings found) {
    Answer answer = found.answer();
    return new Section(
        id,
        name,
        answer.suggestion().isPresent(),
        answer.status().words(),
        answer.suggestion().map(s -> Words.of("%.3e", s.lr())),
        answer.suggestion().map(suggestion -> by(suggestion, answer.agreement().orElseThrow())),
        Advice.on(answer, found.settings()),
        answer.warnings(),
        picture(id, found),
        rules(answer),
        found.groups().size() > 1,
        found.repeats().map(Section::repeats),
        found.attempts(),
        calls(found),
        answer.suggestion().filter(s -> !found.engine().device().isEmpty()).map(Section::rates),
        settings(found.settings()),
        facts(found));
  }

  boolean named() {
    return !name.isEmpty();
  }

  boolean warned() {
    return !warnings.isEmpty();
  }

  boolean ruled() {
    return !rules.isEmpty();
  }

  boolean attempted() {
    return !attempts.isEmpty();
  }

  private static String by(Suggestion suggestion, Agreement agreement) {
    return "by the rule %s%s; %d of %d other rules are within a factor of three"
        .formatted(
            suggestion.rule(),
            suggestion
                .interval()
                .map(
                    i ->
                        ", from sweep to sweep %s to %s"
                            .formatted(Words.rate(i.low()), Words.rate(i.high())))
                .orElse(""),
            agreement.near(),
            agreement.rules());
  }

  private static Optional<Picture> picture(String id, Findings found) {
    return found
        .plot()
        .map(plot -> plot.withTitle("Loss over learning rate").withNote(""))
        .map(
            plot -> {
              SvgPicture wide = Pictures.wide(plot, id);
              Curve curve = found.curve();
              int stride = (curve.size() + MOST_ROWS - 1) / MOST_ROWS;
              List<Row> rows = rows(found, wide, stride);
              int marked =
                  found.answer().suggestion().map(s -> s.index() / stride).orElse(rows.size() / 2);
              return new Picture(
                  Pictures.of(wide, plot, id),
                  trend(found).isPresent(),
                  curve.validationLosses().length > 0,
                  rows,
                  marked,
                  rows.size() - 1,
                  stride == 1
                      ? Optional.empty()
                      : Optional.of(
                          "One step in %d of %d, with a row each."
                              .formatted(stride, curve.size())));
            });
  }

  private static Optional<Trend> trend(Findings found) {
    return Descent.of(found.curve(), found.settings()).map(Descent::trend);
  }

  private static List<Row> rows(Findings found, SvgPicture picture, int stride) {
    Curve curve = found.curve();
    Optional<Trend> trend = trend(found);
    double[] validation = curve.validationLosses();
    return IntStream.range(0, (curve.size() + stride - 1) / stride)
        .map(row -> row * stride)
        .mapToObj(
            i -> {
              double lr = curve.rate(i);
              OptionalDouble smooth =
                  trend.filter(t -> lr <= t.lastRate()).stream()
                      .mapToDouble(t -> t.at(lr))
                      .findFirst();
              return new Row(
                  i,
                  Words.rate(lr),
                  Words.loss(curve.loss(i)),
                  smooth.isPresent() ? Words.loss(smooth.getAsDouble()) : "",
                  Words.loss(curve.smoothedLoss(i)),
                  validation.length > 0 ? Words.loss(validation[i]) : "",
                  share(picture.across(lr)),
                  share(picture.down(curve.loss(i))),
                  smooth.isPresent() ? share(picture.down(smooth.getAsDouble())) : "");
            })
        .toList();
  }

  private static String share(double share) {
    return Words.of("%.5f", share);
  }

  private static List<Rule> rules(Answer answer) {
    Optional<Suggestion> chosen = answer.suggestion(answer.rule());
    return answer.suggestions().stream()
        .map(
            s ->
                new Rule(
                    s.rule(),
                    s.rule().equals(answer.rule()),
                    Words.rate(s.lr()),
                    chosen.map(c -> times(s.lr() / c.lr())).orElse(""),
                    s.perGroup().stream().map(Words::rate).collect(Collectors.joining(", "))))
        .toList();
  }

  private static String times(double factor) {
    return Words.of(factor < 0.01 || factor >= 100 ? "%.1e" : "%.2f", factor);
  }

  private static Repeats repeats(Findings.Repeated repeated) {
    List<Repeat> runs = new ArrayList<>();
    for (Findings.Run run : repeated.runs()) {
      runs.add(
          new Repeat(runs.size() + 1, run.points(), run.status().words(), Words.rate(run.lr())));
    }
    long usable = repeated.runs().stream().filter(run -> run.status() == Status.OK).count();
    String summary =
        "%d sweeps over different batches, %d of them with a suggestion"
            .formatted(runs.size(), usable);
    if (repeated.median().isPresent()) {
      summary += ": median " + Words.rate(repeated.median());
    }
    if (repeated.spread().isPresent()) {
      summary += Words.of(", quartiles %.2f decades apart", repeated.spread().getAsDouble());
    }
    return new Repeats(summary + ".", runs);
  }

  /** The calls of a finder's builder that make the same sweep. */
  private static List<String> calls(Findings found) {
    List<String> calls = new ArrayList<>();
    Map<String, Object> usual = SweepSettings.DEFAULTS.asMap();
    found
        .settings()
        .asMap()
        .forEach(
            (name, value) -> {
              if (!value.equals(usual.get(name))) {
                calls.addAll(calls(name, value));
              }
            });
    SuggestionRules.all().stream()
        .map(SuggestionRule::name)
        .filter(found.answer().rule()::equals) // a rule of the user's own has no name to call it by
        .filter(rule -> !rule.equals(new MiddleOfFall().name()))
        .forEach(rule -> calls.add("rule(\"%s\")".formatted(rule)));
    found.repeats().ifPresent(all -> calls.add("repeats(%d)".formatted(all.runs().size())));
    return calls;
  }

  private static List<String> calls(String name, Object value) {
    if (value.equals(Double.POSITIVE_INFINITY)) {
      return List.of("noEarlyStop()"); // the one setting that is finite unless told otherwise
    }
    if (value instanceof List<?> values && values.stream().allMatch(GroupRange.class::isInstance)) {
      return values.stream()
          .map(GroupRange.class::cast)
          .map(r -> "groupRange(%d, %s, %s)".formatted(r.group(), r.minLr(), r.maxLr()))
          .toList();
    }
    return List.of("%s(%s)".formatted(name, literal(value)));
  }

  private static String literal(Object value) {
    if (value instanceof Enum<?> constant) {
      return constant.getDeclaringClass().getSimpleName() + "." + constant.name();
    }
    if (value instanceof List<?> values) {
      return values.stream().map(Section::literal).collect(Collectors.joining(", "));
    }
    return value.toString();
  }

  private static String rates(Suggestion suggestion) {
    return suggestion.perGroup().stream().map(String::valueOf).collect(Collectors.joining(", "));
  }

  private static List<Setting> settings(SweepSettings settings) {
    Map<String, Object> usual = SweepSettings.DEFAULTS.asMap();
    return settings.asMap().entrySet().stream()
        .map(
            entry ->
                new Setting(
                    entry.getKey(),
                    value(entry.getValue()),
                    value(usual.get(entry.getKey())),
                    !entry.getValue().equals(usual.get(entry.getKey()))))
        .toList();
  }

  private static String value(Object value) {
    if (value.equals(Double.POSITIVE_INFINITY) || value.equals(List.of())) {
      return "none";
    }
    return value.toString();
  }

  private static List<Fact> facts(Findings found) {
    EngineInfo engine = found.engine();
    List<Fact> facts = new ArrayList<>();
    facts.add(
        new Fact(
            "steps",
            "%d of %d, %s"
                .formatted(
                    found.curve().size(), found.settings().steps(), found.endReason().words())));
    facts.add(
        new Fact("engine", engine.engine() + engine.engineReason().map(r -> "; " + r).orElse("")));
    if (!engine.device().isEmpty()) {
      facts.add(
          new Fact(
              "device", engine.device() + engine.hardware().map(h -> ", " + h.words()).orElse("")));
      facts.add(new Fact("threads", String.valueOf(engine.threads())));
      facts.add(new Fact("BLAS", engine.blas()));
      facts.add(new Fact("libtorch", engine.libtorch()));
      facts.add(
          new Fact(
              "losses read", engine.path() + engine.pathReason().map(r -> "; " + r).orElse("")));
    }
    facts.add(
        new Fact("replayed", found.replay().reason().orElse(found.replay().steps() + " steps")));
    return facts;
  }
}
