#include "checks.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <torch/cuda.h>
#include <torch/nn/modules.h>
#include <torch/nn/utils/clip_grad.h>
#include <torch/optim.h>
#include <torch/utils.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <functional>
#include <limits>
#include <memory>
#include <random>
#include <sstream>
#include <thread>
#include <utility>

#include "cuda_library.h"
#include "loss_tracker.h"
#include "lrfinder/error.h"
#include "lrfinder/sweep.h"
#include "lrfinder/training.h"

namespace lrfinder_proof {
namespace {

namespace nn = torch::nn;
namespace optim = torch::optim;
using namespace lrfinder;

constexpr double kNever = std::numeric_limits<double>::infinity();
constexpr int kSteps = 100;
constexpr int kOnTheirWay = 4;  // steps whose loss is not known, at most

void expect(bool holds, const std::string& otherwise) {
  if (!holds) throw Failed(otherwise);
}

template <typename... Parts>
std::string text(const Parts&... parts) {
  std::ostringstream out;
  (out << ... << parts);
  return out.str();
}

// ---- What is swept

struct Optimizer {
  std::string name;
  std::function<std::unique_ptr<optim::Optimizer>(const std::vector<at::Tensor>&)> over;
};

template <typename Class, typename Options>
Optimizer optimizer(std::string name, const Options& options) {
  return {std::move(name), [options](const auto& parameters) { return std::make_unique<Class>(parameters, options); }};
}

std::vector<Optimizer> optimizers() {
  return {optimizer<optim::SGD>("SGD", optim::SGDOptions(1e-2)),
          optimizer<optim::SGD>("SGD with momentum", optim::SGDOptions(1e-2).momentum(0.9).nesterov(true)),
          optimizer<optim::Adam>("Adam", optim::AdamOptions(1e-2)),
          optimizer<optim::Adam>("Adam with amsgrad", optim::AdamOptions(1e-2).amsgrad(true).weight_decay(1e-2)),
          optimizer<optim::AdamW>("AdamW", optim::AdamWOptions(1e-2)),
          optimizer<optim::Adagrad>("Adagrad", optim::AdagradOptions(1e-2)),
          optimizer<optim::RMSprop>("RMSprop", optim::RMSpropOptions(1e-2))};
}

struct Subject {
  nn::Sequential network;
  at::Tensor inputs;
  at::Tensor targets;
  std::unique_ptr<optim::Optimizer> optimizer;

  std::pair<at::Tensor, at::Tensor> batch(int step) const {
    const int64_t from = step % 4 * 16;
    return {inputs.narrow(0, from, 16), targets.narrow(0, from, 16)};
  }

