#include <ATen/ops/mse_loss.h>
#include <gtest/gtest.h>
#include <torch/nn/module.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/linear.h>
#include <torch/optim.h>
#include <torch/utils.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "loss_tracker.h"
#include "lrfinder/error.h"
#include "lrfinder/sweep.h"
#include "lrfinder/training.h"
#include "step_monitor.h"
#include "testing.h"

namespace lrfinder {
namespace {

namespace nn = torch::nn;
namespace optim = torch::optim;

using test::Curve;
using test::doubles;
using test::eventful_net;
using test::expect_error;
using test::exponential;
using test::inputs;
using test::kInfinity;
using test::kNan;
using test::NetworkState;
using test::never_stopping;
using test::normal_parameter;
using test::OnDevice;
using test::one_part;
using test::OptimizerCase;
using test::optimizers;
using test::regression_net;
using test::run;
using test::same_bits;
using test::settled;
using test::sgd_over;
using test::targets;
using test::simulated::counted;

constexpr size_t kOnTheirWay = 4;  // steps whose loss is not known yet, at most

using LatePathTest = test::SimulatedDeviceTest;

struct Way {
  std::string name;
  StepSettings step;
};

std::vector<Way> ways_to_step() {
  std::vector<Way> ways{{"plain", {}}, {"clipped by norm", {}}, {"clipped by value", {}}, {"accumulated", {}}};
  ways[1].step.gradient_clip_norm = 0.1;
  ways[2].step.gradient_clip_value = 0.01;
  ways[3].step.accumulate_grad_batches = 3;
  return ways;
}

/// Of a step over `micro_batches`, whose batches it uploads: two tensors each.
void expect_late(const test::simulated::Counts& step, std::int64_t micro_batches) {
  EXPECT_EQ(step.reads, 0) << step.last_read;
  EXPECT_EQ(step.late_reads, 1);
  EXPECT_EQ(step.uploads, 2 * micro_batches);
}

/// On the host, which uploads them.
struct HostBatch {
  explicit HostBatch(int index) {
    const OnDevice host(at::kCPU);
    input = inputs(index);
    target = targets(index);
  }
  at::Tensor input;
  at::Tensor target;
};

TEST_F(LatePathTest, AStepOfASweepReadsNothingAndUploadsItsBatchAlone) {
  for (const auto& optimizer : optimizers()) {
    for (const auto& way : ways_to_step()) {
      SCOPED_TRACE(optimizer.name + ", " + way.name);
      auto net = eventful_net();
      const auto original = optimizer.make({optim::OptimizerParamGroup(net->parameters())});
      auto settings = never_stopping();
      settings.step = way.step;
      const auto here = test::present_device();
      std::unique_ptr<Sweep> sweep;
      const auto begun = counted([&] { sweep = std::make_unique<Sweep>(one_part(net.get(), *original), settings); });
      EXPECT_EQ(begun.reads, 0) << begun.last_read;
      for (int i = 0; i < 12; ++i) {
        const HostBatch batch(i);
        const auto step = counted([&] {
          for (std::int64_t k = 1; k < way.step.accumulate_grad_batches; ++k) {
            sweep->accumulate(batch.input.to(here), batch.target.to(here), Loss::kMse);
          }
          sweep->step(batch.input.to(here), batch.target.to(here), Loss::kMse, 1e-3);
        });
        expect_late(step, way.step.accumulate_grad_batches);
      }
      const auto ended = counted([&] {
        while (sweep->settle() != Outcome::kPending) {
        }
        sweep->restore();
      });
      EXPECT_EQ(ended.reads, 0) << ended.last_read;
      EXPECT_EQ(ended.uploads, 0);
    }
  }
}

TEST_F(LatePathTest, AStepOfATrainingReadsNothingAndUploadsItsBatchAlone) {
  for (const auto& optimizer : optimizers()) {
    for (const auto& way : ways_to_step()) {
      SCOPED_TRACE(optimizer.name + ", " + way.name);
      auto net = eventful_net();
      const auto own = optimizer.make({optim::OptimizerParamGroup(net->parameters())});
      Training training(net.get(), *own, way.step);
      const auto here = test::present_device();
      for (int i = 0; i < 12; ++i) {
        const HostBatch batch(i);
        const auto step = counted([&] {
          for (std::int64_t k = 1; k < way.step.accumulate_grad_batches; ++k) {
            training.accumulate(batch.input.to(here), batch.target.to(here), Loss::kMse);
          }
          training.step(batch.input.to(here), batch.target.to(here), Loss::kMse);
        });
        expect_late(step, way.step.accumulate_grad_batches);
      }
      EXPECT_EQ(counted([&] {
                  while (training.settle()) {
                  }
                }).reads,
                0);
    }
  }
}

TEST_F(LatePathTest, AStepAddsTwoOperatorsToForwardBackwardAndUpdate) {
  auto net = regression_net();
  const auto optimizer = sgd_over(net->parameters());
  const auto input = inputs(0);
  const auto target = targets(0);
  const auto one = doubles({1}).squeeze();
  const auto bare = counted([&] { at::mse_loss(net->forward(input), target).backward(one); }).operators;
  constexpr std::int64_t kUpdate = 1;    // of all parameters
  constexpr std::int64_t kWatching = 2;  // the loss in double precision, and its check
  auto settings = never_stopping();
  settings.step.replay = Replay::kNever;
  Sweep sweep(one_part(net.get(), optimizer), settings);
  sweep.step(input, target, Loss::kMse, 0.1);  // makes what the others use again
  for (int i = 0; i < 3; ++i) {
    const auto step = counted([&] { sweep.step(input, target, Loss::kMse, 0.1); });
    EXPECT_EQ(step.operators, bare + kUpdate + kWatching);
  }
}

/// A layer that waits for what it computes.
struct ReadingLayerImpl : nn::Module {
  at::Tensor forward(const at::Tensor& input) { return input / input.abs().max().item<double>(); }
};
TORCH_MODULE(ReadingLayer);

TEST_F(LatePathTest, AReadInTheStepIsSeen) {
  nn::Sequential net(ReadingLayer(), nn::Linear(3, 2));
  net->to(at::kDouble);
  test::move_here(*net);
  const auto optimizer = sgd_over(net->parameters());
  Sweep sweep(one_part(net.get(), optimizer), {});
  const auto input = inputs(0);
  const auto target = targets(0);
  const auto step = counted([&] { sweep.step(input, target, Loss::kMse, 0.1); });
  EXPECT_EQ(step.reads, 1);
  EXPECT_EQ(step.last_read, "aten::_local_scalar_dense");
}

/// What a sweep of the eventful network found and made of its parameters.
struct Swept {
  Curve curve;
  std::vector<at::Tensor> parameters;
};

Swept swept(const OptimizerCase& optimizer, const SweepSettings& settings, const std::vector<double>& rates) {
  auto net = eventful_net();
  const auto original = optimizer.make({optim::OptimizerParamGroup(net->parameters())});
  torch::manual_seed(7);
  Sweep sweep(one_part(net.get(), *original), settings);
  Swept found;
  found.curve = run(sweep, rates, [&](size_t i, double lr) {
    const auto batch = static_cast<int>(i % 3);
    return sweep.step(inputs(batch), targets(batch), Loss::kMse, lr);
  });
  for (const auto& parameter : net->parameters()) found.parameters.push_back(parameter.detach().cpu().clone());
  return found;
}

Swept swept_on_host(const OptimizerCase& optimizer, const SweepSettings& settings, const std::vector<double>& rates) {
  const OnDevice host(at::kCPU);
  return swept(optimizer, settings, rates);
}

class LateCurveTest : public LatePathTest, public ::testing::WithParamInterface<OptimizerCase> {
 protected:
  void expect_same_on_both(const SweepSettings& settings, double last_rate, Outcome end) {
    const auto rates = exponential(1e-5, last_rate, 60);
    const auto immediate = swept_on_host(GetParam(), settings, rates);
    EXPECT_EQ(immediate.curve.end, end);
    for (const std::int64_t latency : {0, 40, 500}) {
      SCOPED_TRACE("latency " + std::to_string(latency));
      test::simulated::set_latency(latency);
      const auto late = swept(GetParam(), settings, rates);
      EXPECT_EQ(late.curve, immediate.curve);
      EXPECT_LE(late.curve.begun, immediate.curve.begun + kOnTheirWay);
      if (GetParam().name == "Rmsprop") continue;  // steps by itself, which the device cannot stop
      for (size_t i = 0; i < late.parameters.size(); ++i) {
        EXPECT_TRUE(same_bits(late.parameters[i], immediate.parameters[i])) << "parameter " << i;
      }
    }
  }
};

TEST_P(LateCurveTest, ASweepToItsEndIsTheHostsToTheBit) {
  expect_same_on_both(never_stopping(), 1e-2, Outcome::kContinue);
}

// Steps that were begun behind the end have updated nothing.
TEST_P(LateCurveTest, ASweepThatDivergesIsTheHostsToTheBit) {
  expect_same_on_both(SweepSettings(), 1e5, Outcome::kDiverged);
}

TEST_P(LateCurveTest, ASweepThatOverflowsIsTheHostsToTheBit) {
  expect_same_on_both(never_stopping(), 1e250, Outcome::kNonFinite);
}

INSTANTIATE_TEST_SUITE_P(All, LateCurveTest, ::testing::ValuesIn(optimizers()),
                         [](const auto& info) { return info.param.name; });

TEST_F(LatePathTest, AtMostFourStepsAreOnTheirWay) {
  test::simulated::set_latency(1'000'000);
  const auto parameter = normal_parameter({3}, at::kDouble, 1);
  const auto optimizer = sgd_over({parameter});
  Sweep sweep(one_part(nullptr, optimizer), never_stopping());
  for (size_t i = 0; i < kOnTheirWay; ++i) {
    const auto step = counted([&] { EXPECT_EQ(sweep.step(test::loss_of(parameter, 1), 0.1), Outcome::kPending); });
    EXPECT_EQ(step.waits, 0);
  }
  for (int i = 0; i < 3; ++i) {
    const auto step = counted([&] { EXPECT_EQ(sweep.step(test::loss_of(parameter, 1), 0.1), Outcome::kContinue); });
    EXPECT_EQ(step.waits, 1);
  }
  for (size_t i = 0; i < kOnTheirWay; ++i) EXPECT_EQ(sweep.settle(), Outcome::kContinue);
  EXPECT_EQ(sweep.settle(), Outcome::kPending);
}

TEST_F(LatePathTest, LossesOfATrainingComeInOrder) {
  for (const std::int64_t latency : {0, 40, 1'000'000}) {
    test::simulated::set_latency(latency);
    const auto parameter = normal_parameter({3}, at::kDouble, 1);
    auto optimizer = sgd_over({parameter});
    Training training(nullptr, optimizer, {});
    std::vector<double> losses;
    for (int i = 0; i < 10; ++i) {
      if (training.step(test::loss_of(parameter, i))) losses.push_back(training.loss());
    }
    while (training.settle()) losses.push_back(training.loss());
    EXPECT_EQ(losses, (std::vector<double>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}));
  }
}

TEST_F(LatePathTest, ALossThatTheCallerComputesOnTheHostIsTaken) {
  auto net = regression_net();
  const auto optimizer = sgd_over(net->parameters());
  Sweep sweep(one_part(net.get(), optimizer), {});
  const HostBatch batch(0);
  const auto loss = at::mse_loss(net->forward(batch.input.to(test::present_device())).cpu(), batch.target);
  EXPECT_EQ(settled(sweep, sweep.step(loss, 0.1)), Outcome::kContinue);
  EXPECT_EQ(sweep.running_loss().last, loss.item<double>());
}

// Memory.

TEST_F(LatePathTest, WhereverASweepRunsOutOfMemoryAllIsPutBackAndItSaysSo) {
  auto net = eventful_net();
  const auto optimizer = optimizers()[1].make({optim::OptimizerParamGroup(net->parameters())});  // Adam
  const NetworkState held(*net);
  const auto input = inputs(0);
  const auto target = targets(0);
  int failures = 0;
  for (std::size_t room = 0;; room += 64) {
    const auto in_use = test::simulated::memory_in_use();
    test::simulated::set_memory(in_use + room);
    bool fits = true;
    try {
      Sweep sweep(one_part(net.get(), *optimizer), never_stopping());
      for (int i = 0; i < 2; ++i) sweep.step(input, target, Loss::kMse, 0.1);
    } catch (const Error& error) {
      fits = false;
      ++failures;
      EXPECT_EQ(error.kind(), ErrorKind::kOutOfMemory);
      EXPECT_NE(std::string(error.what()).find("the simulated device is out of memory"), std::string::npos)
          << error.what();
    }
    test::simulated::set_memory(test::simulated::kMemory);
    held.expect_unchanged();
    EXPECT_EQ(test::simulated::memory_in_use(), in_use) << "with room for " << room;
    if (fits) break;
  }
  EXPECT_GT(failures, 10);
}

// Devices.

TEST_F(LatePathTest, TensorsOnSeveralDevicesAreRefused) {
  const auto refused = [](const std::string& rest, const auto& call) {
    expect_error(ErrorKind::kInvalidArgument, "tensors on different devices: " + rest, call);
  };
  auto net = regression_net();
  const auto optimizer = sgd_over(net->parameters());
  const HostBatch host(0);
  Sweep sweep(one_part(net.get(), optimizer), {});
  for (const bool input : {true, false}) {
    refused("the network is on simulated:0 and the batch has a tensor on cpu",
            [&] { sweep.step(input ? host.input : inputs(0), input ? targets(0) : host.target, Loss::kMse, 0.1); });
  }
  auto parameters = net->parameters();
  parameters.push_back(host.input.clone().requires_grad_());
  const auto mixed = sgd_over(parameters);
  refused("the optimizer has parameters on simulated:0 and on cpu, all must be on one",
          [&] { Sweep(one_part(nullptr, mixed), {}); });
  optim::SGD trained(parameters, optim::SGDOptions(1));
  refused("the optimizer has parameters on simulated:0 and on cpu, all must be on one",
          [&] { Training(nullptr, trained, {}); });
}

// Curves of every kind.

/// Losses of a made-up sweep: falling, diverging, around zero and below, with something that is not finite here or
/// there.
std::vector<double> random_losses(std::mt19937_64& random) {
  const auto uniform = [&](double low, double high) {
    return std::uniform_real_distribution<double>(low, high)(random);
  };
  const auto one_of = [&](int count) { return std::uniform_int_distribution<int>(0, count - 1)(random); };
  const int count = 6 + one_of(30);
  const double level = std::pow(10, uniform(-3, 3));
  const double fall = uniform(0, 0.2);
  const double noise = one_of(2) == 0 ? 0 : uniform(0, 0.3);
  const int turns = one_of(3) == 0 ? count : one_of(count);  // from where on it rises
  const double offset = one_of(3) == 0 ? -level * uniform(0, 2) : 0;
  std::vector<double> losses;
  for (int i = 0; i < count; ++i) {
    const double trend = i < turns ? std::exp(-fall * i) : std::exp(-fall * turns + 0.7 * (i - turns));
    losses.push_back(level * (trend + noise * uniform(-1, 1)) + offset);
  }
  if (one_of(8) == 0) losses.assign(losses.size(), 0);
  if (one_of(3) == 0) losses[one_of(count)] = std::vector<double>{kNan, kInfinity, -kInfinity, 0, -0.0}[one_of(5)];
  return losses;
}

/// A made-up sweep: losses at rates, and how they are judged.
struct MadeUp {
  std::vector<double> losses;
  std::vector<double> rates;
  SweepSettings settings;
};

MadeUp made_up(size_t index, std::mt19937_64& random) {
  const std::vector<double> betas{0, 0.5, 0.9, 0.98};
  const std::vector<double> thresholds{1.1, 4, kInfinity};
  MadeUp made;
  made.losses = random_losses(random);
  made.rates = exponential(1e-6, 1, static_cast<int>(made.losses.size()));
  made.settings.steps = static_cast<std::int64_t>(made.losses.size());
  made.settings.smoothing_beta = betas[index % betas.size()];
  made.settings.early_stop_threshold = thresholds[index % thresholds.size()];
  return made;
}

/// What such a sweep finds, by the host's own tracker.
Curve tracked(const MadeUp& made) {
  const auto& [losses, rates, settings] = made;
  // A step's loss is a sum over its parts, which makes 0 of -0.
  LossTracker tracker(settings.smoothing_beta, settings.early_stop_threshold, settings.steps);
  Curve curve;
  while (curve.begun < losses.size() && curve.end == Outcome::kContinue) {
    const size_t i = curve.begun++;
    if (!std::isfinite(losses[i])) {
      curve.end = Outcome::kNonFinite;
      break;
    }
    if (tracker.add(0 + losses[i])) curve.end = Outcome::kDiverged;
    curve.rates.push_back(rates[i]);
    curve.losses.push_back(tracker.running_loss().last);
    curve.smoothed.push_back(tracker.running_loss().smoothed);
  }
  return curve;
}

constexpr std::array<std::int64_t, 7> kLatencies{0, 1, 5, 20, 40, 100, 500};

TEST_F(LatePathTest, ThousandsOfCurvesAreTheHostsToTheBitAtAnyLatency) {
  std::mt19937_64 random(14);
  std::array<int, 3> ends{};  // by outcome
  size_t most_extra = 0;
  for (size_t i = 0; i < 2000; ++i) {
    const auto made = made_up(i, random);
    const auto losses = at::tensor(made.losses, at::kDouble).to(test::present_device()).unbind();
    test::simulated::set_latency(kLatencies[i % kLatencies.size()]);
    const auto monitor = StepMonitor::of(test::present_device(), made.settings);
    const auto late = run(*monitor, made.rates, [&](size_t k, double) {
      return monitor->record({0, losses[k]}, /*recorded=*/true, /*last=*/true);
    });
    const auto immediate = tracked(made);
    ASSERT_EQ(late, immediate) << "curve " << i;
    most_extra = std::max(most_extra, late.begun - immediate.begun);
    ++ends.at(static_cast<size_t>(late.end));
    // And the device stopped by itself where the host did.
    EXPECT_EQ(monitor->stopped().item<float>() != 0, late.end != Outcome::kContinue) << "curve " << i;
  }
  EXPECT_EQ(most_extra, kOnTheirWay);
  for (const int count : ends) EXPECT_GT(count, 200);
}

TEST_F(LatePathTest, SweepsOverSuchCurvesAreToo) {
  std::mt19937_64 random(15);
  const auto parameter = doubles({1}).squeeze().requires_grad_();
  const auto optimizer = sgd_over({parameter});
  for (size_t i = 0; i < 100; ++i) {
    auto made = made_up(i, random);
    made.settings.group_rates = {{0}};  // the parameter stays 1, and a loss what it is
    test::simulated::set_latency(kLatencies[i % kLatencies.size()]);
    Sweep sweep(one_part(nullptr, optimizer), made.settings);
    const auto late =
        run(sweep, made.rates, [&](size_t k, double lr) { return sweep.step(parameter * made.losses[k], lr); });
    const auto immediate = tracked(made);
    ASSERT_EQ(late, immediate) << "curve " << i;
    EXPECT_LE(late.begun, immediate.begun + kOnTheirWay);
    EXPECT_EQ(parameter.item<double>(), 1);
  }
}

}  // namespace
}  // namespace lrfinder
