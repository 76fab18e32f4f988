#include "lrfinder/training.h"

#include <ATen/autocast_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <gtest/gtest.h>
#include <torch/nn/modules/activation.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/linear.h>
#include <torch/nn/utils/clip_grad.h>
#include <torch/optim.h>

#include <memory>
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
using test::same_bits;
using test::settled;

struct Batch {
  at::Tensor input;
  at::Tensor target;
};

/// The same in every call.
std::vector<Batch> batches(int count, at::ScalarType dtype = at::kDouble) {
  std::vector<Batch> made;
  for (int i = 0; i < count; ++i) {
    made.push_back({normal({8, 5}, dtype, 10 + i), normal({8}, at::kDouble, 50 + i).gt(0).to(at::kLong)});
  }
  return made;
}

nn::Sequential network(at::ScalarType dtype = at::kDouble) {
  nn::Sequential made(nn::Linear(5, 6), nn::Tanh(), nn::Linear(6, 2));
  const c10::NoGradGuard no_grad;
  int seed = 0;
  made->to(dtype);
  test::move_here(*made);
  for (auto& parameter : made->parameters()) parameter.copy_(normal(parameter.sizes(), dtype, ++seed));
  return made;
}

void expect_same_parameters(const nn::Sequential& actual, const nn::Sequential& expected, double tolerance) {
  for (size_t i = 0; i < expected->parameters().size(); ++i) {
    EXPECT_TRUE(near(actual->parameters()[i], expected->parameters()[i], tolerance)) << "parameter " << i;
  }
}

using TrainingTest = test::DeviceTest;
LRFINDER_ON_EACH_DEVICE(TrainingTest);

TEST_P(TrainingTest, TrainsAsAPlainLoopDoes) {
  auto trained = network();
  auto plain = network();
  optim::Adam adam(trained->parameters(), optim::AdamOptions(0.01));
  optim::Adam own(plain->parameters(), optim::AdamOptions(0.01));
  Training training(trained.get(), adam, {});
  for (const auto& batch : batches(10)) {
    own.zero_grad();
    const auto loss = at::cross_entropy_loss(plain->forward(batch.input), batch.target);
    loss.backward();
    own.step();
    EXPECT_NEAR(settled(training, training.step(batch.input, batch.target, Loss::kCrossEntropy)), loss.item<double>(),
                1e-12);
  }
  expect_same_parameters(trained, plain, 1e-12);
}

TEST_P(TrainingTest, AStepIsTheMeanOverItsMicroBatchesHoweverFew) {
  for (const int micro_batches : {1, 2, 4}) {
    SCOPED_TRACE(micro_batches);
    auto trained = network();
    auto plain = network();
    optim::SGD sgd(trained->parameters(), optim::SGDOptions(0.1));
    optim::SGD own(plain->parameters(), optim::SGDOptions(0.1));
    StepSettings settings;
    settings.accumulate_grad_batches = 4;
    settings.gradient_clip_norm = 1e6;
    Training training(trained.get(), sgd, settings);
    for (int step = 0; step < 2; ++step) {
      const auto window = batches(micro_batches);
      std::vector<at::Tensor> inputs;
      std::vector<at::Tensor> targets;
      for (const auto& batch : window) {
        inputs.push_back(batch.input);
        targets.push_back(batch.target);
        if (inputs.size() < window.size() || step > 0) {
          training.accumulate(batch.input, batch.target, Loss::kCrossEntropy);
        }
      }
      const auto loss = at::cross_entropy_loss(plain->forward(at::cat(inputs)), at::cat(targets));
      own.zero_grad();
      loss.backward();
      own.step();
      const auto& last = window.back();
      const bool known = step > 0 ? training.finish() : training.step(last.input, last.target, Loss::kCrossEntropy);
      EXPECT_NEAR(settled(training, known), loss.item<double>(), 1e-12);
    }
    expect_same_parameters(trained, plain, 1e-12);
  }
}

TEST_P(TrainingTest, ClipsByValueAsPyTorchDoes) {
  auto trained = network();
  auto plain = network();
  optim::SGD sgd(trained->parameters(), optim::SGDOptions(0.1).momentum(0.9));
  optim::SGD own(plain->parameters(), optim::SGDOptions(0.1).momentum(0.9));
  StepSettings settings;
  settings.accumulate_grad_batches = 2;
  settings.gradient_clip_value = 0.02;
  Training training(trained.get(), sgd, settings);
  for (int step = 0; step < 5; ++step) {
    own.zero_grad();
    for (const auto& batch : batches(2)) {
      training.accumulate(batch.input, batch.target, Loss::kCrossEntropy);
      (at::cross_entropy_loss(plain->forward(batch.input), batch.target) / 2).backward();
    }
    training.finish();
    nn::utils::clip_grad_value_(plain->parameters(), 0.02);
    own.step();
  }
  expect_same_parameters(trained, plain, 1e-12);
}

