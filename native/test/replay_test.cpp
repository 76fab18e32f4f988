#include <ATen/autocast_mode.h>
#include <ATen/ops/binary_cross_entropy_with_logits.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/mse_loss.h>
#include <ATen/ops/zeros_like.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/anomaly_mode.h>
#include <torch/library.h>
#include <torch/nn/modules.h>
#include <torch/optim.h>
#include <torch/types.h>

#include <cmath>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "lrfinder/sweep.h"
#include "lrfinder/training.h"
#include "replay_testing.h"
#include "testing.h"

namespace lrfinder {
namespace {

namespace nn = torch::nn;
namespace optim = torch::optim;

using test::expect_same_both_ways;
using test::never_stopping;
using test::normal;
using test::one_part;
using test::same_bits;
using test::settled;
using test::Subject;
using test::Trail;
using test::train;

/// With statistics and random numbers.
nn::Sequential eventful() {
  return nn::Sequential(nn::Linear(6, 8), nn::BatchNorm1d(8), nn::ReLU(), nn::Dropout(0.3), nn::Linear(8, 3));
}

Subject regression(int steps = 12) {
  Subject subject;
  subject.network = eventful;
  subject.input = [](int i) { return normal({8, 6}, at::kFloat, 100 + i); };
  subject.target = [](int i) { return normal({8, 3}, at::kFloat, 500 + i); };
  subject.steps = steps;
  return subject;
}

TEST(ReplayTest, TheFirstStepOfAShapeIsAutogradsTheSecondRecordedTheOthersReplayed) {
  EXPECT_EQ(expect_same_both_ways(regression(12)).replayed, 10);
}

TEST(ReplayTest, IsOffWhereItIsTurnedOff) {
  const auto trail = train(regression(), Replay::kNever);
  EXPECT_EQ(trail.replayed, 0);
  EXPECT_EQ(trail.reason, "replay is turned off");
}

TEST(ReplayTest, SaysWhyWhereThereWasNothingToReplay) {
  EXPECT_EQ(expect_same_both_ways(regression(1)).reason, "no two batches had the same shape");
  EXPECT_EQ(expect_same_both_ways(regression(2)).reason, "no step came after the one that was recorded");
}

TEST(ReplayTest, EachShapeOfBatchesHasItsRecording) {
  auto subject = regression(18);
  const auto rows = [](int i) { return i % 3 == 2 ? 5 : 8; };
  subject.input = [=](int i) { return normal({rows(i), 6}, at::kFloat, i); };
  subject.target = [=](int i) { return normal({rows(i), 3}, at::kFloat, 50 + i); };
  EXPECT_EQ(expect_same_both_ways(subject).replayed, 14);
}

TEST(ReplayTest, MoreShapesThanRecordingsAreKeptAreComputedAllTheSame) {
  auto subject = regression(80);
  subject.input = [=](int i) { return normal({2 + i % 20, 6}, at::kFloat, i); };
  subject.target = [=](int i) { return normal({2 + i % 20, 3}, at::kFloat, 500 + i); };
  expect_same_both_ways(subject);
}

TEST(ReplayTest, BatchesWithOtherStridesHaveTheirOwn) {
  auto subject = regression();
  subject.input = [](int i) {
    const auto input = normal({8, 6}, at::kFloat, i);
    return i % 3 == 2 ? input.t().contiguous().t() : input;
  };
  EXPECT_EQ(expect_same_both_ways(subject).replayed, 9);
}

TEST(ReplayTest, BatchesThatAreViewsOfOtherPlacesAreReplayed) {
  auto subject = regression();
  const auto data = normal({96, 6}, at::kFloat, 1);
  subject.input = [=](int i) { return data.narrow(0, 8 * (i % 12), 8); };
  EXPECT_EQ(expect_same_both_ways(subject).replayed, 10);
}

TEST(ReplayTest, ATargetThatIsTheInputIsNotTakenForAnother) {
  auto subject = regression();
  subject.network = [] { return nn::Sequential(nn::Linear(6, 4), nn::Tanh(), nn::Linear(4, 6)); };
  const auto data = normal({8, 6}, at::kFloat, 1);
  subject.input = [=](int) { return data; };
  subject.target = [=](int i) { return i < 6 ? data : i < 9 ? data.view({8, 6}) : normal({8, 6}, at::kFloat, i); };
  expect_same_both_ways(subject);
}

TEST(ReplayTest, TrainAndEvalModesHaveTheirOwnRecordings) {
  auto subject = regression();
  subject.before = [](int i, nn::SequentialImpl& net) { net.train(i < 4 || i >= 8); };
  EXPECT_EQ(expect_same_both_ways(subject).replayed, 9);
  subject.before = [](int i, nn::SequentialImpl& net) { net[3]->train(i < 4 || i >= 8); };
  EXPECT_EQ(expect_same_both_ways(subject).replayed, 9);
}

TEST(ReplayTest, AParameterThatIsFrozenMeanwhileGetsNoGradient) {
  auto subject = regression();
  subject.before = [](int i, nn::SequentialImpl& net) { net.parameters()[0].requires_grad_(i < 4 || i >= 8); };
  EXPECT_EQ(expect_same_both_ways(subject).replayed, 9);
}

TEST(ReplayTest, AParameterOrBufferThatIsGivenOtherMemoryIsReadThere) {
  auto subject = regression();
  subject.before = [](int i, nn::SequentialImpl& net) {
    const c10::NoGradGuard no_grad;
    if (i == 5) net.parameters()[0].set_data(normal({8, 6}, at::kFloat, 9));
    if (i == 8) net.buffers()[0].set_data(normal({8}, at::kFloat, 9));
  };
  EXPECT_EQ(expect_same_both_ways(subject).replayed, 8);
}

TEST(ReplayTest, WhatIsWrittenIntoAParameterIsRead) {
  auto subject = regression();
  subject.before = [](int i, nn::SequentialImpl& net) {
    const c10::NoGradGuard no_grad;
    if (i == 5) net.parameters()[0].copy_(normal({8, 6}, at::kFloat, 9));
  };
  EXPECT_EQ(expect_same_both_ways(subject).replayed, 10);
}

TEST(ReplayTest, AnOptionThatIsChangedIsHeeded) {
  auto subject = regression();
  subject.before = [](int i, nn::SequentialImpl& net) {
    if (i == 4) net.ptr(3)->as<nn::DropoutImpl>()->options.p(0.6);
    if (i == 8) net.ptr(1)->as<nn::BatchNorm1dImpl>()->options.eps(0.1);
  };
  EXPECT_EQ(expect_same_both_ways(subject).replayed, 8);
}

TEST(ReplayTest, ALayerThatIsAddedIsForwarded) {
  auto subject = regression();
  subject.before = [](int i, nn::SequentialImpl& net) {
    if (i == 6) net.push_back(nn::Tanh());
  };
  EXPECT_EQ(expect_same_both_ways(subject).replayed, 9);
}

TEST(ReplayTest, HooksOfParametersAreCalled) {
  int calls = 0;
  auto subject = regression();
  subject.before = [&](int i, nn::SequentialImpl& net) {
    if (i == 6) net.parameters()[0].register_hook([&calls](const at::Tensor&) { ++calls; });
  };
  const auto trail = expect_same_both_ways(subject);
  EXPECT_EQ(trail.replayed, 4);
  EXPECT_EQ(calls, 12);  // six steps of each training
}

TEST(ReplayTest, NotANumberPassesAsItDoesThroughAutograd) {
  auto subject = regression();
  subject.input = [](int i) {
    auto input = normal({8, 6}, at::kFloat, i);
    if (i >= 6) input[0][0] = std::nan("");
    return input;
  };
  EXPECT_EQ(expect_same_both_ways(subject).replayed, 10);
}

TEST(ReplayTest, AnErrorInAReplayedStepLeavesTheParametersAlone) {
  auto net = eventful();
  optim::SGD sgd(net->parameters(), optim::SGDOptions(0.1));
  Training training(net.get(), sgd, {});
  const auto input = normal({8, 6}, at::kFloat, 1);
  const auto target = at::zeros({8}, at::kLong);
  for (int i = 0; i < 4; ++i) training.step(input, target, Loss::kCrossEntropy);
  EXPECT_EQ(training.replayed_steps(), 2);
  const auto before = net->parameters()[0].detach().clone();
  EXPECT_THROW(training.step(input, at::full({8}, 16, at::kLong), Loss::kCrossEntropy), Error);
  EXPECT_TRUE(same_bits(net->parameters()[0], before));
  EXPECT_FALSE(net->parameters()[0].grad().defined());
  training.step(input, target, Loss::kCrossEntropy);
  EXPECT_EQ(training.replayed_steps(), 3);
}

TEST(ReplayTest, FrozenAndTiedParametersAreReplayed) {
  auto subject = regression();
  subject.network = [] {
    const nn::Linear twice(6, 6);
    nn::Sequential net(twice, nn::Tanh(), twice, nn::Linear(6, 3), nn::Linear(3, 3));
    net->parameters()[2].requires_grad_(false);
    return net;
  };
  EXPECT_EQ(expect_same_both_ways(subject).replayed, 10);
}

TEST(ReplayTest, AGradientThatSomebodyKeepsStaysAsItWas) {
  std::vector<at::Tensor> kept;
  std::vector<at::Tensor> copies;
  auto subject = regression();
  subject.step.accumulate_grad_batches = 2;
  subject.before = [&](int i, nn::SequentialImpl& net) {
    if (i % 2 == 0) return;
    kept.push_back(i % 4 == 1 ? net.parameters()[0].grad().detach() : net.parameters()[4].grad().view({-1}));
    copies.push_back(kept.back().clone());
    for (auto& parameter : net.parameters()) parameter.mutable_grad() = parameter.grad().clone();
  };
  EXPECT_GT(expect_same_both_ways(subject).replayed, 8);
  for (size_t i = 0; i < kept.size(); ++i) EXPECT_TRUE(same_bits(kept[i], copies[i])) << i;
}

TEST(ReplayTest, WhatWatchesAutogradSeesIt) {
  auto subject = regression();
  subject.before = [](int i, auto&) {
    torch::autograd::AnomalyMode::set_enabled(i >= 4 && i < 8, /*check_nan=*/false);
  };
  EXPECT_EQ(expect_same_both_ways(subject).replayed, 6);
  torch::autograd::AnomalyMode::set_enabled(false, false);
}

TEST(ReplayTest, AutocastThatSomebodyTurnsOnIsHeeded) {
  auto subject = regression();
  subject.before = [](int i, auto&) {
    at::autocast::set_autocast_enabled(at::kCPU, i >= 4 && i < 8);
    at::autocast::clear_cache();
  };
  EXPECT_EQ(expect_same_both_ways(subject).replayed, 9);
  at::autocast::set_autocast_enabled(at::kCPU, false);
}

/// In a process of its own: a fallback is registered once.
TEST(ReplayDeathTest, AnotherRecorderInTheProcessTurnsReplayOff) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto beside_another = [] {
    torch::Library other(torch::Library::IMPL, "_", c10::DispatchKey::Fake, __FILE__, __LINE__);
    other.fallback(torch::CppFunction::makeFallthrough());
    const auto trail = expect_same_both_ways(regression());
    const bool off = trail.replayed == 0 && trail.reason.find("records operators in this process") != std::string::npos;
    std::exit(off && !::testing::Test::HasFailure() ? 0 : 1);
  };
  EXPECT_EXIT(beside_another(), ::testing::ExitedWithCode(0), "");
}

// What is refused.

/// Does what Tanh does, in a class that nobody knows.
struct OwnLayerImpl : nn::Module {
  at::Tensor forward(const at::Tensor& input) { return input.tanh(); }
};
TORCH_MODULE(OwnLayer);

TEST(ReplayTest, ALayerThatIsNotKnownIsNot) {
  auto subject = regression();
  subject.network = [] { return nn::Sequential(nn::Linear(6, 3), OwnLayer()); };
  const auto trail = expect_same_both_ways(subject);
  EXPECT_EQ(trail.replayed, 0);
  EXPECT_NE(trail.reason.find("OwnLayerImpl, which is not known to do the same for every batch"), std::string::npos)
      << trail.reason;
  EXPECT_EQ(expect_same_both_ways(subject, Replay::kDeclaredStatic).replayed, 9);  // one more is compared
}

/// A known layer's subclass may do anything.
struct OwnTanhImpl : nn::TanhImpl {};
TORCH_MODULE(OwnTanh);

TEST(ReplayTest, ASubclassOfAKnownLayerIsNot) {
  auto subject = regression();
  subject.network = [] { return nn::Sequential(nn::Linear(6, 3), OwnTanh()); };
  EXPECT_EQ(expect_same_both_ways(subject).replayed, 0);
}

TEST(ReplayTest, AFactorThatTheHostReadsIsNot) {
  auto subject = regression();
  subject.network = [] {
    return nn::Sequential(nn::Linear(6, 3), nn::BatchNorm1d(nn::BatchNorm1dOptions(3).momentum(std::nullopt)));
  };
  const auto trail = expect_same_both_ways(subject);
  EXPECT_EQ(trail.replayed, 0);
  EXPECT_EQ(trail.reason, "what the step does depends on values: aten::_local_scalar_dense");
}

TEST(ReplayTest, ASparseGradientIsNot) {
  nn::Sequential net(nn::Embedding(nn::EmbeddingOptions(9, 4).sparse(true)), nn::Flatten(), nn::Linear(20, 3));
  optim::SGD sgd(net->parameters(), optim::SGDOptions(0.1));
  Training training(net.get(), sgd, {});
  for (int i = 0; i < 6; ++i) {
    training.step(at::ones({6, 5}, at::kLong), normal({6, 3}, at::kFloat, i), Loss::kMse);
  }
  EXPECT_EQ(training.replayed_steps(), 0);
  EXPECT_EQ(training.not_replayed_because(), "a gradient is sparse");
}

// Losses of the caller.

using LossFunction = std::function<at::Tensor(nn::SequentialImpl&, const at::Tensor&, const at::Tensor&)>;

struct Curve {
  std::vector<double> losses;
  std::vector<at::Tensor> tensors;  // parameters and buffers after the last step
  std::int64_t replayed = 0;
  std::string reason;
};

/// A sweep over the caller's losses.
Curve sweep(Replay replay, const LossFunction& loss, int steps = 14, int accumulate = 1) {
  torch::manual_seed(1);
  auto net = eventful();
  optim::Adam adam(net->parameters(), optim::AdamOptions(1));
  auto settings = never_stopping();
  settings.step.replay = replay;
  settings.step.accumulate_grad_batches = accumulate;
  torch::manual_seed(7);
  Sweep sweep(one_part(net.get(), adam), settings);
  Curve curve;
  for (int i = 0; i < steps; ++i) {
    const double lr = 1e-4 * std::pow(1.5, i);
    for (int k = 0; k < accumulate; ++k) {
      const auto input = normal({8, 6}, at::kFloat, 10 * i + k);
      const auto target = normal({8, 3}, at::kFloat, 700 + 10 * i + k);
      const bool last = k + 1 == accumulate;
      if (sweep.replay(input, target)) {
        if (last) sweep.finish(lr);
        continue;
      }
      const auto computed = loss(*net, input, target);
      if (last) {
        sweep.step(computed, lr);
      } else {
        sweep.accumulate(computed);
      }
    }
    curve.losses.push_back(sweep.running_loss().last);
  }
  for (const auto& parameter : net->parameters()) curve.tensors.push_back(parameter.detach().clone());
  for (const auto& buffer : net->buffers()) curve.tensors.push_back(buffer.clone());
  curve.replayed = sweep.replayed_steps();
  curve.reason = sweep.not_replayed_because();
  return curve;
}

/// `make` is called for each sweep: what a loss keeps begins anew.
Curve expect_same_sweeps(const std::function<LossFunction()>& make, int accumulate = 1) {
  const auto expected = sweep(Replay::kNever, make(), 14, accumulate);
  auto curve = sweep(Replay::kDeclaredStatic, make(), 14, accumulate);
  EXPECT_EQ(curve.losses, expected.losses);
  for (size_t i = 0; i < expected.tensors.size(); ++i) {
    EXPECT_TRUE(same_bits(curve.tensors[i], expected.tensors[i])) << i;
  }
  EXPECT_EQ(expected.replayed, 0);
  return curve;
}

at::Tensor own_loss(nn::SequentialImpl& net, const at::Tensor& input, const at::Tensor& target) {
  auto loss = at::mse_loss(net.forward(input), target);
  for (const auto& parameter : net.parameters()) loss = loss + 1e-3 * parameter.pow(2).sum();
  return loss;
}

TEST(ReplayTest, ACallersLossIsAutogradsUntilItIsDeclaredStatic) {
  const auto curve = sweep(Replay::kKnownModels, own_loss);
  EXPECT_EQ(curve.replayed, 0);
}

TEST(ReplayTest, ACallersLossThatIsDeclaredStaticIsReplayed) {
  int calls = 0;
  const auto counting = [&] {
    return LossFunction([&](auto& net, const auto& input, const auto& target) {
      ++calls;
      return own_loss(net, input, target);
    });
  };
  const auto curve = expect_same_sweeps(counting);
  EXPECT_EQ(curve.replayed, 11) << curve.reason;  // of 14: one by autograd, one recorded, one compared
  EXPECT_EQ(calls, 14 + 3);
  EXPECT_EQ(expect_same_sweeps(counting, 3).replayed, 13);
}

TEST(ReplayTest, ADeclaredLossMayReadATensorThatStaysTheSame) {
  const auto weighted = [] {
    const auto weights = normal({1}, at::kFloat, 5).abs().expand({3});  // that could not be written
    return LossFunction([weights](auto& net, const auto& input, const auto& target) {
      return ((net.forward(input) - target).pow(2) * weights).mean();
    });
  };
  EXPECT_EQ(expect_same_sweeps(weighted).replayed, 11);
}

TEST(ReplayTest, ABranchOnAHostCounterIsFoundOut) {
  const auto counting = [] {
    return LossFunction([calls = 0](auto& net, const auto& input, const auto& target) mutable {
      const auto loss = at::mse_loss(net.forward(input), target);
      return calls++ % 2 == 0 ? loss : loss * 2;
    });
  };
  const auto curve = expect_same_sweeps(counting);
  EXPECT_EQ(curve.replayed, 0);
  EXPECT_EQ(curve.reason, "a replayed step was not autograd's, the loss differed: the model is not static");
}

TEST(ReplayTest, NumbersThatTheHostMakesAnewAreFoundOut) {
  const auto scaled = [] {
    return LossFunction([step = 1.0F](auto& net, const auto& input, const auto& target) mutable {
      return at::mse_loss(net.forward(input), target) * torch::tensor({step += 1}).sum();
    });
  };
  const auto curve = expect_same_sweeps(scaled);
  EXPECT_EQ(curve.replayed, 0);
}

TEST(ReplayTest, MemoryThatTheHostFillsIsRefused) {
  const auto masked = [] {
    return LossFunction([step = 0](auto& net, const auto& input, const auto& target) mutable {
      const auto mask = at::empty({8, 3});
      for (int i = 0; i < 24; ++i) mask.data_ptr<float>()[i] = (i + step) % 2;
      ++step;
      return at::mse_loss(net.forward(input) * mask, target);
    });
  };
  const auto curve = expect_same_sweeps(masked);
  EXPECT_EQ(curve.replayed, 0);
  EXPECT_EQ(curve.reason, "the step reads memory that the host filled: aten::mul");
}

TEST(ReplayTest, AValueThatTheHostReadsIsRefused) {
  const auto reading = [] {
    return LossFunction([](auto& net, const auto& input, const auto& target) {
      const auto loss = at::mse_loss(net.forward(input), target);
      return loss.template item<double>() > 0 ? loss : -loss;
    });
  };
  EXPECT_EQ(expect_same_sweeps(reading).reason, "what the step does depends on values: aten::_local_scalar_dense");
}

TEST(ReplayTest, ATensorMayChangeItsShapeInPlaceIfNobodyElseHasIt) {
  const auto turning = [](bool shared) {
    return [=] {
      return LossFunction([=](auto& net, const auto& input, const auto& target) {
        const auto output = net.forward(input) * 1;
        auto turned = shared ? output.alias() : output;
        turned.t_();
        return at::mse_loss(turned, target.t()) + output.sum(0).pow(2).sum() * 1e-3;
      });
    };
  };
  EXPECT_EQ(expect_same_sweeps(turning(false)).replayed, 11);
  const auto curve = expect_same_sweeps(turning(true));
  EXPECT_EQ(curve.replayed, 0);
  EXPECT_EQ(curve.reason, "the step changes the shape of a tensor in place that others have, too: aten::t_");
}

TEST(ReplayTest, ARecurrentNetworkThatTurnsItsBatchesIsReplayed) {
  const auto recurrent = [](Replay replay, std::int64_t* replayed) {
    torch::manual_seed(1);
    nn::GRU gru(nn::GRUOptions(6, 4).bidirectional(true).batch_first(true));
    optim::Adam adam(gru->parameters(), optim::AdamOptions(1e-2));
    StepSettings step;
    step.replay = replay;
    Training training(gru.get(), adam, step);
    std::vector<double> losses;
    for (int i = 0; i < 10; ++i) {
      const auto input = normal({5, 7, 6}, at::kFloat, i);
      const auto target = normal({5, 7, 8}, at::kFloat, 60 + i);
      if (training.replay(input, target)) {
        losses.push_back(settled(training, training.finish()));
      } else {
        losses.push_back(settled(training, training.step(at::mse_loss(std::get<0>(gru->forward(input)), target))));
      }
    }
    *replayed = training.replayed_steps();
    return losses;
  };
  std::int64_t replayed = 0;
  const auto expected = recurrent(Replay::kNever, &replayed);
  EXPECT_EQ(recurrent(Replay::kDeclaredStatic, &replayed), expected);
  EXPECT_EQ(replayed, 7);
}

TEST(ReplayTest, AGradientOfATensorThatNobodyKnowsIsRefused) {
  const auto scaled = [] {
    const auto scale = normal({3}, at::kFloat, 5).requires_grad_();
    return LossFunction([scale](auto& net, const auto& input, const auto& target) {
      return at::mse_loss(net.forward(input) * scale, target);
    });
  };
  EXPECT_EQ(expect_same_sweeps(scaled).reason, "the step has a parameter that is in no network and no optimizer");
}

TEST(ReplayTest, ALossThatFailsEndsItsRecording) {
  auto net = eventful();
  optim::SGD sgd(net->parameters(), optim::SGDOptions(1));
  auto settings = never_stopping();
  settings.step.replay = Replay::kDeclaredStatic;
  Sweep sweep(one_part(net.get(), sgd), settings);
  const auto input = normal({8, 6}, at::kFloat, 1);
  const auto target = normal({8, 3}, at::kFloat, 2);
  for (int i = 0; i < 2; ++i) {
    ASSERT_FALSE(sweep.replay(input, target));
    sweep.abandon();
    EXPECT_FALSE(c10::impl::tls_is_dispatch_key_included(c10::DispatchKey::Fake));
  }
  for (int i = 0; i < 2; ++i) {
    ASSERT_FALSE(sweep.replay(input, target));
    sweep.step(own_loss(*net, input, target), 1e-3);
  }
  ASSERT_TRUE(sweep.replay(input, target));
  sweep.finish(1e-3);
}

TEST(ReplayTest, ALossThatIsRefusedEndsItsRecording) {
  auto net = eventful();
  optim::SGD sgd(net->parameters(), optim::SGDOptions(1));
  StepSettings step;
  step.replay = Replay::kDeclaredStatic;
  Training training(net.get(), sgd, step);
  const auto input = normal({8, 6}, at::kFloat, 1);
  for (int i = 0; i < 3; ++i) {
    ASSERT_FALSE(training.replay(input, input));
    EXPECT_THROW(training.step(net->forward(input)), Error);
    EXPECT_FALSE(c10::impl::tls_is_dispatch_key_included(c10::DispatchKey::Fake));
  }
}

TEST(ReplayTest, PartsThatTakeTurnsAreReplayed) {
  const auto gan = [](Replay replay, std::int64_t* replayed) {
    torch::manual_seed(1);
    nn::Sequential generator(nn::Linear(4, 8), nn::ReLU(), nn::Linear(8, 6));
    nn::Sequential critic(nn::Linear(6, 8), nn::LeakyReLU(), nn::Linear(8, 1));
    optim::Adam generators(generator->parameters(), optim::AdamOptions(1));
    optim::Adam critics(critic->parameters(), optim::AdamOptions(1));
    SweepSubject subject;
    subject.add_part(critic.get(), /*recorded=*/true);
    subject.add_optimizer(critics);
    subject.add_part(generator.get(), /*recorded=*/true);
    subject.add_optimizer(generators);
    auto settings = never_stopping();
    settings.step.replay = replay;
    Sweep sweep(subject, settings);
    std::vector<double> losses;
    for (int i = 0; i < 10; ++i) {
      const auto noise = normal({8, 4}, at::kFloat, i);
      const auto real = normal({8, 6}, at::kFloat, 80 + i);
      const double lr = 1e-3 * (i + 1);
      const auto judge = [&](const at::Tensor& samples, double truth) {
        const auto verdict = critic->forward(samples);
        return at::binary_cross_entropy_with_logits(verdict, at::zeros_like(verdict) + truth);
      };
      if (sweep.replay(noise, real, 0)) {
        sweep.finish(lr, 0);
      } else {
        sweep.step(judge(real, 1) + judge(generator->forward(noise).detach(), 0), lr, 0);
      }
      if (sweep.replay(noise, real, 1)) {
        sweep.finish(lr, 1);
      } else {
        sweep.step(judge(generator->forward(noise), 1), lr, 1);
      }
      losses.push_back(sweep.running_loss().last);
    }
    *replayed = sweep.replayed_steps();
    return losses;
  };
  std::int64_t replayed = 0;
  const auto expected = gan(Replay::kNever, &replayed);
  EXPECT_EQ(gan(Replay::kDeclaredStatic, &replayed), expected);
  EXPECT_EQ(replayed, 7);
}

// TorchScript.

Curve script_sweep(
    const std::string& forward, Replay replay,
    const std::function<void(int, torch::jit::Module&)>& before = [](int, auto&) {}) {
  torch::manual_seed(1);
  torch::jit::Module module("Script");
  module.register_parameter("weight", test::normal_parameter({6, 3}, at::kFloat, 1), /*is_buffer=*/false);
  module.register_buffer("scale", at::ones({3}));
  module.register_attribute("rate", c10::FloatType::get(), 0.5);
  module.register_attribute("on", c10::BoolType::get(), true);
  module.define(forward);
  std::vector<at::Tensor> parameters;
  for (const auto& parameter : module.parameters()) parameters.push_back(parameter);
  optim::Adam adam(parameters, optim::AdamOptions(1));
  SweepSubject subject;
  subject.add_part(module, /*recorded=*/true);
  subject.add_optimizer(adam);
  auto settings = never_stopping();
  settings.step.replay = replay;
  Sweep sweep(subject, settings);
  Curve curve;
  for (int i = 0; i < 10; ++i) {
    before(i, module);
    sweep.step(normal({8, 6}, at::kFloat, i), normal({8, 3}, at::kFloat, 50 + i), Loss::kMse, 1e-3 * (i + 1));
    curve.losses.push_back(sweep.running_loss().last);
  }
  curve.replayed = sweep.replayed_steps();
  curve.reason = sweep.not_replayed_because();
  return curve;
}

constexpr const char* kStraight = R"(
    def forward(self, x):
        self.scale.mul_(1.01)
        return torch.dropout(torch.mm(x, self.weight), self.rate, self.on) * self.scale
)";

