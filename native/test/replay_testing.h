#pragma once

#include <ATen/CPUGeneratorImpl.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/optim.h>
#include <torch/utils.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "lrfinder/training.h"
#include "testing.h"

namespace lrfinder::test {

/// What a training leaves behind.
struct Trail {
  std::vector<double> losses;          // by step
  std::vector<at::Tensor> tensors;     // parameters and buffers
  std::vector<at::Tensor> generators;  // states after each micro-batch
  std::int64_t replayed = 0;
  std::string reason;
};

/// A training that is done twice: by autograd alone and with replay.
struct Subject {
  std::function<torch::nn::Sequential()> network;
  std::function<at::Tensor(int)> input;  // by micro-batch
  std::function<at::Tensor(int)> target;
  Loss loss = Loss::kMse;
  StepSettings step;
  int steps = 6;
  std::function<void(int, torch::nn::SequentialImpl&)> before = [](int, auto&) {};  // a micro-batch
};

inline Trail train(const Subject& subject, Replay replay) {
  torch::manual_seed(1);
  auto network = subject.network();
  torch::optim::Adam adam(network->parameters(), torch::optim::AdamOptions(1e-3));
  auto step = subject.step;
  step.replay = replay;
  Trail trail;
  {
    torch::manual_seed(7);
    Training training(network.get(), adam, step);
    const auto micro_batches = static_cast<int>(step.accumulate_grad_batches);
    for (int i = 0; i < subject.steps * micro_batches; ++i) {
      subject.before(i, *network);
      const bool last = (i + 1) % micro_batches == 0;
      const auto input = subject.input(i);
      const auto target = subject.target(i);
      if (last) {
        trail.losses.push_back(settled(training, training.step(input, target, subject.loss)));
      } else {
        training.accumulate(input, target, subject.loss);
      }
      trail.generators.push_back(at::detail::getDefaultCPUGenerator().get_state());
    }
    trail.replayed = training.replayed_steps();
    trail.reason = training.not_replayed_because();
  }
  for (const auto& list : {network->parameters(), network->buffers()}) {
    trail.tensors.insert(trail.tensors.end(), list.begin(), list.end());
  }
  return trail;
}

inline ::testing::AssertionResult same_trail(const Trail& actual, const Trail& expected) {
  for (size_t i = 0; i < expected.losses.size(); ++i) {
    if (std::memcmp(&actual.losses[i], &expected.losses[i], sizeof(double)) != 0) {
      return ::testing::AssertionFailure()
             << "loss " << i << " is " << actual.losses[i] << ", not " << expected.losses[i];
    }
  }
  for (size_t i = 0; i < expected.generators.size(); ++i) {
    if (!same_bits(actual.generators[i], expected.generators[i])) {
      return ::testing::AssertionFailure() << "other random numbers in micro-batch " << i;
    }
  }
  for (size_t i = 0; i < expected.tensors.size(); ++i) {
    const auto same = same_bits(actual.tensors[i], expected.tensors[i]);
    if (!same) return ::testing::AssertionFailure() << "tensor " << i << ": " << same.message();
  }
  return ::testing::AssertionSuccess();
}

/// Trains both ways and expects the same to the bit; returns what replay left.
inline Trail expect_same_both_ways(const Subject& subject, Replay replay = Replay::kKnownModels) {
  const auto autograd = train(subject, Replay::kNever);
  auto replayed = train(subject, replay);
  EXPECT_EQ(autograd.replayed, 0);
  EXPECT_TRUE(same_trail(replayed, autograd));
  return replayed;
}

}  // namespace lrfinder::test