TEST_P(TrainingTest, EvaluatingLeavesGradientsAndParametersAlone) {
  auto trained = network();
  const auto untouched = network();
  optim::SGD sgd(trained->parameters(), optim::SGDOptions(0.1));
  Training training(trained.get(), sgd, {});
  const auto batch = batches(1)[0];
  const auto loss = at::cross_entropy_loss(trained->forward(batch.input), batch.target).item<double>();
  EXPECT_EQ(training.evaluate(batch.input, batch.target, Loss::kCrossEntropy), loss);
  for (size_t i = 0; i < trained->parameters().size(); ++i) {
    EXPECT_FALSE(trained->parameters()[i].grad().defined());
    EXPECT_TRUE(same_bits(trained->parameters()[i], untouched->parameters()[i]));
  }
}

TEST(TrainingOnCpuTest, Bfloat16IsForTheForwardPassAlone) {
  auto half = network(at::kFloat);
  auto full = network(at::kFloat);
  optim::SGD sgd_half(half->parameters(), optim::SGDOptions(0.1));
  optim::SGD sgd_full(full->parameters(), optim::SGDOptions(0.1));
  StepSettings settings;
  settings.precision = Precision::kBfloat16;
  Training in_half(half.get(), sgd_half, settings);
  Training in_full(full.get(), sgd_full, {});
  bool differs = false;
  for (const auto& batch : batches(10, at::kFloat)) {
    const double loss = settled(in_half, in_half.step(batch.input, batch.target, Loss::kCrossEntropy));
    const double exact = settled(in_full, in_full.step(batch.input, batch.target, Loss::kCrossEntropy));
    EXPECT_NEAR(loss, exact, 0.05 * exact);
    differs = differs || loss != exact;
    EXPECT_FALSE(at::autocast::is_autocast_enabled(at::kCPU));
  }
  EXPECT_TRUE(differs);
  for (const auto& parameter : half->parameters()) EXPECT_EQ(parameter.scalar_type(), at::kFloat);
  expect_same_parameters(half, full, 0.05);
}

TEST(TrainingOnCpuTest, RefusesWhatItCannotTrain) {
  auto trained = network();
  optim::LBFGS lbfgs(trained->parameters(), optim::LBFGSOptions(0.1));
  expect_error(ErrorKind::kInvalidArgument,
               "optimizer LBFGS cannot be trained with: it needs to compute the loss several times in a step",
               [&] { Training(trained.get(), lbfgs, {}); });

  optim::Adagrad adagrad({trained->parameters()[0]}, optim::AdagradOptions(0.1));
  adagrad.add_param_group(optim::OptimizerParamGroup({trained->parameters()[1]}));
  expect_error(ErrorKind::kInvalidArgument,
               "optimizer Adagrad has no state for a parameter group that was added to it: make it with all groups",
               [&] { Training(trained.get(), adagrad, {}); });

  optim::SGD sgd(trained->parameters(), optim::SGDOptions(0.1));
  StepSettings settings;
  settings.accumulate_grad_batches = 0;
  expect_error(ErrorKind::kInvalidArgument, "accumulate_grad_batches 0 must be at least 1",
               [&] { Training(trained.get(), sgd, settings); });
  settings = {};
  settings.gradient_clip_norm = 0;
  expect_error(ErrorKind::kInvalidArgument, "gradient_clip_norm 0 must be greater than 0",
               [&] { Training(trained.get(), sgd, settings); });
  settings = {};
  settings.gradient_clip_value = -1;
  expect_error(ErrorKind::kInvalidArgument, "gradient_clip_value -1 must be greater than 0",
               [&] { Training(trained.get(), sgd, settings); });
  settings = {};
  settings.gradient_clip_norm = 1;
  settings.gradient_clip_value = 1;
  expect_error(ErrorKind::kInvalidArgument, "gradients are clipped by norm or by value, not by both",
               [&] { Training(trained.get(), sgd, settings); });
}

/// An optimizer of a user's own: nothing here knows how it steps.
class SignDescent : public optim::SGD {
 public:
  using optim::SGD::SGD;
  at::Tensor step(LossClosure /*closure*/ = nullptr) override {
    const c10::NoGradGuard no_grad;
    for (auto& parameter : param_groups()[0].params()) parameter.sub_(parameter.grad().sign() * 0.5);
    return {};
  }
};

TEST_P(TrainingTest, AnOptimizerOfAnotherClassStepsByItself) {
  auto trained = network();
  const auto before = trained->parameters()[0].detach().clone();
  SignDescent optimizer(trained->parameters(), optim::SGDOptions(0.1));
  Training training(trained.get(), optimizer, {});
  const auto batch = batches(1)[0];
  training.step(batch.input, batch.target, Loss::kCrossEntropy);
  EXPECT_TRUE(near((trained->parameters()[0] - before).abs(), at::full_like(before, 0.5), 1e-12));
}

}  // namespace
}  // namespace lrfinder