  std::vector<at::Tensor> tensors() const {
    std::vector<at::Tensor> all = network->parameters();
    for (const auto& buffer : network->buffers()) all.push_back(buffer);
    return all;
  }
};

enum class Net { kPerceptron, kDeep, kNormalized, kConvolutions };
constexpr Net kNets[] = {Net::kPerceptron, Net::kDeep, Net::kNormalized, Net::kConvolutions};

const char* name_of(Net net) {
  switch (net) {
    case Net::kPerceptron:
      return "2x32";
    case Net::kDeep:
      return "20x64";
    case Net::kNormalized:
      return "2x32 with batch norm and dropout";
    case Net::kConvolutions:
      break;
  }
  return "a CNN";
}

/// The same weights and rows on each device.
Subject subject_on(at::Device device, Net net, at::ScalarType type, const Optimizer& optimizer) {
  torch::manual_seed(7);
  Subject subject;
  auto& layers = *subject.network;
  std::vector<int64_t> sizes{64, 8};
  if (net == Net::kConvolutions) {
    sizes = {64, 1, 12, 12};
    layers.push_back(nn::Conv2d(1, 6, 3));
    layers.push_back(nn::BatchNorm2d(6));
    layers.push_back(nn::ReLU());
    layers.push_back(nn::MaxPool2d(2));
    layers.push_back(nn::Flatten());
    layers.push_back(nn::Linear(150, 3));
  } else {
    const int depth = net == Net::kDeep ? 20 : 2;
    const int width = net == Net::kDeep ? 64 : 32;
    layers.push_back(nn::Linear(8, width));
    for (int i = 1; i < depth; ++i) {
      if (net == Net::kNormalized) layers.push_back(nn::BatchNorm1d(width));
      layers.push_back(nn::ReLU());
      if (net == Net::kNormalized) layers.push_back(nn::Dropout(0.2));
      layers.push_back(nn::Linear(width, width));
    }
    layers.push_back(nn::Linear(width, 3));
  }
  subject.inputs = at::randn(sizes, type).to(device);
  subject.targets = at::randint(3, {64}, at::kLong).to(device);
  subject.network->to(device, type);
  subject.optimizer = optimizer.over(subject.network->parameters());
  return subject;
}

SweepSubject swept(const Subject& subject) {
  SweepSubject swept;
  swept.add_part(subject.network.ptr().get(), /*recorded=*/true);
  swept.add_optimizer(*subject.optimizer);
  return swept;
}

std::vector<double> rates_to(double max_lr, int steps = kSteps) {
  std::vector<double> rates;
  for (int i = 0; i < steps; ++i) rates.push_back(1e-5 * std::pow(max_lr / 1e-5, static_cast<double>(i) / (steps - 1)));
  return rates;
}

// ---- How it is swept

enum class Losses {
  kRead,  // each step's is waited for, as on the CPU
  kLate,
};

struct Curve {
  std::vector<double> losses;
  std::vector<double> smoothed;
  Outcome end = Outcome::kContinue;
  int steps = 0;  // begun
  std::string path;
  std::string path_reason;
  std::vector<at::Tensor> trained;  // the parameters before they were put back
};

const char* words(Outcome end) {
  if (end == Outcome::kDiverged) return "diverged";
  return end == Outcome::kNonFinite ? "not finite" : "completed";
}

/// Collects what a sweep finds, until its end.
class Listener {
 public:
  explicit Listener(const Sweep& sweep) : sweep_(sweep) {}

  void hear(Outcome found) {
    if (ended() || found == Outcome::kPending) return;
    curve.end = found;
    if (found == Outcome::kNonFinite) return;
    curve.losses.push_back(sweep_.running_loss().last);
    curve.smoothed.push_back(sweep_.running_loss().smoothed);
  }
  bool ended() const { return curve.end != Outcome::kContinue; }

  Curve curve;

 private:
  const Sweep& sweep_;
};

/// `step` makes one step of the sweep.
Curve curve_of(Sweep& sweep, int steps, Losses losses, const std::function<Outcome(int)>& step) {
  Listener listener(sweep);
  const auto settle = [&] {
    for (Outcome found = sweep.settle(); found != Outcome::kPending; found = sweep.settle()) {
      listener.hear(found);
      if (listener.ended()) return;
    }
  };
  while (listener.curve.steps < steps && !listener.ended()) {
    listener.hear(step(listener.curve.steps++));
    if (losses == Losses::kRead && !listener.ended()) settle();
  }
  if (!listener.ended()) settle();
  listener.curve.path = sweep.path();
  listener.curve.path_reason = sweep.path_reason();
  return listener.curve;
}

Curve curve_of(const Subject& subject, const std::vector<double>& rates, Losses losses, SweepSettings settings = {}) {
  settings.steps = static_cast<std::int64_t>(rates.size());
  Sweep sweep(swept(subject), settings);
  Curve curve = curve_of(sweep, static_cast<int>(rates.size()), losses, [&](int i) {
    const auto [input, target] = subject.batch(i);
    return sweep.step(input, target, Loss::kCrossEntropy, rates[i]);
  });
  for (const auto& parameter : subject.network->parameters()) curve.trained.push_back(parameter.detach().clone());
  sweep.restore();
  return curve;
}

// ---- What is compared

/// As bytes: what is not a number equals itself.
at::Tensor bytes_of(const at::Tensor& tensor) { return tensor.detach().contiguous().reshape({-1}).view(at::kByte); }

bool same(const std::vector<at::Tensor>& left, const std::vector<at::Tensor>& right) {
  return std::equal(left.begin(), left.end(), right.begin(), right.end(),
                    [](const auto& a, const auto& b) { return bytes_of(a).equal(bytes_of(b)); });
}

void expect_same(const Curve& expected, const Curve& actual, const std::string& what) {
  expect(expected.end == actual.end, text(what, ": ", words(actual.end), ", but was to be ", words(expected.end)));
  expect(expected.losses.size() == actual.losses.size(),
         text(what, ": ", actual.losses.size(), " points, but was to be ", expected.losses.size()));
  for (size_t i = 0; i < expected.losses.size(); ++i) {
    expect(expected.losses[i] == actual.losses[i] && expected.smoothed[i] == actual.smoothed[i],
           text(what, ": the loss of step ", i, " is ", actual.losses[i], ", but was to be ", expected.losses[i]));
  }
}

/// All that a sweep has to put back.
class Kept {
 public:
  Kept(const Subject& subject, at::Device device) : subject_(subject), device_(device), generators_(generators()) {
    for (const auto& tensor : subject.tensors()) copies_.push_back(tensor.detach().clone());
  }

