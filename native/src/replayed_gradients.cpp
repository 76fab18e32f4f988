#include "replayed_gradients.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/SavedTensorHooks.h>
#include <ATen/autocast_mode.h>
#include <c10/core/GradMode.h>
#include <c10/core/InferenceMode.h>
#include <torch/csrc/autograd/anomaly_mode.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <exception>
#include <mutex>
#include <numeric>
#include <string>
#include <unordered_set>
#include <utility>

namespace lrfinder {
namespace {

constexpr std::size_t kMostRecordings = 8;  // kept at a time, of as many shapes
constexpr std::size_t kMostShapes = 16;     // that are remembered
constexpr std::int64_t kRunsBetweenChecks = 1000;
constexpr std::int64_t kLargeNetwork = 1 << 20;  // elements of parameters
constexpr std::int64_t kTimesOfLarge = 20;       // of a batch's shape, before a comparison is worth its step

/// Takes the parameters' gradients aside, so that a step's own can be told from them.
class GradientsAside {
 public:
  explicit GradientsAside(const std::vector<at::Tensor>& parameters) : parameters_(parameters) {
    for (const auto& parameter : parameters) aside_.push_back(std::move(parameter.mutable_grad()));
  }
  ~GradientsAside() {  // after a failure: without what the step had added
    for (std::size_t i = 0; i < aside_.size(); ++i) parameters_[i].mutable_grad() = std::move(aside_[i]);
  }
  GradientsAside(const GradientsAside&) = delete;
  GradientsAside& operator=(const GradientsAside&) = delete;

  /// Adds the step's gradients to those that were there, as autograd does.
  void add() {
    const c10::NoGradGuard no_grad;
    for (std::size_t i = 0; i < aside_.size(); ++i) {
      at::Tensor& gradient = parameters_[i].mutable_grad();
      if (!aside_[i].defined()) {
        aside_[i] = gradient;
      } else if (gradient.defined()) {
        aside_[i] = gradient.is_sparse() || aside_[i].is_sparse() ? aside_[i] + gradient : aside_[i].add_(gradient);
      }
    }
  }

