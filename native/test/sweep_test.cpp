#include "lrfinder/sweep.h"

#include <ATen/Context.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/l1_loss.h>
#include <ATen/ops/mse_loss.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/smooth_l1_loss.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <c10/core/GradMode.h>
#include <gtest/gtest.h>
#include <torch/nn/modules/activation.h>
#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/dropout.h>
#include <torch/nn/modules/linear.h>
#include <torch/nn/utils/clip_grad.h>
#include <torch/optim.h>
#include <torch/utils.h>

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <vector>

#include "lrfinder/error.h"
#include "testing.h"

namespace lrfinder {
namespace {

namespace nn = torch::nn;
namespace optim = torch::optim;

using test::expect_error;
using test::near;
using test::normal;
using test::normal_parameter;
using test::optimizer_case;
using test::OptimizerCase;
using test::same_bits;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

/// The same network in every call, in double precision.
nn::Sequential regression_net() {
  torch::manual_seed(1);
  nn::Sequential net(nn::Linear(3, 4), nn::Tanh(), nn::Linear(4, 2));
  net->to(at::kDouble);
  return net;
}

at::Tensor inputs(int batch) { return normal({5, 3}, at::kDouble, 100 + batch); }

at::Tensor targets(int batch) { return normal({5, 2}, at::kDouble, 200 + batch); }

optim::SGD sgd_over(const std::vector<at::Tensor>& parameters) { return optim::SGD(parameters, optim::SGDOptions(1)); }

SweepSettings never_stopping() {
  SweepSettings settings;
  settings.early_stop_threshold = kInfinity;
  return settings;
}

/// A loss of this value, with gradient 1 for each element of `parameter`.
at::Tensor loss_of(const at::Tensor& parameter, double value) {
  const auto sum = parameter.sum();
  return sum - sum.detach() + value;
}

/// Everything of a network that a sweep has to put back.
class Held {
 public:
  explicit Held(nn::Module& network)
      : network_(network), grad_mode_(c10::GradMode::is_enabled()), generator_(generator_state()) {
    for (const auto& tensor : tensors()) {
      copies_.push_back(tensor.detach().clone());
      gradients_.push_back(tensor.grad());
      gradient_copies_.push_back(tensor.grad().defined() ? tensor.grad().clone() : at::Tensor());
    }
    for (const auto& module : network.modules(/*include_self=*/false)) modes_.push_back(module->is_training());
  }

  void expect_unchanged() const {
    EXPECT_EQ(c10::GradMode::is_enabled(), grad_mode_);
    EXPECT_TRUE(same_bits(generator_state(), generator_));
    const auto now = tensors();
    ASSERT_EQ(now.size(), copies_.size());
    for (size_t i = 0; i < now.size(); ++i) {
      EXPECT_TRUE(same_bits(now[i], copies_[i])) << "tensor " << i;
      EXPECT_TRUE(now[i].grad().is_same(gradients_[i])) << "gradient " << i;
      EXPECT_TRUE(same_bits(now[i].grad(), gradient_copies_[i])) << "gradient " << i;
    }
    const auto modules = network_.modules(/*include_self=*/false);
    for (size_t i = 0; i < modes_.size(); ++i) EXPECT_EQ(modules[i]->is_training(), modes_[i]) << "module " << i;
  }

 private:
  static at::Tensor generator_state() { return at::globalContext().defaultGenerator(at::kCPU).get_state(); }

  std::vector<at::Tensor> tensors() const {
    auto tensors = network_.parameters();
    for (const auto& buffer : network_.buffers()) tensors.push_back(buffer);
    return tensors;
  }

