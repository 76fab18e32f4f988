#include "graphed_step.h"

#include <ATen/SavedTensorHooks.h>
#include <ATen/autocast_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_strided.h>
#include <c10/core/GradMode.h>
#include <c10/core/InferenceMode.h>
#include <torch/csrc/autograd/anomaly_mode.h>

#include <algorithm>
#include <utility>

#include "cuda_library.h"
#include "micro_batches.h"

namespace lrfinder {
namespace {

// Before one is recorded: libraries choose and load their kernels, and a first update makes an optimizer's state.
constexpr int kStepsBefore = 3;

bool plain(const at::Tensor& tensor) {
  return tensor.defined() && tensor.layout() == at::kStrided && tensor.is_non_overlapping_and_dense() &&
         !tensor.requires_grad() && !tensor.is_conj() && !tensor.is_neg();
}

/// Whether `tensor` can be copied to where a recorded step reads another of its kind.
bool fits(const at::Tensor& place, const at::Tensor& tensor) {
  return place.defined() && plain(tensor) && tensor.device() == place.device() &&
         tensor.scalar_type() == place.scalar_type() && tensor.sizes() == place.sizes() &&
         tensor.strides() == place.strides();
}

bool fits(const MicroBatch& place, const MicroBatch& batch) {
  return place.loss == batch.loss && fits(place.input, batch.input) && fits(place.target, batch.target);
}

at::Tensor place_for(const at::Tensor& tensor) {
  return at::empty_strided(tensor.sizes(), tensor.strides(), tensor.options());
}

void fill(const MicroBatch& place, const MicroBatch& batch) {
  place.input.copy_(batch.input, /*non_blocking=*/true);
  place.target.copy_(batch.target, /*non_blocking=*/true);
}

/// Whether the caller's modes have a say in what a step does, or watch autograd's graph, which a replayed one has not.
bool modes_matter(at::DeviceType device) {
  return !c10::GradMode::is_enabled() || c10::InferenceMode::is_enabled() ||
         at::autocast::is_autocast_enabled(device) || torch::autograd::AnomalyMode::is_enabled() ||
         at::SavedTensorDefaultHooks::get_hooks().has_value();
}

/// Why steps are not recorded as CUDA graphs, before any has run; empty if they may be.
std::string refusal(const Forward& forward, const StepSettings& step) {
  if (!forward.device().is_cuda()) return "CUDA graphs are for CUDA devices, not for " + forward.device().str();
  if (forward.is_script()) return "steps of TorchScript are not recorded as CUDA graphs";
  if (step.accumulate_grad_batches > 1) return "steps of several micro-batches are not recorded as CUDA graphs";
  return forward.not_static();
}

}  // namespace

std::unique_ptr<GraphedStep> GraphedStep::of(std::shared_ptr<const Forward> forward, const StepSettings& step,
                                             Updater& updater, const torch::nn::Module* network, std::string* why) {
  *why = step.graphs ? refusal(*forward, step) : "";
  if (!step.graphs || !why->empty()) return nullptr;
  auto graph = make_step_graph(forward->device(), why);
  if (graph == nullptr) return nullptr;
  auto tensors = parameters_of(&updater.optimizer());
  if (network != nullptr) {
    const auto own = tensors_of(*network);
    tensors.insert(tensors.end(), own.begin(), own.end());
  }
  return std::make_unique<GraphedStep>(std::move(graph), std::move(forward), updater, std::move(tensors));
}

GraphedStep::GraphedStep(std::unique_ptr<StepGraph> graph, std::shared_ptr<const Forward> forward, Updater& updater,
                         std::vector<at::Tensor> tensors)
    : graph_(std::move(graph)), forward_(std::move(forward)), updater_(updater), tensors_(std::move(tensors)) {}

void GraphedStep::run(const MicroBatch& batch, Halves& step) {
  if (recorded_ && !unchanged())
    give_up("the network, its optimizer or modes of the thread changed after the recording");
  if (graph_ == nullptr) {
    run_as_ever(batch, step);
  } else if (!fits(place_, batch)) {
    // One of another size, such as the last of an epoch, leaves a recording as it is.
    if (!recorded_) begin(batch);
    graph_->on_stream([&] { run_as_ever(batch, step); });
  } else if (recorded_) {
    graph_->on_stream([&] { replay(batch, step); });
  } else {
    warm_up(batch, step);
  }
}

void GraphedStep::begin(const MicroBatch& batch) {
  alike_ = 1;
  place_ = {};
  if (plain(batch.input) && plain(batch.target)) {
    place_ = {place_for(batch.input), place_for(batch.target), batch.loss};
  }
}

void GraphedStep::run_as_ever(const MicroBatch& batch, Halves& step) {
  if (step.record(step.forward(batch))) step.update();
}

void GraphedStep::warm_up(const MicroBatch& batch, Halves& step) {
  ++alike_;
  if (alike_ < kStepsBefore) {
    graph_->on_stream([&] { run_as_ever(batch, step); });
  } else if (alike_ == kStepsBefore) {
    const int waits = graph_->waits_in([&] { run_as_ever(batch, step); });
    if (waits > 0) {
      give_up("in a step the host waits for the device, times: " + std::to_string(waits));
    } else if (!updater_.is_fused()) {
      give_up("not all parameters are updated by fused kernels");
    }
  } else {
    record(step);
    run(batch, step);
  }
}

void GraphedStep::record(Halves& step) {
  std::vector<OutsideTensor> tensors;
  for (const auto& tensor : tensors_) tensors.emplace_back(tensor);
  if (std::any_of(tensors_.begin(), tensors_.end(), hooked)) return give_up("a parameter has a hook");
  if (modes_matter(forward_->device().type()))
    return give_up("the thread is in autocast, in anomaly mode or has hooks");
  updater_.prepare_recording();
  Recorded recorded{at::empty({}, at::TensorOptions().dtype(at::kDouble).device(forward_->device())),
                    forward_->static_modules(), std::move(tensors)};
  const auto forward = [this, &step, loss = recorded.loss] {
    const auto computed = step.forward(place_);
    const c10::NoGradGuard no_grad;
    loss.copy_(computed);
  };
  const auto update = [this, &step] {
    const Updater::Recording recording(updater_);
    step.update();
  };
  const auto failure = graph_->record({forward, update});
  if (failure.empty()) {
    recorded_ = std::move(recorded);
  } else {
    step.forget();
    give_up("a step cannot be recorded: " + failure);
  }
}

void GraphedStep::give_up(const std::string& reason) {
  reason_ = reason;
  recorded_.reset();
  graph_.reset();
}

void GraphedStep::replay(const MicroBatch& batch, Halves& step) {
  fill(place_, batch);
  graph_->replay(0);
  if (!step.record(recorded_->loss)) return;
  updater_.send_rates();
  graph_->replay(1);
  updater_.count_replayed();
}

bool GraphedStep::unchanged() const {
  return !modes_matter(forward_->device().type()) && recorded_->modules.unchanged() && updater_.as_recorded() &&
         std::all_of(recorded_->tensors.begin(), recorded_->tensors.end(),
                     [](const OutsideTensor& tensor) { return tensor.unchanged(); });
}

}  // namespace lrfinder
