#include "times.h"

#include <ATen/DeviceAccelerator.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/randn.h>
#include <torch/cuda.h>
#include <torch/optim/adam.h>
#include <torch/utils.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <limits>
#include <memory>
#include <vector>

#include "loops.h"
#include "lrfinder/sweep.h"

namespace lrfinder_proof {
namespace {

using lrfinder_benchmarks::Loop;
using lrfinder_benchmarks::Workload;

constexpr int kRounds = 5;
constexpr int kBatches = 64;
constexpr int kBatchSize = 32;
constexpr int kSteps = 500;  // of the long sweep; the short one has a fifth
constexpr double kMib = 1024 * 1024;

/// The library's own sweep, over the batches of the other loops.
class SweepLoop : public Loop {
 public:
  enum class Way {
    kRead,  ///< waits for each loss
    kLate,
    kGraph,
  };

  SweepLoop(Workload workload, Way way) : Loop(std::move(workload)), way_(way) {}

  /// Of the last sweep, and why it is not a faster one.
  const std::string& path() const { return path_; }
  const std::string& path_reason() const { return path_reason_; }

 protected:
  void start() override {
    optimizer_ = std::make_unique<torch::optim::Adam>(workload_.network.module->parameters());
    lrfinder::SweepSubject subject;
    subject.add_part(workload_.network.module.get(), /*recorded=*/true);
    subject.add_optimizer(*optimizer_);
    lrfinder::SweepSettings settings;
    settings.steps = kSteps;
    settings.early_stop_threshold = std::numeric_limits<double>::infinity();
    settings.step.graphs = way_ == Way::kGraph;
    sweep_ = std::make_unique<lrfinder::Sweep>(subject, settings);
  }

  double step(const at::Tensor& input, const at::Tensor& target, double lr) override {
    sweep_->step(input, target, lrfinder::Loss::kCrossEntropy, lr);
    if (way_ == Way::kRead) sweep_->settle();
    return sweep_->running_loss().last;
  }

  void finish(std::vector<double>&) override {
    while (sweep_->settle() != lrfinder::Outcome::kPending) {
    }
    path_ = sweep_->path();
    path_reason_ = sweep_->path_reason();
    sweep_->restore();
  }

 private:
  Way way_;
  std::string path_;
  std::string path_reason_;
  std::unique_ptr<torch::optim::Adam> optimizer_;
  std::unique_ptr<lrfinder::Sweep> sweep_;
};

Workload workload_of(const std::string& network, at::Device device) {
  torch::manual_seed(1);
  Workload workload{lrfinder_benchmarks::network_of(network), "adam", {}, {}, kBatchSize, /*shuffled=*/false};
  workload.network.module->to(device);
  std::vector<int64_t> sizes{kBatches * kBatchSize};
  if (network == "cnn-28x28") {
    sizes.insert(sizes.end(), {1, 28, 28});
  } else {
    sizes.push_back(64);
  }
  workload.inputs = at::randn(sizes).to(device);
  workload.targets = at::randint(10, {kBatches * kBatchSize}, at::kLong).to(device);
  return workload;
}

double micros_of_sweep(Loop& loop, int steps, at::Device device, bool restored) {
  std::vector<double> rates;
  for (int i = 0; i < steps; ++i) rates.push_back(1e-8 * std::pow(1e6, static_cast<double>(i) / (steps - 1)));
  const auto start = std::chrono::steady_clock::now();
  loop.run(rates, restored);
  if (device.is_cuda()) torch::cuda::synchronize();
  return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start).count();
}

/// What a whole sweep takes longer than a short one, a step: the median of some rounds.
std::string micros_of_step(Loop& loop, at::Device device, bool restored) {
  std::vector<double> found;
  for (int round = 0; round <= kRounds; ++round) {
    const double all = micros_of_sweep(loop, kSteps, device, restored);
    const double few = micros_of_sweep(loop, kSteps / 5, device, restored);
    if (round > 0) found.push_back((all - few) / (kSteps - kSteps / 5));  // the first warms up
  }
  std::sort(found.begin(), found.end());
  char text[32];
  std::snprintf(text, sizeof text, "%.1f", found[found.size() / 2]);
  return text;
}

std::string mebibytes_of_sweep(Loop& loop, at::Device device) {
  if (device.is_cpu()) return "-";
  at::accelerator::emptyCache();
  at::accelerator::resetPeakStats(device.index());
  const auto bytes = [&] { return at::accelerator::getDeviceStats(device.index()).allocated_bytes[0]; };
  const auto before = bytes().current;
  micros_of_sweep(loop, kSteps / 5, device, /*restored=*/false);
  char text[64];
  std::snprintf(text, sizeof text, "%.1f (%.1f before it)", bytes().peak / kMib, before / kMib);
  return text;
}

}  // namespace

std::string time_of(const std::string& network, at::Device device) {
  std::string row = "| " + network;
  SweepLoop read(workload_of(network, device), SweepLoop::Way::kRead);
  row += " | " + micros_of_step(read, device, /*restored=*/false);
  SweepLoop late(workload_of(network, device), SweepLoop::Way::kLate);
  const std::string late_micros = micros_of_step(late, device, /*restored=*/false);
  row += " | " + (late.path() == "late" ? late_micros : "-");
  SweepLoop graph(workload_of(network, device), SweepLoop::Way::kGraph);
  const std::string graph_micros = micros_of_step(graph, device, /*restored=*/false);
  row += " | " + (graph.path() == "graph" ? graph_micros : "- (" + graph.path_reason() + ")");
  row += " | " + micros_of_step(*bare_loop(workload_of(network, device)), device, /*restored=*/true);
  row += " | " + micros_of_step(*plain_loop(workload_of(network, device)), device, /*restored=*/true);
  return row + " | " + mebibytes_of_sweep(late, device) + " |";
}

}  // namespace lrfinder_proof
