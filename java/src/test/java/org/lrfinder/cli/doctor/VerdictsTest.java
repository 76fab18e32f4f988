package org.lrfinder.cli.doctor;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What checks make of numbers that one machine does not have all of. */
class VerdictsTest {
  private static String id(Optional<Finding> finding) {
    return finding.map(found -> found.severity() + " " + found.id()).orElse("");
  }

  @ParameterizedTest(name = "{0} and {1} microseconds, MKL {2}, {3} processes")
  @CsvSource({
    "59425, 5000, false, 1, slow blas-threads",
    "5159, 5000, false, 1, ''",
    "59425, 5000, true, 0.9, slow slow-threads",
    "59425, 5000, true, 3.5, note busy-machine",
    "3033, 3150, true, 3.5, ''"
  })
  void theCollapseOfOpenBlasIsToldByTwoTimes(
      double all, double one, boolean mkl, double load, String expected) {
    assertThat(id(BlasCheck.judge(all, one, mkl, load))).isEqualTo(expected);
  }

  @Test
  void theVersionOfMklIsThatWhichTheTestsRunWith() {
    assertThat(Library.MKL.version()).contains(BlasCheck.MKL_VERSION);
  }

  @ParameterizedTest
  @CsvSource({
    "2, 2.0, ''",
    "2, 1.5, ''",
    "3, 2.0, slow too-many-threads",
    "2, 0.5, slow too-many-threads"
  })
  void moreThreadsThanAContainerHasProcessorsAreSlow(int threads, double limit, String expected) {
    assertThat(id(ThreadsCheck.tooMany(threads, limit))).isEqualTo(expected);
  }

  @ParameterizedTest
  @CsvSource({"2.34, true", "2.35, false", "2.4, true", "2.100, false", "3.0, false"})
  void versionsOfGlibcAreComparedByTheirNumbers(String version, boolean older) {
    assertThat(PlatformCheck.isOlder(version, "2.35")).isEqualTo(older);
  }
}
