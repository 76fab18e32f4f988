#include "lrfinder/training.h"

#include <c10/core/GradMode.h>

#include <memory>

#include "failure.h"
#include "micro_batches.h"
#include "updater.h"

namespace lrfinder {

class Training::Impl {
 public:
  Impl(torch::nn::Module* network, torch::optim::Optimizer& optimizer, const StepSettings& step)
      : micro_batches_(network, &optimizer, step), updater_(Updater::sharing(optimizer)) {
    updater_->drop_gradients();  // of steps that were not finished
  }

  /// `add` counts a micro-batch and returns the mean so far.
  template <typename Add>
  double accumulate(const Add& add) {
    const c10::AutoGradMode grad(true);
    const double mean = add(micro_batches_);
    micro_batches_.backward();
    return mean;
  }

  template <typename Add>
  double step(const Add& add) {
    accumulate(add);
    return finish();
  }

  bool replay(const at::Tensor& input, const at::Tensor& target) {
    const c10::AutoGradMode grad(true);
    if (!micro_batches_.replay(input, target)) return false;
    micro_batches_.backward();
    return true;
  }

  void abandon() { micro_batches_.abandon(); }

  double finish() {
    const c10::AutoGradMode grad(true);
    const double mean = micro_batches_.mean();
    micro_batches_.finish(&updater_->optimizer());
    updater_->update();
    return mean;
  }

  const MicroBatches& micro_batches() const { return micro_batches_; }

 private:
  MicroBatches micro_batches_;
  std::unique_ptr<Updater> updater_;
};

Training::Training(torch::nn::Module* network, torch::optim::Optimizer& optimizer, const StepSettings& step)
    : impl_(translated([&] { return std::make_unique<Impl>(network, optimizer, step); })) {}

Training::~Training() = default;

double Training::accumulate(const at::Tensor& input, const at::Tensor& target, Loss loss) {
  return translated([&] { return impl_->accumulate([&](auto& batches) { return batches.add(input, target, loss); }); });
}

double Training::accumulate(const at::Tensor& loss) {
  return translated([&] { return impl_->accumulate([&](auto& batches) { return batches.add(loss); }); });
}

double Training::step(const at::Tensor& input, const at::Tensor& target, Loss loss) {
  return translated([&] { return impl_->step([&](auto& batches) { return batches.add(input, target, loss); }); });
}

double Training::step(const at::Tensor& loss) {
  return translated([&] { return impl_->step([&](auto& batches) { return batches.add(loss); }); });
}

double Training::finish() {
  return translated([&] { return impl_->finish(); });
}

bool Training::replay(const at::Tensor& input, const at::Tensor& target) {
  return translated([&] { return impl_->replay(input, target); });
}

void Training::abandon() { impl_->abandon(); }

double Training::evaluate(const at::Tensor& input, const at::Tensor& target, Loss loss) {
  return translated([&] { return impl_->micro_batches().evaluate(input, target, loss); });
}

std::int64_t Training::replayed_steps() const { return impl_->micro_batches().replayed_steps(); }

std::string Training::not_replayed_because() const { return impl_->micro_batches().not_replayed_because(); }

std::string Training::device() const { return impl_->micro_batches().device().str(); }

}  // namespace lrfinder
