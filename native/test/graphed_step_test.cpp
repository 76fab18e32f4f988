#include "graphed_step.h"

#include <c10/core/GradMode.h>
#include <gtest/gtest.h>
#include <torch/nn/modules/activation.h>
#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/dropout.h>
#include <torch/nn/modules/linear.h>
#include <torch/optim.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "lrfinder/training.h"
#include "micro_batches.h"
#include "testing.h"

namespace lrfinder {
namespace {

namespace nn = torch::nn;
namespace optim = torch::optim;

using test::normal;
using test::OptimizerCase;
using test::same_bits;
using test::simulated::counts;

/// What a HostGraph is to answer, and what it was asked.
struct Script {
  int waits = 0;
  std::string failure;
  std::size_t replays = 0;  // of whole steps
  std::int64_t reads = 0;   // by the host, in those
  std::int64_t uploads = 0;
};

/// Stands in for a device that repeats a step: the host does in each replay what a graph would have recorded. What it
/// cannot show is that a device records it.
class HostGraph final : public StepGraph {
 public:
  explicit HostGraph(Script* script) : script_(*script) {}

  void on_stream(const Work& work) override {
    const auto before = counts();
    const auto replays = script_.replays;
    work();
    if (script_.replays == replays) return;
    script_.reads += (counts() - before).reads;
    script_.uploads += (counts() - before).uploads;
  }
  int waits_in(const Work& work) override {
    work();
    return script_.waits;
  }
  std::string record(const std::vector<Work>& parts) override {
    parts_ = parts;
    if (!script_.failure.empty()) parts_.front()();
    return script_.failure;
  }
  void replay(std::size_t part) override {
    parts_[part]();
    if (part + 1 == parts_.size()) ++script_.replays;
  }

 private:
  Script& script_;
  std::vector<Work> parts_;
};

nn::Sequential network() {
  torch::manual_seed(1);
  nn::Sequential net(nn::Linear(5, 6), nn::BatchNorm1d(6), nn::Tanh(), nn::Dropout(0.3), nn::Linear(6, 2));
  test::move_here(*net);
  return net;
}

MicroBatch batch(int i, std::int64_t rows = 8) {
  return {normal({rows, 5}, at::kFloat, 10 + i), normal({rows, 2}, at::kFloat, 50 + i), Loss::kMse};
}

/// A float, as a device has it.
double rate(int i) { return static_cast<double>(0.01F * static_cast<float>(i % 4 + 1)); }

/// A network in training.
class Trained {
 public:
  explicit Trained(const OptimizerCase& made) : net_(network()), optimizer_(made.make({net_->parameters()})) {}

  optim::Optimizer& optimizer() { return *optimizer_; }
  nn::Sequential& net() { return net_; }

  void expect_as(Trained& expected) {
    const auto own = tensors_of(*net_);
    const auto others = tensors_of(*expected.net_);
    for (size_t i = 0; i < own.size(); ++i) EXPECT_TRUE(same_bits(own[i], others[i])) << "tensor " << i;
    ASSERT_EQ(losses.size(), expected.losses.size());
    for (size_t i = 0; i < losses.size(); ++i) EXPECT_TRUE(same_bits(losses[i], expected.losses[i])) << "loss " << i;
  }

  std::vector<at::Tensor> losses;

 private:
  nn::Sequential net_;
  std::unique_ptr<optim::Optimizer> optimizer_;
};

/// Step by step, as Training does it.
class AsEver : public Trained, protected GraphedStep::Halves {
 public:
  explicit AsEver(const OptimizerCase& made)
      : Trained(made), micro_batches_(net().get(), &optimizer(), {}), updater_(Updater::sharing(optimizer())) {}

  void step(int i, const MicroBatch& batch) {
    for (auto& group : optimizer().param_groups()) group.options().set_lr(rate(i));
    const c10::AutoGradMode grad(true);
    run(batch);
  }

 protected:
  virtual void run(const MicroBatch& batch) {
    record(forward(batch));
    update();
  }
  at::Tensor forward(const MicroBatch& batch) override {
    micro_batches_.add(batch.input, batch.target, *batch.loss);
    return micro_batches_.mean().on_device;
  }
  bool record(const at::Tensor& loss) override {
    losses.push_back(loss.clone());
    return true;
  }
  void update() override {
    micro_batches_.backward();
    micro_batches_.finish(&optimizer());
    updater_->update();
  }
  void forget() override {
    micro_batches_.abandon_step();
    updater_->drop_gradients();
  }

