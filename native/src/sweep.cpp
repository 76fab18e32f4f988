#include "lrfinder/sweep.h"

#include <c10/core/GradMode.h>

#include <cmath>
#include <string>
#include <utility>

#include "clip.h"
#include "failure.h"
#include "loss_tracker.h"
#include "micro_batches.h"
#include "snapshot.h"
#include "updater.h"

namespace lrfinder {

class Sweep::Impl {
 public:
  Impl(torch::nn::Module* network, const torch::optim::Optimizer& optimizer, SweepSettings settings)
      : settings_(checked(std::move(settings), optimizer.param_groups().size())),
        micro_batches_(network, optimizer, settings_.accumulate_grad_batches, settings_.precision),
        tracker_(settings_.smoothing_beta, settings_.early_stop_threshold),
        updater_(Updater::copying(optimizer)),
        snapshot_(network, parameters_of(optimizer)) {
    c10::GradMode::set_enabled(true);
  }

  ~Impl() {
    try {
      restore();
    } catch (...) {  // a destructor cannot say more; callers who want to know call restore()
    }
  }

  void accumulate(const at::Tensor& loss) {
    require_running();
    const c10::AutoGradMode grad(true);
    if (std::isfinite(micro_batches_.add(loss))) micro_batches_.backward(loss);
  }

  StepResult step(const at::Tensor& loss, double lr) {
    require_running();
    const c10::AutoGradMode grad(true);
    const double mean = micro_batches_.add(loss);
    if (!std::isfinite(mean)) return StepResult::kNonFinite;
    if (tracker_.add(mean)) return StepResult::kDiverged;
    micro_batches_.backward(loss);
    micro_batches_.finish(updater_->optimizer());
    if (std::isfinite(settings_.gradient_clip_norm)) {
      clip_gradients(updater_->optimizer(), settings_.gradient_clip_norm);
    }
    updater_->set_rates(lr, settings_.group_ratios);
    updater_->update();
    return StepResult::kContinue;
  }

  at::Tensor forward(const at::Tensor& input, const at::Tensor& target, Loss loss) {
    require_running();
    const c10::AutoGradMode grad(true);
    return micro_batches_.loss(input, target, loss);
  }

  double evaluate(const at::Tensor& input, const at::Tensor& target, Loss loss) {
    require_running();
    return micro_batches_.evaluate(input, target, loss);
  }

  const LossTracker& tracker() const { return tracker_; }
  at::Device device() const { return micro_batches_.device(); }

  void restore() {
    if (restored_) return;
    snapshot_.restore();
    restored_ = true;
  }

 private:
  static SweepSettings checked(SweepSettings settings, size_t groups) {
    if (!(settings.smoothing_beta >= 0 && settings.smoothing_beta < 1)) {
      refuse("smoothing_beta ", settings.smoothing_beta, " must be in [0, 1)");
    }
    if (!(settings.early_stop_threshold > 1)) {
      refuse("early_stop_threshold ", settings.early_stop_threshold, " must be greater than 1");
    }
    if (!(settings.gradient_clip_norm > 0)) {
      refuse("gradient_clip_norm ", settings.gradient_clip_norm, " must be greater than 0");
    }
    if (settings.group_ratios.empty()) settings.group_ratios.assign(groups, 1.0);
    if (settings.group_ratios.size() != groups) {
      refuse("group_ratios has ", settings.group_ratios.size(), " entries, the optimizer ", groups,
             " parameter groups");
    }
    return settings;
  }

  void require_running() const {
    if (restored_) refuse("the sweep has ended: its model was restored");
  }

  SweepSettings settings_;
  MicroBatches micro_batches_;
  LossTracker tracker_;
  std::unique_ptr<Updater> updater_;
  Snapshot snapshot_;
  bool restored_ = false;
};

Sweep::Sweep(torch::nn::Module* network, const torch::optim::Optimizer& optimizer, SweepSettings settings)
    : impl_(translated([&] { return std::make_unique<Impl>(network, optimizer, std::move(settings)); })) {}

Sweep::~Sweep() = default;

void Sweep::accumulate(const at::Tensor& input, const at::Tensor& target, Loss loss) {
  translated([&] { impl_->accumulate(impl_->forward(input, target, loss)); });
}

void Sweep::accumulate(const at::Tensor& loss) {
  translated([&] { impl_->accumulate(loss); });
}

StepResult Sweep::step(const at::Tensor& input, const at::Tensor& target, Loss loss, double lr) {
  return translated([&] { return impl_->step(impl_->forward(input, target, loss), lr); });
}

StepResult Sweep::step(const at::Tensor& loss, double lr) {
  return translated([&] { return impl_->step(loss, lr); });
}

double Sweep::evaluate(const at::Tensor& input, const at::Tensor& target, Loss loss) {
  return translated([&] { return impl_->evaluate(input, target, loss); });
}

double Sweep::last_loss() const noexcept { return impl_->tracker().last(); }
double Sweep::smoothed_loss() const noexcept { return impl_->tracker().smoothed(); }
double Sweep::best_loss() const noexcept { return impl_->tracker().best(); }

std::string Sweep::device() const { return impl_->device().str(); }

void Sweep::restore() {
  translated([&] { impl_->restore(); });
}

}  // namespace lrfinder
