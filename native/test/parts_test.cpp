#include <ATen/ops/binary_cross_entropy_with_logits.h>
#include <ATen/ops/full_like.h>
#include <gtest/gtest.h>
#include <torch/nn/modules/activation.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/linear.h>
#include <torch/optim.h>
#include <torch/utils.h>

#include <cstdint>
#include <memory>
#include <string>

#include "lrfinder/error.h"
#include "lrfinder/sweep.h"
#include "testing.h"

namespace lrfinder {
namespace {

namespace nn = torch::nn;
namespace optim = torch::optim;

using test::expect_error;
using test::near;
using test::never_stopping;
using test::normal;
using test::one_part;
using test::same_bits;
using test::settled;

constexpr int kSteps = 6;

double rate(int step) { return 0.01 * (step + 1); }

nn::Sequential mlp(std::int64_t inputs, std::int64_t outputs) {
  nn::Sequential net(nn::Linear(inputs, 5), nn::Tanh(), nn::Linear(5, outputs));
  net->to(at::kDouble);
  test::move_here(*net);
  return net;
}

/// Two networks that train against each other.
struct Adversaries {
  Adversaries() {
    torch::manual_seed(4);
    generator = mlp(3, 2);
    discriminator = mlp(2, 1);
    generator_adam = std::make_unique<optim::Adam>(generator->parameters(), optim::AdamOptions(0.1));
    discriminator_sgd = std::make_unique<optim::SGD>(discriminator->parameters(), optim::SGDOptions(0.1).momentum(0.9));
  }

  at::Tensor judged(const at::Tensor& points, double label) {
    const auto scores = discriminator->forward(points);
    return at::binary_cross_entropy_with_logits(scores, at::full_like(scores, label));
  }
  at::Tensor made(int batch) { return generator->forward(normal({4, 3}, at::kDouble, 300 + batch)); }
  at::Tensor discriminator_loss(int batch) {
    return judged(normal({4, 2}, at::kDouble, 200 + batch), 1) + judged(made(batch).detach(), 0);
  }
  at::Tensor generator_loss(int batch) { return judged(made(batch), 1); }

  nn::Sequential generator = nullptr;
  nn::Sequential discriminator = nullptr;
  std::unique_ptr<optim::Adam> generator_adam;
  std::unique_ptr<optim::SGD> discriminator_sgd;
};

SweepSubject subject_of(Adversaries& gan, bool generator_recorded = true) {
  SweepSubject subject;
  subject.add_part(gan.discriminator.get(), /*recorded=*/true);
  subject.add_optimizer(*gan.discriminator_sgd);
  subject.add_part(gan.generator.get(), generator_recorded);
  subject.add_optimizer(*gan.generator_adam);
  return subject;
}

using SweepSubjectTest = test::DeviceTest;
LRFINDER_ON_EACH_DEVICE(SweepSubjectTest);

TEST_P(SweepSubjectTest, PartsTakeTurnsAsOptimizersOfAGanDo) {
  Adversaries swept;
  Adversaries stepped;
  Sweep sweep(subject_of(swept), never_stopping());
  for (int step = 0; step < kSteps; ++step) {
    sweep.step(swept.discriminator_loss(step), rate(step), 0);
    EXPECT_EQ(settled(sweep, sweep.step(swept.generator_loss(step), rate(step), 1)), Outcome::kContinue);

    stepped.discriminator_sgd->param_groups()[0].options().set_lr(rate(step));
    stepped.generator_adam->param_groups()[0].options().set_lr(rate(step));
    stepped.discriminator_sgd->zero_grad();
    const auto first = stepped.discriminator_loss(step);
    first.backward();
    stepped.discriminator_sgd->step();
    stepped.generator_adam->zero_grad();
    const auto second = stepped.generator_loss(step);
    second.backward();
    stepped.generator_adam->step();
    EXPECT_NEAR(sweep.running_loss().last, first.item<double>() + second.item<double>(), 1e-12);
  }
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_TRUE(near(swept.generator->parameters()[i], stepped.generator->parameters()[i], 1e-12));
    EXPECT_TRUE(near(swept.discriminator->parameters()[i], stepped.discriminator->parameters()[i], 1e-12));
  }
  sweep.restore();
  const Adversaries fresh;
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_TRUE(same_bits(swept.generator->parameters()[i], fresh.generator->parameters()[i]));
    EXPECT_TRUE(same_bits(swept.discriminator->parameters()[i], fresh.discriminator->parameters()[i]));
  }
}

TEST_P(SweepSubjectTest, ABackwardPassReachesItsOwnPartAlone) {
  Adversaries gan;
  auto settings = never_stopping();
  settings.step.accumulate_grad_batches = 2;
  Sweep sweep(subject_of(gan), settings);
  sweep.accumulate(gan.generator_loss(0), 1);
  EXPECT_TRUE(gan.generator->parameters()[0].grad().defined());
  for (const auto& parameter : gan.discriminator->parameters()) EXPECT_FALSE(parameter.grad().defined());
}

TEST_P(SweepSubjectTest, OnlyRecordedPartsCount) {
  Adversaries gan;
  Sweep sweep(subject_of(gan, /*generator_recorded=*/false), never_stopping());
  const auto loss = gan.discriminator_loss(0);
  sweep.step(loss, 0.1, 0);
  settled(sweep, sweep.step(gan.generator_loss(0), 0.1, 1));
  EXPECT_EQ(sweep.running_loss().last, loss.item<double>());
}

TEST_P(SweepSubjectTest, AnUnrecordedPartStillEndsASweepThatIsNotFinite) {
  Adversaries gan;
  Sweep sweep(subject_of(gan, /*generator_recorded=*/false), never_stopping());
  sweep.step(gan.discriminator_loss(0), 0.1, 0);
  EXPECT_EQ(settled(sweep, sweep.step(gan.generator_loss(0) / 0.0, 0.1, 1)), Outcome::kNonFinite);
}

