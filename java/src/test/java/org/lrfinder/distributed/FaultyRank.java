package org.lrfinder.distributed;

import java.io.IOException;
import java.time.Duration;
import java.util.Iterator;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.lrfinder.LrFinder;
import org.lrfinder.SweepTask;
import org.lrfinder.data.Batch;
import org.lrfinder.engine.PeerException;
import org.lrfinder.testkit.ModelState;

/**
 * Sweeps as one of several processes, of which one meets its fate at a given step. Arguments: the
 * fate, the phase of the step, the step, the rank, the seconds of the group's timeout. Prints how
 * the sweep ended, what was left behind, and after how many seconds.
 */
final class FaultyRank {
  /** What happens to a process. */
  enum Fate {
    KILLED,
    STOPPED,
    THROWS,
    OUT_OF_MEMORY,
    CUT_OFF
  }

  /** Where it happens. */
  enum Phase {
    BATCH,
    LOSS,
    LISTENER
  }

  private static boolean met;

  private FaultyRank() {}

  /** Sweeps. */
  public static void main(String[] arguments) {
    Fate fate = Fate.valueOf(arguments[0]);
    Phase phase = Phase.valueOf(arguments[1]);
    int step = Integer.parseInt(arguments[2]);
    int rank = Integer.parseInt(arguments[3]);
    Duration timeout = Duration.ofSeconds(Integer.parseInt(arguments[4]));
    try (Distributed group = Distributed.fromEnvironment(timeout)) {
      SharedTask task = new SharedTask();
      ModelState before = ModelState.of(task.network, task.optimizer);
      boolean bad = group.rank() == rank;
      int[] steps = new int[1];
      LrFinder finder =
          SharedTask.finder()
              .listener(
                  done -> {
                    steps[0]++;
                    meet(bad && phase == Phase.LISTENER && steps[0] == step, fate);
                  })
              .build();
      SweepTask<Batch> swept =
          SweepTask.of(
              task.network,
              task.optimizer,
              batch -> {
                meet(bad && phase == Phase.LOSS && steps[0] >= step, fate);
                return loss(task, batch);
              },
              watched(
                  task, group, () -> meet(bad && phase == Phase.BATCH && steps[0] >= step, fate)));
      long start = System.nanoTime();
      try {
        finder.find(swept.across(group));
        System.out.println("error none");
      } catch (PeerException e) {
        System.out.println("error peer: " + e.getMessage());
      } catch (IllegalStateException | OutOfMemoryError e) {
        System.out.println("error own: " + e.getMessage());
      }
      System.out.println("seconds " + (System.nanoTime() - start) / 1e9);
      System.out.println(
          "differences " + before.differencesTo(ModelState.of(task.network, task.optimizer)));
    }
  }

  private static Tensor loss(SharedTask task, Batch batch) {
    return task.loss(batch);
  }

  private static Iterable<Batch> watched(SharedTask task, Distributed group, Runnable beforeNext) {
    return () -> {
      Iterator<Batch> batches = task.batches(group).iterator();
      return new Iterator<>() {
        @Override
        public boolean hasNext() {
          return batches.hasNext();
        }

        @Override
        public Batch next() {
          beforeNext.run();
          return batches.next();
        }
      };
    };
  }

  private static void meet(boolean now, Fate fate) {
    if (!now || met) {
      return;
    }
    met = true;
    String self = Long.toString(ProcessHandle.current().pid());
    switch (fate) {
      case KILLED -> command("kill", "-9", self);
      case STOPPED -> command("kill", "-STOP", self);
      case THROWS -> throw new IllegalStateException("the user's code failed");
      case OUT_OF_MEMORY -> List.of(new long[Integer.MAX_VALUE], new long[Integer.MAX_VALUE]);
      case CUT_OFF -> command("ip", "link", "set", "dev", System.getenv("LINK"), "down");
    }
  }

  private static void command(String... words) {
    try {
      new ProcessBuilder(words).start().waitFor();
    } catch (IOException e) {
      throw new AssertionError(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
