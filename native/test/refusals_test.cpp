#include <ATen/ops/embedding.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>
#include <torch/nn/module.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/linear.h>
#include <torch/optim.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <vector>

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
using test::kInfinity;
using test::kNan;
using test::NetworkState;
using test::never_stopping;
using test::normal_parameter;
using test::one_part;
using test::sgd_over;
using test::targets;

class SweepErrorTest : public ::testing::Test {
 protected:
  void SetUp() override {
    net_ = eventful_net();
    optimizer_ = std::make_unique<optim::SGD>(net_->parameters(), optim::SGDOptions(1));
    held_ = std::make_unique<NetworkState>(*net_);
  }

  void TearDown() override { held_->expect_unchanged(); }

  void expect_refused(const std::string& message, const SweepSettings& settings) {
    expect_error(ErrorKind::kInvalidArgument, message, [&] { Sweep(one_part(net_.get(), *optimizer_), settings); });
  }

  void expect_refused(const std::string& message, const std::function<void(Sweep&)>& call) {
    Sweep sweep(one_part(net_.get(), *optimizer_), {});
    expect_error(ErrorKind::kInvalidArgument, message, [&] { call(sweep); });
  }

  nn::Sequential net_;
  std::unique_ptr<optim::Optimizer> optimizer_;
  std::unique_ptr<NetworkState> held_;
};

TEST_F(SweepErrorTest, NoParameterTakesAGradient) {
  const std::string message = "no parameter of the optimizer takes a gradient: at least one must have requires_grad";
  for (auto& parameter : net_->parameters()) parameter.set_requires_grad(false);
  expect_refused(message, SweepSettings());
  for (auto& parameter : net_->parameters()) parameter.set_requires_grad(true);
  const auto empty = sgd_over(std::vector<at::Tensor>());
  expect_error(ErrorKind::kInvalidArgument, message, [&] { Sweep(one_part(net_.get(), empty), {}); });
}

TEST_F(SweepErrorTest, ParametersOnDifferentDevices) {
  const auto optimizer = sgd_over({normal_parameter({2}, at::kFloat, 1), at::zeros({2}, at::kMeta).requires_grad_()});
  expect_error(ErrorKind::kInvalidArgument,
               "tensors on different devices: the optimizer has parameters on cpu and on meta, all must be on one",
               [&] { Sweep(one_part(nullptr, optimizer), {}); });
}

TEST_F(SweepErrorTest, ForeignParameters) {
  auto parameters = net_->parameters();
  const auto count = parameters.size();
  parameters.push_back(normal_parameter({2}, at::kFloat, 1));
  const auto optimizer = sgd_over(parameters);
  expect_error(ErrorKind::kInvalidArgument,
               "the optimizer is over other parameters than the network's: 1 of its " + std::to_string(count + 1) +
                   " parameters are not in the network; make the optimizer from the network's parameters()",
               [&] { Sweep(one_part(net_.get(), optimizer), {}); });
}

TEST_F(SweepErrorTest, OptimizerThatCannotBeCopied) {
  const optim::LBFGS lbfgs(net_->parameters());
  expect_error(ErrorKind::kInvalidArgument,
               "optimizer torch::optim::LBFGS cannot be swept: allowed are SGD, Adam, AdamW, Adagrad and RMSprop",
               [&] { Sweep(one_part(net_.get(), lbfgs), {}); });
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
    Sweep sweep(one_part(network, optimizer), {});
    expect_error(ErrorKind::kInvalidArgument, message, [&] { sweep.step(inputs(0), targets(0), Loss::kMse, 0.1); });
    expect_error(ErrorKind::kInvalidArgument, message, [&] { sweep.accumulate(inputs(0), targets(0), Loss::kMse); });
    EXPECT_EQ(sweep.step(linear->weight.sum(), 0.1), Outcome::kContinue);
  }
}

TEST_F(SweepErrorTest, StepAfterRestore) {
  Sweep sweep(one_part(net_.get(), *optimizer_), {});
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
  Sweep sweep(one_part(net_.get(), *optimizer_), {});
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
  Sweep sweep(one_part(&net, optimizer), {});
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
  Sweep sweep(one_part(net.get(), optimizer), {});
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
    Sweep sweep(one_part(net.get(), optimizer), {});
    sweep.step(inputs(0), inputs(0), Loss::kMse, 0.1);
    ADD_FAILURE() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kOutOfMemory);
    EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos) << error.what();
  }
  expect_step_error(ErrorKind::kOutOfMemory, "std::bad_alloc", [] { throw std::bad_alloc(); });
  const char* const in_script = "RuntimeError: DefaultCPUAllocator: can't allocate memory";  // as TorchScript throws it
  expect_step_error(ErrorKind::kOutOfMemory, in_script, [&] { throw std::runtime_error(in_script); });
}

TEST(SweepSparseTest, OptimizersThatDoNotTakeSparseGradientsSaySo) {
  const auto weight = normal_parameter({6, 2}, at::kDouble, 1);
  const auto rows = at::tensor({1, 3, 3}, at::kLong);
  const auto loss = [&] {
    return at::embedding(weight, rows, /*padding_idx=*/-1, /*scale_grad_by_freq=*/false, /*sparse=*/true).sum();
  };
  const auto refused = [&](const std::string& message, const optim::Optimizer& optimizer) {
    Sweep sweep(one_part(nullptr, optimizer), never_stopping());
    expect_error(ErrorKind::kInvalidArgument, message, [&] { sweep.step(loss(), 0.1); });
  };
  const std::string advice =
      " does not take sparse gradients: give the parameters that have them to an optimizer of their own, SGD or "
      "Adagrad, or make their embedding dense";
  refused("torch::optim::Adam" + advice, optim::Adam({weight}, optim::AdamOptions(1)));
  refused("torch::optim::AdamW" + advice, optim::AdamW({weight}, optim::AdamWOptions(1)));
  refused("torch::optim::RMSprop" + advice, optim::RMSprop({weight}, optim::RMSpropOptions(1)));
  refused("torch::optim::SGD does not take sparse gradients with weight decay: set it to 0",
          optim::SGD({weight}, optim::SGDOptions(1).weight_decay(0.1)));
  const optim::SGD sgd({weight}, optim::SGDOptions(1).momentum(0.9));
  Sweep sweep(one_part(nullptr, sgd), never_stopping());
  EXPECT_EQ(sweep.step(loss(), 0.1), Outcome::kContinue);
  EXPECT_EQ(sweep.step(loss(), 0.1), Outcome::kContinue);
}

}  // namespace
}  // namespace lrfinder
