package org.lrfinder.distributed;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.net.InetAddress;
import java.net.ServerSocket;
import java.time.Duration;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.lrfinder.distributed.FaultyRank.Fate;
import org.lrfinder.distributed.FaultyRank.Phase;
import org.lrfinder.distributed.Ranks.Ended;
import org.lrfinder.engine.EngineChoice;
import org.lrfinder.testkit.EnginesUnderTest;

/**
 * What becomes of the others when one of several processes dies, hangs, throws or is cut off, at
 * random steps and phases. The system property {@code lrfinder.faults} says how many of these
 * accidents happen: a few in a build, a hundred when it is asked for.
 */
class FaultTest {
  private static final int IN_A_BUILD = 3; // killed, stopped, throws
  private static final int TIMEOUT = 10; // seconds, of the group
  private static final int DIAGNOSIS = 5; // seconds that a search for silent ranks takes at most
  private static final int SLACK = 15; // seconds on a loaded machine

  /** One of them. */
  record Accident(int number, Fate fate, Phase phase, int step, int rank, int ranks) {
    static Accident of(int number) {
      SplittableRandom random = new SplittableRandom(number);
      Fate fate = Fate.values()[number % Fate.values().length];
      int ranks = fate == Fate.CUT_OFF ? 2 : 2 + random.nextInt(2);
      return new Accident(
          number,
          fate,
          Phase.values()[random.nextInt(Phase.values().length)],
          1 + random.nextInt(SharedTask.STEPS - 2),
          random.nextInt(ranks),
          ranks);
    }
  }

  private Networks networks = Networks.none();

  static Stream<Accident> accidents() {
    return IntStream.range(0, Integer.getInteger("lrfinder.faults", IN_A_BUILD))
        .mapToObj(Accident::of);
  }

  @BeforeEach
  void assumeNative() {
    assumeTrue(EnginesUnderTest.all().contains(EngineChoice.NATIVE));
  }

  @AfterEach
  void remove() throws Exception {
    networks.remove();
  }

  @ParameterizedTest
  @MethodSource("accidents")
  void leavesTheOthersAsTheyWere(Accident accident) throws Exception {
    if (accident.fate == Fate.CUT_OFF) {
      assumeTrue(Networks.possible(), "network namespaces need rights and the command ip");
      networks = Networks.ofTwo();
    }
    int port = Ranks.freePort();

    List<Ended> all =
        Ranks.run(
            accident.ranks,
            Duration.ofSeconds(120),
            port,
            networks,
            rank -> accident.fate == Fate.STOPPED && rank == accident.rank,
            FaultyRank.class,
            accident.fate.name(),
            accident.phase.name(),
            Integer.toString(accident.step),
            Integer.toString(accident.rank),
            Integer.toString(TIMEOUT));

    for (Ended rank : all) {
      boolean gone =
          rank.rank() == accident.rank
              && (accident.fate == Fate.KILLED || accident.fate == Fate.STOPPED);
      if (gone) {
        int status = accident.fate == Fate.KILLED ? 137 : Ended.HUNG;
        assertThat(rank.exit()).as(rank.printed()).isEqualTo(status);
        continue;
      }
      assertThat(rank.exit()).as(rank.printed()).isZero();
      assertThat(rank.lines("differences")).as(rank.printed()).containsExactly("[]");
      assertThat(rank.lines("error"))
          .as(rank.printed())
          .singleElement()
          .asString()
          .matches(words(accident, rank.rank()));
      double seconds = Double.parseDouble(rank.lines("seconds").get(0));
      assertThat(seconds).as(rank.printed()).isLessThan(TIMEOUT + DIAGNOSIS + SLACK);
      boolean told = accident.fate == Fate.THROWS || accident.fate == Fate.OUT_OF_MEMORY;
      if (told) {
        assertThat(seconds).as("without the timeout").isLessThan(TIMEOUT);
      }
    }
    try (ServerSocket again = new ServerSocket(port, 1, InetAddress.getLoopbackAddress())) {
      assertThat(again.isBound()).as("the store's socket is free").isTrue();
    }
  }

  /** What a rank that is left says. */
  private static String words(Accident accident, int rank) {
    boolean own = rank == accident.rank;
    return switch (accident.fate) {
      case THROWS ->
          own
              ? "own: the user's code failed"
              : "peer: rank " + accident.rank + " failed: .*the user's code failed";
      case OUT_OF_MEMORY ->
          own
              ? "own: .*(heap space|array size).*"
              : "peer: rank " + accident.rank + " failed: java.lang.OutOfMemoryError.*";
      case CUT_OFF -> "peer: another process ended, does not answer, or closed its group: .*";
      case KILLED, STOPPED ->
          accident.rank == 0 && accident.fate == Fate.KILLED
              ? "peer: another process ended.*; nor does the store at 127.0.0.1:\\d+ answer.*"
              : "peer: another process ended.*(no sign of life from rank "
                  + accident.rank
                  + "|nor does the store .* answer.*)";
    };
  }
}