TEST_P(SweepSubjectTest, AConstantKeepsAGroupsRate) {
  Adversaries gan;
  auto settings = never_stopping();
  settings.group_rates = {{1, 0}, {0, 0.05}};
  Sweep sweep(subject_of(gan), settings);
  Adversaries stepped;
  sweep.step(gan.discriminator_loss(0), 0.3, 0);
  sweep.step(gan.generator_loss(0), 0.3, 1);
  stepped.discriminator_sgd->param_groups()[0].options().set_lr(0.3);
  stepped.generator_adam->param_groups()[0].options().set_lr(0.05);
  stepped.discriminator_loss(0).backward();
  stepped.discriminator_sgd->step();
  stepped.generator_loss(0).backward();
  stepped.generator_adam->step();
  EXPECT_TRUE(near(gan.generator->parameters()[0], stepped.generator->parameters()[0], 1e-13));
  EXPECT_TRUE(near(gan.discriminator->parameters()[0], stepped.discriminator->parameters()[0], 1e-13));
}

TEST_P(SweepSubjectTest, TwoOptimizersOfOneLoss) {
  Adversaries gan;
  const auto parameters = gan.generator->parameters();
  optim::SGD first({parameters[0], parameters[1]}, optim::SGDOptions(0.1));
  optim::Adam second({parameters[2], parameters[3]}, optim::AdamOptions(0.1));
  SweepSubject subject;
  subject.add_part(gan.generator.get(), /*recorded=*/true);
  subject.add_optimizer(first);
  subject.add_optimizer(second);
  Sweep sweep(subject, never_stopping());
  sweep.step(gan.made(0).square().mean(), 0.1);

  Adversaries stepped;
  const auto own = stepped.generator->parameters();
  optim::SGD first_own({own[0], own[1]}, optim::SGDOptions(0.1));
  optim::Adam second_own({own[2], own[3]}, optim::AdamOptions(0.1));
  stepped.made(0).square().mean().backward();
  first_own.step();
  second_own.step();
  for (size_t i = 0; i < 4; ++i) EXPECT_TRUE(near(parameters[i], own[i], 1e-13));
}

TEST_P(SweepSubjectTest, WhatCannotBeSweptIsRefused) {
  Adversaries gan;
  const auto refused = [](const std::string& message, const SweepSubject& subject) {
    expect_error(ErrorKind::kInvalidArgument, message, [&] { Sweep(subject, never_stopping()); });
  };
  SweepSubject none;
  none.add_part(gan.generator.get(), /*recorded=*/true);
  refused("a part has no optimizer", none);
  SweepSubject twice;
  twice.add_part(gan.generator.get(), /*recorded=*/true);
  twice.add_optimizer(*gan.generator_adam);
  twice.add_optimizer(*gan.generator_adam);
  refused("two optimizers of one part have a parameter in common: each parameter must be in one of them", twice);
  Sweep sweep(subject_of(gan), never_stopping());
  expect_error(ErrorKind::kInvalidArgument, "there is no part 2", [&] { sweep.step(gan.generator_loss(0), 0.1, 2); });
  expect_error(ErrorKind::kInvalidArgument, "there is no step to finish: nothing was accumulated",
               [&] { sweep.finish(0.1); });
}

/// Of a sweep in which both losses count, at rates that end it.
test::Curve curve_of_a_gan() {
  Adversaries gan;
  Sweep sweep(subject_of(gan), SweepSettings());
  return test::run(sweep, test::exponential(1e-3, 1e4, 60), [&](size_t i, double lr) {
    const auto found = sweep.step(gan.discriminator_loss(static_cast<int>(i)), lr, 0);
    return found == Outcome::kNonFinite ? found : sweep.step(gan.generator_loss(static_cast<int>(i)), lr, 1);
  });
}

using LatePartsTest = test::SimulatedDeviceTest;

TEST_F(LatePartsTest, AGansCurveIsTheHostsToTheBit) {
  for (const std::int64_t latency : {0, 40, 500}) {
    test::simulated::set_latency(latency);
    const auto late = curve_of_a_gan();
    const test::OnDevice host(at::kCPU);
    EXPECT_EQ(late, curve_of_a_gan()) << "latency " << latency;
    EXPECT_EQ(late.end, Outcome::kDiverged);
  }
}

using SweepFinishTest = test::DeviceTest;
LRFINDER_ON_EACH_DEVICE(SweepFinishTest);

TEST_P(SweepFinishTest, IsAStepWithTheMeanOfWhatWasAccumulated) {
  Adversaries gan;
  auto settings = never_stopping();
  settings.step.accumulate_grad_batches = 4;
  optim::SGD sgd(gan.generator->parameters(), optim::SGDOptions(0.1));
  Sweep sweep(one_part(gan.generator.get(), sgd), settings);
  sweep.accumulate(gan.made(0).square().mean());
  sweep.accumulate(gan.made(1).square().mean());
  EXPECT_EQ(settled(sweep, sweep.finish(0.1)), Outcome::kContinue);

  Adversaries stepped;
  optim::SGD own(stepped.generator->parameters(), optim::SGDOptions(0.1));
  const auto mean = (stepped.made(0).square().mean() + stepped.made(1).square().mean()) / 2;
  mean.backward();
  own.step();
  EXPECT_NEAR(sweep.running_loss().last, mean.item<double>(), 1e-14);
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_TRUE(near(gan.generator->parameters()[i], stepped.generator->parameters()[i], 1e-14));
  }
}

}  // namespace
}  // namespace lrfinder
