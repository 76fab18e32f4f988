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

  double accumulate(const at::Tensor& loss) {
    const c10::AutoGradMode grad(true);
    const double mean = micro_batches_.add(loss);
    micro_batches_.backward(loss);
    return mean;
  }

  double step(const at::Tensor& loss) {
    accumulate(loss);
    return finish();
  }

  double finish() {
    const c10::AutoGradMode grad(true);
    const double mean = micro_batches_.mean();
    micro_batches_.finish(&updater_->optimizer());
    updater_->update();
    return mean;
  }

  at::Tensor forward(const at::Tensor& input, const at::Tensor& target, Loss loss) {
    const c10::AutoGradMode grad(true);
    return micro_batches_.loss(input, target, loss);
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
  return translated([&] { return impl_->accumulate(impl_->forward(input, target, loss)); });
}

double Training::accumulate(const at::Tensor& loss) {
  return translated([&] { return impl_->accumulate(loss); });
}

double Training::step(const at::Tensor& input, const at::Tensor& target, Loss loss) {
  return translated([&] { return impl_->step(impl_->forward(input, target, loss)); });
}

double Training::step(const at::Tensor& loss) {
  return translated([&] { return impl_->step(loss); });
}

double Training::finish() {
  return translated([&] { return impl_->finish(); });
}

double Training::evaluate(const at::Tensor& input, const at::Tensor& target, Loss loss) {
  return translated([&] { return impl_->micro_batches().evaluate(input, target, loss); });
}

std::string Training::device() const { return impl_->micro_batches().device().str(); }

}  // namespace lrfinder