  void expect_unchanged(const std::string& what) const {
    expect(same(copies_, subject_.tensors()), what + ": parameters or buffers were not put back");
    expect(same(generators_, generators()), what + ": a random number generator was not put back");
  }

 private:
  std::vector<at::Tensor> generators() const {
    std::vector<at::Tensor> states{at::globalContext().defaultGenerator(at::kCPU).get_state()};
    if (!device_.is_cpu()) states.push_back(at::globalContext().defaultGenerator(device_).get_state());
    return states;
  }

  const Subject& subject_;
  at::Device device_;
  std::vector<at::Tensor> generators_;
  std::vector<at::Tensor> copies_;
};

double deviation(double actual, double expected) {
  return std::abs(actual - expected) / std::max(std::abs(expected), 1e-12);
}

double deviation(const at::Tensor& actual, const at::Tensor& expected) {
  return ((actual - expected).abs().max() / expected.abs().max()).item<double>();
}

Optimizer adam() { return optimizers()[2]; }

std::string path_on(at::Device device) {
  const Subject subject = subject_on(device, Net::kPerceptron, at::kFloat, adam());
  const Sweep sweep(swept(subject), {});
  return text("path ", sweep.path(), sweep.path_reason().empty() ? "" : " (" + sweep.path_reason() + ")");
}

// ---- The checks

std::string put_back_and_near_the_cpu(at::Device device) {
  constexpr double kTolerance = 1e-6;  // in float64, at rates up to 1e-2: beyond, a sweep of a deep network is chaos
  double worst = 0;
  int sweeps = 0;
  int compared = 0;
  int ends = 0;
  for (const Net net : kNets) {
    for (const double max_lr : {1e-2, 1e4, 1e30}) {
      const std::string what = text(name_of(net), " to ", max_lr);
      const Subject there = subject_on(device, net, at::kDouble, adam());
      const Kept kept(there, device);
      const Curve curve = curve_of(there, rates_to(max_lr), Losses::kLate);
      kept.expect_unchanged(what);
      ++sweeps;
      if (net == Net::kNormalized) continue;  // it draws from the device's own generator
      ++compared;
      const Curve expected = curve_of(subject_on(at::kCPU, net, at::kDouble, adam()), rates_to(max_lr), Losses::kRead);
      ends += curve.end == expected.end && curve.losses.size() == expected.losses.size();
      if (max_lr > 1e-2) continue;
      expect(curve.end == expected.end && curve.losses.size() == expected.losses.size(), what + ": another end");
      for (size_t i = 0; i < expected.losses.size(); ++i) {
        worst = std::max(worst, deviation(curve.losses[i], expected.losses[i]));
      }
      expect(worst < kTolerance, text(what, ": losses are off by ", worst));
    }
  }
  return text(sweeps, " sweeps put back; losses off by ", worst, " in float64; ", ends, " of ", compared,
              " ends as on the CPU; ", path_on(device));
}

std::string late_is_immediate(at::Device device) {
  int sweeps = 0;
  int ahead = 0;
  for (const Net net : kNets) {
    for (const size_t which : {1, 2, 6}) {  // fused with and without a step count, and not fused
      for (const double max_lr : {1e-2, 1e4, 1e30}) {
        for (const double threshold : {4.0, kNever}) {
          SweepSettings settings;
          settings.early_stop_threshold = threshold;
          const auto rates = rates_to(max_lr);
          const auto make = [&] { return subject_on(device, net, at::kFloat, optimizers()[which]); };
          const Curve expected = curve_of(make(), rates, Losses::kRead, settings);
          const Curve curve = curve_of(make(), rates, Losses::kLate, settings);
          const std::string what = text(optimizers()[which].name, ", ", name_of(net), " to ", max_lr);
          expect_same(expected, curve, what);
          ahead = std::max(ahead, curve.steps - expected.steps);
          expect(ahead <= kOnTheirWay, text(what, ": ", ahead, " steps too many"));
          ++sweeps;
        }
      }
    }
  }
  return text(sweeps, " sweeps the same to the bit, at most ", ahead, " steps too many; ", path_on(device));
}

std::string a_step_does_not_wait(at::Device device) {
  if (device.is_cpu()) throw NotHere("nothing waits for the CPU");
  std::string reason;
  const auto stream = make_step_graph(device, &reason);  // here for its count alone
  if (stream == nullptr) throw NotHere("the count needs liblrfinder_cuda.so: " + reason);
  const int reads = stream->waits_in([&] { at::zeros({1}, device).item<float>(); });
  expect(reads == 1, text("the count does not work: ", reads, " waits in one read"));
  for (const double norm : {kNever, 1.0}) {
    const Subject subject = subject_on(device, Net::kNormalized, at::kFloat, adam());
    SweepSettings settings;
    settings.early_stop_threshold = kNever;
    settings.step.gradient_clip_norm = norm;
    Sweep sweep(swept(subject), settings);
    const auto steps = [&](int from, int to) {
      for (int i = from; i < to; ++i) {
        const auto [input, target] = subject.batch(i);
        sweep.step(input, target, Loss::kCrossEntropy, 1e-3);
      }
    };
    stream->on_stream([&] { steps(0, 10); });
    const int waits = stream->waits_in([&] { steps(10, 60); });
    expect(waits == 0, text(waits, " waits in 50 steps", norm < kNever ? " with clipping" : ""));
  }
  return "0 waits in 50 steps, with and without clipping";
}

/// A float32 matrix and a float64 vector: kernels have to be called for each type.
struct Mixed {
  at::Tensor matrix;
  at::Tensor vector;
  at::Tensor input;

