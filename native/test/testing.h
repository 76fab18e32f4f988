#pragma once

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Context.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/tensor.h>
#include <c10/core/GradMode.h>
#include <gtest/gtest.h>
#include <torch/nn/module.h>
#include <torch/nn/modules/activation.h>
#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/dropout.h>
#include <torch/nn/modules/linear.h>
#include <torch/optim.h>
#include <torch/utils.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <functional>
#include <initializer_list>
#include <limits>
#include <memory>
#include <ostream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "devices.h"
#include "lrfinder/error.h"
#include "lrfinder/sweep.h"
#include "lrfinder/training.h"

namespace lrfinder::test {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

using Groups = std::vector<torch::optim::OptimizerParamGroup>;

/// An optimizer of one class and with one set of options, over any parameters.
struct OptimizerCase {
  std::string name;
  std::function<std::unique_ptr<torch::optim::Optimizer>(const Groups&)> make;
};

inline void PrintTo(const OptimizerCase& optimizer, std::ostream* out) { *out << optimizer.name; }

template <typename Optimizer, typename Options>
OptimizerCase optimizer_case(std::string name, const Options& options) {
  return {std::move(name), [options](const Groups& groups) { return std::make_unique<Optimizer>(groups, options); }};
}

/// Normal numbers that are the same in every call and leave the global generator alone.
inline at::Tensor normal(at::IntArrayRef sizes, at::ScalarType dtype, std::uint64_t seed) {
  return at::randn(sizes, at::make_generator<at::CPUGeneratorImpl>(seed), at::TensorOptions().dtype(dtype))
      .to(present_device());
}

/// Numbers in double precision.
inline at::Tensor doubles(std::initializer_list<double> values) {
  return at::tensor(values, at::kDouble).to(present_device());
}

inline at::Tensor normal_parameter(at::IntArrayRef sizes, at::ScalarType dtype, std::uint64_t seed) {
  return normal(sizes, dtype, seed).requires_grad_();
}

/// What a failed comparison shows of a tensor: of a large one only what it is.
inline std::string description(const at::Tensor& tensor) {
  if (!tensor.defined()) return "an undefined tensor";
  std::ostringstream text;
  text << tensor.toString() << tensor.sizes();
  if (tensor.numel() <= 32) text << '\n' << tensor.cpu();
  return text.str();
}

inline bool alike(const at::Tensor& actual, const at::Tensor& expected) {
  if (!actual.defined() || !expected.defined()) return actual.defined() == expected.defined();
  return actual.scalar_type() == expected.scalar_type() && actual.sizes() == expected.sizes();
}

/// Whether both are undefined, or alike in type, sizes and every bit.
inline ::testing::AssertionResult same_bits(const at::Tensor& actual, const at::Tensor& expected) {
  bool same = alike(actual, expected);
  if (same && actual.defined() && actual.numel() > 0) {
    const auto left = actual.detach().cpu().contiguous();
    const auto right = expected.detach().cpu().contiguous();
    same = std::memcmp(left.const_data_ptr(), right.const_data_ptr(), left.nbytes()) == 0;
  }
  if (same) return ::testing::AssertionSuccess() << description(actual);
  return ::testing::AssertionFailure() << description(actual) << "\ndiffers from " << description(expected);
}

/// Whether both are undefined, or alike in type and sizes and no element differs by more than `tolerance`.
inline ::testing::AssertionResult near(const at::Tensor& actual, const at::Tensor& expected, double tolerance) {
  const c10::NoGradGuard no_grad;
  double deviation = 0;
  const bool comparable = alike(actual, expected);
  if (comparable && actual.defined() && actual.numel() > 0) {
    deviation = (actual.cpu() - expected.cpu()).abs().max().item<double>();
  }
  if (comparable && deviation <= tolerance) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << description(actual) << "\nis off by " << deviation << " from "
                                       << description(expected);
}

/// Expects that `call` throws lrfinder::Error with exactly this kind and message.
template <typename Call>
void expect_error(ErrorKind kind, const std::string& message, const Call& call) {
  try {
    call();
    ADD_FAILURE() << "no error, but expected: " << message;
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), kind);
    EXPECT_EQ(error.what(), message);
    EXPECT_EQ(error.tagged(), static_cast<char>(kind) + message);
  }
}

/// The same network in every call, in double precision.
inline torch::nn::Sequential regression_net() {
  torch::manual_seed(1);
  torch::nn::Sequential net(torch::nn::Linear(3, 4), torch::nn::Tanh(), torch::nn::Linear(4, 2));
  net->to(at::kDouble);
  move_here(*net);
  return net;
}

inline at::Tensor inputs(int batch) { return normal({5, 3}, at::kDouble, 100 + batch); }

inline at::Tensor targets(int batch) { return normal({5, 2}, at::kDouble, 200 + batch); }

inline torch::optim::SGD sgd_over(const std::vector<at::Tensor>& parameters) {
  return torch::optim::SGD(parameters, torch::optim::SGDOptions(1));
}

/// Of a usual training; `network` may be null.
inline SweepSubject one_part(torch::nn::Module* network, const torch::optim::Optimizer& optimizer) {
  SweepSubject subject;
  subject.add_part(network, /*recorded=*/true);
  subject.add_optimizer(optimizer);
  return subject;
}

inline SweepSettings never_stopping() {
  SweepSettings settings;
  settings.early_stop_threshold = kInfinity;
  return settings;
}

/// A loss of this value, with gradient 1 for each element of `parameter`.
inline at::Tensor loss_of(const at::Tensor& parameter, double value) {
  const auto sum = parameter.sum();
  return sum - sum.detach() + value;
}

