#include "lrfinder/process_group.h"

#include <ATen/Parallel.h>
#include <ATen/ops/binary_cross_entropy_with_logits.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full_like.h>
#include <ATen/ops/mse_loss.h>
#include <gtest/gtest.h>
#include <torch/nn/modules/linear.h>
#include <torch/optim.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lrfinder/error.h"
#include "lrfinder/sweep.h"
#include "lrfinder/training.h"
#include "ranks.h"
#include "testing.h"

namespace lrfinder {
namespace {

namespace nn = torch::nn;
namespace optim = torch::optim;

using test::Curve;
using test::expect_error;
using test::never_stopping;
using test::normal;
using test::on_ranks;
using test::one_part;

constexpr int kSteps = 12;
constexpr int kRows = 24;  // of a batch of all processes

/// The same in every call, on any thread: the generator that layers are made by is of all.
nn::Sequential net() {
  auto made = test::regression_net();
  const c10::NoGradGuard no_grad;
  std::uint64_t seed = 0;
  for (auto& parameter : made->parameters()) parameter.copy_(normal(parameter.sizes(), at::kDouble, ++seed) / 2);
  return made;
}

at::Tensor rows_of_input(int step, int from, int count) {
  return normal({kRows, 3}, at::kDouble, 100 + step).narrow(0, from, count);
}

at::Tensor rows_of_target(int step, int from, int count) {
  return normal({kRows, 2}, at::kDouble, 200 + step).narrow(0, from, count);
}

/// What one process of several does of a step: these rows, in so many micro-batches.
struct Share {
  int from;
  int count;
};

using Shares = std::function<Share(int rank, int size, int step)>;

Share even(int rank, int size, int /*step*/) { return {rank * kRows / size, kRows / size}; }

struct Case {
  std::string name;
  test::OptimizerCase optimizer;
  std::function<void(SweepSettings&)> set = [](SweepSettings&) {};
  bool two_groups = false;
};

void PrintTo(const Case& of, std::ostream* out) { *out << of.name; }

std::unique_ptr<optim::Optimizer> optimizer_of(const Case& of, nn::Sequential& network) {
  const auto all = network->parameters();
  if (!of.two_groups) return of.optimizer.make({optim::OptimizerParamGroup(all)});
  return of.optimizer.make(
      {optim::OptimizerParamGroup({all[0], all[1]}), optim::OptimizerParamGroup({all[2], all[3]})});
}

/// What a sweep made of a step's rows, in two micro-batches where gradients are accumulated.
Outcome step_of(Sweep& sweep, const StepSettings& step, int index, const Share& share, double lr) {
  const int parts = static_cast<int>(step.accumulate_grad_batches);
  const int each = share.count / parts;
  for (int part = 0; part + 1 < parts; ++part) {
    const int from = share.from + part * each;
    sweep.accumulate(rows_of_input(index, from, each), rows_of_target(index, from, each), Loss::kMse);
  }
  const int from = share.from + (parts - 1) * each;
  return sweep.step(rows_of_input(index, from, share.count - (parts - 1) * each),
                    rows_of_target(index, from, share.count - (parts - 1) * each), Loss::kMse, lr);
}

/// The curve and the parameters after it, of a process among `size`, or alone.
struct Swept {
  Curve curve;
  std::vector<at::Tensor> parameters;
};

Swept swept(const Case& of, c10d::Backend* group, const Shares& shares) {
  auto network = net();
  const auto optimizer = optimizer_of(of, network);
  SweepSettings settings = never_stopping();
  of.set(settings);
  int rank = 0;
  int size = 1;
  if (group != nullptr) {
    settings.step.across(ProcessGroup(group));
    rank = group->getRank();
    size = group->getSize();
  }
  Sweep sweep(one_part(network.get(), *optimizer), settings);
  if (group != nullptr) sweep.agree("steps=12\n", /*broadcast=*/false, /*validated=*/false);
  Swept found;
  found.curve = test::run(sweep, test::exponential(1e-3, 1e-1, kSteps), [&](size_t i, double lr) {
    const int step = static_cast<int>(i);
    return step_of(sweep, settings.step, step, shares(rank, size, step), lr);
  });
  for (const auto& parameter : network->parameters()) found.parameters.push_back(parameter.detach().clone());
  sweep.restore();
  for (size_t i = 0; i < found.parameters.size(); ++i) {
    EXPECT_TRUE(test::same_bits(network->parameters()[i], net()->parameters()[i])) << "restored " << i;
  }
  return found;
}

void expect_near(const Swept& actual, const Swept& expected) {
  ASSERT_EQ(actual.curve.losses.size(), expected.curve.losses.size());
  EXPECT_EQ(actual.curve.end, expected.curve.end);
  for (size_t i = 0; i < expected.curve.losses.size(); ++i) {
    const double loss = expected.curve.losses[i];
    EXPECT_NEAR(actual.curve.losses[i], loss, 1e-12 * std::max(std::abs(loss), 1.0)) << "step " << i;
  }
  for (size_t i = 0; i < expected.parameters.size(); ++i) {
    EXPECT_TRUE(test::near(actual.parameters[i], expected.parameters[i], 1e-11)) << "parameter " << i;
  }
}

/// All processes must have found the very same.
void expect_same(const std::vector<Swept>& all) {
  for (size_t rank = 1; rank < all.size(); ++rank) {
    EXPECT_EQ(all[rank].curve, all[0].curve) << "rank " << rank;
    for (size_t i = 0; i < all[0].parameters.size(); ++i) {
      EXPECT_TRUE(test::same_bits(all[rank].parameters[i], all[0].parameters[i])) << "rank " << rank;
    }
  }
}

std::vector<Swept> swept_by(int size, const Case& of, const Shares& shares) {
  std::vector<Swept> all(size);
  on_ranks(size, [&](c10d::Backend* group) { all[group->getRank()] = swept(of, group, shares); });
  return all;
}

std::vector<Case> cases() {
  std::vector<Case> all;
  for (const auto& optimizer : test::optimizers()) {
    all.push_back({optimizer.name, optimizer});
    all.push_back({optimizer.name + "Accumulating", optimizer,
                   [](SweepSettings& settings) { settings.step.accumulate_grad_batches = 2; }});
    all.push_back({optimizer.name + "Clipped", optimizer,
                   [](SweepSettings& settings) { settings.step.gradient_clip_norm = 0.5; }});
    all.push_back({optimizer.name + "TwoGroups", optimizer,
                   [](SweepSettings& settings) {
                     settings.add_group_rate(1, 0, 0, 1, 1);
                     settings.add_group_rate(0.1, 0, 0, 1, 1);
                   },
                   /*two_groups=*/true});
  }
  all.push_back({"ClippedByValue", test::optimizers()[0],
                 [](SweepSettings& settings) { settings.step.gradient_clip_value = 0.1; }});
  all.push_back(
      {"NeverReplayed", test::optimizers()[1], [](SweepSettings& settings) { settings.step.replay = Replay::kNever; }});
  return all;
}

class SeveralProcesses : public ::testing::TestWithParam<Case> {};

TEST_P(SeveralProcesses, MakeTheCurveOfOne) {
  const auto alone = swept(GetParam(), nullptr, even);
  ASSERT_EQ(alone.curve.losses.size(), static_cast<size_t>(kSteps));
  for (const int size : {1, 2, 3, 4}) {
    SCOPED_TRACE(std::to_string(size) + " processes");
    const auto all = swept_by(size, GetParam(), even);
    expect_near(all[0], alone);
    expect_same(all);
  }
}

INSTANTIATE_TEST_SUITE_P(Cases, SeveralProcesses, ::testing::ValuesIn(cases()),
                         [](const auto& info) { return info.param.name; });

Case adam() { return {"Adam", test::optimizers()[1]}; }

TEST(UnevenProcesses, CountByRows) {
  const auto alone = swept(adam(), nullptr, even);
  const auto uneven = [](int rank, int /*size*/, int step) {
    const int first = step % 3 == 0 ? kRows : step % 3 == 1 ? 17 : 1;  // the other then has none, 7, 23
    return rank == 0 ? Share{0, first} : Share{first, kRows - first};
  };
  const auto all = swept_by(2, adam(), uneven);
  expect_near(all[0], alone);
  expect_same(all);
}

TEST(ProcessesWithoutData, EndTogether) {
  on_ranks(2, [](c10d::Backend* group) {
    auto network = net();
    optim::SGD sgd(network->parameters(), optim::SGDOptions(1));
    SweepSettings settings = never_stopping();
    settings.step.across(ProcessGroup(group));
    Sweep sweep(one_part(network.get(), sgd), settings);
    sweep.agree("", false, false);
    EXPECT_EQ(sweep.step(rows_of_input(0, 0, 4), rows_of_target(0, 0, 4), Loss::kMse, 0.01), Outcome::kContinue);
    sweep.end(Ending::kDataExhausted);
    EXPECT_EQ(sweep.finish(0.01), Outcome::kNoData);
  });
}

/// Of an ending that rank 1 asks for in its third step.
Outcome ended_by_one(Ending ending, int* steps) {
  std::vector<Outcome> found(3);
  std::vector<int> made(3);
  on_ranks(3, [&](c10d::Backend* group) {
    auto network = net();
    optim::SGD sgd(network->parameters(), optim::SGDOptions(1));
    SweepSettings settings = never_stopping();
    settings.step.across(ProcessGroup(group));
    const int rank = group->getRank();
    Sweep sweep(one_part(network.get(), sgd), settings);
    sweep.agree("", false, false);
    Outcome last = Outcome::kContinue;
    for (int step = 0; last == Outcome::kContinue && step < kSteps; ++step) {
      if (rank == 1 && step == 2) sweep.end(ending);
      last = sweep.step(rows_of_input(step, rank, 2), rows_of_target(step, rank, 2), Loss::kMse, 0.01);
      ++made[rank];
    }
    found[rank] = last;
  });
  EXPECT_EQ(found, std::vector<Outcome>(3, found[0]));
  EXPECT_EQ(made, std::vector<int>(3, made[0]));
  *steps = made[0];
  return found[0];
}

TEST(AnEndingOfOneProcess, IsThatOfAll) {
  int steps = 0;
  EXPECT_EQ(ended_by_one(Ending::kCancelled, &steps), Outcome::kCancelled);
  EXPECT_EQ(steps, 3);
  EXPECT_EQ(ended_by_one(Ending::kTimeLimit, &steps), Outcome::kTimeLimit);
  EXPECT_EQ(ended_by_one(Ending::kDataExhausted, &steps), Outcome::kDataExhausted);
  EXPECT_EQ(ended_by_one(Ending::kNone, &steps), Outcome::kContinue);
  EXPECT_EQ(steps, kSteps);
}

TEST(ALossThatIsNotFinite, EndsAllProcesses) {
  on_ranks(2, [](c10d::Backend* group) {
    auto network = net();
    optim::SGD sgd(network->parameters(), optim::SGDOptions(1));
    SweepSettings settings = never_stopping();
    settings.step.across(ProcessGroup(group));
    Sweep sweep(one_part(network.get(), sgd), settings);
    sweep.agree("", false, false);
    const auto input = rows_of_input(0, 0, 4);
    EXPECT_EQ(sweep.step(group->getRank() == 1 ? input * test::kNan : input, rows_of_target(0, 0, 4), Loss::kMse, 1),
              Outcome::kNonFinite);
  });
}

/// A loss with two parts that pull at each other's outputs, each with an optimizer of its own.
std::vector<double> adversarial(c10d::Backend* group) {
  auto first = net();
  auto second = net();
  optim::Adam adam(first->parameters(), optim::AdamOptions(1));
  optim::SGD sgd(second->parameters(), optim::SGDOptions(1));
  SweepSubject subject;
  subject.add_part(first.get(), /*recorded=*/true);
  subject.add_optimizer(adam);
  subject.add_part(second.get(), /*recorded=*/true);
  subject.add_optimizer(sgd);
  SweepSettings settings = never_stopping();
  int rank = 0;
  int size = 1;
  if (group != nullptr) {
    settings.step.across(ProcessGroup(group));
    rank = group->getRank();
    size = group->getSize();
  }
  Sweep sweep(subject, settings);
  if (group != nullptr) sweep.agree("", false, false);
  std::vector<double> losses;
  for (int step = 0; step < kSteps; ++step) {
    const Share share = even(rank, size, step);
    const auto input = rows_of_input(step, share.from, share.count);
    const auto target = rows_of_target(step, share.from, share.count);
    sweep.step(at::mse_loss(first->forward(input), second->forward(input) + target), 0.01, 0, share.count);
    sweep.step(at::mse_loss(second->forward(input), first->forward(input)), 0.01, 1, share.count);
    losses.push_back(sweep.running_loss().last);
  }
  return losses;
}

TEST(TwoPartsOfSeveralProcesses, TakeTurnsAsInOne) {
  const auto alone = adversarial(nullptr);
  on_ranks(3, [&](c10d::Backend* group) {
    const auto losses = adversarial(group);
    for (size_t i = 0; i < alone.size(); ++i) EXPECT_NEAR(losses[i], alone[i], 1e-12);
  });
}

TEST(AParameterThatOneProcessUses, IsUpdatedEverywhere) {
  on_ranks(2, [](c10d::Backend* group) {
    at::Tensor used = test::doubles({1, 2}).requires_grad_();
    at::Tensor sometimes = test::doubles({3, 4}).requires_grad_();
    at::Tensor never = test::doubles({5}).requires_grad_();
    optim::Adam adam({used, sometimes, never}, optim::AdamOptions(0.1));
    StepSettings settings;
    settings.across(ProcessGroup(group));
    Training training(nullptr, adam, settings);
    training.agree("", false);
    const auto loss = group->getRank() == 0 ? used.sum() + sometimes.sum() : used.sum();
    EXPECT_TRUE(training.step(loss));
    EXPECT_TRUE(test::near(sometimes, test::doubles({2.9, 3.9}), 1e-6));
    EXPECT_TRUE(test::same_bits(never, test::doubles({5})));
    EXPECT_EQ(adam.state().count(never.unsafeGetTensorImpl()), 0U);
    EXPECT_FALSE(never.grad().defined());
  });
}

TEST(SeveralTypes, TravelApart) {
  on_ranks(2, [](c10d::Backend* group) {
    // Over 25 MB of float32, so that it travels in pieces.
    at::Tensor large = at::zeros({7 << 20}, at::kFloat).requires_grad_();
    at::Tensor brief = at::zeros({5}, at::kBFloat16).requires_grad_();
    at::Tensor precise = at::zeros({3}, at::kDouble).requires_grad_();
    optim::SGD sgd({large, brief, precise}, optim::SGDOptions(1));
    StepSettings settings;
    settings.across(ProcessGroup(group));
    Training training(nullptr, sgd, settings);
    training.agree("", false);
    const double factor = group->getRank() == 0 ? 1 : 3;
    // Rank 0 has 1 row, rank 1 three: the mean factor is (1 + 3 * 3) / 4.
    EXPECT_TRUE(training.step((large.sum().to(at::kDouble) + brief.sum().to(at::kDouble) + precise.sum()) * factor,
                              group->getRank() == 0 ? 1 : 3));
    EXPECT_EQ(large.detach().min().item<double>(), -2.5);
    EXPECT_EQ(large.detach().max().item<double>(), -2.5);
    EXPECT_EQ(brief.detach().max().item<double>(), -2.5);
    EXPECT_EQ(precise.detach().max().item<double>(), -2.5);
  });
}

TEST(AProcessThatFails, TellsTheOthersAndLeavesTheGroupUsable) {
  std::atomic<int> told{0};
  on_ranks(3, [&](c10d::Backend* group) {
    ProcessGroup processes(group);
    auto network = net();
    optim::SGD sgd(network->parameters(), optim::SGDOptions(1));
    SweepSettings settings = never_stopping();
    settings.step.across(processes);
    {
      Sweep sweep(one_part(network.get(), sgd), settings);
      sweep.agree("", false, false);
      const auto step = [&] { sweep.step(rows_of_input(0, 0, 4), rows_of_target(0, 0, 4), Loss::kMse, 0.01); };
      step();
      if (group->getRank() == 1) {
        processes.fail("the disk is full");
      } else {
        expect_error(ErrorKind::kPeer, "rank 1 failed: the disk is full", step);
        ++told;
      }
    }
    for (const auto& parameter : network->parameters()) EXPECT_FALSE(parameter.grad().defined());
    processes.meet();
    Sweep again(one_part(network.get(), sgd), settings);
    again.agree("", false, false);
    EXPECT_EQ(again.step(rows_of_input(0, 0, 4), rows_of_target(0, 0, 4), Loss::kMse, 0.01), Outcome::kContinue);
  });
  EXPECT_EQ(told, 2);
}

TEST(AProcessThatFails, TellsThoseThatWaitElsewhere) {
  on_ranks(2, [](c10d::Backend* group) {
    ProcessGroup processes(group);
    auto network = net();
    optim::SGD sgd(network->parameters(), optim::SGDOptions(1));
    SweepSettings settings = never_stopping();
    settings.steps = 1;
    settings.step.across(processes);
    const bool fails = group->getRank() == 0;
    const auto expect_told = [&](const auto& call) {
      if (fails) return processes.fail("no");
      expect_error(ErrorKind::kPeer, "rank 0 failed: no", call);
    };
    {  // at the start
      Sweep sweep(one_part(network.get(), sgd), settings);
      expect_told([&] { sweep.agree("", false, false); });
    }
    {  // in the validation, and at the end
      Sweep sweep(one_part(network.get(), sgd), settings);
      sweep.agree("", false, /*validated=*/true);
      sweep.step(rows_of_input(0, 0, 4), rows_of_target(0, 0, 4), Loss::kMse, 0.01);
      expect_told([&] { sweep.average(1, 1); });
    }
    expect_told([&] { processes.meet(); });
    expect_told([&] { processes.any(true); });
    EXPECT_TRUE(processes.any(fails));
    EXPECT_FALSE(processes.any(false));
  });
}

TEST(AProcessThatIsGone, IsNoticed) {
  auto groups = test::gloo_groups(2);
  ProcessGroup left(groups[0].get());
  groups.clear();  // rank 1 closes its group; `left` has a share in that of rank 0
  try {
    left.meet();
    ADD_FAILURE() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kPeer);
    EXPECT_NE(std::string(error.what()).find("another process ended"), std::string::npos) << error.what();
  }
  expect_error(ErrorKind::kPeer, "the process group has failed before: make a new one", [&] { left.meet(); });
  left.fail("nobody hears it");
}

TEST(ProcessesThatDiffer, AreRefusedByName) {
  on_ranks(3, [](c10d::Backend* group) {
    auto network = net();
    const bool other = group->getRank() == 2;
    optim::SGD sgd(network->parameters(), optim::SGDOptions(1));
    SweepSettings settings = never_stopping();
    settings.step.across(ProcessGroup(group));
    Sweep sweep(one_part(network.get(), sgd), settings);
    expect_error(ErrorKind::kInvalidArgument, "the processes do not agree: rank 2 has maxLr=2, rank 0 has maxLr=1",
                 [&] { sweep.agree(other ? "steps=9\nmaxLr=2\n" : "steps=9\nmaxLr=1\n", false, false); });
    const c10::NoGradGuard no_grad;
    if (other) network->parameters()[1].add_(1);
    try {
      sweep.agree("", false, false);
      ADD_FAILURE() << "no error";
    } catch (const Error& error) {
      EXPECT_EQ(std::string(error.what()).find("the processes do not agree: rank 2 has values of the parameters"), 0U)
          << error.what();
    }
  });
}

TEST(AnotherNetwork, IsRefusedByItsShapes) {
  on_ranks(2, [](c10d::Backend* group) {
    nn::Linear linear(3, group->getRank() == 0 ? 2 : 4);
    optim::SGD sgd(linear->parameters(), optim::SGDOptions(1));
    StepSettings settings;
    settings.across(ProcessGroup(group));
    Training training(linear.get(), sgd, settings);
    expect_error(ErrorKind::kInvalidArgument,
                 "the processes do not agree: rank 1 has parameter 0=Float[4, 3] trained, strides [3, 1], rank 0 has "
                 "parameter 0=Float[2, 3] trained, strides [3, 1]",
                 [&] { training.agree("", false); });
  });
}

TEST(AnotherLayout, IsRefused) {
  on_ranks(2, [](c10d::Backend* group) {
    at::Tensor parameter = at::zeros({2, 3});
    if (group->getRank() == 1) parameter = at::zeros({3, 2}).t();
    parameter.requires_grad_();
    optim::SGD sgd({parameter}, optim::SGDOptions(1));
    StepSettings settings;
    settings.across(ProcessGroup(group));
    Training training(nullptr, sgd, settings);
    expect_error(ErrorKind::kInvalidArgument,
                 "the processes do not agree: rank 1 has parameter 0=Float[2, 3] trained, strides [1, 2], rank 0 has "
                 "parameter 0=Float[2, 3] trained, strides [3, 1]",
                 [&] { training.agree("", false); });
  });
}

TEST(ParametersOfRank0, AreTakenUntilTheSweepIsRestored) {
  on_ranks(3, [](c10d::Backend* group) {
    auto network = net();
    const auto first = network->parameters()[0].detach().clone();
    {
      const c10::NoGradGuard no_grad;
      network->parameters()[0].add_(group->getRank());
    }
    const auto own = network->parameters()[0].detach().clone();
    optim::SGD sgd(network->parameters(), optim::SGDOptions(1));
    SweepSettings settings = never_stopping();
    settings.step.across(ProcessGroup(group));
    Sweep sweep(one_part(network.get(), sgd), settings);
    sweep.agree("", /*broadcast=*/true, false);
    EXPECT_TRUE(test::same_bits(network->parameters()[0], first));
    sweep.restore();
    EXPECT_TRUE(test::same_bits(network->parameters()[0], own));
  });
}

TEST(AValidation, IsTheMeanOfAll) {
  on_ranks(2, [](c10d::Backend* group) {
    auto network = net();
    optim::SGD sgd(network->parameters(), optim::SGDOptions(1));
    StepSettings settings;
    settings.across(ProcessGroup(group));
    Training training(network.get(), sgd, settings);
    training.agree("", false);
    training.end(Ending::kDataExhausted);
    EXPECT_TRUE(training.step(rows_of_input(0, 0, 4), rows_of_target(0, 0, 4), Loss::kMse));
    EXPECT_EQ(training.progress().ending, static_cast<double>(Ending::kDataExhausted));
    EXPECT_EQ(training.average(group->getRank() == 0 ? 10 : 2, group->getRank() == 0 ? 1 : 3), 3);
    expect_error(ErrorKind::kInvalidArgument, "no process has a validation batch that is used",
                 [&] { training.average(0, 0); });
  });
}

TEST(AParameterThatIsFrozenMeanwhile, IsRefused) {
  on_ranks(2, [](c10d::Backend* group) {
    auto network = net();
    optim::SGD sgd(network->parameters(), optim::SGDOptions(1));
    StepSettings settings;
    settings.across(ProcessGroup(group));
    Training training(network.get(), sgd, settings);
    training.agree("", false);
    network->parameters()[0].set_requires_grad(false);
    expect_error(ErrorKind::kInvalidArgument,
                 "other parameters take a gradient than at the start, which several processes cannot follow",
                 [&] { training.step(rows_of_input(0, 0, 4), rows_of_target(0, 0, 4), Loss::kMse); });
  });
}

}  // namespace
}  // namespace lrfinder
