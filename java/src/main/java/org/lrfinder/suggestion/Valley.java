package org.lrfinder.suggestion;

import java.util.Optional;
import org.lrfinder.sweep.Curve;
import org.lrfinder.sweep.SweepSettings;

/**
 * fastai's default rule: about the middle of the longest valley, that is of as many points as the
 * longest strictly falling subsequence of smoothed losses has, before its end.
 *
 * <p>Source: {@code fastai/callback/schedule.py}, {@code valley}, release 2.8.12. It compares every
 * pair of points; patience sorting gives the same in O(n log n). One defect is not kept: where the
 * subsequence has two points and ends at the second, fastai's index is -1, the largest rate of all.
 *
 * <p>Its limits: it picks too low, by 0.6 decades in the median, but steadily so. The number of
 * points before the end is that of the subsequence, whose own start may lie far before.
 *
 * <p>Invariance, as found: it sees the order of the losses alone, so that neither a scale nor a
 * constant moves the pick on one and the same curve; a sweep of the shifted loss stops elsewhere. A
 * spike leaves a trace in the running average and moves the pick by half a decade.
 */
public record Valley() implements SuggestionRule {
  @Override
  public String name() {
    return "valley";
  }

  @Override
  public Optional<Pick> pick(Curve curve, SweepSettings settings) {
    FastaiWindow window = FastaiWindow.of(curve, settings);
    if (window.size() == 0) {
      return Optional.empty();
    }
    return Optional.of(Pick.of(window.rates()[index(window.losses())]).within(curve));
  }

  /** Finds the point to pick, of at least one. */
  static int index(double[] losses) {
    // ends[k]: the highest loss that a falling subsequence of k + 1 points can end at.
    double[] ends = new double[losses.length];
    int longest = 0;
    int end = 0;
    for (int i = 0; i < losses.length; i++) {
      int length = longerThan(ends, longest, losses[i]);
      ends[length] = losses[i];
      if (length == longest) {
        longest++;
        end = i;
      }
    }
    if (longest == 1) {
      return 0;
    }
    double third = longest / 3.0;
    return Math.max(0, end - longest + (int) third + (int) (third / 2));
  }

  /** Counts the points that a falling subsequence can have before one more of this loss. */
  private static int longerThan(double[] ends, int longest, double loss) {
    int low = 0;
    int high = longest;
    while (low < high) {
      int middle = (low + high) >>> 1;
      if (ends[middle] > loss) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }
}
