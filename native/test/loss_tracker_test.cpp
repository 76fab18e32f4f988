#include "loss_tracker.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <limits>
#include <optional>
#include <random>
#include <sstream>
#include <string>
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
std::optional<size_t> first_stop_by_rule(const std::vector<double>& losses, double beta, double threshold,
                                         size_t steps) {
  const size_t settling = std::max<size_t>(5, (steps + 9) / 10);
  std::vector<double> smoothed;
  for (size_t i = 0; i < losses.size(); ++i) {
    const auto end = losses.begin() + static_cast<std::ptrdiff_t>(i) + 1;
    smoothed.push_back(weighted_mean({losses.begin(), end}, beta));
    if (i < settling) continue;
    const auto settled = static_cast<std::ptrdiff_t>(settling);
    const double best = *std::min_element(smoothed.begin() + settled - 1, smoothed.end() - 1);
    double scale = std::abs(best);
    if (*std::min_element(losses.begin(), end) <= 0) {
      const auto [low, high] = std::minmax_element(losses.begin(), losses.begin() + settled);
      scale = std::max(smoothed.front() - best, *high - *low);
    }
    if (smoothed.back() > best + (threshold - 1) * scale) return i;
  }
  return std::nullopt;
}

/// The index of the first loss that stops the tracker.
std::optional<size_t> first_stop(LossTracker& tracker, const std::vector<double>& losses) {
  for (size_t i = 0; i < losses.size(); ++i) {
    if (tracker.add(losses[i])) return i;
  }
  return std::nullopt;
}

std::vector<double> numbers(const std::string& text) {
  std::istringstream words(text);
  std::vector<double> values;
  for (std::string word; words >> word;) values.push_back(std::stod(word));
  return values;
}

TEST(LossTrackerTest, StopsAsTheTableOfCasesSays) {
  std::ifstream table(LRFINDER_EARLY_STOP_CASES);
  int cases = 0;
  for (std::string line; std::getline(table, line);) {
    if (line.front() == '#') continue;
    SCOPED_TRACE(line);
    std::istringstream fields(line);
    std::string name, settings, losses, stop, best;
    for (std::string* field : {&name, &settings, &losses, &stop, &best}) std::getline(fields, *field, '|');
    const auto setting = numbers(settings);
    LossTracker tracker(setting.at(0), setting.at(1), static_cast<std::int64_t>(setting.at(2)));
    const auto stopped = first_stop(tracker, numbers(losses));
    if (stop == " none ") {
      EXPECT_EQ(stopped, std::nullopt);
    } else {
      EXPECT_EQ(stopped, std::stoul(stop));
    }
    EXPECT_DOUBLE_EQ(tracker.running_loss().best, std::stod(best));
    ++cases;
  }
  EXPECT_GT(cases, 20);
}

TEST(LossTrackerTest, RunningLossIsTheBiasCorrectedMean) {
  for (const double beta : {0.0, 0.5, 0.98}) {
    LossTracker tracker(beta, kInfinity, 10);
    std::mt19937 random(7);
    std::normal_distribution<double> normal(1, 2);
    std::vector<double> losses;
    double best = kInfinity;
    for (int i = 0; i < 200; ++i) {
      losses.push_back(normal(random));
      tracker.add(losses.back());
      const double expected = weighted_mean(losses, beta);
      best = i < 5 ? expected : std::min(best, expected);
      ASSERT_EQ(tracker.running_loss().last, losses.back());
      ASSERT_NEAR(tracker.running_loss().smoothed, expected, 1e-13) << "beta " << beta << ", step " << i;
      ASSERT_NEAR(tracker.running_loss().best, best, 1e-13) << "beta " << beta << ", step " << i;
    }
  }
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
    const int steps = 10 + run;
    const auto expected = first_stop_by_rule(losses, beta, 4, static_cast<size_t>(steps));
    stops += expected.has_value() ? 1 : 0;
    LossTracker tracker(beta, 4, steps);
    ASSERT_EQ(first_stop(tracker, losses), expected) << "run " << run;
  }
  EXPECT_GT(stops, 100);
}

}  // namespace
}  // namespace lrfinder