TEST(ReplayTest, TorchScriptWithoutABranchIsReplayed) {
  const auto curve = script_sweep(kStraight, Replay::kKnownModels);
  EXPECT_EQ(curve.losses, script_sweep(kStraight, Replay::kNever).losses);
  EXPECT_EQ(curve.replayed, 8) << curve.reason;
}

TEST(ReplayTest, AnAttributeOfTorchScriptThatIsChangedIsHeeded) {
  const auto change = [](int i, torch::jit::Module& module) {
    if (i == 4) module.setattr("rate", 0.1);
    if (i == 7) module.setattr("on", false);
  };
  const auto curve = script_sweep(kStraight, Replay::kKnownModels, change);
  EXPECT_EQ(curve.losses, script_sweep(kStraight, Replay::kNever, change).losses);
  EXPECT_EQ(curve.replayed, 6);
}

TEST(ReplayTest, TorchScriptWithABranchIsReplayedWhereItIsDeclaredStatic) {
  constexpr const char* kBranch = R"(
    def forward(self, x):
        if self.on:
            x = x * 2
        return torch.mm(x, self.weight)
)";
  const auto known = script_sweep(kBranch, Replay::kKnownModels);
  EXPECT_EQ(known.replayed, 0);
  EXPECT_EQ(known.reason, "the TorchScript module's graph has a prim::If");
  const auto declared = script_sweep(kBranch, Replay::kDeclaredStatic);
  EXPECT_EQ(declared.losses, known.losses);
  EXPECT_EQ(declared.replayed, 7);
}