  const MicroBatches& micro_batches() const { return micro_batches_; }
  Updater& updater() { return *updater_; }

 private:
  MicroBatches micro_batches_;
  std::unique_ptr<Updater> updater_;
};

class Graphed final : public AsEver {
 public:
  Graphed(const OptimizerCase& made, Script* script)
      : AsEver(made),
        graphed_(std::make_unique<HostGraph>(script), micro_batches().forward(), updater(), tensors_of(*net())) {}

  const GraphedStep& graphed() const { return graphed_; }

 private:
  void run(const MicroBatch& batch) override { graphed_.run(batch, *this); }

  GraphedStep graphed_;
};

std::vector<OptimizerCase> fused() {
  using test::optimizer_case;
  return {optimizer_case<optim::SGD>("Sgd", optim::SGDOptions(1)),
          optimizer_case<optim::SGD>("Momentum", optim::SGDOptions(1).momentum(0.9).dampening(0.1)),
          optimizer_case<optim::Adam>("Adam", optim::AdamOptions(1).weight_decay(0.1)),
          optimizer_case<optim::AdamW>("AdamW", optim::AdamWOptions(1).amsgrad(true)),
          optimizer_case<optim::Adagrad>("Adagrad", optim::AdagradOptions(1).lr_decay(0.1))};
}

OptimizerCase adam() { return fused()[2]; }

/// Trains both in the same way.
template <typename Graphed, typename Step>
void train_both(Graphed& graphed, AsEver& as_ever, const Step& step) {
  for (auto* trained : {static_cast<AsEver*>(&graphed), &as_ever}) {
    torch::manual_seed(7);
    auto generator = at::globalContext().defaultGenerator(test::present_device());
    generator.set_current_seed(7);
    step(*trained);
  }
  graphed.expect_as(as_ever);
}

class GraphedOptimizerTest : public test::SimulatedDeviceTest, public ::testing::WithParamInterface<OptimizerCase> {};
INSTANTIATE_TEST_SUITE_P(Of, GraphedOptimizerTest, ::testing::ValuesIn(fused()),
                         [](const auto& info) { return info.param.name; });

TEST_P(GraphedOptimizerTest, ReplayedStepsAreToTheBitWhatTheyWouldHaveBeenAndReadAndUploadNothing) {
  Script script;
  Graphed graphed(GetParam(), &script);
  AsEver as_ever(GetParam());
  train_both(graphed, as_ever, [](auto& trained) {
    for (int i = 0; i < 12; ++i) trained.step(i, batch(i));
  });
  EXPECT_EQ(script.replays, 9U);  // all but the first three
  EXPECT_EQ(script.reads, 0);
  EXPECT_EQ(script.uploads, 0);
  EXPECT_TRUE(graphed.graphed().replays());
}

using GraphedStepTest = test::SimulatedDeviceTest;

TEST_F(GraphedStepTest, ABatchOfAnotherSizeIsRunAsEverAndThoseAfterItAreReplayed) {
  Script script;
  Graphed graphed(adam(), &script);
  AsEver as_ever(adam());
  train_both(graphed, as_ever, [](auto& trained) {
    for (int i = 0; i < 12; ++i) trained.step(i, batch(i, i % 6 == 5 ? 3 : 8));
  });
  EXPECT_EQ(script.replays, 7U);
}

TEST_F(GraphedStepTest, TheHostsStepCountsAreThoseOfTheDevice) {
  Script script;
  Graphed graphed(adam(), &script);
  for (int i = 0; i < 12; ++i) graphed.step(i, batch(i));
  for (const auto& [parameter, state] : graphed.optimizer().state()) {
    EXPECT_EQ(static_cast<const optim::AdamParamState&>(*state).step(), 12);
  }
}

TEST_F(GraphedStepTest, WhatWaitsForTheDeviceIsNotRecorded) {
  Script script;
  script.waits = 2;
  Graphed graphed(adam(), &script);
  AsEver as_ever(adam());
  train_both(graphed, as_ever, [](auto& trained) {
    for (int i = 0; i < 6; ++i) trained.step(i, batch(i));
  });
  EXPECT_FALSE(graphed.graphed().replays());
  EXPECT_EQ(graphed.graphed().reason(), "in a step the host waits for the device, times: 2");
}

TEST_F(GraphedStepTest, WhatNoFusedKernelUpdatesIsNotRecorded) {
  Script script;
  Graphed graphed(test::optimizer_case<optim::RMSprop>("Rmsprop", optim::RMSpropOptions(1)), &script);
  for (int i = 0; i < 6; ++i) graphed.step(i, batch(i));
  EXPECT_FALSE(graphed.graphed().replays());
  EXPECT_EQ(graphed.graphed().reason(), "not all parameters are updated by fused kernels");
}

TEST_F(GraphedStepTest, ARecordingThatFailsLeavesNoTrace) {
  Script script;
  script.failure = "operation not permitted when stream is capturing";
  // In eval mode: this one computes, unlike a device's, so that batch norm and dropout would leave a trace.
  Graphed graphed(adam(), &script);
  AsEver as_ever(adam());
  for (auto* trained : {static_cast<AsEver*>(&graphed), &as_ever}) trained->net()->eval();
  train_both(graphed, as_ever, [](auto& trained) {
    for (int i = 0; i < 6; ++i) trained.step(i, batch(i));
  });
  EXPECT_EQ(graphed.graphed().reason(), "a step cannot be recorded: operation not permitted when stream is capturing");
}

struct Change {
  std::string name;
  std::function<void(AsEver&)> make;
};

class ChangeTest : public test::SimulatedDeviceTest, public ::testing::WithParamInterface<Change> {};
INSTANTIATE_TEST_SUITE_P(
    Of, ChangeTest,
    ::testing::Values(
        Change{"WeightDecay",
               [](AsEver& trained) {
                 static_cast<optim::AdamOptions&>(trained.optimizer().param_groups()[0].options()).weight_decay(0.5);
               }},
        Change{"State",
               [](AsEver& trained) {
                 for (auto& [parameter, state] : trained.optimizer().state()) {
                   auto& adam = static_cast<optim::AdamParamState&>(*state);
                   adam.exp_avg(adam.exp_avg() * 2);
                 }
               }},
        Change{"Mode", [](AsEver& trained) { trained.net()->eval(); }},
        Change{"Frozen", [](AsEver& trained) { trained.net()->parameters()[0].set_requires_grad(false); }},
        Change{"Hook",
               [](AsEver& trained) {
                 trained.net()->parameters()[0].register_hook([](const at::Tensor& gradient) { return gradient * 2; });
               }}),
    [](const auto& info) { return info.param.name; });

TEST_P(ChangeTest, StepsAreRunAsEverOnceAnythingThatWasRecordedChanges) {
  Script script;
  Graphed graphed(adam(), &script);
  AsEver as_ever(adam());
  train_both(graphed, as_ever, [](auto& trained) {
    for (int i = 0; i < 12; ++i) {
      if (i == 8) GetParam().make(trained);
      trained.step(i, batch(i));
    }
  });
  EXPECT_EQ(script.replays, 5U);
  EXPECT_EQ(graphed.graphed().reason(),
            "the network, its optimizer or modes of the thread changed after the recording");
}

/// Why a sweep has none.
std::string reason(std::int64_t steps, bool graphs) {
  auto net = network();
  optim::Adam optimizer(net->parameters());
  SweepSettings settings;
  settings.steps = steps;
  settings.step.graphs = graphs;
  Sweep sweep(test::one_part(net.get(), optimizer), settings);
  return sweep.path_reason();
}

TEST_F(GraphedStepTest, ASweepSaysWhyItHasNone) {
  EXPECT_EQ(reason(300, false), "");
  EXPECT_EQ(reason(299, true), "a CUDA graph pays from 300 steps on");
  EXPECT_EQ(reason(300, true), "CUDA graphs are for CUDA devices, not for " + test::present_device().str());
}

TEST_F(GraphedStepTest, ATrainingSaysWhyItHasNone) {
  auto net = network();
  optim::Adam optimizer(net->parameters());
  StepSettings settings;
  EXPECT_EQ(Training(net.get(), optimizer, settings).path_reason(), "");
  settings.graphs = true;
  EXPECT_EQ(Training(net.get(), optimizer, settings).path_reason(),
            "CUDA graphs are for CUDA devices, not for " + test::present_device().str());
}

}  // namespace
}  // namespace lrfinder