  explicit Mixed(at::Device device) {
    torch::manual_seed(3);
    matrix = at::randn({8, 5}).to(device).requires_grad_();
    vector = at::randn({7}, at::kDouble).to(device).requires_grad_();
    input = at::randn({16, 8}).to(device);
  }
  std::vector<at::Tensor> parameters() const { return {matrix, vector}; }
  at::Tensor loss() const { return input.matmul(matrix).pow(2).mean() + (vector - 1).pow(2).mean(); }
};

/// Trains twice, by the core and by the optimizer's own step, and says how far the parameters are apart.
double trained_apart(at::Device device, const Optimizer& optimizer, const StepSettings& settings) {
  const Mixed actual(device);
  const Mixed expected(device);
  const auto ours = optimizer.over(actual.parameters());
  const auto theirs = optimizer.over(expected.parameters());
  Training training(nullptr, *ours, settings);
  for (int i = 0; i < 20; ++i) {
    training.step(actual.loss());
    theirs->zero_grad();
    expected.loss().backward();
    if (settings.gradient_clip_norm < kNever) {
      nn::utils::clip_grad_norm_(expected.parameters(), settings.gradient_clip_norm);
    }
    if (settings.gradient_clip_value < kNever) {
      nn::utils::clip_grad_value_(expected.parameters(), settings.gradient_clip_value);
    }
    theirs->step();
  }
  while (training.settle()) {
  }
  const c10::NoGradGuard no_grad;
  return std::max(deviation(actual.matrix, expected.matrix), deviation(actual.vector, expected.vector));
}

std::string updates_are_the_optimizers_own(at::Device device) {
  constexpr double kTolerance = 1e-5;
  double worst = 0;
  for (const Optimizer& optimizer : optimizers()) {
    const double apart = trained_apart(device, optimizer, {});
    expect(apart < kTolerance, text(optimizer.name, ": parameters are off by ", apart));
    worst = std::max(worst, apart);
  }
  return text(optimizers().size(), " optimizers over float32 and float64, off by ", worst, " after 20 steps");
}

std::string nothing_is_updated_after_the_end(at::Device device) {
  int sweeps = 0;
  for (const Optimizer& optimizer : optimizers()) {
    if (optimizer.name == "RMSprop") continue;  // its own step is not masked; a sweep puts its parameters back
    for (const double max_lr : {1e4, 1e30}) {
      for (const double threshold : {4.0, kNever}) {
        SweepSettings settings;
        settings.early_stop_threshold = threshold;
        const auto make = [&] { return subject_on(device, Net::kPerceptron, at::kFloat, optimizer); };
        const Curve expected = curve_of(make(), rates_to(max_lr), Losses::kRead, settings);
        const Curve curve = curve_of(make(), rates_to(max_lr), Losses::kLate, settings);
        const std::string what = text(optimizer.name, " to ", max_lr);
        expect_same(expected, curve, what);
        if (expected.end == Outcome::kContinue) continue;
        expect(same(expected.trained, curve.trained), text(what, ": parameters changed after ", words(curve.end)));
        ++sweeps;
      }
    }
  }
  return text(sweeps, " sweeps that ended early left the parameters as they were at the end");
}

std::string clipping_is_libtorchs(at::Device device) {
  constexpr double kTolerance = 1e-5;
  double worst = 0;
  for (const Optimizer& optimizer : optimizers()) {
    StepSettings by_norm;
    by_norm.gradient_clip_norm = 0.1;
    StepSettings by_value;
    by_value.gradient_clip_value = 0.01;
    for (const StepSettings& settings : {by_norm, by_value}) {
      const double apart = trained_apart(device, optimizer, settings);
      expect(apart < kTolerance, text(optimizer.name, ": parameters are off by ", apart));
      worst = std::max(worst, apart);
    }
  }
  return text("by norm and by value, ", optimizers().size(), " optimizers, off by ", worst);
}

/// Losses of a made-up sweep: falling, then maybe rising, maybe negative, maybe not finite at some step.
std::vector<double> made_losses(std::mt19937& random, int steps) {
  std::uniform_real_distribution<double> uniform(0, 1);
  const double level = uniform(random) < 0.3 ? -1 : 1;
  const double noise = 0.3 * uniform(random);
  const int turn = static_cast<int>(steps * (0.3 + uniform(random)));
  std::vector<double> losses;
  for (int i = 0; i < steps; ++i) {
    const double trend = i < turn ? 1.0 / (1 + 0.1 * i) : std::exp(0.5 * (i - turn));
    losses.push_back(level * (i < turn ? trend : level * trend) + noise * (uniform(random) - 0.5));
  }
  const double odd = uniform(random);
  const int where = static_cast<int>(steps * uniform(random));
  if (odd < 0.1) losses[where] = std::numeric_limits<double>::quiet_NaN();
  if (odd > 0.9) losses[where] = -kNever;
  if (odd > 0.4 && odd < 0.5) losses[where] = 0;
  return losses;
}

std::string the_end_is_the_hosts(at::Device device) {
  constexpr int kCurves = 200;
  constexpr int kLength = 60;
  std::mt19937 random(5);
  int ends[3] = {};
  int ahead = 0;
  for (int number = 0; number < kCurves; ++number) {
    const auto losses = made_losses(random, kLength);
    const double beta = number % 4 == 0 ? 0 : number % 4 == 1 ? 0.5 : 0.98;
    const double threshold = number % 5 == 0 ? kNever : number % 5 == 1 ? 1.1 : 4;

    Curve expected;
    LossTracker tracker(beta, threshold, kLength);
    while (expected.end == Outcome::kContinue && expected.steps < kLength) {
      const double loss = losses[expected.steps++];
      if (!std::isfinite(loss)) {
        expected.end = Outcome::kNonFinite;
        break;
      }
      if (tracker.add(loss)) expected.end = Outcome::kDiverged;
      expected.losses.push_back(loss);
      expected.smoothed.push_back(tracker.running_loss().smoothed);
    }

    const at::Tensor parameter = at::zeros({2}, at::kDouble).to(device).requires_grad_();
    const optim::SGD sgd({parameter}, optim::SGDOptions(1));
    SweepSubject subject;
    subject.add_part(static_cast<nn::Module*>(nullptr), /*recorded=*/true);
    subject.add_optimizer(sgd);
    SweepSettings settings;
    settings.steps = kLength;
    settings.smoothing_beta = beta;
    settings.early_stop_threshold = threshold;
    const at::Tensor there = at::tensor(losses, at::kDouble).to(device);
    Sweep sweep(subject, settings);
    const Curve curve = curve_of(sweep, kLength, Losses::kLate, [&](int i) {
      const at::Tensor sum = parameter.sum();
      return sweep.step((sum - sum.detach()) + there[i], 1e-3);
    });
    sweep.restore();
    expect_same(expected, curve, text("curve ", number));
    ahead = std::max(ahead, curve.steps - expected.steps);
    ++ends[static_cast<int>(expected.end)];
  }
  expect(ahead <= kOnTheirWay, text(ahead, " steps too many"));
  expect(ends[0] > 0 && ends[1] > 0 && ends[2] > 0, "the curves do not end in all ways");
  return text(kCurves, " curves: ", ends[0], " completed, ", ends[1], " diverged, ", ends[2],
              " not finite, all as the host says; at most ", ahead, " steps too many");
}

/// What graphs take for a learning rate: so the others take the same.
std::vector<double> float32(std::vector<double> rates) {
  for (double& rate : rates) rate = static_cast<float>(rate);
  return rates;
}

SweepSettings with_graphs() {
  SweepSettings settings;
  settings.step.graphs = true;
  return settings;
}

std::string graphs_are_the_steps(at::Device device) {
  constexpr int kLong = 320;  // shorter sweeps are not recorded
  if (device.is_cpu()) throw NotHere("graphs are for CUDA");
  std::string reason;
  if (make_step_graph(device, &reason) == nullptr) throw NotHere(reason);
  int sweeps = 0;
  for (const Net net : {Net::kPerceptron, Net::kDeep, Net::kConvolutions}) {
    for (const size_t which : {0, 1, 2, 4}) {
      for (const double max_lr : {1e-2, 1e4}) {
        for (const double norm : {kNever, 1.0}) {
          const std::string what = text(optimizers()[which].name, ", ", name_of(net), " to ", max_lr);
          const auto rates = float32(rates_to(max_lr, kLong));
          SweepSettings settings = with_graphs();
          settings.step.gradient_clip_norm = norm;
          const Subject subject = subject_on(device, net, at::kFloat, optimizers()[which]);
          const Kept kept(subject, device);
          nn::Sequential network = subject.network;
          const at::Tensor held = network->forward(subject.inputs).sum();  // what a user may have kept
          const Curve curve = curve_of(subject, rates, Losses::kLate, settings);
          kept.expect_unchanged(what);
          expect(curve.path == "graph", text(what, ": path ", curve.path, " (", curve.path_reason, ")"));
          settings.step.graphs = false;
          const Subject other = subject_on(device, net, at::kFloat, optimizers()[which]);
          expect_same(curve_of(other, rates, Losses::kLate, settings), curve, what);
          ++sweeps;
        }
      }
    }
  }
  return text(sweeps, " sweeps of ", kLong, " steps replayed, the same to the bit at rates of float32");
}

std::string replayed_dropout_draws_anew(at::Device device) {
  constexpr int kLong = 320;
  if (device.is_cpu()) throw NotHere("graphs are for CUDA");
  std::string reason;
  if (make_step_graph(device, &reason) == nullptr) throw NotHere(reason);
  const Subject subject = subject_on(device, Net::kNormalized, at::kFloat, adam());
  const Kept kept(subject, device);
  Sweep sweep(swept(subject), [] {
    SweepSettings settings = with_graphs();
    settings.steps = kLong;
    settings.early_stop_threshold = kNever;
    return settings;
  }());
  const Curve curve = curve_of(sweep, kLong, Losses::kLate, [&](int) {
    const auto [input, target] = subject.batch(0);
    return sweep.step(input, target, Loss::kCrossEntropy, 1e-20);  // trains nothing
  });
  sweep.restore();
  kept.expect_unchanged("with dropout");
  expect(curve.path == "graph", text("path ", curve.path, " (", curve.path_reason, ")"));
  for (int i = kLong - 20; i < kLong; ++i) {
    expect(curve.losses[i] != curve.losses[i - 1], text("steps ", i - 1, " and ", i, " have the same loss"));
  }
  return "the losses of one batch differ from replay to replay, and the generator is put back";
}

std::string graphs_train(at::Device device) {
  constexpr int kTrained = 60;
  if (device.is_cpu()) throw NotHere("graphs are for CUDA");
  std::string reason;
  if (make_step_graph(device, &reason) == nullptr) throw NotHere(reason);
  std::vector<at::Tensor> trained[2];
  std::string path;
  for (const bool graphs : {false, true}) {
    const Subject subject = subject_on(device, Net::kConvolutions, at::kFloat, adam());
    subject.optimizer->param_groups()[0].options().set_lr(static_cast<float>(1e-3));
    StepSettings settings;
    settings.graphs = graphs;
    Training training(subject.network.ptr().get(), *subject.optimizer, settings);
    for (int i = 0; i < kTrained; ++i) {
      const auto [input, target] = subject.batch(i);
      training.step(input, target, Loss::kCrossEntropy);
    }
    while (training.settle()) {
    }
    if (graphs) path = text(training.path(), training.path_reason().empty() ? "" : " (" + training.path_reason() + ")");
    trained[graphs] = subject.tensors();
  }
  expect(path.rfind("graph", 0) == 0, "path " + path);
  expect(same(trained[0], trained[1]), "what was trained differs from what is trained without graphs");
  return text(kTrained, " steps of a training, the same to the bit");
}

std::string memory_that_runs_out(at::Device device) {
  Subject subject;
  const int64_t wide = 1 << 22;  // a batch of its outputs would take 64 TiB
  subject.network->push_back(nn::Linear(1, wide));
  subject.network->to(device);
  subject.inputs = at::randn({wide, 1}).to(device);
  subject.targets = at::zeros({wide}, at::kLong).to(device);
  subject.optimizer = std::make_unique<optim::SGD>(subject.network->parameters(), optim::SGDOptions(1));
  const Kept kept(subject, device);
  std::string message;
  {
    Sweep sweep(swept(subject), {});
    try {
      sweep.step(subject.inputs, subject.targets, Loss::kCrossEntropy, 1e-3);
      throw Failed("no error");
    } catch (const Error& error) {
      expect(error.kind() == ErrorKind::kOutOfMemory, text("another error: ", error.what()));
      message = error.what();
    }
    sweep.restore();
  }
  kept.expect_unchanged("after memory ran out");
  const Curve after = curve_of(subject_on(device, Net::kPerceptron, at::kFloat, adam()), rates_to(1e-2), Losses::kLate);
  expect(after.losses.size() == kSteps, "the sweep after it did not complete");
  std::replace(message.begin(), message.end(), '\n', ' ');
  return text("put back, and a sweep after it completes; the message: ", message.substr(0, 240));
}

std::string a_snapshot_of_a_gigabyte(at::Device device) {
  using Clock = std::chrono::steady_clock;
  const int64_t size = device.is_cpu() ? 4096 : 16384;  // without a device 64 MiB show as much
  Subject subject;
  subject.network->push_back(nn::Linear(nn::LinearOptions(size, size).bias(false)));
  subject.network->to(device);
  subject.inputs = at::randn({8, size}).to(device);
  subject.targets = at::zeros({8}, at::kLong).to(device);
  subject.optimizer = std::make_unique<optim::SGD>(subject.network->parameters(), optim::SGDOptions(1));
  const Kept kept(subject, device);
  const auto finished = [&] {
    if (device.is_cuda()) torch::cuda::synchronize();
    return Clock::now();
  };
  const auto start = finished();
  Sweep sweep(swept(subject), {});
  const auto taken = finished();
  for (int i = 0; i < 3; ++i) sweep.step(subject.inputs, subject.targets, Loss::kCrossEntropy, 1);
  while (sweep.settle() != Outcome::kPending) {
  }
  const auto trained = finished();
  sweep.restore();
  const auto restored = finished();
  kept.expect_unchanged("after the sweep");
  const auto ms = [](auto from, auto to) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(to - from).count();
  };
  return text(size * size * 4 >> 20, " MiB taken in ", ms(start, taken), " ms, put back in ", ms(trained, restored),
              " ms");
}

std::string two_threads(at::Device device) {
  constexpr int kRounds = 5;
  const auto sweep = [&](Net net) {
    return curve_of(subject_on(device, net, at::kFloat, adam()), rates_to(1e4), Losses::kLate);
  };
  const Net nets[] = {Net::kPerceptron, Net::kConvolutions};
  // Made one after the other: making them draws from the one generator.
  std::vector<Subject> subjects;
  std::vector<Curve> expected;
  for (const Net net : nets) expected.push_back(sweep(net));
  for (const Net net : nets) subjects.push_back(subject_on(device, net, at::kFloat, adam()));
  std::string failures[2];
  std::vector<std::thread> threads;
  for (int i = 0; i < 2; ++i) {
    threads.emplace_back([&, i] {
      at::set_num_threads(1);  // of this thread
      try {
        for (int round = 0; round < kRounds; ++round) {
          expect_same(expected[i], curve_of(subjects[i], rates_to(1e4), Losses::kLate), text("thread ", i));
        }
      } catch (const std::exception& error) {
        failures[i] = error.what();
      }
    });
  }
  for (auto& thread : threads) thread.join();
  for (const auto& failure : failures) expect(failure.empty(), failure);
  return text("two threads of C++, ", kRounds, " sweeps each at the same time, the same to the bit as alone");
}

}  // namespace

