#include "loss_tracker.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <optional>
#include <random>
#include <vector>

namespace lrfinder {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// The running loss as a weighted mean of all losses, which the tracker never keeps.
double weighted_mean(const std::vector<double>& losses, double beta) {
  long double sum = 0;
  long double weights = 0;
  long double weight = 1;
  for (auto loss = losses.rbegin(); loss != losses.rend(); ++loss) {
    sum += weight * *loss;
    weights += weight;
    weight *= beta;
  }
  return static_cast<double>(sum / weights);
}

/// The index of the first loss that stops the sweep, by the rule's own words over the whole history.
std::optional<size_t> first_stop_by_rule(const std::vector<double>& losses, double beta, double threshold) {
  std::vector<double> smoothed;
  for (size_t i = 0; i < losses.size(); ++i) {
    const auto end = losses.begin() + static_cast<std::ptrdiff_t>(i) + 1;
    smoothed.push_back(weighted_mean({losses.begin(), end}, beta));
    if (i == 0) continue;
    const double best = *std::min_element(smoothed.begin(), smoothed.end() - 1);
    double scale = std::abs(best);
    if (*std::min_element(losses.begin(), end) <= 0) {
      if (i < 5) continue;
      const auto [low, high] = std::minmax_element(losses.begin(), losses.begin() + 5);
      scale = std::max(smoothed.front() - best, *high - *low);
    }
    if (smoothed.back() > best + (threshold - 1) * scale) return i;
  }
  return std::nullopt;
}

/// The index of the first loss that stops the tracker.
std::optional<size_t> first_stop(LossTracker tracker, const std::vector<double>& losses) {
  for (size_t i = 0; i < losses.size(); ++i) {
    if (tracker.add(losses[i])) return i;
  }
  return std::nullopt;
}

/// A tracker without smoothing, so that a test can name the running losses.
LossTracker unsmoothed(double threshold = 4) { return {/*beta=*/0, threshold}; }

TEST(LossTrackerTest, RunningLossIsTheBiasCorrectedMean) {
  for (const double beta : {0.0, 0.5, 0.98}) {
    LossTracker tracker(beta, kInfinity);
    std::mt19937 random(7);
    std::normal_distribution<double> normal(1, 2);
    std::vector<double> losses;
    double best = kInfinity;
    for (int i = 0; i < 200; ++i) {
      losses.push_back(normal(random));
      tracker.add(losses.back());
      const double expected = weighted_mean(losses, beta);
      best = std::min(best, expected);
      ASSERT_EQ(tracker.last(), losses.back());
      ASSERT_NEAR(tracker.smoothed(), expected, 1e-13) << "beta " << beta << ", step " << i;
      ASSERT_NEAR(tracker.best(), best, 1e-13) << "beta " << beta << ", step " << i;
    }
  }
}

TEST(LossTrackerTest, StopsBeyondThresholdTimesBest) {
  auto tracker = unsmoothed();
  EXPECT_FALSE(tracker.add(5));
  EXPECT_FALSE(tracker.add(2));
  EXPECT_FALSE(tracker.add(3));
  EXPECT_FALSE(tracker.add(8));  // exactly four times the best is not beyond it
  EXPECT_TRUE(tracker.add(std::nextafter(8.0, 9.0)));
}

TEST(LossTrackerTest, ThresholdIsASetting) {
  auto tracker = unsmoothed(/*threshold=*/1.5);
  EXPECT_FALSE(tracker.add(2));
  EXPECT_FALSE(tracker.add(3));
  EXPECT_TRUE(tracker.add(3.001));
}

TEST(LossTrackerTest, TheLossThatStopsLeavesTheBest) {
  auto tracker = unsmoothed();
  tracker.add(3);
  tracker.add(2);
  EXPECT_TRUE(tracker.add(100));
  EXPECT_EQ(tracker.last(), 100);
  EXPECT_EQ(tracker.smoothed(), 100);
  EXPECT_EQ(tracker.best(), 2);
}

TEST(LossTrackerTest, ABetterLossIsMeasuredAgainstTheBestBeforeIt) {
  auto tracker = unsmoothed();
  tracker.add(100);
  EXPECT_FALSE(tracker.add(1));
  EXPECT_EQ(tracker.best(), 1);
  EXPECT_TRUE(tracker.add(5));  // far below the first loss
}

TEST(LossTrackerTest, NeverStopsAtStepZero) {
  for (const double loss : {1e-300, 1.0, 1e300, 0.0, -1.0, -1e300}) {
    auto tracker = unsmoothed();
    EXPECT_FALSE(tracker.add(loss)) << loss;
    EXPECT_EQ(tracker.best(), loss);
  }
}

TEST(LossTrackerTest, InfinityNeverStops) {
  EXPECT_EQ(first_stop(unsmoothed(kInfinity), {1, 1e-300, 1e300, 1e308}), std::nullopt);
  EXPECT_EQ(first_stop(unsmoothed(kInfinity), {0, 0, 0, 0, 0, 0, 1e300, -1, 1e300}), std::nullopt);
}

TEST(LossTrackerTest, NonPositiveLossesStopFromTheSixthOn) {
  EXPECT_EQ(first_stop(unsmoothed(), {-1, 1e9, 1e9, 1e9, 1e9}), std::nullopt);
  EXPECT_EQ(first_stop(unsmoothed(), {0, 0, 0, 0, 0, 1}), 5U);
  // Below 2 a threshold could trip on the very losses whose spread is its measure.
  EXPECT_EQ(first_stop(unsmoothed(/*threshold=*/1.5), {0, 0, 0, 0, 1, 0}), std::nullopt);
  EXPECT_EQ(first_stop(unsmoothed(/*threshold=*/1.5), {0, 0, 0, 0, 1, 1}), 5U);
  EXPECT_EQ(first_stop(unsmoothed(), {1, 1, 0, 100, 1}), std::nullopt);  // 100 after 1 alone would stop
}

TEST(LossTrackerTest, NonPositiveLossesAreMeasuredByTheSpreadOfTheFirstFive) {
  auto tracker = unsmoothed();
  for (const double loss : {0.0, 4.0, -1.0, 1.0, 2.0}) EXPECT_FALSE(tracker.add(loss));
  EXPECT_FALSE(tracker.add(14));  // -1 + 3 * 5, and the sixth loss does not widen the spread
  EXPECT_TRUE(tracker.add(std::nextafter(14.0, 15.0)));
  EXPECT_EQ(tracker.best(), -1);
}

TEST(LossTrackerTest, TheSpreadIsOfRawLosses) {
  constexpr double kBeta = 0.9;
  const std::vector<double> early{0, 10, -10, 0, 0};
  double best = 0;
  for (size_t i = 1; i <= early.size(); ++i) {
    best = std::min(best, weighted_mean({early.begin(), early.begin() + static_cast<std::ptrdiff_t>(i)}, kBeta));
  }
  std::vector<double> losses = early;
  losses.push_back(0);
  const double limit = best + 3 * 20;
  // The last loss that takes the running loss to `target`.
  const auto last = [&](double target) {
    const double weights = (1 - std::pow(kBeta, 6)) / (1 - kBeta);
    return (target - weighted_mean(losses, kBeta)) * weights;
  };
  losses.back() = last(limit - 0.01);
  EXPECT_EQ(first_stop(LossTracker(kBeta, 4), losses), std::nullopt);
  losses.back() = 0;
  losses.back() = last(limit + 0.01);
  EXPECT_EQ(first_stop(LossTracker(kBeta, 4), losses), 5U);
}

TEST(LossTrackerTest, NonPositiveLossesAreMeasuredByTheDescentWhereThatIsLarger) {
  auto tracker = unsmoothed();
  for (const double loss : {3.0, 2.0, 2.5, 2.0, 2.0, 1.0, -10.0}) EXPECT_FALSE(tracker.add(loss));
  EXPECT_FALSE(tracker.add(29));  // -10 + 3 * 13
  EXPECT_TRUE(tracker.add(std::nextafter(29.0, 30.0)));
}

TEST(LossTrackerTest, TheMeasureSwitchesWithTheFirstNonPositiveLoss) {
  const std::vector<double> positive{10, 9, 8, 7, 6, 4, 2, 0.5};
  auto before = unsmoothed();
  auto after = unsmoothed();
  for (const double loss : positive) {
    EXPECT_FALSE(before.add(loss));
    EXPECT_FALSE(after.add(loss));
  }
  EXPECT_FALSE(before.add(2));
  EXPECT_TRUE(before.add(2.1));
  EXPECT_FALSE(after.add(0));  // zero is enough
  EXPECT_FALSE(after.add(30));
  EXPECT_TRUE(after.add(30.1));
}

TEST(LossTrackerTest, APositiveRunningLossDoesNotHideANonPositiveLoss) {
  std::vector<double> losses(10, 1.0);
  losses[6] = -0.001;
  losses.back() = 100;  // the running loss is about 11 times its best
  EXPECT_EQ(first_stop(LossTracker(0.9, 4), losses), 9U);
  losses[0] = 50;  // now a spread of 49 is the measure: 11 is no longer far
  EXPECT_EQ(first_stop(LossTracker(0.9, 4), losses), std::nullopt);
  losses[6] = 0.001;
  EXPECT_EQ(first_stop(LossTracker(0.9, 4), losses), 9U);
}

TEST(LossTrackerTest, StopsWhereTheRuleSays) {
  std::mt19937 random(11);
  std::normal_distribution<double> normal;
  int stops = 0;
  for (int run = 0; run < 300; ++run) {
    const double beta = run % 2 == 0 ? 0.0 : 0.9;
    const double offset = run % 3;  // some runs stay positive, some cross zero, some start below
    std::vector<double> losses;
    for (int i = 0; i < 40; ++i) {
      losses.push_back(offset - 0.03 * i + 0.2 * normal(random) + std::exp(0.4 * (i - 32)));
    }
    const auto expected = first_stop_by_rule(losses, beta, 4);
    stops += expected.has_value() ? 1 : 0;
    ASSERT_EQ(first_stop(LossTracker(beta, 4), losses), expected) << "run " << run;
  }
  EXPECT_GT(stops, 100);
}

}  // namespace
}  // namespace lrfinder
