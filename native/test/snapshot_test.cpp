#include "snapshot.h"

#include <ATen/ops/_efficientzerotensor.h>
#include <ATen/ops/full_like.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/randperm.h>
#include <ATen/ops/tensor.h>
#include <c10/core/GradMode.h>
#include <c10/core/InferenceMode.h>
#include <gtest/gtest.h>
#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/dropout.h>
#include <torch/nn/modules/linear.h>
#include <torch/optim/sgd.h>
#include <torch/utils.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <vector>

#include "testing.h"

namespace lrfinder {
namespace {

using test::normal;
using test::normal_parameter;
using test::one_part;
using test::same_bits;

torch::nn::Sequential batch_norm_net() {
  torch::manual_seed(1);
  torch::nn::Sequential net(torch::nn::Linear(3, 4), torch::nn::BatchNorm1d(4), torch::nn::Dropout(0.5),
                            torch::nn::Linear(4, 2));
  test::move_here(*net);
  net->forward(normal({5, 3}, at::kFloat, 1));  // so that the statistics are not those of a new network
  return net;
}

std::vector<at::Tensor> copies_of(const std::vector<at::Tensor>& tensors) {
  std::vector<at::Tensor> copies;
  for (const auto& tensor : tensors) copies.push_back(tensor.detach().clone());
  return copies;
}

void expect_same_bits(const std::vector<at::Tensor>& actual, const std::vector<at::Tensor>& expected) {
  ASSERT_EQ(actual.size(), expected.size());
  for (size_t i = 0; i < expected.size(); ++i) EXPECT_TRUE(same_bits(actual[i], expected[i])) << "tensor " << i;
}

/// Does what training does to a network.
void train_a_little(torch::nn::Sequential& net) {
  const at::AutoGradMode grad(true);
  net->forward(normal({5, 3}, at::kFloat, 2)).square().sum().backward();
  const c10::NoGradGuard no_grad;
  for (auto& parameter : net->parameters()) parameter.sub_(parameter.grad());
}

/// Of networks, and of tensors that an optimizer has.
Snapshot snapshot_of(const std::vector<torch::nn::Module*>& networks, const std::vector<at::Tensor>& tensors) {
  const torch::optim::SGD optimizer(tensors, 0.1);
  SweepSubject subject = one_part(nullptr, optimizer);
  for (auto* network : networks) subject.add_part(network, /*recorded=*/true);
  return Snapshot(subject);
}

using SnapshotTest = test::DeviceTest;
LRFINDER_ON_EACH_DEVICE(SnapshotTest);

TEST_P(SnapshotTest, RestoresParametersAndBuffers) {
  auto net = batch_norm_net();
  const auto parameters = net->parameters();
  const auto buffers = net->buffers();
  ASSERT_EQ(buffers.size(), 3U);
  ASSERT_EQ(buffers[2].item<std::int64_t>(), 1);  // num_batches_tracked
  const auto parameters_before = copies_of(parameters);
  const auto buffers_before = copies_of(buffers);
  Snapshot snapshot = snapshot_of({net.get()}, parameters);
  train_a_little(net);
  for (size_t i = 0; i < buffers.size(); ++i) ASSERT_FALSE(same_bits(buffers[i], buffers_before[i]));
  snapshot.restore();
  expect_same_bits(parameters, parameters_before);
  expect_same_bits(buffers, buffers_before);
  for (size_t i = 0; i < parameters.size(); ++i) EXPECT_TRUE(net->parameters()[i].is_same(parameters[i]));
}

TEST_P(SnapshotTest, RestoresParametersOfTheNetworkThatAreNotListed) {
  auto net = batch_norm_net();
  const auto before = copies_of(net->parameters());
  Snapshot snapshot = snapshot_of({net.get()}, {net->parameters().front()});
  train_a_little(net);
  snapshot.restore();
  expect_same_bits(net->parameters(), before);
}

TEST_P(SnapshotTest, NeedsNoNetwork) {
  auto net = batch_norm_net();
  const auto before = copies_of(net->parameters());
  Snapshot snapshot = snapshot_of({}, net->parameters());
  train_a_little(net);
  snapshot.restore();
  expect_same_bits(net->parameters(), before);
}

TEST_P(SnapshotTest, MayBeRestoredAgain) {
  auto net = batch_norm_net();
  const auto parameters_before = copies_of(net->parameters());
  const auto buffers_before = copies_of(net->buffers());
  Snapshot snapshot = snapshot_of({net.get()}, net->parameters());
  for (int i = 0; i < 3; ++i) {
    train_a_little(net);
    snapshot.restore();
    expect_same_bits(net->parameters(), parameters_before);
    expect_same_bits(net->buffers(), buffers_before);
    for (const auto& parameter : net->parameters()) EXPECT_FALSE(parameter.grad().defined());
  }
}

TEST_P(SnapshotTest, GivesTheSameGradientsBack) {
  auto net = batch_norm_net();
  auto parameters = net->parameters();
  const auto gradient = normal(parameters[0].sizes(), at::kFloat, 7);
  const auto bits = gradient.clone();
  parameters[0].mutable_grad() = gradient;
  parameters[1].set_requires_grad(false);  // frozen, with a gradient from before
  parameters[1].mutable_grad() = normal(parameters[1].sizes(), at::kFloat, 8);
  const auto frozen_gradient = parameters[1].grad();
  Snapshot snapshot = snapshot_of({net.get()}, parameters);
  for (const auto& parameter : parameters) EXPECT_FALSE(parameter.grad().defined());
  net->forward(normal({5, 3}, at::kFloat, 2)).square().sum().backward();
  ASSERT_TRUE(parameters[0].grad().defined());
  ASSERT_TRUE(parameters[2].grad().defined());
  snapshot.restore();
  EXPECT_TRUE(parameters[0].grad().is_same(gradient));
  EXPECT_TRUE(same_bits(gradient, bits));
  EXPECT_TRUE(parameters[1].grad().is_same(frozen_gradient));
  for (size_t i = 2; i < parameters.size(); ++i) EXPECT_FALSE(parameters[i].grad().defined()) << "parameter " << i;
}

class Branch final : public torch::nn::Module {
 public:
  Branch(const std::shared_ptr<Module>& left, const std::shared_ptr<Module>& right) {
    register_module("left", left);
    register_module("right", right);
  }
};

TEST_P(SnapshotTest, RestoresEachModulesMode) {
  const auto leaf = [] { return std::make_shared<torch::nn::DropoutImpl>(0.5); };
  Branch net(std::make_shared<Branch>(leaf(), leaf()), std::make_shared<Branch>(leaf(), leaf()));
  const auto children = net.modules(/*include_self=*/false);
  // Parents and children disagree both ways.
  const std::vector<bool> modes{false, true, false, true, false, true};
  ASSERT_EQ(children.size(), modes.size());
  for (const bool root : {true, false}) {
    net.train(root);
    for (size_t i = 0; i < children.size(); ++i) children[i]->train(modes[i]);
    Snapshot snapshot = snapshot_of({&net}, {});
    for (const bool all : {true, false}) {
      net.train(all);
      snapshot.restore();
      EXPECT_EQ(net.is_training(), root);
      for (size_t i = 0; i < children.size(); ++i) EXPECT_EQ(children[i]->is_training(), modes[i]) << "module " << i;
    }
  }
}

TEST_P(SnapshotTest, RestoresTheGenerator) {
  torch::manual_seed(1);
  const auto parameter = normal_parameter({2}, at::kFloat, 1);
  const auto here = at::TensorOptions().device(test::present_device());
  const auto draw = [&] {
    return std::vector<at::Tensor>{at::randn({100}, here), at::randn({1}, here.dtype(at::kDouble)),
                                   at::randperm(20, here.dtype(at::kLong))};
  };
  Snapshot snapshot = snapshot_of({}, {parameter});
  const auto drawn = draw();
  EXPECT_FALSE(same_bits(draw()[0], drawn[0]));
  snapshot.restore();
  expect_same_bits(draw(), drawn);
}

TEST_P(SnapshotTest, RestoresTheGeneratorsSecondNormal) {
  const auto here = at::TensorOptions().device(test::present_device());
  const auto parameter = normal_parameter({2}, at::kFloat, 1);
  for (const auto dtype : {at::kFloat, at::kDouble}) {
    for (const int drawn_before : {1, 2}) {
      torch::manual_seed(1);
      // Normal numbers are made in pairs: after an odd count one is left over.
      at::randn({drawn_before}, here.dtype(dtype));
      Snapshot snapshot = snapshot_of({}, {parameter});
      const auto drawn = at::randn({3}, here.dtype(dtype));
      for (const int drawn_since : {1, 2}) {
        snapshot.restore();
        at::randn({drawn_since}, here.dtype(dtype));
        snapshot.restore();
        EXPECT_TRUE(same_bits(at::randn({3}, here.dtype(dtype)), drawn));
      }
    }
  }
}

TEST_P(SnapshotTest, RestoresTheGradMode) {
  for (const bool enabled : {true, false}) {
    const at::AutoGradMode grad(enabled);
    Snapshot snapshot = snapshot_of({}, {normal_parameter({2}, at::kFloat, 1)});
    for (const bool changed : {true, false}) {
      c10::GradMode::set_enabled(changed);
      snapshot.restore();
      EXPECT_EQ(c10::GradMode::is_enabled(), enabled);
    }
  }
}

class TiedNet final : public torch::nn::Module {
 public:
  TiedNet() {
    const auto weight = register_parameter("encoder", normal({3, 4}, at::kFloat, 1));
    register_parameter("decoder", weight);
    register_buffer("mask", at::ones({3}, at::kBool).to(test::present_device()));
  }
};

TEST_P(SnapshotTest, RestoresTiedParameters) {
  TiedNet net;
  const auto parameters = net.parameters();
  ASSERT_TRUE(parameters[0].is_same(parameters[1]));
  const auto gradient = normal({3, 4}, at::kFloat, 2);
  parameters[0].mutable_grad() = gradient;
  const auto before = copies_of(parameters);
  Snapshot snapshot = snapshot_of({&net}, {parameters[0]});
  EXPECT_FALSE(parameters[1].grad().defined());
  const c10::NoGradGuard no_grad;
  parameters[0].data().fill_(7);
  net.buffers()[0].fill_(false);
  snapshot.restore();
  expect_same_bits(net.parameters(), before);
  EXPECT_TRUE(net.buffers()[0].all().item<bool>());
  EXPECT_TRUE(parameters[1].grad().is_same(gradient));  // not lost by a second save
}

TEST_P(SnapshotTest, RestoresAViewInItsPlace) {
  const auto base = normal({3, 4}, at::kFloat, 1);
  const auto before = base.clone();
  const auto view = base.narrow(1, 1, 2).detach().requires_grad_();
  Snapshot snapshot = snapshot_of({}, {view});
  base.fill_(7);
  snapshot.restore();
  EXPECT_TRUE(same_bits(base.narrow(1, 1, 2), before.narrow(1, 1, 2)));
  for (const int column : {0, 3}) {
    EXPECT_TRUE(same_bits(base.select(1, column), at::full_like(base.select(1, column), 7)));
  }
}

TEST_P(SnapshotTest, RestoresTheBitsOfUnusualNumbers) {
  const float nan = std::nanf("0x1234");
  const auto parameter = at::tensor({nan, -nan, -0.0F, 0.0F, std::numeric_limits<float>::denorm_min(),
                                     -std::numeric_limits<float>::infinity()})
                             .to(test::present_device())
                             .requires_grad_();
  const auto before = parameter.detach().clone();
  Snapshot snapshot = snapshot_of({}, {parameter});
  parameter.data().fill_(1);
  snapshot.restore();
  EXPECT_TRUE(same_bits(parameter, before));
}

class OneBufferNet final : public torch::nn::Module {
 public:
  explicit OneBufferNet(const at::Tensor& buffer) {
    register_parameter("weight", normal({3}, at::kFloat, 1));
    register_buffer("buffer", buffer);
  }
};

TEST_P(SnapshotTest, RestoresAnExpandedBuffer) {
  const auto base = at::tensor({1.0F, 0.0F, 1.0F}).to(test::present_device());
  OneBufferNet net(base.expand({4, 3}));
  const auto before = copies_of({net.parameters()[0], net.buffers()[0]});
  Snapshot snapshot = snapshot_of({&net}, net.parameters());
  net.parameters()[0].data().fill_(7);
  base.fill_(7);
  snapshot.restore();
  expect_same_bits({net.parameters()[0], net.buffers()[0]}, before);
}

TEST_P(SnapshotTest, RestoresABufferMadeForInference) {
  const auto made = [] {
    const c10::InferenceMode inference;
    return at::ones({3});
  };
  OneBufferNet net(made());
  Snapshot snapshot = snapshot_of({&net}, {});
  {
    const c10::InferenceMode inference;
    net.buffers()[0].fill_(7);
  }
  snapshot.restore();
  EXPECT_TRUE(same_bits(net.buffers()[0], at::ones({3})));
}

TEST_P(SnapshotTest, RestoresTheRestWhenOneTensorCannotBeWritten) {
  const at::AutoGradMode grad(true);  // for the other tests, should this one fail
  torch::manual_seed(1);
  OneBufferNet net(at::_efficientzerotensor({3}));  // which no operator writes to
  const auto gradient = normal({3}, at::kFloat, 2);
  net.parameters()[0].mutable_grad() = gradient;
  const auto before = copies_of(net.parameters());
  Snapshot snapshot = snapshot_of({&net}, {net.buffers()[0], net.parameters()[0]});
  const auto drawn = at::randn({3});
  net.parameters()[0].data().fill_(7);
  net.eval();
  EXPECT_THROW(snapshot.restore(), c10::Error);
  expect_same_bits(net.parameters(), before);
  EXPECT_TRUE(net.parameters()[0].grad().is_same(gradient));
  EXPECT_TRUE(net.is_training());
  EXPECT_TRUE(same_bits(at::randn({3}), drawn));
  EXPECT_TRUE(c10::GradMode::is_enabled());
}

TEST_P(SnapshotTest, OverlappingSnapshotsPutTheGeneratorBackToWhereTheFirstFoundIt) {
  torch::manual_seed(1);
  const auto here = at::TensorOptions().device(test::present_device());
  const auto parameter = normal_parameter({2}, at::kFloat, 1);
  Snapshot first = snapshot_of({}, {parameter});
  const auto from_first = at::randn({3}, here);
  Snapshot second = snapshot_of({}, {parameter});
  const auto from_second = at::randn({3}, here);
  first.restore();  // takes back no draw of the second
  EXPECT_FALSE(same_bits(at::randn({3}, here), from_second));
  second.restore();
  EXPECT_TRUE(same_bits(at::randn({3}, here), from_first));
  Snapshot third = snapshot_of({}, {parameter});  // although the others still exist
  const auto from_third = at::randn({3}, here);
  third.restore();
  EXPECT_TRUE(same_bits(at::randn({3}, here), from_third));
}

TEST_P(SnapshotTest, AGeneratorIsNotHeldBackByASnapshotThatDoesNotKnowIt) {
  const auto here = at::TensorOptions().device(test::present_device());
  const Snapshot other((SweepSubject()));  // of the CPU alone
  Snapshot snapshot = snapshot_of({}, {normal_parameter({2}, at::kFloat, 1)});
  const auto drawn = at::randn({3}, here);
  snapshot.restore();
  EXPECT_EQ(static_cast<bool>(same_bits(at::randn({3}, here), drawn)), !test::present_device().is_cpu());
}

using SnapshotOnDeviceTest = test::SimulatedDeviceTest;

TEST_F(SnapshotOnDeviceTest, TensorsOfATypeAreCopiedByOneOperatorHoweverMany) {
  for (const int count : {2, 50}) {
    std::vector<at::Tensor> tensors;
    for (int i = 0; i < count; ++i) {
      tensors.push_back(normal_parameter({3, i}, i % 2 == 0 ? at::kFloat : at::kDouble, i));
    }
    const auto before = copies_of(tensors);
    std::unique_ptr<Snapshot> snapshot;
    const auto saving =
        test::simulated::counted([&] { snapshot = std::make_unique<Snapshot>(snapshot_of({}, tensors)); });
    for (const auto& tensor : tensors) tensor.data().fill_(7);
    const auto restoring = test::simulated::counted([&] { snapshot->restore(); });
    for (const auto& counts : {saving, restoring}) {
      EXPECT_EQ(counts.operators, 2);
      EXPECT_EQ(counts.reads, 0) << counts.last_read;
      EXPECT_EQ(counts.uploads, 0);
    }
    expect_same_bits(tensors, before);
  }
}

TEST_P(SnapshotTest, AParameterThatWasGivenOtherMemoryGetsItsOwnBack) {
  auto net = batch_norm_net();
  auto parameters = net->parameters();
  const auto buffer = net->buffers()[0];
  const void* memory = parameters[0].const_data_ptr();
  const auto before = copies_of(net->parameters());
  const auto buffer_before = buffer.clone();
  Snapshot snapshot = snapshot_of({net.get()}, parameters);
  parameters[0].set_data(normal({2, 2}, at::kDouble, 7));
  parameters[1].set_requires_grad(false);
  buffer.resize_({100}).fill_(7);
  snapshot.restore();
  EXPECT_EQ(parameters[0].const_data_ptr(), memory);
  EXPECT_TRUE(parameters[1].requires_grad());
  expect_same_bits(net->parameters(), before);
  EXPECT_TRUE(same_bits(buffer, buffer_before));
}

TEST_P(SnapshotTest, MemoryThatWasFreedCannotBeRestoredAndTheRestIs) {
  auto net = batch_norm_net();
  auto parameters = net->parameters();
  const auto before = copies_of(parameters);
  Snapshot snapshot = snapshot_of({net.get()}, parameters);
  train_a_little(net);
  net->eval();
  parameters[0].storage().set_nbytes(0);
  test::expect_error(ErrorKind::kFailure, "the memory of a tensor of 48 bytes was freed or shrunk to 0",
                     [&] { snapshot.restore(); });
  for (size_t i = 1; i < parameters.size(); ++i) EXPECT_TRUE(same_bits(parameters[i], before[i])) << i;
  for (const auto& parameter : parameters) EXPECT_FALSE(parameter.grad().defined());
  EXPECT_TRUE(net->is_training());
}

}  // namespace
}  // namespace lrfinder
