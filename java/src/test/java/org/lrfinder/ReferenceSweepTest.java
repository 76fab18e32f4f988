package org.lrfinder;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.lrfinder.data.Batch;
import org.lrfinder.engine.EngineChoice;
import org.lrfinder.suggestion.Status;
import org.lrfinder.suggestion.Suggestion;
import org.lrfinder.sweep.Curve;
import org.lrfinder.testkit.EnginesUnderTest;
import org.lrfinder.testkit.ReferenceCase;

/**
 * Every sweep of a folder, on each engine, against PyTorch's figures. The folder is {@code
 * -Dlrfinder.reference=DIR}, its data {@code -Dlrfinder.data=DIR}; both default to the project's
 * copies. {@code README.md} in the folder states the agreement asked for.
 */
class ReferenceSweepTest {
  private static final Path REFERENCE =
      Path.of(System.getProperty("lrfinder.reference", "src/test/reference"));
  private static final Map<EngineChoice, Integer> CASES_RUN = new EnumMap<>(EngineChoice.class);
  private static int libtorchThreads;

  @BeforeAll
  static void oneThread() {
    libtorchThreads = torch.get_num_threads();
    torch.set_num_threads(1);
  }

  @AfterAll
  static void eachEngineRanACase() {
    torch.set_num_threads(libtorchThreads);
    for (EngineChoice engine : EnginesUnderTest.all()) {
      assertThat(CASES_RUN.getOrDefault(engine, 0))
          .as("cases of %s run on the %s engine", REFERENCE, engine)
          .isPositive();
    }
  }

  @TestFactory
  Stream<DynamicTest> sweeps() throws IOException {
    List<Path> files;
    try (Stream<Path> listed = Files.list(REFERENCE)) {
      files = listed.filter(file -> file.toString().endsWith(".json")).sorted().toList();
    }
    return EnginesUnderTest.all().stream()
        .flatMap(
            engine ->
                files.stream()
                    .map(
                        file ->
                            DynamicTest.dynamicTest(
                                engine + " " + file.getFileName(),
                                () -> agrees(engine, new ReferenceCase(file)))));
  }

  private static void agrees(EngineChoice engine, ReferenceCase reference) {
    LrFinder finder = reference.finder().engine(engine).build();
    if (reference.lossOffset() == 0) {
      LrFinderResult found =
          finder.find(reference.network, reference.optimizer, reference.loss, reference.batches);
      assertAgreement(reference, found);
      LrFinder computing = reference.finder().engine(engine).replay(false).build();
      assertThat(
              computing
                  .find(reference.network, reference.optimizer, reference.loss, reference.batches)
                  .results())
          .isEqualTo(found.results());
    }
    // The same once more with the loss computed in Java, which also shows that the first sweep left
    // no trace.
    Scalar offset = new Scalar(reference.lossOffset());
    SweepTask<Batch> task =
        SweepTask.of(
            reference.network,
            reference.optimizer,
            batch -> reference.lossOf(batch).add(offset),
            reference.batches);
    LrFinderResult found = finder.find(task);
    assertAgreement(reference, found);
    assertThat(finder.find(task.declaredStatic()).results()).isEqualTo(found.results());
    CASES_RUN.merge(engine, 1, Integer::sum);
  }

  private static void assertAgreement(ReferenceCase reference, LrFinderResult found) {
    JsonNode expected = reference.json.get("expected");
    double[] rates = ReferenceCase.doubles(expected.get("lr"));
    double[] losses = ReferenceCase.doubles(expected.get("loss"));
    double[] smoothed = ReferenceCase.doubles(expected.get("smoothed_loss"));
    Curve curve = found.results();

    assertThat(found.endReason().name().toLowerCase(Locale.ROOT))
        .isEqualTo(expected.get("stop").asText());
    assertThat(curve.size()).isEqualTo(losses.length);
    for (int i = 0; i < losses.length; i++) {
      double tolerance = Math.abs(losses[i]) < 10 * Math.abs(losses[0]) ? 1e-9 : 1e-6;
      assertThat(curve.rates()[i]).as("rate %d", i).isCloseTo(rates[i], within(1e-14 * rates[i]));
      assertThat(curve.losses()[i])
          .as("loss %d", i)
          .isCloseTo(losses[i], within(tolerance * Math.max(Math.abs(losses[i]), 1)));
      assertThat(curve.smoothedLosses()[i])
          .as("smoothed loss %d", i)
          .isCloseTo(smoothed[i], within(tolerance * Math.max(Math.abs(smoothed[i]), 1)));
    }
    JsonNode steepest = expected.get("steepest_index");
    assertThat(found.suggestion("steepest").map(Suggestion::index))
        .isEqualTo(steepest.isNull() ? Optional.empty() : Optional.of(steepest.asInt()));
    // Whether it is to be trusted is for the status to say.
    assertThat(found.suggestion().isPresent()).isEqualTo(found.status() == Status.OK);
  }
}
