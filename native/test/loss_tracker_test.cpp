#include "loss_tracker.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace lrfinder {
namespace {

std::vector<double> numbers(const std::string& text) {
  std::istringstream words(text);
  std::vector<double> values;
  for (std::string word; words >> word;) values.push_back(std::stod(word));
  return values;
}

void expect_near(double actual, const std::string& expected) {
  const double value = std::stod(expected);
  EXPECT_NEAR(actual, value, 1e-13 * std::max(1.0, std::abs(value)));
}

TEST(LossTrackerTest, FollowsAndStopsAsTheTableOfCasesSays) {
  std::ifstream table(LRFINDER_EARLY_STOP_CASES);
  int cases = 0;
  for (std::string line; std::getline(table, line);) {
    if (line.front() == '#') continue;
    SCOPED_TRACE(line);
    std::istringstream fields(line);
    std::string name, settings, fed, stop, smoothed, best;
    for (std::string* field : {&name, &settings, &fed, &stop, &smoothed, &best}) std::getline(fields, *field, '|');
    const auto setting = numbers(settings);
    LossTracker tracker(setting.at(0), setting.at(1), static_cast<std::int64_t>(setting.at(2)));
    const auto losses = numbers(fed);
    size_t stopped = 0;
    while (stopped < losses.size() && !tracker.add(losses[stopped])) ++stopped;
    EXPECT_EQ(stopped, stop == " none " ? losses.size() : std::stoul(stop));
    EXPECT_EQ(tracker.running_loss().last, losses[std::min(stopped, losses.size() - 1)]);
    expect_near(tracker.running_loss().smoothed, smoothed);
    expect_near(tracker.running_loss().best, best);
    ++cases;
  }
  EXPECT_GT(cases, 40);
}

}  // namespace
}  // namespace lrfinder