const std::vector<Check>& checks() {
  static const std::vector<Check> all = {
      {2, "put-back", "sweeps on the device are those of the CPU; parameters, buffers and generators are put back",
       put_back_and_near_the_cpu},
      {3, "late", "late losses, to the bit those of steps that are waited for", late_is_immediate},
      {3, "waits", "a step does not wait for the device", a_step_does_not_wait},
      {4, "optimizers", "updates of mixed types are those of the optimizers' own steps",
       updates_are_the_optimizers_own},
      {4, "masked", "nothing is updated once a sweep diverged or a loss was not finite",
       nothing_is_updated_after_the_end},
      {5, "clipping", "clipping is libtorch's", clipping_is_libtorchs},
      {6, "ends", "the early stop on the device is the host's", the_end_is_the_hosts},
      {7, "graphs", "sweeps replayed as CUDA graphs, to the bit those that are not", graphs_are_the_steps},
      {7, "dropout", "a replayed step draws other random numbers", replayed_dropout_draws_anew},
      {7, "training", "trainings replayed as CUDA graphs", graphs_train},
      {8, "memory", "memory that runs out on the device", memory_that_runs_out},
      {9, "gigabyte", "a snapshot of 1 GB", a_snapshot_of_a_gigabyte},
      {11, "threads", "two threads, two sweeps", two_threads},
  };
  return all;
}

}  // namespace lrfinder_proof