/// What a step found, waited for where it comes late; no other may be on its way.
inline Outcome settled(Sweep& sweep, Outcome found) { return found == Outcome::kPending ? sweep.settle() : found; }

/// The same of a training: the step's loss.
inline double settled(Training& training, bool known) {
  EXPECT_TRUE(known || training.settle());
  return training.loss();
}

/// What a sweep found.
struct Curve {
  std::vector<double> rates;  // of the steps that were recorded, as what follows
  std::vector<double> losses;
  std::vector<double> smoothed;
  Outcome end = Outcome::kContinue;  // unless it ended early
  size_t begun = 0;                  // steps, of which those behind the end do not count
};

inline bool operator==(const Curve& left, const Curve& right) {
  const auto same = [](const std::vector<double>& a, const std::vector<double>& b) {
    return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(double)) == 0);
  };
  return same(left.rates, right.rates) && same(left.losses, right.losses) && same(left.smoothed, right.smoothed) &&
         left.end == right.end;
}

inline void PrintTo(const Curve& curve, std::ostream* out) {
  *out << curve.losses.size() << " losses, end " << static_cast<int>(curve.end);
  for (size_t i = 0; i < curve.losses.size(); ++i) *out << "\n" << curve.losses[i] << " smoothed " << curve.smoothed[i];
}

/// Of each of `rates` a step, `step(i, lr)`, until the sweep ends, which may be a StepMonitor alone.
template <typename Sweeping, typename Step>
Curve run(Sweeping& sweep, const std::vector<double>& rates, const Step& step) {
  Curve curve;
  const auto take = [&](Outcome found) {
    if (found == Outcome::kContinue || found == Outcome::kDiverged) {
      curve.rates.push_back(rates[curve.losses.size()]);
      curve.losses.push_back(sweep.running_loss().last);
      curve.smoothed.push_back(sweep.running_loss().smoothed);
    }
    if (found == Outcome::kDiverged || found == Outcome::kNonFinite) curve.end = found;
    return found != Outcome::kPending;
  };
  while (curve.begun < rates.size() && curve.end == Outcome::kContinue) {
    const size_t i = curve.begun++;
    take(step(i, rates[i]));
  }
  while (curve.end == Outcome::kContinue && take(sweep.settle())) {
  }
  return curve;
}

/// `count` rates from `first` to `last`, each by the same factor above the one before.
inline std::vector<double> exponential(double first, double last, int count) {
  std::vector<double> rates;
  for (int i = 0; i < count; ++i) rates.push_back(first * std::pow(last / first, i / (count - 1.0)));
  return rates;
}

/// Everything of a network that a sweep has to put back.
class NetworkState {
 public:
  explicit NetworkState(torch::nn::Module& network)
      : network_(network), grad_mode_(c10::GradMode::is_enabled()), generators_(generator_states()) {
    for (const auto& tensor : tensors()) {
      copies_.push_back(tensor.detach().clone());
      gradients_.push_back(tensor.grad());
      gradient_copies_.push_back(tensor.grad().defined() ? tensor.grad().clone() : at::Tensor());
    }
    for (const auto& module : network.modules(/*include_self=*/false)) modes_.push_back(module->is_training());
  }

  void expect_unchanged() const {
    EXPECT_EQ(c10::GradMode::is_enabled(), grad_mode_);
    const auto generators = generator_states();
    for (size_t i = 0; i < generators.size(); ++i) {
      EXPECT_TRUE(same_bits(generators[i], generators_[i])) << "generator " << i;
    }
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
  static std::vector<at::Tensor> generator_states() {
    std::vector<at::Tensor> states;
    for (const auto device : devices()) states.push_back(at::globalContext().defaultGenerator(device).get_state());
    return states;
  }

  std::vector<at::Tensor> tensors() const {
    auto tensors = network_.parameters();
    for (const auto& buffer : network_.buffers()) tensors.push_back(buffer);
    return tensors;
  }

  torch::nn::Module& network_;
  bool grad_mode_;
  std::vector<at::Tensor> generators_;
  std::vector<at::Tensor> copies_;
  std::vector<at::Tensor> gradients_;
  std::vector<at::Tensor> gradient_copies_;
  std::vector<bool> modes_;
};

/// A network with all that a sweep changes: statistics, random numbers, modes and gradients.
inline torch::nn::Sequential eventful_net() {
  torch::manual_seed(1);
  torch::nn::Sequential net(torch::nn::Linear(3, 4), torch::nn::BatchNorm1d(4), torch::nn::Dropout(0.5),
                            torch::nn::BatchNorm1d(4), torch::nn::Linear(4, 2));
  net->to(at::kDouble);
  move_here(*net);
  net[3]->eval();
  net->parameters()[0].mutable_grad() = normal({4, 3}, at::kDouble, 5);
  return net;
}

inline std::vector<OptimizerCase> optimizers() {
  return {optimizer_case<torch::optim::SGD>("Sgd", torch::optim::SGDOptions(1).momentum(0.9)),
          optimizer_case<torch::optim::Adam>("Adam", torch::optim::AdamOptions(1)),
          optimizer_case<torch::optim::AdamW>("AdamW", torch::optim::AdamWOptions(1)),
          optimizer_case<torch::optim::Adagrad>("Adagrad", torch::optim::AdagradOptions(1)),
          optimizer_case<torch::optim::RMSprop>("Rmsprop", torch::optim::RMSpropOptions(1))};
}

}  // namespace lrfinder::test