// What a comparison costs.

Curve declared_sweep(std::int64_t width, int steps) {
  auto matrix = test::normal_parameter({width, 1024}, at::kFloat, 1);
  optim::SGD sgd({matrix}, optim::SGDOptions(1));
  SweepSubject subject;
  subject.add_part(nullptr, /*recorded=*/true);
  subject.add_optimizer(sgd);
  auto settings = never_stopping();
  settings.step.replay = Replay::kDeclaredStatic;
  Sweep sweep(subject, settings);
  for (int i = 0; i < steps; ++i) {
    const auto input = normal({2, width}, at::kFloat, i);
    if (sweep.replay(input, input, 0)) {
      sweep.finish(1e-6, 0);
    } else {
      sweep.step(input.mm(matrix).square().mean(), 1e-6, 0);
    }
  }
  Curve curve;
  curve.replayed = sweep.replayed_steps();
  curve.reason = sweep.not_replayed_because();
  return curve;
}

TEST(ReplayTest, AStepOfALargeNetworkIsComparedOnlyWhereThatPays) {
  EXPECT_EQ(declared_sweep(1023, 23).replayed, 20);
  EXPECT_EQ(declared_sweep(1024, 23).replayed, 2);
  const auto none = declared_sweep(1024, 10);
  EXPECT_EQ(none.replayed, 0);
  EXPECT_EQ(none.reason,
            "steps of a large network that was declared static are recorded when a batch's shape comes for the 20th "
            "time");
}

}  // namespace
}  // namespace lrfinder
