#include <ATen/Parallel.h>
#include <ATen/ops/mse_loss.h>
#include <ATen/ops/randn.h>
#include <gtest/gtest.h>
#include <torch/nn/modules/activation.h>
#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/dropout.h>
#include <torch/nn/modules/linear.h>
#include <torch/optim.h>
#include <torch/utils.h>

#include <atomic>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "lrfinder/sweep.h"
#include "testing.h"

namespace lrfinder {
namespace {

namespace nn = torch::nn;
namespace optim = torch::optim;

using test::normal;
using test::one_part;
using test::same_bits;

constexpr int kSteps = 20;
constexpr int kSweeps = 6;

using Curve = std::vector<double>;

/// A network with what sweeps and training of it need. Different for each seed.
struct Subject {
  nn::Sequential net;
  std::unique_ptr<optim::Optimizer> optimizer;
  at::Tensor input;
  at::Tensor target;
};

Subject subject(std::uint64_t seed, double dropout) {
  torch::manual_seed(seed);
  nn::Sequential net(nn::Linear(6, 16), nn::BatchNorm1d(16), nn::Tanh());
  if (dropout > 0) net->push_back(nn::Dropout(dropout));
  net->push_back(nn::Linear(16, 3));
  std::unique_ptr<optim::Optimizer> optimizer;
  switch (seed % 4) {
    case 0:
      optimizer = std::make_unique<optim::SGD>(net->parameters(), optim::SGDOptions(0.01).momentum(0.9));
      break;
    case 1:
      optimizer = std::make_unique<optim::Adam>(net->parameters(), optim::AdamOptions(0.01));
      break;
    case 2:
      optimizer = std::make_unique<optim::Adagrad>(net->parameters(), optim::AdagradOptions(0.01));
      break;
    default:
      optimizer = std::make_unique<optim::RMSprop>(net->parameters(), optim::RMSpropOptions(0.01));
  }
  return {net, std::move(optimizer), normal({8, 6}, at::kFloat, seed), normal({8, 3}, at::kFloat, seed + 1)};
}

Curve sweep_once(Subject& subject) {
  Sweep sweep(one_part(subject.net.get(), *subject.optimizer), {});
  Curve curve;
  for (int i = 0; i < kSteps; ++i) {
    sweep.step(subject.input, subject.target, Loss::kMse, 1e-4 * std::pow(1e3, i / (kSteps - 1.0)));
    curve.push_back(sweep.running_loss().last);
    curve.push_back(sweep.running_loss().smoothed);
  }
  EXPECT_EQ(sweep.replayed_steps(), kSteps - 2);
  sweep.restore();
  return curve;
}

double train_once(Subject& subject) {
  subject.optimizer->zero_grad();
  const auto loss = at::mse_loss(subject.net->forward(subject.input), subject.target);
  loss.backward();
  subject.optimizer->step();
  return loss.item<double>();
}

Curve train(Subject& subject, int steps) {
  Curve curve;
  for (int i = 0; i < steps; ++i) curve.push_back(train_once(subject));
  return curve;
}

TEST(ConcurrencyTest, SweepsBesideEachOtherAndBesideTrainingAreAsAlone) {
  std::vector<Subject> subjects;
  std::vector<Curve> alone;
  for (std::uint64_t seed = 0; seed < 4; ++seed) {
    subjects.push_back(subject(seed, /*dropout=*/0));
    alone.push_back(sweep_once(subjects.back()));
  }
  constexpr int kTraining = 300;
  auto alone_in_training = subject(5, /*dropout=*/0);
  const auto training_alone = train(alone_in_training, kTraining);
  auto in_training = subject(5, /*dropout=*/0);

  std::vector<std::vector<Curve>> curves(subjects.size());
  Curve training;
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < subjects.size(); ++i) {
    threads.emplace_back([&, i] {
      for (int k = 0; k < kSweeps; ++k) curves[i].push_back(sweep_once(subjects[i]));
    });
  }
  threads.emplace_back([&] { training = train(in_training, kTraining); });
  for (auto& thread : threads) thread.join();

  for (std::size_t i = 0; i < subjects.size(); ++i) {
    for (const auto& curve : curves[i]) EXPECT_EQ(curve, alone[i]) << "sweep of network " << i;
  }
  EXPECT_EQ(training, training_alone);
  const auto expected = alone_in_training.net->parameters();
  for (std::size_t i = 0; i < expected.size(); ++i) {
    EXPECT_TRUE(same_bits(in_training.net->parameters()[i], expected[i])) << "parameter " << i;
  }
}

TEST(ConcurrencyTest, OverlappingSweepsThatDrawLeaveTheGeneratorAsTheFirstFoundIt) {
  std::vector<Subject> subjects;
  for (std::uint64_t seed = 0; seed < 3; ++seed) subjects.push_back(subject(seed, /*dropout=*/0.5));
  torch::manual_seed(9);
  const auto drawn = at::randn({5});
  torch::manual_seed(9);
  std::atomic<int> begun{0};
  std::vector<std::thread> threads;
  for (auto& subject : subjects) {
    threads.emplace_back([&] {
      Sweep sweep(one_part(subject.net.get(), *subject.optimizer), {});
      sweep.step(subject.input, subject.target, Loss::kMse, 1e-3);
      ++begun;
      while (begun < 3) std::this_thread::yield();  // all overlap
      for (int i = 0; i < kSteps; ++i) sweep.step(subject.input, subject.target, Loss::kMse, 1e-3);
      sweep.restore();
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_TRUE(same_bits(at::randn({5}), drawn));
}

}  // namespace
}  // namespace lrfinder