  nn::Module& network_;
  bool grad_mode_;
  at::Tensor generator_;
  std::vector<at::Tensor> copies_;
  std::vector<at::Tensor> gradients_;
  std::vector<at::Tensor> gradient_copies_;
  std::vector<bool> modes_;
};

/// A network with all that a sweep changes: statistics, random numbers, modes and gradients.
nn::Sequential eventful_net() {
  torch::manual_seed(1);
  nn::Sequential net(nn::Linear(3, 4), nn::BatchNorm1d(4), nn::Dropout(0.5), nn::BatchNorm1d(4), nn::Linear(4, 2));
  net->to(at::kDouble);
  net[3]->eval();
  net->parameters()[0].mutable_grad() = normal({4, 3}, at::kDouble, 5);
  return net;
}

std::vector<OptimizerCase> optimizers() {
  return {optimizer_case<optim::SGD>("Sgd", optim::SGDOptions(1).momentum(0.9)),
          optimizer_case<optim::Adam>("Adam", optim::AdamOptions(1)),
          optimizer_case<optim::AdamW>("AdamW", optim::AdamWOptions(1)),
          optimizer_case<optim::Adagrad>("Adagrad", optim::AdagradOptions(1)),
          optimizer_case<optim::RMSprop>("Rmsprop", optim::RMSpropOptions(1))};
}

// What a sweep computes.

using SweepOptimizerTest = ::testing::TestWithParam<OptimizerCase>;

TEST_P(SweepOptimizerTest, TrainsAsAPlainLoopDoes) {
  auto swept = regression_net();
  auto plain = regression_net();
  const auto original = GetParam().make({optim::OptimizerParamGroup(swept->parameters())});
  const auto optimizer = GetParam().make({optim::OptimizerParamGroup(plain->parameters())});
  SweepSettings settings = never_stopping();
  settings.step.gradient_clip_norm = 0.3;
  Sweep sweep(swept.get(), *original, settings);
  for (int i = 0; i < 10; ++i) {
    const double lr = 1e-4 * std::pow(1.7, i);
    const auto loss = at::mse_loss(plain->forward(inputs(i)), targets(i));
    EXPECT_EQ(sweep.step(inputs(i), targets(i), Loss::kMse, lr), StepResult::kContinue);
    EXPECT_NEAR(sweep.last_loss(), loss.item<double>(), 1e-12) << "step " << i;
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
  const auto original = GetParam().make({optim::OptimizerParamGroup({swept})});
  const auto optimizer = GetParam().make({optim::OptimizerParamGroup({stepped})});
  Sweep sweep(nullptr, *original, {});
  sweep.step(swept.square().sum(), 0.1);
  optimizer->param_groups()[0].options().set_lr(0.1);
  stepped.square().sum().backward();
  optimizer->step();
  EXPECT_TRUE(near(swept, stepped, 1e-13));
}

INSTANTIATE_TEST_SUITE_P(All, SweepOptimizerTest, ::testing::ValuesIn(optimizers()),
                         [](const auto& info) { return info.param.name; });

TEST(SweepTest, KnowsTheLosses) {
  const auto target = targets(0);
  const auto classes = at::arange(5, at::kLong).remainder(2);
  auto net = regression_net();
  const auto prediction = net->forward(inputs(0)).detach();
  const auto optimizer = sgd_over(net->parameters());
  const auto loss = [&](Loss kind, const at::Tensor& expected) {
    Sweep sweep(net.get(), optimizer, {});
    sweep.step(inputs(0), kind == Loss::kCrossEntropy ? classes : target, kind, 0.1);
    EXPECT_EQ(sweep.last_loss(), expected.item<double>());
  };
  loss(Loss::kCrossEntropy, at::cross_entropy_loss(prediction, classes));
  loss(Loss::kMse, at::mse_loss(prediction, target));
  loss(Loss::kL1, at::l1_loss(prediction, target));
  loss(Loss::kSmoothL1, at::smooth_l1_loss(prediction, target));
}

TEST(SweepTest, EachGroupHasItsRatio) {
  const auto first = normal_parameter({3}, at::kDouble, 1);
  const auto second = normal_parameter({3}, at::kDouble, 2);
  const optim::SGD optimizer({optim::OptimizerParamGroup({first}), optim::OptimizerParamGroup({second})},
                             optim::SGDOptions(1));
  SweepSettings settings;
  settings.group_rates = {{1.0}, {0.25}};
  Sweep sweep(nullptr, optimizer, settings);
  const auto first_expected = first.detach() - 0.1;
  const auto second_expected = second.detach() - 0.1 * 0.25;
  sweep.step(loss_of(first, 1) + loss_of(second, 1), 0.1);
  EXPECT_TRUE(near(first, first_expected, 1e-14));
  EXPECT_TRUE(near(second, second_expected, 1e-14));
}

TEST(SweepTest, AGroupHasARangeOfItsOwn) {
  const auto falling = normal_parameter({3}, at::kDouble, 1);
  const auto linear = normal_parameter({3}, at::kDouble, 2);
  const optim::SGD optimizer({optim::OptimizerParamGroup({falling}), optim::OptimizerParamGroup({linear})},
                             optim::SGDOptions(1));
  auto settings = never_stopping();
  settings.add_group_rate(/*ratio=*/1e-6, /*constant=*/0, /*origin=*/0, /*scale=*/1e-4, /*exponent=*/1.5);
  settings.add_group_rate(/*ratio=*/0.5, /*constant=*/0.01, /*origin=*/1e-4, /*scale=*/1, /*exponent=*/1);
  Sweep sweep(nullptr, optimizer, settings);
  for (const auto& [lr, exponential_rate, linear_rate] : std::vector<std::array<double, 3>>{
           {1e-4, 1e-6, 0.01}, {1e-2, 1e-3, 0.01 + 0.5 * 0.0099}, {1, 1, 0.01 + 0.5 * 0.9999}}) {
    const auto falling_expected = falling.detach() - exponential_rate;
    const auto linear_expected = linear.detach() - linear_rate;
    sweep.step(loss_of(falling, 1) + loss_of(linear, 1), lr);
    EXPECT_TRUE(near(falling, falling_expected, 1e-14));
    EXPECT_TRUE(near(linear, linear_expected, 1e-14));
  }
}

TEST(SweepTest, AllGroupsHaveTheSweptRateByDefault) {
  const auto first = normal_parameter({3}, at::kDouble, 1);
  const auto second = normal_parameter({3}, at::kDouble, 2);
  const optim::SGD optimizer({optim::OptimizerParamGroup({first}), optim::OptimizerParamGroup({second})},
                             optim::SGDOptions(1));
  Sweep sweep(nullptr, optimizer, {});
  const auto first_expected = first.detach() - 0.1;
  const auto second_expected = second.detach() - 0.1;
  sweep.step(loss_of(first, 1) + loss_of(second, 1), 0.1);
  EXPECT_TRUE(near(first, first_expected, 1e-14));
  EXPECT_TRUE(near(second, second_expected, 1e-14));
}

TEST(SweepTest, ClipsTheAveragedGradient) {
  const auto parameter = at::zeros({2}, at::kDouble).requires_grad_();
  const auto optimizer = sgd_over({parameter});
  SweepSettings settings = never_stopping();
  settings.step.accumulate_grad_batches = 2;
  settings.step.gradient_clip_norm = 7.5;
  Sweep sweep(nullptr, optimizer, settings);
  const auto slopes = at::tensor({6.0, 8.0}, at::kDouble);
  sweep.accumulate((parameter * slopes).sum());
  sweep.step((parameter * 0).sum(), 1);  // the mean gradient is (3, 4): short enough, unlike the sum
  EXPECT_TRUE(near(parameter, at::tensor({-3.0, -4.0}, at::kDouble), 1e-14));
  sweep.accumulate((parameter * slopes).sum());
  sweep.step((parameter * slopes).sum(), 1);  // (6, 8), clipped to (4.5, 6)
  EXPECT_TRUE(near(parameter, at::tensor({-7.5, -10.0}, at::kDouble), 1e-6));
}

TEST(SweepTest, MicroBatchesEqualOneBatch) {
  auto accumulated = regression_net();
  auto whole = regression_net();
  const auto accumulating = sgd_over(accumulated->parameters());
  const auto stepping = sgd_over(whole->parameters());
  SweepSettings settings;
  settings.step.accumulate_grad_batches = 4;
  Sweep by_parts(accumulated.get(), accumulating, settings);
  Sweep at_once(whole.get(), stepping, {});
  for (int step = 0; step < 3; ++step) {
    std::vector<at::Tensor> all_inputs;
    std::vector<at::Tensor> all_targets;
    for (int i = 4 * step; i < 4 * step + 4; ++i) {
      all_inputs.push_back(inputs(i));
      all_targets.push_back(targets(i));
      if (i % 4 < 3) {
        by_parts.accumulate(all_inputs.back(), all_targets.back(), Loss::kMse);
      } else {
        by_parts.step(all_inputs.back(), all_targets.back(), Loss::kMse, 0.1);
      }
    }
    at_once.step(at::cat(all_inputs), at::cat(all_targets), Loss::kMse, 0.1);
    EXPECT_NEAR(by_parts.last_loss(), at_once.last_loss(), 1e-12);
    EXPECT_NEAR(by_parts.smoothed_loss(), at_once.smoothed_loss(), 1e-12);
    for (size_t i = 0; i < whole->parameters().size(); ++i) {
      EXPECT_TRUE(near(accumulated->parameters()[i], whole->parameters()[i], 1e-12)) << "parameter " << i;
    }
  }
}

TEST(SweepTest, TakesALossOfOneElementInAnyShape) {
  for (const auto& shape : std::vector<std::vector<std::int64_t>>{{}, {1}, {1, 1}}) {
    const auto parameter = at::zeros({2}, at::kDouble).requires_grad_();
    const auto optimizer = sgd_over({parameter});
    Sweep sweep(nullptr, optimizer, {});
    EXPECT_EQ(sweep.step(loss_of(parameter, 3).reshape(shape), 0.5), StepResult::kContinue);
    EXPECT_EQ(sweep.last_loss(), 3);
    EXPECT_TRUE(same_bits(parameter, at::tensor({-0.5, -0.5}, at::kDouble)));
  }
}

TEST(SweepTest, TakesLossesOfChangingTypesAndShapes) {
  const auto to_float = [](const at::Tensor& loss) { return loss.to(at::kFloat); };
  const auto to_vector = [](const at::Tensor& loss) { return loss.reshape({1}); };
  for (const auto& changed : std::vector<std::function<at::Tensor(const at::Tensor&)>>{to_float, to_vector}) {
    const auto parameter = at::zeros({2}, at::kDouble).requires_grad_();
    const auto optimizer = sgd_over({parameter});
    SweepSettings settings = never_stopping();
    settings.step.accumulate_grad_batches = 4;
    Sweep sweep(nullptr, optimizer, settings);
    sweep.accumulate(loss_of(parameter, 1));
    sweep.accumulate(changed(loss_of(parameter, 2)));
    sweep.accumulate(loss_of(parameter, 3));
    EXPECT_EQ(sweep.step(changed(loss_of(parameter, 4)), 0.5), StepResult::kContinue);
    EXPECT_EQ(sweep.last_loss(), 2.5);
    EXPECT_TRUE(same_bits(parameter, at::tensor({-0.5, -0.5}, at::kDouble)));
  }
}

TEST(SweepTest, AFloatLossDoesNotRoundALaterOne) {
  const auto parameter = at::zeros({2}, at::kDouble).requires_grad_();
  const auto optimizer = sgd_over({parameter});
  SweepSettings settings = never_stopping();
  settings.step.accumulate_grad_batches = 3;  // a third is another number in float
  Sweep sweep(nullptr, optimizer, settings);
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

TEST(SweepTest, GradientsFromBeforeAreNotUsed) {
  auto net = regression_net();
  auto other = regression_net();
  for (auto& parameter : net->parameters()) parameter.mutable_grad() = at::ones_like(parameter);
  const auto optimizer = sgd_over(net->parameters());
  const auto other_optimizer = sgd_over(other->parameters());
  Sweep sweep(net.get(), optimizer, {});
  Sweep expected(other.get(), other_optimizer, {});
  sweep.step(inputs(0), targets(0), Loss::kMse, 0.1);
  expected.step(inputs(0), targets(0), Loss::kMse, 0.1);
  for (size_t i = 0; i < net->parameters().size(); ++i) {
    EXPECT_TRUE(same_bits(net->parameters()[i], other->parameters()[i])) << "parameter " << i;
  }
}

TEST(SweepTest, NamesItsDevice) {
  auto net = regression_net();
  const auto optimizer = sgd_over(net->parameters());
  EXPECT_EQ(Sweep(net.get(), optimizer, {}).device(), "cpu");
}

// How a sweep ends.

TEST(SweepTest, ADivergedLossIsRecordedAndUpdatesNothing) {
  const auto parameter = normal_parameter({3}, at::kDouble, 1);
  const auto optimizer = sgd_over({parameter});
  SweepSettings settings;
  settings.steps = 10;
  settings.smoothing_beta = 0;
  Sweep sweep(nullptr, optimizer, settings);
  for (const double loss : {2, 2, 2, 2, 2, 1, 4}) {
    EXPECT_EQ(sweep.step(loss_of(parameter, loss), 0.1), StepResult::kContinue);
  }
  const auto before = parameter.detach().clone();
  EXPECT_EQ(sweep.step(loss_of(parameter, 4.001), 0.1), StepResult::kDiverged);
  EXPECT_TRUE(same_bits(parameter, before));
  EXPECT_EQ(sweep.last_loss(), 4.001);
  EXPECT_EQ(sweep.smoothed_loss(), 4.001);
  EXPECT_EQ(sweep.best_loss(), 1);
}

TEST(SweepTest, TheRunningLossIsSmoothed) {
  const auto parameter = normal_parameter({3}, at::kDouble, 1);
  const auto optimizer = sgd_over({parameter});
  Sweep sweep(nullptr, optimizer, {});
  sweep.step(loss_of(parameter, 3), 0.1);
  EXPECT_DOUBLE_EQ(sweep.smoothed_loss(), 3);
  sweep.step(loss_of(parameter, 1), 0.1);
  EXPECT_NEAR(sweep.smoothed_loss(), (0.98 * 3 + 1) / 1.98, 1e-14);
  EXPECT_DOUBLE_EQ(sweep.best_loss(), sweep.smoothed_loss());
}

TEST(SweepTest, ANonFiniteLossIsNotRecordedAndUpdatesNothing) {
  for (const double bad : {kNan, kInfinity, -kInfinity}) {
    const auto parameter = normal_parameter({3}, at::kDouble, 1);
    const auto optimizer = sgd_over({parameter});
    Sweep sweep(nullptr, optimizer, never_stopping());
    sweep.step(loss_of(parameter, 2), 0.1);
    const auto before = parameter.detach().clone();
    EXPECT_EQ(sweep.step(loss_of(parameter, bad), 0.1), StepResult::kNonFinite);
    EXPECT_TRUE(same_bits(parameter, before));
    EXPECT_EQ(sweep.last_loss(), 2);
    EXPECT_DOUBLE_EQ(sweep.smoothed_loss(), 2);
    EXPECT_DOUBLE_EQ(sweep.best_loss(), 2);
  }
}

TEST(SweepTest, OneNonFiniteMicroBatchMakesItsStepNonFinite) {
  const auto parameter = normal_parameter({3}, at::kDouble, 1);
  const auto before = parameter.detach().clone();
  const auto optimizer = sgd_over({parameter});
  SweepSettings settings = never_stopping();
  settings.step.accumulate_grad_batches = 3;
  Sweep sweep(nullptr, optimizer, settings);
  sweep.accumulate(loss_of(parameter, kNan));
  sweep.accumulate(loss_of(parameter, 1));
  EXPECT_EQ(sweep.step(loss_of(parameter, 1), 0.1), StepResult::kNonFinite);
  EXPECT_TRUE(same_bits(parameter, before));
}

TEST(SweepTest, DivergesByItself) {
  auto net = regression_net();
  const auto optimizer = sgd_over(net->parameters());
  Sweep sweep(net.get(), optimizer, {});
  StepResult result = StepResult::kContinue;
  for (int i = 0; i < 200 && result == StepResult::kContinue; ++i) {
    result = sweep.step(inputs(0), targets(0), Loss::kMse, 1e-3 * std::pow(1.2, i));
  }
  EXPECT_EQ(result, StepResult::kDiverged);
}

// What a sweep leaves behind.

TEST(SweepTest, RestoresWhenAsked) {
  auto net = eventful_net();
  const Held held(*net);
  const auto optimizer = sgd_over(net->parameters());
  Sweep sweep(net.get(), optimizer, {});
  sweep.step(inputs(0), targets(0), Loss::kMse, 0.1);
  net->train();
  sweep.restore();
  held.expect_unchanged();
  {
    const c10::NoGradGuard no_grad;
    for (auto& parameter : net->parameters()) parameter.add_(1);
  }
  const Held trained(*net);
  sweep.restore();  // does nothing: what came after the first stays
  trained.expect_unchanged();
}

TEST(SweepTest, ARestoreThatFailedIsNotTriedAgain) {
  const auto lost = normal_parameter({2}, at::kDouble, 1);
  const auto kept = normal_parameter({3}, at::kDouble, 2);
  const auto before = kept.detach().clone();
  const auto optimizer = sgd_over({lost, kept});
  auto sweep = std::make_unique<Sweep>(nullptr, optimizer, SweepSettings());
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

TEST(SweepTest, RestoresInItsDestructor) {
  auto net = eventful_net();
  const Held held(*net);
  const auto optimizer = sgd_over(net->parameters());
  {
    Sweep sweep(net.get(), optimizer, {});
    sweep.step(inputs(0), targets(0), Loss::kMse, 0.1);
    net->train();
  }
  held.expect_unchanged();
}

TEST(SweepTest, TheDestructorOfARestoredSweepDoesNothing) {
  auto net = eventful_net();
  const auto optimizer = sgd_over(net->parameters());
  auto sweep = std::make_unique<Sweep>(net.get(), optimizer, SweepSettings());
  sweep->restore();
  {
    const c10::NoGradGuard no_grad;
    for (auto& parameter : net->parameters()) parameter.add_(1);
  }
  const Held trained(*net);
  sweep.reset();
  trained.expect_unchanged();
}

TEST(SweepTest, RestoresWhenAnExceptionUnwinds) {
  auto net = eventful_net();
  const Held held(*net);
  const auto optimizer = sgd_over(net->parameters());
  const auto run = [&] {
    Sweep sweep(net.get(), optimizer, {});
    sweep.step(inputs(0), targets(0), Loss::kMse, 0.1);
    sweep.step(at::zeros({5, 7}, at::kDouble), targets(0), Loss::kMse, 0.1);
  };
  EXPECT_THROW(run(), Error);
  held.expect_unchanged();
}

TEST(SweepTest, RestoresAfterHalfAStep) {
  auto net = eventful_net();
  const Held held(*net);
  const auto optimizer = sgd_over(net->parameters());
  {
    SweepSettings settings;
    settings.step.accumulate_grad_batches = 4;
    Sweep sweep(net.get(), optimizer, settings);
    sweep.accumulate(inputs(0), targets(0), Loss::kMse);
  }
  held.expect_unchanged();
}

TEST(SweepTest, RestoresOnlyTheOptimizersParametersWithoutANetwork) {
  auto net = regression_net();
  const Held held(*net);
  const auto optimizer = sgd_over(net->parameters());
  {
    Sweep sweep(nullptr, optimizer, {});
    sweep.step(at::mse_loss(net->forward(inputs(0)), targets(0)), 0.1);
  }
  held.expect_unchanged();
}

TEST(SweepTest, TrainsUnderNoGrad) {
  auto net = eventful_net();
  const c10::NoGradGuard no_grad;
  const Held held(*net);
  const auto before = net->parameters()[0].detach().clone();
  const auto optimizer = sgd_over(net->parameters());
  {
    Sweep sweep(net.get(), optimizer, {});
    EXPECT_TRUE(c10::GradMode::is_enabled());  // for losses that the caller computes
    EXPECT_EQ(sweep.step(inputs(0), targets(0), Loss::kMse, 0.1), StepResult::kContinue);
    EXPECT_FALSE(same_bits(net->parameters()[0], before));
  }
  EXPECT_FALSE(c10::GradMode::is_enabled());
  held.expect_unchanged();
}

TEST(SweepTest, TrainsWhenTheCallerTurnsGradientsOffMeanwhile) {
  auto net = regression_net();
  const auto before = net->parameters()[0].detach().clone();
  const auto optimizer = sgd_over(net->parameters());
  Sweep sweep(net.get(), optimizer, {});
  const c10::NoGradGuard no_grad;
  EXPECT_EQ(sweep.step(inputs(0), targets(0), Loss::kMse, 0.1), StepResult::kContinue);
  EXPECT_FALSE(same_bits(net->parameters()[0], before));
  EXPECT_FALSE(c10::GradMode::is_enabled());
}

TEST_P(SweepOptimizerTest, TheOptimizerGoesOnAsIfThereHadBeenNoSweep) {
  auto swept = regression_net();
  auto plain = regression_net();
  const auto train = [](nn::Sequential& net, optim::Optimizer& optimizer, int batch) {
    at::mse_loss(net->forward(inputs(batch)), targets(batch)).backward();
    optimizer.step();
    optimizer.zero_grad();
  };
  const auto optimizer = GetParam().make({optim::OptimizerParamGroup(swept->parameters())});
  const auto expected = GetParam().make({optim::OptimizerParamGroup(plain->parameters())});
  for (auto* each : {optimizer.get(), expected.get()}) each->param_groups()[0].options().set_lr(0.01);
  for (int i = 0; i < 6; ++i) {
    if (i % 3 == 0) {  // fresh and used
      Sweep sweep(swept.get(), *optimizer, never_stopping());
      for (int j = 0; j < 5; ++j) sweep.step(inputs(j), targets(j), Loss::kMse, 0.1);
    }
    train(swept, *optimizer, i);
    train(plain, *expected, i);
  }
  for (size_t i = 0; i < plain->parameters().size(); ++i) {
    EXPECT_TRUE(same_bits(swept->parameters()[i], plain->parameters()[i])) << "parameter " << i;
  }
}

// What cannot be swept. In each case nothing may have changed.

class SweepErrorTest : public ::testing::Test {
 protected:
  void SetUp() override {
    net_ = eventful_net();
    optimizer_ = std::make_unique<optim::SGD>(net_->parameters(), optim::SGDOptions(1));
    held_ = std::make_unique<Held>(*net_);
  }

  void TearDown() override { held_->expect_unchanged(); }

  void expect_refused(const std::string& message, const SweepSettings& settings) {
    expect_error(ErrorKind::kInvalidArgument, message, [&] { Sweep(net_.get(), *optimizer_, settings); });
  }

  void expect_refused(const std::string& message, const std::function<void(Sweep&)>& call) {
    Sweep sweep(net_.get(), *optimizer_, {});
    expect_error(ErrorKind::kInvalidArgument, message, [&] { call(sweep); });
  }

  nn::Sequential net_;
  std::unique_ptr<optim::Optimizer> optimizer_;
  std::unique_ptr<Held> held_;
};

TEST_F(SweepErrorTest, NoParameterTakesAGradient) {
  const std::string message = "no parameter of the optimizer takes a gradient: at least one must have requires_grad";
  for (auto& parameter : net_->parameters()) parameter.set_requires_grad(false);
  expect_refused(message, SweepSettings());
  for (auto& parameter : net_->parameters()) parameter.set_requires_grad(true);
  const auto empty = sgd_over(std::vector<at::Tensor>());
  expect_error(ErrorKind::kInvalidArgument, message, [&] { Sweep(net_.get(), empty, {}); });
}

TEST_F(SweepErrorTest, ParametersOnDifferentDevices) {
  const auto optimizer = sgd_over({normal_parameter({2}, at::kFloat, 1), at::zeros({2}, at::kMeta).requires_grad_()});
  expect_error(ErrorKind::kInvalidArgument,
               "tensors on different devices: the optimizer has parameters on cpu and on meta, all must be on one",
               [&] { Sweep(nullptr, optimizer, {}); });
}

TEST_F(SweepErrorTest, ForeignParameters) {
  auto parameters = net_->parameters();
  const auto count = parameters.size();
  parameters.push_back(normal_parameter({2}, at::kFloat, 1));
  const auto optimizer = sgd_over(parameters);
  expect_error(ErrorKind::kInvalidArgument,
               "the optimizer is over other parameters than the network's: 1 of its " + std::to_string(count + 1) +
                   " parameters are not in the network; make the optimizer from the network's parameters()",
               [&] { Sweep(net_.get(), optimizer, {}); });
}

TEST_F(SweepErrorTest, OptimizerThatCannotBeCopied) {
  const optim::LBFGS lbfgs(net_->parameters());
  expect_error(ErrorKind::kInvalidArgument,
               "optimizer torch::optim::LBFGS cannot be swept: allowed are SGD, Adam, AdamW, Adagrad and RMSprop",
               [&] { Sweep(net_.get(), lbfgs, {}); });
}

TEST_F(SweepErrorTest, SettingsOutOfRange) {
  for (const double beta : {-0.1, 1.0}) {
    SweepSettings settings;
    settings.smoothing_beta = beta;
    expect_refused(beta < 0 ? "smoothing_beta -0.1 must be in [0, 1)" : "smoothing_beta 1 must be in [0, 1)", settings);
  }
  for (const double threshold : {1.0, -kInfinity}) {
    SweepSettings settings;
    settings.early_stop_threshold = threshold;
    expect_refused("early_stop_threshold " + std::string(threshold < 0 ? "-inf" : "1") + " must be greater than 1",
                   settings);
  }
  for (const double norm : {0.0, -1.0}) {
    SweepSettings settings;
    settings.step.gradient_clip_norm = norm;
    expect_refused("gradient_clip_norm " + std::string(norm < 0 ? "-1" : "0") + " must be greater than 0", settings);
  }
  for (const std::int64_t batches : {0, -1}) {
    SweepSettings settings;
    settings.step.accumulate_grad_batches = batches;
    expect_refused("accumulate_grad_batches " + std::to_string(batches) + " must be at least 1", settings);
  }
}

TEST_F(SweepErrorTest, SettingsThatAreNoNumber) {
  SweepSettings beta;
  beta.smoothing_beta = kNan;
  expect_refused("smoothing_beta nan must be in [0, 1)", beta);
  SweepSettings threshold;
  threshold.early_stop_threshold = kNan;
  expect_refused("early_stop_threshold nan must be greater than 1", threshold);
  SweepSettings norm;
  norm.step.gradient_clip_norm = kNan;
  expect_refused("gradient_clip_norm nan must be greater than 0", norm);
}

TEST_F(SweepErrorTest, WrongNumberOfGroupRates) {
  SweepSettings settings;
  settings.group_rates = {{1.0}, {0.1}};
  expect_refused("group_rates has 2 entries, the optimizer 1 parameter groups", settings);
}

TEST_F(SweepErrorTest, BatchOnAnotherDevice) {
  const std::string message = "tensors on different devices: the network is on cpu and the batch has a tensor on meta";
  const auto elsewhere = [](const at::Tensor& tensor) { return tensor.to(at::kMeta); };
  expect_refused(message, [&](Sweep& sweep) { sweep.step(elsewhere(inputs(0)), targets(0), Loss::kMse, 0.1); });
  expect_refused(message, [&](Sweep& sweep) { sweep.step(inputs(0), elsewhere(targets(0)), Loss::kMse, 0.1); });
  expect_refused(message, [&](Sweep& sweep) { sweep.accumulate(inputs(0), elsewhere(targets(0)), Loss::kMse); });
}

TEST_F(SweepErrorTest, TargetOfAnotherShape) {
  for (const auto loss : {Loss::kMse, Loss::kL1, Loss::kSmoothL1}) {
    expect_refused("the network's output has shape [5, 2] and the target [5, 1]: this loss needs the same shape",
                   [&](Sweep& sweep) { sweep.step(inputs(0), targets(0).narrow(1, 0, 1), loss, 0.1); });
  }
}

TEST_F(SweepErrorTest, UnknownLoss) {
  expect_refused("unknown loss 99",
                 [](Sweep& sweep) { sweep.step(inputs(0), targets(0), static_cast<Loss>(99), 0.1); });
}

TEST_F(SweepErrorTest, LossThatIsNotOneRealNumber) {
  const auto weight = net_->parameters()[0];
  expect_refused("the loss is an undefined tensor", [](Sweep& sweep) { sweep.step(at::Tensor(), 0.1); });
  expect_refused("the loss is an undefined tensor", [](Sweep& sweep) { sweep.accumulate(at::Tensor()); });
  expect_refused("the loss must be one real number, not a tensor of shape [2] and type double",
                 [&](Sweep& sweep) { sweep.step(weight.flatten().narrow(0, 0, 2), 0.1); });
  expect_refused("the loss must be one real number, not a tensor of shape [] and type long int",
                 [](Sweep& sweep) { sweep.step(at::zeros({}, at::kLong), 0.1); });
  expect_refused("the loss must be one real number, not a tensor of shape [] and type c10::complex<double>",
                 [&](Sweep& sweep) { sweep.step(weight.sum().to(at::kComplexDouble), 0.1); });
}

TEST_F(SweepErrorTest, LossWithoutGradient) {
  const std::string message = "the loss does not depend on any parameter that takes a gradient";
  expect_refused(message, [](Sweep& sweep) { sweep.step(at::zeros({}), 0.1); });
  expect_refused(message, [&](Sweep& sweep) { sweep.accumulate(net_->parameters()[0].sum().detach()); });
}

TEST(SweepOtherNetworkTest, NetworkThatIsNotSequential) {
  const std::string message =
      "only a SequentialImpl or a TorchScript module is forwarded natively: pass the loss instead";
  nn::Linear linear(3, 2);
  const auto optimizer = sgd_over(linear->parameters());
  for (nn::Module* network : std::vector<nn::Module*>{linear.get(), nullptr}) {
    Sweep sweep(network, optimizer, {});
    expect_error(ErrorKind::kInvalidArgument, message, [&] { sweep.step(inputs(0), targets(0), Loss::kMse, 0.1); });
    expect_error(ErrorKind::kInvalidArgument, message, [&] { sweep.accumulate(inputs(0), targets(0), Loss::kMse); });
    EXPECT_EQ(sweep.step(linear->weight.sum(), 0.1), StepResult::kContinue);
  }
}

TEST_F(SweepErrorTest, StepAfterRestore) {
  Sweep sweep(net_.get(), *optimizer_, {});
  sweep.restore();
  const std::string message = "the sweep has ended: its model was restored";
  const auto loss = net_->parameters()[0].sum();
  const auto refused = [&](const auto& call) { expect_error(ErrorKind::kInvalidArgument, message, call); };
  refused([&] { sweep.step(inputs(0), targets(0), Loss::kMse, 0.1); });
  refused([&] { sweep.step(loss, 0.1); });
  refused([&] { sweep.accumulate(inputs(0), targets(0), Loss::kMse); });
  refused([&] { sweep.accumulate(loss); });
}

TEST_F(SweepErrorTest, AnErrorOfLibtorchIsOneLine) {
  Sweep sweep(net_.get(), *optimizer_, {});
  expect_error(ErrorKind::kFailure, "mat1 and mat2 shapes cannot be multiplied (5x7 and 3x4)",
               [&] { sweep.step(at::zeros({5, 7}, at::kDouble), targets(0), Loss::kMse, 0.1); });
}

/// A network whose own forward hides the one that the core would call.
class DoublingNet final : public nn::SequentialImpl {
 public:
  using nn::SequentialImpl::SequentialImpl;

  at::Tensor forward(const at::Tensor& input) { return 2 * nn::SequentialImpl::forward(input); }
};

TEST(SweepOtherNetworkTest, ASubclassOfSequentialIsNotForwarded) {
  DoublingNet net(nn::Linear(3, 2));
  net.to(at::kDouble);
  const auto optimizer = sgd_over(net.parameters());
  Sweep sweep(&net, optimizer, {});
  expect_error(ErrorKind::kInvalidArgument,
               "only a SequentialImpl or a TorchScript module is forwarded natively: pass the loss instead",
               [&] { sweep.step(inputs(0), targets(0), Loss::kMse, 0.1); });
}

/// A layer that does something else than to compute.
class CallingLayer final : public nn::Module {
 public:
  explicit CallingLayer(std::function<void()> call) : call_(std::move(call)) {
    weight_ = register_parameter("weight", at::ones({}, at::kDouble));
  }

  at::Tensor forward(const at::Tensor& input) {
    call_();
    return input * weight_;
  }

 private:
  std::function<void()> call_;
  at::Tensor weight_;
};

void expect_step_error(ErrorKind kind, const std::string& message, const std::function<void()>& call) {
  nn::Sequential net(std::make_shared<CallingLayer>(call));
  const auto optimizer = sgd_over(net->parameters());
  Sweep sweep(net.get(), optimizer, {});
  expect_error(kind, message, [&] { sweep.step(inputs(0), inputs(0), Loss::kMse, 0.1); });
}

TEST(SweepOtherNetworkTest, AnErrorOfTheModelsOwnCode) {
  expect_step_error(ErrorKind::kFailure, "no such layer", [] { throw std::runtime_error("no such layer"); });
}

TEST(SweepOtherNetworkTest, AnythingElseThrownByTheModelsOwnCode) {
  expect_step_error(ErrorKind::kFailure, "the model's code threw something that is no std::exception",
                    [] { throw 42; });
}

TEST(SweepOtherNetworkTest, OutOfMemory) {
  try {
    nn::Sequential net(std::make_shared<CallingLayer>([] { at::empty({std::int64_t{1} << 50}); }));
    const auto optimizer = sgd_over(net->parameters());
    Sweep sweep(net.get(), optimizer, {});
    sweep.step(inputs(0), inputs(0), Loss::kMse, 0.1);
    ADD_FAILURE() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kOutOfMemory);
    EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos) << error.what();
  }
  expect_step_error(ErrorKind::kOutOfMemory, "std::bad_alloc", [] { throw std::bad_alloc(); });
}

}  // namespace
}  // namespace lrfinder
