#include <gtest/gtest.h>

#include "lrfinder/sweep.h"
#include "testing.h"

namespace lrfinder {
namespace {

using test::exponential;
using test::inputs;
using test::kInfinity;
using test::kNan;
using test::loss_of;
using test::never_stopping;
using test::normal_parameter;
using test::one_part;
using test::regression_net;
using test::run;
using test::same_bits;
using test::settled;
using test::sgd_over;
using test::targets;

using SweepEndTest = test::DeviceTest;
LRFINDER_ON_EACH_DEVICE(SweepEndTest);

TEST_P(SweepEndTest, ADivergedLossIsRecordedAndUpdatesNothing) {
  const auto parameter = normal_parameter({3}, at::kDouble, 1);
  const auto optimizer = sgd_over({parameter});
  SweepSettings settings;
  settings.steps = 10;
  settings.smoothing_beta = 0;
  Sweep sweep(one_part(nullptr, optimizer), settings);
  for (const double loss : {2, 2, 2, 2, 2, 1, 4}) {
    EXPECT_EQ(settled(sweep, sweep.step(loss_of(parameter, loss), 0.1)), Outcome::kContinue);
  }
  const auto before = parameter.detach().clone();
  EXPECT_EQ(settled(sweep, sweep.step(loss_of(parameter, 4.001), 0.1)), Outcome::kDiverged);
  EXPECT_TRUE(same_bits(parameter, before));
  EXPECT_EQ(sweep.running_loss().last, 4.001);
  EXPECT_EQ(sweep.running_loss().smoothed, 4.001);
  EXPECT_EQ(sweep.running_loss().best, 1);
}

TEST_P(SweepEndTest, TheRunningLossIsSmoothed) {
  const auto parameter = normal_parameter({3}, at::kDouble, 1);
  const auto optimizer = sgd_over({parameter});
  Sweep sweep(one_part(nullptr, optimizer), {});
  const RunningLoss& loss = sweep.running_loss();  // stays where it is
  settled(sweep, sweep.step(loss_of(parameter, 3), 0.1));
  EXPECT_DOUBLE_EQ(loss.smoothed, 3);
  settled(sweep, sweep.step(loss_of(parameter, 1), 0.1));
  EXPECT_DOUBLE_EQ(loss.last, 1);
  EXPECT_NEAR(loss.smoothed, (0.98 * 3 + 1) / 1.98, 1e-14);
  EXPECT_DOUBLE_EQ(loss.best, loss.smoothed);
}

TEST_P(SweepEndTest, ANonFiniteLossIsNotRecordedAndUpdatesNothing) {
  for (const double bad : {kNan, kInfinity, -kInfinity}) {
    const auto parameter = normal_parameter({3}, at::kDouble, 1);
    const auto optimizer = sgd_over({parameter});
    Sweep sweep(one_part(nullptr, optimizer), never_stopping());
    settled(sweep, sweep.step(loss_of(parameter, 2), 0.1));
    const auto before = parameter.detach().clone();
    EXPECT_EQ(settled(sweep, sweep.step(loss_of(parameter, bad), 0.1)), Outcome::kNonFinite);
    EXPECT_TRUE(same_bits(parameter, before));
    EXPECT_EQ(sweep.running_loss().last, 2);
    EXPECT_DOUBLE_EQ(sweep.running_loss().smoothed, 2);
    EXPECT_DOUBLE_EQ(sweep.running_loss().best, 2);
  }
}

TEST_P(SweepEndTest, OneNonFiniteMicroBatchMakesItsStepNonFinite) {
  const auto parameter = normal_parameter({3}, at::kDouble, 1);
  const auto before = parameter.detach().clone();
  const auto optimizer = sgd_over({parameter});
  SweepSettings settings = never_stopping();
  settings.step.accumulate_grad_batches = 3;
  Sweep sweep(one_part(nullptr, optimizer), settings);
  sweep.accumulate(loss_of(parameter, kNan));
  sweep.accumulate(loss_of(parameter, 1));
  EXPECT_EQ(settled(sweep, sweep.step(loss_of(parameter, 1), 0.1)), Outcome::kNonFinite);
  EXPECT_TRUE(same_bits(parameter, before));
}

TEST_P(SweepEndTest, DivergesByItself) {
  auto net = regression_net();
  const auto optimizer = sgd_over(net->parameters());
  Sweep sweep(one_part(net.get(), optimizer), {});
  const auto curve = run(sweep, exponential(1e-3, 1e13, 200),
                         [&](size_t, double lr) { return sweep.step(inputs(0), targets(0), Loss::kMse, lr); });
  EXPECT_EQ(curve.end, Outcome::kDiverged);
}

}  // namespace
}  // namespace lrfinder
