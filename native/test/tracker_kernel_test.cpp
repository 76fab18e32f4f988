#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "loss_tracker.h"
#include "testing.h"

// The kernel as the host's compiler reads it.
#define __global__
#include "tracker_kernel.cu"

namespace lrfinder {
namespace {

using test::kInfinity;
using test::kNan;

class Kernel {
 public:
  Kernel(double beta, double threshold, std::int64_t steps) : beta_(beta), threshold_(threshold), steps_(steps) {}

  bool add(double loss) {
    corrections_.push_back(1 - std::pow(beta_, static_cast<double>(corrections_.size() + 1)));
    lrfinder_track(&loss, beta_, threshold_, steps_, corrections_.data(), &state_, &stopped_);
    return stopped_ == 1;
  }

  const TrackerState& state() const { return state_; }
  double smoothed() const { return state_.average / corrections_[static_cast<size_t>(state_.count - 1)]; }

 private:
  double beta_;
  double threshold_;
  long long steps_;
  std::vector<double> corrections_;
  TrackerState state_{};
  float stopped_ = 0;
};

/// A curve of one of many kinds: falling, diverging or neither, noisy, above zero, below or both, with a loss of zero
/// or one that is not finite.
std::vector<double> curve(int kind, std::mt19937_64* random) {
  std::normal_distribution<double> normal;
  const auto steps = 1 + (*random)() % 150;
  const double start = std::exp(3 * normal(*random));
  const double noise = kind % 7 == 0 ? 0 : 0.3 * start * std::abs(normal(*random));
  const double offset = kind % 3 == 1 ? -3 * std::abs(start * normal(*random)) : 0;
  const double turn = static_cast<double>((*random)() % 200);
  std::vector<double> losses;
  for (size_t i = 0; i < steps; ++i) {
    const auto step = static_cast<double>(i);
    const double rise = step > turn ? start * 0.05 * std::exp(0.4 * (step - turn)) : 0;
    losses.push_back(start * std::exp(-0.02 * step) + rise + noise * normal(*random) + offset);
  }
  if (kind % 5 == 4) losses[(*random)() % steps] = std::vector{kNan, kInfinity, -kInfinity, 0.0}[(*random)() % 4];
  return losses;
}

TEST(TrackerKernelTest, DoesToTheBitWhatTheHostsTrackerDoes) {
  std::mt19937_64 random(1);
  int stopped = 0;
  int not_finite = 0;
  for (int kind = 0; kind < 20000; ++kind) {
    SCOPED_TRACE(kind);
    const double beta = std::vector{0.98, 0.9, 0.5, 0.0}[random() % 4];
    const double threshold = std::vector{4.0, 1.1, 1e301, kInfinity}[random() % 4];
    const auto losses = curve(kind, &random);
    const auto steps = static_cast<std::int64_t>(kind % 2 == 0 ? losses.size() : 1 + random() % 200);
    LossTracker host(beta, threshold, steps);
    Kernel kernel(beta, threshold, steps);
    for (const double loss : losses) {
      const bool ends = !std::isfinite(loss) || host.add(loss);
      ASSERT_EQ(kernel.add(loss), ends);
      if (!std::isfinite(loss)) {
        ++not_finite;
      } else {
        ASSERT_EQ(kernel.smoothed(), host.running_loss().smoothed);
        ASSERT_EQ(kernel.state().best, host.running_loss().best);
        if (ends) ++stopped;
      }
      if (ends) break;
    }
  }
  EXPECT_GT(stopped, 1000);
  EXPECT_GT(not_finite, 1000);
}

TEST(TrackerKernelTest, StaysStoppedWhateverComes) {
  Kernel kernel(0, 4, 10);
  EXPECT_FALSE(kernel.add(1));
  EXPECT_TRUE(kernel.add(kNan));
  EXPECT_TRUE(kernel.add(0.5));
  EXPECT_EQ(kernel.state().count, 1);
}

}  // namespace
}  // namespace lrfinder
