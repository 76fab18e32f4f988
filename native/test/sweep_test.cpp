#include "lrfinder/sweep.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/binary_cross_entropy_with_logits.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/huber_loss.h>
#include <ATen/ops/kl_div.h>
#include <ATen/ops/l1_loss.h>
#include <ATen/ops/log_softmax.h>
#include <ATen/ops/mse_loss.h>
#include <ATen/ops/nll_loss.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/smooth_l1_loss.h>
#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>
#include <torch/nn/modules/activation.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/utils/clip_grad.h>
#include <torch/optim.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <functional>
#include <vector>

#include "testing.h"

namespace lrfinder {
namespace {

namespace nn = torch::nn;
namespace optim = torch::optim;

using test::doubles;
using test::inputs;
using test::loss_of;
using test::near;
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

using SweepOptimizerTest = test::DeviceCaseTest<OptimizerCase>;

TEST_P(SweepOptimizerTest, TrainsAsAPlainLoopDoes) {
  auto swept = regression_net();
  auto plain = regression_net();
  const auto original = given().make({optim::OptimizerParamGroup(swept->parameters())});
  const auto optimizer = given().make({optim::OptimizerParamGroup(plain->parameters())});
  SweepSettings settings = never_stopping();
  settings.step.gradient_clip_norm = 0.3;
  Sweep sweep(one_part(swept.get(), *original), settings);
  for (int i = 0; i < 10; ++i) {
    const double lr = 1e-4 * std::pow(1.7, i);
    const auto loss = at::mse_loss(plain->forward(inputs(i)), targets(i));
    EXPECT_EQ(settled(sweep, sweep.step(inputs(i), targets(i), Loss::kMse, lr)), Outcome::kContinue);
    EXPECT_NEAR(sweep.running_loss().last, loss.item<double>(), 1e-12) << "step " << i;
    optimizer->param_groups()[0].options().set_lr(lr);
    loss.backward();
    nn::utils::clip_grad_norm_(plain->parameters(), 0.3);
    optimizer->step();
    optimizer->zero_grad();
  }
  for (size_t i = 0; i < plain->parameters().size(); ++i) {
    EXPECT_TRUE(near(swept->parameters()[i], plain->parameters()[i], 1e-12)) << "parameter " << i;
  }
}

// 0.1 as a float is off by 1.5e-9.
TEST_P(SweepOptimizerTest, TheRateIsNotRoundedToFloat) {
  const auto swept = normal_parameter({3, 4}, at::kDouble, 1);
  const auto stepped = normal_parameter({3, 4}, at::kDouble, 1);
  const auto original = given().make({optim::OptimizerParamGroup({swept})});
  const auto optimizer = given().make({optim::OptimizerParamGroup({stepped})});
  Sweep sweep(one_part(nullptr, *original), {});
  sweep.step(swept.square().sum(), 0.1);
  optimizer->param_groups()[0].options().set_lr(0.1);
  stepped.square().sum().backward();
  optimizer->step();
  EXPECT_TRUE(near(swept, stepped, 1e-13));
}

LRFINDER_ON_EACH_DEVICE_WITH(SweepOptimizerTest, optimizers());

using SweepTest = test::DeviceTest;
LRFINDER_ON_EACH_DEVICE(SweepTest);

TEST_P(SweepTest, KnowsTheLosses) {
  const auto target = targets(0);
  const auto classes = at::arange(5, at::kLong).remainder(2).to(test::present_device());
  auto net = regression_net();
  const auto prediction = net->forward(inputs(0)).detach();
  const auto optimizer = sgd_over(net->parameters());
  const auto loss = [&](Loss kind, const at::Tensor& expected) {
    Sweep sweep(one_part(net.get(), optimizer), {});
    settled(sweep, sweep.step(inputs(0), kind == Loss::kCrossEntropy ? classes : target, kind, 0.1));
    EXPECT_EQ(sweep.running_loss().last, expected.item<double>());
  };
  loss(Loss::kCrossEntropy, at::cross_entropy_loss(prediction, classes));
  loss(Loss::kMse, at::mse_loss(prediction, target));
  loss(Loss::kL1, at::l1_loss(prediction, target));
  loss(Loss::kSmoothL1, at::smooth_l1_loss(prediction, target));
}

TEST_P(SweepTest, EachGroupHasItsRatio) {
  const auto first = normal_parameter({3}, at::kDouble, 1);
  const auto second = normal_parameter({3}, at::kDouble, 2);
  const optim::SGD optimizer({optim::OptimizerParamGroup({first}), optim::OptimizerParamGroup({second})},
                             optim::SGDOptions(1));
  SweepSettings settings;
  settings.group_rates = {{1.0}, {0.25}};
  Sweep sweep(one_part(nullptr, optimizer), settings);
  const auto first_expected = first.detach() - 0.1;
  const auto second_expected = second.detach() - 0.1 * 0.25;
  sweep.step(loss_of(first, 1) + loss_of(second, 1), 0.1);
  EXPECT_TRUE(near(first, first_expected, 1e-14));
  EXPECT_TRUE(near(second, second_expected, 1e-14));
}

TEST_P(SweepTest, AGroupHasARangeOfItsOwn) {
  const auto falling = normal_parameter({3}, at::kDouble, 1);
  const auto linear = normal_parameter({3}, at::kDouble, 2);
  const optim::SGD optimizer({optim::OptimizerParamGroup({falling}), optim::OptimizerParamGroup({linear})},
                             optim::SGDOptions(1));
  auto settings = never_stopping();
  settings.add_group_rate(/*ratio=*/1e-6, /*constant=*/0, /*origin=*/0, /*scale=*/1e-4, /*exponent=*/1.5);
  settings.add_group_rate(/*ratio=*/0.5, /*constant=*/0.01, /*origin=*/1e-4, /*scale=*/1, /*exponent=*/1);
  Sweep sweep(one_part(nullptr, optimizer), settings);
  for (const auto& [lr, exponential_rate, linear_rate] : std::vector<std::array<double, 3>>{
           {1e-4, 1e-6, 0.01}, {1e-2, 1e-3, 0.01 + 0.5 * 0.0099}, {1, 1, 0.01 + 0.5 * 0.9999}}) {
    const auto falling_expected = falling.detach() - exponential_rate;
    const auto linear_expected = linear.detach() - linear_rate;
    sweep.step(loss_of(falling, 1) + loss_of(linear, 1), lr);
    EXPECT_TRUE(near(falling, falling_expected, 1e-14));
    EXPECT_TRUE(near(linear, linear_expected, 1e-14));
  }
}

TEST_P(SweepTest, AllGroupsHaveTheSweptRateByDefault) {
  const auto first = normal_parameter({3}, at::kDouble, 1);
  const auto second = normal_parameter({3}, at::kDouble, 2);
  const optim::SGD optimizer({optim::OptimizerParamGroup({first}), optim::OptimizerParamGroup({second})},
                             optim::SGDOptions(1));
  Sweep sweep(one_part(nullptr, optimizer), {});
  const auto first_expected = first.detach() - 0.1;
  const auto second_expected = second.detach() - 0.1;
  sweep.step(loss_of(first, 1) + loss_of(second, 1), 0.1);
  EXPECT_TRUE(near(first, first_expected, 1e-14));
  EXPECT_TRUE(near(second, second_expected, 1e-14));
}

TEST_P(SweepTest, ClipsTheAveragedGradient) {
  const auto parameter = doubles({0, 0}).requires_grad_();
  const auto optimizer = sgd_over({parameter});
  SweepSettings settings = never_stopping();
  settings.step.accumulate_grad_batches = 2;
  settings.step.gradient_clip_norm = 7.5;
  Sweep sweep(one_part(nullptr, optimizer), settings);
  const auto slopes = doubles({6.0, 8.0});
  sweep.accumulate((parameter * slopes).sum());
  sweep.step((parameter * 0).sum(), 1);  // the mean gradient is (3, 4): short enough, unlike the sum
  EXPECT_TRUE(near(parameter, doubles({-3.0, -4.0}), 1e-14));
  sweep.accumulate((parameter * slopes).sum());
  sweep.step((parameter * slopes).sum(), 1);  // (6, 8), clipped to (4.5, 6)
  EXPECT_TRUE(near(parameter, doubles({-7.5, -10.0}), 1e-6));
}

TEST_P(SweepTest, MicroBatchesEqualOneBatch) {
  auto accumulated = regression_net();
  auto whole = regression_net();
  const auto accumulating = sgd_over(accumulated->parameters());
  const auto stepping = sgd_over(whole->parameters());
  SweepSettings settings;
  settings.step.accumulate_grad_batches = 4;
  Sweep by_parts(one_part(accumulated.get(), accumulating), settings);
  Sweep at_once(one_part(whole.get(), stepping), {});
  for (int step = 0; step < 3; ++step) {
    std::vector<at::Tensor> all_inputs;
    std::vector<at::Tensor> all_targets;
    for (int i = 4 * step; i < 4 * step + 4; ++i) {
      all_inputs.push_back(inputs(i));
      all_targets.push_back(targets(i));
      if (i % 4 < 3) {
        by_parts.accumulate(all_inputs.back(), all_targets.back(), Loss::kMse);
      } else {
        settled(by_parts, by_parts.step(all_inputs.back(), all_targets.back(), Loss::kMse, 0.1));
      }
    }
    settled(at_once, at_once.step(at::cat(all_inputs), at::cat(all_targets), Loss::kMse, 0.1));
    EXPECT_NEAR(by_parts.running_loss().last, at_once.running_loss().last, 1e-12);
    EXPECT_NEAR(by_parts.running_loss().smoothed, at_once.running_loss().smoothed, 1e-12);
    for (size_t i = 0; i < whole->parameters().size(); ++i) {
      EXPECT_TRUE(near(accumulated->parameters()[i], whole->parameters()[i], 1e-12)) << "parameter " << i;
    }
  }
}

TEST_P(SweepTest, TakesALossOfOneElementInAnyShape) {
  for (const auto& shape : std::vector<std::vector<std::int64_t>>{{}, {1}, {1, 1}}) {
    const auto parameter = doubles({0, 0}).requires_grad_();
    const auto optimizer = sgd_over({parameter});
    Sweep sweep(one_part(nullptr, optimizer), {});
    EXPECT_EQ(settled(sweep, sweep.step(loss_of(parameter, 3).reshape(shape), 0.5)), Outcome::kContinue);
    EXPECT_EQ(sweep.running_loss().last, 3);
    EXPECT_TRUE(same_bits(parameter, doubles({-0.5, -0.5})));
  }
}

TEST_P(SweepTest, TakesLossesOfChangingTypesAndShapes) {
  const auto to_float = [](const at::Tensor& loss) { return loss.to(at::kFloat); };
  const auto to_vector = [](const at::Tensor& loss) { return loss.reshape({1}); };
  for (const auto& changed : std::vector<std::function<at::Tensor(const at::Tensor&)>>{to_float, to_vector}) {
    const auto parameter = doubles({0, 0}).requires_grad_();
    const auto optimizer = sgd_over({parameter});
    SweepSettings settings = never_stopping();
    settings.step.accumulate_grad_batches = 4;
    Sweep sweep(one_part(nullptr, optimizer), settings);
    sweep.accumulate(loss_of(parameter, 1));
    sweep.accumulate(changed(loss_of(parameter, 2)));
    sweep.accumulate(loss_of(parameter, 3));
    EXPECT_EQ(settled(sweep, sweep.step(changed(loss_of(parameter, 4)), 0.5)), Outcome::kContinue);
    EXPECT_EQ(sweep.running_loss().last, 2.5);
    EXPECT_TRUE(same_bits(parameter, doubles({-0.5, -0.5})));
  }
}

TEST_P(SweepTest, AFloatLossDoesNotRoundALaterOne) {
  const auto parameter = doubles({0, 0}).requires_grad_();
  const auto optimizer = sgd_over({parameter});
  SweepSettings settings = never_stopping();
  settings.step.accumulate_grad_batches = 3;  // a third is another number in float
  Sweep sweep(one_part(nullptr, optimizer), settings);
  const auto step = [&](at::ScalarType dtype) {
    sweep.accumulate(loss_of(parameter, 1).to(dtype));
    sweep.accumulate(loss_of(parameter, 1).to(dtype));
    sweep.step(loss_of(parameter, 1).to(dtype), 0.5);
  };
  step(at::kFloat);
  const auto expected = parameter.detach() - 0.5;
  step(at::kDouble);
  EXPECT_TRUE(near(parameter, expected, 1e-14));
}

TEST_P(SweepTest, GradientsFromBeforeAreNotUsed) {
  auto net = regression_net();
  auto other = regression_net();
  for (auto& parameter : net->parameters()) parameter.mutable_grad() = at::ones_like(parameter);
  const auto optimizer = sgd_over(net->parameters());
  const auto other_optimizer = sgd_over(other->parameters());
  Sweep sweep(one_part(net.get(), optimizer), {});
  Sweep expected(one_part(other.get(), other_optimizer), {});
  sweep.step(inputs(0), targets(0), Loss::kMse, 0.1);
  expected.step(inputs(0), targets(0), Loss::kMse, 0.1);
  for (size_t i = 0; i < net->parameters().size(); ++i) {
    EXPECT_TRUE(same_bits(net->parameters()[i], other->parameters()[i])) << "parameter " << i;
  }
}

TEST_P(SweepTest, NamesItsDeviceAndHowLossesComeFromIt) {
  auto net = regression_net();
  const auto optimizer = sgd_over(net->parameters());
  const Sweep sweep(one_part(net.get(), optimizer), {});
  EXPECT_EQ(sweep.device(), test::present_device().str());
  EXPECT_EQ(sweep.path(), test::present_device().is_cpu() ? "immediate" : "late");
}

TEST(SweepLossTest, FurtherLossesAreTheFunctionalsOfTheirNames) {
  nn::Sequential net(nn::LogSoftmax(1));
  const auto unused = normal_parameter({1}, at::kDouble, 9);
  net->register_parameter("unused", unused);
  optim::SGD sgd({unused}, optim::SGDOptions(1));
  Sweep sweep(one_part(net.get(), sgd), never_stopping());
  const auto input = normal({4, 3}, at::kDouble, 1);
  const auto output = at::log_softmax(input, 1);
  const auto probabilities = at::log_softmax(normal({4, 3}, at::kDouble, 2), 1).exp();
  const auto classes = at::tensor({0, 2, 1, 1}, at::kLong);
  const auto expect = [&](Loss loss, const at::Tensor& target, const at::Tensor& expected) {
    EXPECT_NEAR(sweep.evaluate(input, target, loss), expected.item<double>(), 1e-14);
  };
  expect(Loss::kHuber, probabilities, at::huber_loss(output, probabilities));
  expect(Loss::kBinaryCrossEntropyWithLogits, probabilities,
         at::binary_cross_entropy_with_logits(output, probabilities));
  expect(Loss::kNegativeLogLikelihood, classes, at::nll_loss(output, classes));
  expect(Loss::kKlDivergence, probabilities, at::kl_div(output, probabilities, at::Reduction::Sum) / 4);
}

}  // namespace
}  // namespace lrfinder