 private:
  const std::vector<at::Tensor>& parameters_;
  std::vector<at::Tensor> aside_;
};

at::Tensor generator_state() {
  auto generator = at::detail::getDefaultCPUGenerator();
  const std::lock_guard<std::mutex> lock(generator.mutex());
  return generator.get_state();
}

void set_generator_state(const at::Tensor& state) {
  auto generator = at::detail::getDefaultCPUGenerator();
  const std::lock_guard<std::mutex> lock(generator.mutex());
  generator.set_state(state);
}

bool same_bits(const at::Tensor& left, const at::Tensor& right) {
  if (left.sizes() != right.sizes() || left.scalar_type() != right.scalar_type()) return false;
  const auto a = left.detach().contiguous();
  const auto b = right.detach().contiguous();
  return a.numel() == 0 || std::memcmp(a.const_data_ptr(), b.const_data_ptr(), a.nbytes()) == 0;
}

bool same_bits(double left, double right) { return std::memcmp(&left, &right, sizeof left) == 0; }

std::vector<at::Tensor> clones(const std::vector<at::Tensor>& tensors) {
  std::vector<at::Tensor> copies;
  for (const auto& tensor : tensors) copies.push_back(tensor.detach().clone());
  return copies;
}

std::vector<at::Tensor> distinct_leaves(const std::vector<at::Tensor>& tensors) {
  std::vector<at::Tensor> leaves;
  std::unordered_set<const c10::TensorImpl*> seen;
  for (const auto& tensor : tensors) {
    if (tensor.is_leaf() && seen.insert(tensor.unsafeGetTensorImpl()).second) leaves.push_back(tensor);
  }
  return leaves;
}

}  // namespace

ReplayedGradients::ThreadModes ReplayedGradients::ThreadModes::now() {
  return {at::autocast::is_autocast_enabled(at::kCPU), at::autocast::get_autocast_dtype(at::kCPU)};
}

ReplayedGradients::ReplayedGradients(std::shared_ptr<const Forward> forward, double share, Reach reach, bool known,
                                     bool promised)
    : forward_(std::move(forward)),
      autograd_(share, reach.only, ""),
      parameters_(distinct_leaves(reach.only.empty() ? reach.known : reach.only)),
      state_(std::move(reach.known)),
      elements_(std::accumulate(parameters_.begin(), parameters_.end(), std::int64_t{0},
                                [](auto sum, const auto& parameter) { return sum + parameter.numel(); })),
      known_(known),
      promised_(promised) {}

std::optional<double> ReplayedGradients::replay(const MicroBatch& batch) {
  abandon();
  if (!possible(batch)) return std::nullopt;
  if (auto* recorded = recorded_for(batch)) {
    if (promise_needed(batch.loss) && recorded->runs++ % kRunsBetweenChecks == 0) {
      begin_check(*recorded, batch);
      return std::nullopt;
    }
    const auto loss = recorded->program.forward({batch.input, batch.target});
    running_ = recorded;
    return loss;
  }
  if (seen_often(batch)) begin_recording(batch);
  return std::nullopt;
}

bool ReplayedGradients::possible(const MicroBatch& batch) const {
  if (!reason_.empty() || (promise_needed(batch.loss) && !promised_)) return false;
  // What watches autograd's graph would find none.
  return c10::GradMode::is_enabled() && !c10::InferenceMode::is_enabled() &&
         !torch::autograd::AnomalyMode::is_enabled() && !at::SavedTensorDefaultHooks::get_hooks().has_value();
}

ReplayedGradients::Recorded* ReplayedGradients::recorded_for(const MicroBatch& batch) {
  const auto modes = ThreadModes::now();
  const std::array<at::Tensor, 2> tensors{batch.input, batch.target};
  const auto found = std::find_if(recorded_.begin(), recorded_.end(), [&](const auto& each) {
    return each->loss == batch.loss && each->modes == modes && each->program.holds(tensors) &&
           each->modules.unchanged();
  });
  return found == recorded_.end() ? nullptr : found->get();
}

std::int64_t ReplayedGradients::often(const std::optional<Loss>& loss) const {
  return promise_needed(loss) && elements_ >= kLargeNetwork ? kTimesOfLarge : 2;
}

bool ReplayedGradients::seen_often(const MicroBatch& batch) {
  for (const auto* tensor : {&batch.input, &batch.target}) {
    if (!tensor->defined() || !replayable(*tensor)) return false;
  }
  const auto known = std::find_if(seen_.begin(), seen_.end(), [&](const Seen& seen) {
    return seen.loss == batch.loss && batch.input.sizes() == seen.input && batch.target.sizes() == seen.target;
  });
  if (known != seen_.end()) {
    return ++known->times >= often(batch.loss) &&
           recordings_ < static_cast<std::int64_t>(kMostRecordings) + replayed_ / 4;
  }
  if (seen_.size() == kMostShapes) seen_.erase(seen_.begin());
  seen_.push_back({batch.input.sizes().vec(), batch.target.sizes().vec(), batch.loss, 1});
  return false;
}

void ReplayedGradients::begin_recording(const MicroBatch& batch) {
  if (!OperatorRecorder::install()) {
    give_up("another library, or a second copy of this one, records operators in this process");
    return;
  }
  if (std::any_of(state_.begin(), state_.end(), [](const auto& tensor) {
        return !tensor.is_cpu() || tensor.layout() != at::kStrided || !tensor.has_storage();
      })) {
    give_up("the network has a tensor that is no strided one on the CPU");
    return;
  }
  if (std::any_of(parameters_.begin(), parameters_.end(), hooked)) return;
  ++recordings_;
  const std::array<at::Tensor, 2> tensors{batch.input, batch.target};
  recording_.reset(new Recording{batch,
                                 {tensors, state_, promise_needed(batch.loss) || forward_->is_script()},
                                 forward_->static_modules(),
                                 ThreadModes::now()});
  recording_->recorder.start();
}

void ReplayedGradients::computed(const at::Tensor& loss) {
  autograd_.computed(loss);
  if (recording_ == nullptr) return;
  recording_->recorder.stop();
  recording_->recorder.loss(loss, autograd_.seed());
}

void ReplayedGradients::abandon() {
  running_ = nullptr;
  recording_.reset();
  check_.reset();
  autograd_.abandon();
}

void ReplayedGradients::backward() {
  if (running_ != nullptr) {
    running_->program.backward();
    running_->program.deliver();
    running_ = nullptr;
    ++replayed_;
  } else if (recording_ != nullptr) {
    backward_recorded();
  } else if (check_) {
    backward_checked();
  } else {
    autograd_.backward();
  }
}

void ReplayedGradients::backward_recorded() {
  const auto recording = std::move(recording_);
  GradientsAside aside(parameters_);
  recording->recorder.start();
  autograd_.backward();
  auto tape = recording->recorder.tape(parameters_);
  aside.add();
  if (!tape) {
    give_up(recording->recorder.reason());
    return;
  }
  if (recorded_.size() == kMostRecordings) recorded_.erase(recorded_.begin());
  const auto& batch = recording->batch;
  const std::array<at::Tensor, 2> tensors{batch.input, batch.target};
  recorded_.emplace_back(
      new Recorded{Program(std::move(*tape), tensors), batch.loss, std::move(recording->modules), recording->modes, 0});
}

void ReplayedGradients::begin_check(Recorded& recorded, const MicroBatch& batch) {
  auto& program = recorded.program;
  const c10::NoGradGuard no_grad;
  const auto before = clones(program.writable());
  const auto generator = program.draws() ? generator_state() : at::Tensor();
  const auto put_back = [&] {
    for (std::size_t i = 0; i < before.size(); ++i) program.writable()[i].detach().copy_(before[i]);
    if (generator.defined()) set_generator_state(generator);
  };
  try {
    Check check{&recorded, program.forward({batch.input, batch.target}), {}, {}, {}};
    program.backward();
    for (const auto& [parameter, slot] : program.gradients()) check.gradients.push_back(program.gradient(slot).clone());
    check.written = clones(program.writable());
    if (generator.defined()) check.generator = generator_state();
    check_ = std::move(check);
  } catch (const std::exception&) {  // such as for a target out of range, of which autograd will say the same
  }
  put_back();
}

void ReplayedGradients::backward_checked() {
  const auto check = *std::exchange(check_, std::nullopt);
  const double loss = number_in(autograd_.loss());
  GradientsAside aside(parameters_);
  autograd_.backward();
  auto found = same_bits(check.loss, loss) ? difference(check) : "the loss";
  aside.add();
  if (!found.empty()) {
    give_up("a replayed step was not autograd's, " + found + " differed: the model is not static");
  }
}

std::string ReplayedGradients::difference(const Check& check) const {
  const auto& program = check.recorded->program;
  std::size_t gradients = 0;
  for (const auto& parameter : parameters_) gradients += parameter.grad().defined() ? 1 : 0;
  if (gradients != program.gradients().size()) return "the number of gradients";
  for (std::size_t i = 0; i < check.gradients.size(); ++i) {
    const auto& gradient = program.gradients()[i].first.grad();
    if (!gradient.defined() || !same_bits(gradient, check.gradients[i])) return "a gradient";
  }
  for (std::size_t i = 0; i < check.written.size(); ++i) {
    if (!same_bits(program.writable()[i], check.written[i])) return "a buffer";
  }
  if (check.generator.defined() && !same_bits(generator_state(), check.generator)) return "the random numbers";
  return "";
}

void ReplayedGradients::give_up(std::string reason) {
  reason_ = std::move(reason);
  recorded_.clear();
  seen_.clear();
}

std::string ReplayedGradients::reason() const {
  if (!reason_.empty()) return reason_;
  if (!recorded_.empty()) return "no step came after the one that was recorded";
  const auto waits = [this](const Seen& seen) { return seen.times > 1 && often(seen.loss) == kTimesOfLarge; };
  return std::any_of(seen_.begin(), seen_.end(), waits)
             ? "steps of a large network that was declared static are recorded when a batch's shape comes for the " +
                   std::to_string(kTimesOfLarge) + "th time"
             : "no two batches had the same shape";
}

}  // namespace lrfinder
