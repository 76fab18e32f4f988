#include <ATen/ops/mse_loss.h>
#include <c10/core/GradMode.h>
#include <gtest/gtest.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/optim.h>

#include <memory>

#include "lrfinder/error.h"
#include "lrfinder/sweep.h"
#include "testing.h"

namespace lrfinder {
namespace {

namespace nn = torch::nn;
namespace optim = torch::optim;

using test::eventful_net;
using test::expect_error;
using test::inputs;
using test::NetworkState;
using test::never_stopping;
using test::normal;
using test::normal_parameter;
using test::one_part;
using test::OptimizerCase;
using test::optimizers;
using test::regression_net;
using test::same_bits;
using test::settled;
using test::sgd_over;
using test::targets;

using SweepRestoreTest = test::DeviceTest;
LRFINDER_ON_EACH_DEVICE(SweepRestoreTest);

TEST_P(SweepRestoreTest, RestoresWhenAsked) {
  auto net = eventful_net();
  const NetworkState held(*net);
  const auto optimizer = sgd_over(net->parameters());
  Sweep sweep(one_part(net.get(), optimizer), {});
  sweep.step(inputs(0), targets(0), Loss::kMse, 0.1);
  net->train();
  sweep.restore();
  held.expect_unchanged();
  {
    const c10::NoGradGuard no_grad;
    for (auto& parameter : net->parameters()) parameter.add_(1);
  }
  const NetworkState trained(*net);
  sweep.restore();  // does nothing: what came after the first stays
  trained.expect_unchanged();
}

TEST_P(SweepRestoreTest, ARestoreThatFailedIsNotTriedAgain) {
  const auto lost = normal_parameter({2}, at::kDouble, 1);
  const auto kept = normal_parameter({3}, at::kDouble, 2);
  const auto before = kept.detach().clone();
  const auto optimizer = sgd_over({lost, kept});
  auto sweep = std::make_unique<Sweep>(one_part(nullptr, optimizer), SweepSettings());
  sweep->step(lost.sum() + kept.sum(), 0.1);
  lost.storage().set_nbytes(0);
  expect_error(ErrorKind::kFailure, "the memory of a tensor of 16 bytes was freed or shrunk to 0",
               [&] { sweep->restore(); });
  EXPECT_TRUE(same_bits(kept, before));
  {
    const c10::NoGradGuard no_grad;
    kept.add_(1);
  }
  sweep->restore();
  sweep.reset();
  EXPECT_TRUE(same_bits(kept, before + 1));
}

TEST_P(SweepRestoreTest, RestoresInItsDestructor) {
  auto net = eventful_net();
  const NetworkState held(*net);
  const auto optimizer = sgd_over(net->parameters());
  {
    Sweep sweep(one_part(net.get(), optimizer), {});
    sweep.step(inputs(0), targets(0), Loss::kMse, 0.1);
    net->train();
  }
  held.expect_unchanged();
}

TEST_P(SweepRestoreTest, TheDestructorOfARestoredSweepDoesNothing) {
  auto net = eventful_net();
  const auto optimizer = sgd_over(net->parameters());
  auto sweep = std::make_unique<Sweep>(one_part(net.get(), optimizer), SweepSettings());
  sweep->restore();
  {
    const c10::NoGradGuard no_grad;
    for (auto& parameter : net->parameters()) parameter.add_(1);
  }
  const NetworkState trained(*net);
  sweep.reset();
  trained.expect_unchanged();
}

TEST_P(SweepRestoreTest, RestoresWhenAnExceptionUnwinds) {
  auto net = eventful_net();
  const NetworkState held(*net);
  const auto optimizer = sgd_over(net->parameters());
  const auto run = [&] {
    Sweep sweep(one_part(net.get(), optimizer), {});
    sweep.step(inputs(0), targets(0), Loss::kMse, 0.1);
    sweep.step(normal({5, 7}, at::kDouble, 1), targets(0), Loss::kMse, 0.1);
  };
  EXPECT_THROW(run(), Error);
  held.expect_unchanged();
}

TEST_P(SweepRestoreTest, RestoresAfterHalfAStep) {
  auto net = eventful_net();
  const NetworkState held(*net);
  const auto optimizer = sgd_over(net->parameters());
  {
    SweepSettings settings;
    settings.step.accumulate_grad_batches = 4;
    Sweep sweep(one_part(net.get(), optimizer), settings);
    sweep.accumulate(inputs(0), targets(0), Loss::kMse);
  }
  held.expect_unchanged();
}

TEST_P(SweepRestoreTest, RestoresOnlyTheOptimizersParametersWithoutANetwork) {
  auto net = regression_net();
  const NetworkState held(*net);
  const auto optimizer = sgd_over(net->parameters());
  {
    Sweep sweep(one_part(nullptr, optimizer), {});
    sweep.step(at::mse_loss(net->forward(inputs(0)), targets(0)), 0.1);
  }
  held.expect_unchanged();
}

TEST_P(SweepRestoreTest, TrainsUnderNoGrad) {
  auto net = eventful_net();
  const c10::NoGradGuard no_grad;
  const NetworkState held(*net);
  const auto before = net->parameters()[0].detach().clone();
  const auto optimizer = sgd_over(net->parameters());
  {
    Sweep sweep(one_part(net.get(), optimizer), {});
    EXPECT_TRUE(c10::GradMode::is_enabled());  // for losses that the caller computes
    EXPECT_EQ(settled(sweep, sweep.step(inputs(0), targets(0), Loss::kMse, 0.1)), Outcome::kContinue);
    EXPECT_FALSE(same_bits(net->parameters()[0], before));
  }
  EXPECT_FALSE(c10::GradMode::is_enabled());
  held.expect_unchanged();
}

TEST_P(SweepRestoreTest, TrainsWhenTheCallerTurnsGradientsOffMeanwhile) {
  auto net = regression_net();
  const auto before = net->parameters()[0].detach().clone();
  const auto optimizer = sgd_over(net->parameters());
  Sweep sweep(one_part(net.get(), optimizer), {});
  const c10::NoGradGuard no_grad;
  EXPECT_EQ(settled(sweep, sweep.step(inputs(0), targets(0), Loss::kMse, 0.1)), Outcome::kContinue);
  EXPECT_FALSE(same_bits(net->parameters()[0], before));
  EXPECT_FALSE(c10::GradMode::is_enabled());
}

using SweptOptimizerTest = test::DeviceCaseTest<OptimizerCase>;

TEST_P(SweptOptimizerTest, TheOptimizerGoesOnAsIfThereHadBeenNoSweep) {
  auto swept = regression_net();
  auto plain = regression_net();
  const auto train = [](nn::Sequential& net, optim::Optimizer& optimizer, int batch) {
    at::mse_loss(net->forward(inputs(batch)), targets(batch)).backward();
    optimizer.step();
    optimizer.zero_grad();
  };
  const auto optimizer = given().make({optim::OptimizerParamGroup(swept->parameters())});
  const auto expected = given().make({optim::OptimizerParamGroup(plain->parameters())});
  for (auto* each : {optimizer.get(), expected.get()}) each->param_groups()[0].options().set_lr(0.01);
  for (int i = 0; i < 6; ++i) {
    if (i % 3 == 0) {  // fresh and used
      Sweep sweep(one_part(swept.get(), *optimizer), never_stopping());
      for (int j = 0; j < 5; ++j) sweep.step(inputs(j), targets(j), Loss::kMse, 0.1);
    }
    train(swept, *optimizer, i);
    train(plain, *expected, i);
  }
  for (size_t i = 0; i < plain->parameters().size(); ++i) {
    EXPECT_TRUE(same_bits(swept->parameters()[i], plain->parameters()[i])) << "parameter " << i;
  }
}

LRFINDER_ON_EACH_DEVICE_WITH(SweptOptimizerTest, optimizers());

}  // namespace
}  // namespace lrfinder
