#include "simulated_device.h"

#include <ATen/Context.h>
#include <ATen/ops/_fused_sgd.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/dropout.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/nonzero.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/zeros.h>
#include <c10/core/Event.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <gtest/gtest.h>
#include <torch/nn/modules/activation.h>
#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/linear.h>
#include <torch/nn/modules/normalization.h>
#include <torch/utils.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "testing.h"

namespace lrfinder::test {
namespace {

namespace nn = torch::nn;

using simulated::counted;

class SimulationTest : public SimulatedDeviceTest {
 protected:
  const at::TensorOptions here_ = at::TensorOptions().device(simulated::device());
  const at::TensorOptions pinned_ = at::TensorOptions().pinned_memory(true);
};

/// Whether the host may read what lies there; asks the kernel instead of dying.
bool readable(const void* address) {
  std::array<int, 2> pipe_ends{};
  EXPECT_EQ(pipe(pipe_ends.data()), 0);
  const bool readable = write(pipe_ends[1], address, 1) == 1;
  EXPECT_TRUE(readable || errno == EFAULT);
  for (const int end : pipe_ends) close(end);
  return readable;
}

TEST_F(SimulationTest, TheHostCannotTouchItsMemory) {
  EXPECT_FALSE(readable(at::ones({4}, here_).const_data_ptr()));
  EXPECT_TRUE(readable(at::ones({4}).const_data_ptr()));
  EXPECT_TRUE(readable(at::ones({4}, pinned_).const_data_ptr()));
}

TEST_F(SimulationTest, NewMemoryIsFullOfNotANumber) {
  EXPECT_TRUE(at::empty({5}, here_).isnan().all().item<bool>());
  EXPECT_TRUE(at::empty({5}, here_.dtype(at::kDouble)).isnan().all().item<bool>());
}

TEST_F(SimulationTest, WhatMakesTheHostWaitIsCounted) {
  const auto numbers = at::ones({2, 3}, here_);
  const auto reads = [](const std::string& by, const std::function<void()>& call) {
    const auto counts = counted(call);
    EXPECT_EQ(counts.reads, by.empty() ? 0 : 1) << counts.last_read;
    EXPECT_EQ(counts.last_read, by);
  };
  reads("", [&] { numbers.mul(2).add_(numbers).sum(); });
  reads("aten::_local_scalar_dense", [&] { numbers.sum().item<float>(); });
  reads("a copy to the host", [&] { numbers.cpu(); });
  reads("aten::equal", [&] { EXPECT_TRUE(numbers.equal(numbers)); });
  reads("aten::nonzero", [&] { at::nonzero(numbers); });
  reads("a copy to the host", [&] { at::empty({2, 3}).copy_(numbers, /*non_blocking=*/true); });  // not pinned
  reads("a copy to the host", [&] { at::empty({2, 3}, pinned_.dtype(at::kDouble)).copy_(numbers, true); });  // converts
}

TEST_F(SimulationTest, ViewsLaunchNothingListsOneOperatorAndUploadsAreCounted) {
  const auto numbers = at::ones({2, 3}, here_);
  EXPECT_EQ(counted([&] { numbers.t().narrow(0, 1, 2).reshape({-1}).detach(); }).operators, 1);  // reshape copies
  EXPECT_EQ(counted([&] { numbers.view({3, 2}).select(0, 1).expand({4, 2}); }).operators, 0);
  const auto counts = counted([&] { at::ones({3}).to(here_); });
  EXPECT_EQ(counts.uploads, 1);
  EXPECT_EQ(counts.operators, 0);
}

TEST_F(SimulationTest, ACopyThatDoesNotBlockLandsWhenALaterEventHasPassed) {
  simulated::set_latency(10);
  const auto slot = at::zeros({1}, pinned_);
  const auto value = at::ones({1}, here_);
  c10::Event landed(at::kPrivateUse1);
  const auto counts = counted([&] {
    slot.copy_(value, /*non_blocking=*/true);
    landed.record(c10::impl::VirtualGuardImpl(at::kPrivateUse1).getStream(simulated::device()));
    value.add_(1);  // what was copied is the value of then
    EXPECT_FALSE(landed.query());
    EXPECT_EQ(slot.item<float>(), 0);
    for (int i = 0; i < 10; ++i) value.add_(1);
    EXPECT_TRUE(landed.query());
  });
  EXPECT_EQ(slot.item<float>(), 1);
  EXPECT_EQ(counts.late_reads, 1);
  EXPECT_EQ(counts.reads, 0) << counts.last_read;
  EXPECT_EQ(counts.waits, 0);
}

TEST_F(SimulationTest, ACopyThatDoesNotBlockLandsWhenItIsWaitedFor) {
  simulated::set_latency(1000);
  const auto slot = at::zeros({1}, pinned_);
  c10::Event landed(at::kPrivateUse1);
  slot.copy_(at::ones({1}, here_), /*non_blocking=*/true);
  landed.record(c10::impl::VirtualGuardImpl(at::kPrivateUse1).getStream(simulated::device()));
  EXPECT_EQ(counted([&] { landed.synchronize(); }).waits, 1);
  EXPECT_EQ(slot.item<float>(), 1);
  EXPECT_EQ(counted([&] { landed.synchronize(); }).waits, 0);
}

TEST_F(SimulationTest, AnOperatorTakesOfTheHostsTensorsNumbersAlone) {
  const auto numbers = at::ones({3}, here_);
  EXPECT_NO_THROW(numbers * at::ones({}));
  EXPECT_THROW(numbers * at::ones({3}), c10::Error);
  EXPECT_THROW(numbers * at::ones({1}), c10::Error);
  const auto skip = at::zeros({});
  EXPECT_THROW(at::_fused_sgd_({numbers}, {numbers}, {}, 0, 0, 0.1, 0, false, false, true, {}, skip), c10::Error);
  EXPECT_NO_THROW(at::_fused_sgd_({numbers}, {numbers}, {}, 0, 0, 0.1, 0, false, false, true, {}, skip.to(here_)));
}

TEST_F(SimulationTest, ItDrawsFromAGeneratorOfItsOwn) {
  torch::manual_seed(3);  // seeds both
  const auto of_host = [] { return at::globalContext().defaultGenerator(at::kCPU).get_state(); };
  const auto before = of_host();
  const auto drawn = at::rand({4}, here_);
  const auto dropped = at::dropout(at::ones({20}, here_), 0.5, /*train=*/true);
  EXPECT_TRUE(same_bits(of_host(), before));
  EXPECT_FALSE(same_bits(at::rand({4}, here_), drawn));
  EXPECT_TRUE(same_bits(at::rand({4}), drawn));
  EXPECT_TRUE(same_bits(at::dropout(at::ones({20}), 0.5, /*train=*/true), dropped));
}

TEST_F(SimulationTest, ItRunsOutOfTheMemoryThatATestGivesIt) {
  const auto in_use = simulated::memory_in_use();
  simulated::set_memory(in_use + 100);
  auto kept = at::ones({20}, here_);  // 80 bytes
  EXPECT_EQ(simulated::memory_in_use(), in_use + 80);
  EXPECT_THROW(at::ones({20}, here_), c10::OutOfMemoryError);
  kept.reset();
  EXPECT_NO_THROW(at::ones({20}, here_));
  EXPECT_EQ(simulated::memory_in_use(), in_use);
}

/// Of two steps of training by plain gradient descent: losses and what becomes of the parameters.
std::vector<at::Tensor> trained(const std::function<nn::Sequential()>& make, at::IntArrayRef input) {
  torch::manual_seed(5);
  auto net = make();
  move_here(*net);
  torch::manual_seed(6);  // making it drew from the host's generator alone
  std::vector<at::Tensor> found;
  for (int i = 0; i < 2; ++i) {
    const auto output = net->forward(normal(input, at::kFloat, i)).flatten(1);
    const auto classes = at::ones({output.size(0)}, at::kLong).to(present_device());
    const auto loss = at::cross_entropy_loss(output, classes);
    loss.backward();
    const c10::NoGradGuard no_grad;
    for (auto& parameter : net->parameters()) {
      parameter.sub_(parameter.grad(), 0.1);
      parameter.mutable_grad().reset();
    }
    found.push_back(loss.detach().cpu());
  }
  for (const auto& parameter : net->parameters()) found.push_back(parameter.detach().cpu());
  return found;
}

TEST_F(SimulationTest, NetworksTrainOnItAsOnTheCpuToTheBit) {
  const auto expect_same = [](const std::function<nn::Sequential()>& make, at::IntArrayRef input) {
    const auto here = trained(make, input);
    const OnDevice host(at::kCPU);
    const auto there = trained(make, input);
    ASSERT_EQ(here.size(), there.size());
    for (size_t i = 0; i < here.size(); ++i) EXPECT_TRUE(same_bits(here[i], there[i])) << i;
  };
  expect_same([] { return nn::Sequential(nn::Linear(8, 16), nn::ReLU(), nn::BatchNorm1d(16), nn::Linear(16, 3)); },
              {6, 8});
  expect_same([] { return nn::Sequential(nn::Linear(8, 16), nn::LayerNorm(nn::LayerNormOptions({16})), nn::GELU()); },
              {6, 8});
  expect_same([] { return nn::Sequential(nn::Conv2d(2, 3, 3), nn::Tanh(), nn::GroupNorm(1, 3)); }, {4, 2, 6, 6});
  expect_same([] { return nn::Sequential(nn::Linear(8, 16), nn::Dropout(0.5), nn::Softplus(), nn::Linear(16, 3)); },
              {6, 8});
}

}  // namespace
}  // namespace lrfinder::test
