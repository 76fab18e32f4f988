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
constexpr double kMib = 1024 * 1024;

/// Of the long sweep; the short one has a fifth. The CPU's steps take longer and vary less.
int steps_on(at::Device device) { return device.is_cpu() ? 25 : 500; }

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
    settings.steps = steps_on(workload_.inputs.device());
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
  const int steps = steps_on(device);
  std::vector<double> found;
  for (int round = 0; round <= kRounds; ++round) {
    const double all = micros_of_sweep(loop, steps, device, restored);
    const double few = micros_of_sweep(loop, steps / 5, device, restored);
    if (round > 0) found.push_back((all - few) / (steps - steps / 5));  // the first warms up
  }
  std::sort(found.begin(), found.end());
  char text[32];
  std::snprintf(text, sizeof text, "%.1f", found[found.size() / 2]);
  return text;
}

std::string mebibytes_of_sweep(Loop& loop, at::Device device) {
  at::accelerator::emptyCache();
  at::accelerator::resetPeakStats(device.index());
  const auto bytes = [&] { return at::accelerator::getDeviceStats(device.index()).allocated_bytes[0]; };
  const auto before = bytes().current;
  micros_of_sweep(loop, steps_on(device) / 5, device, /*restored=*/false);
  char text[64];
  std::snprintf(text, sizeof text, "%.1f (%.1f before it)", bytes().peak / kMib, before / kMib);
  return text;
}

}  // namespace

std::string time_of(const std::string& network, at::Device device) {
  std::string memory = "-";
  const auto micros = [&](SweepLoop::Way way, const std::string& path) -> std::string {
    if (device.is_cpu() && way != SweepLoop::Way::kRead) return "-";  // there is one way on the CPU
    SweepLoop loop(workload_of(network, device), way);
    const std::string found = micros_of_step(loop, device, /*restored=*/false);
    if (way == SweepLoop::Way::kLate) memory = mebibytes_of_sweep(loop, device);
    return path.empty() || loop.path() == path ? found : "- (" + loop.path_reason() + ")";
  };
  std::string row = "| " + network;
  row += " | " + micros(SweepLoop::Way::kRead, "");
  row += " | " + micros(SweepLoop::Way::kLate, "late");
  row += " | " + micros(SweepLoop::Way::kGraph, "graph");
  row += " | " + micros_of_step(*bare_loop(workload_of(network, device)), device, /*restored=*/true);
  row += " | " + micros_of_step(*plain_loop(workload_of(network, device)), device, /*restored=*/true);
  return row + " | " + memory + " |";
}

}  // namespace lrfinder_proof
