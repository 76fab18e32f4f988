#include "lrfinder/training.h"

#include <c10/core/GradMode.h>

#include <memory>
#include <string>
#include <vector>

#include "averaging.h"
#include "failure.h"
#include "graphed_step.h"
#include "loss_queue.h"
#include "micro_batches.h"
#include "together.h"
#include "updater.h"

namespace lrfinder {

class Training::Impl : private GraphedStep::Halves {
 public:
  Impl(torch::nn::Module* network, torch::optim::Optimizer& optimizer, const StepSettings& step)
      : micro_batches_(network, &optimizer, step),
        late_(micro_batches_.device()),
        updater_(Updater::sharing(optimizer)) {
    updater_->drop_gradients();  // of steps that were not finished
    if (step.group) {
      auto parameters = network == nullptr ? std::vector<at::Tensor>() : network->parameters();
      const auto own = parameters_of(&updater_->optimizer());
      parameters.insert(parameters.end(), own.begin(), own.end());
      const auto buffers = network == nullptr ? std::vector<at::Tensor>() : network->buffers();
      together_ = std::make_unique<Together>(*step.group, parameters, buffers);
      return;  // the host has to wait for the others: nothing is recorded
    }
    graphed_ = GraphedStep::of(micro_batches_.forward(), step, *updater_, network, &not_graphed_);
  }

  /// `add` counts a micro-batch.
  template <typename Add>
  void accumulate(const Add& add) {
    const c10::AutoGradMode grad(true);
    add(micro_batches_);
    micro_batches_.backward();
  }

  template <typename Add>
  bool step(const Add& add) {
    accumulate(add);
    return finish();
  }

  bool step(const at::Tensor& input, const at::Tensor& target, Loss loss) {
    if (graphed_ == nullptr || micro_batches_.begun()) {
      return step([&](auto& batches) { batches.add(input, target, loss); });
    }
    const c10::AutoGradMode grad(true);
    graphed_->run({input, target, loss}, *this);
    return take(/*wait=*/late_.size() > LossQueue::kMostPending);
  }

  bool replay(const at::Tensor& input, const at::Tensor& target) {
    const c10::AutoGradMode grad(true);
    if (!micro_batches_.replay(input, target)) return false;
    micro_batches_.backward();
    return true;
  }

  void abandon() { micro_batches_.abandon(); }

  bool finish() {
    const c10::AutoGradMode grad(true);
    if (together_ != nullptr) return finish_together();
    const auto mean = micro_batches_.mean();
    if (mean.is_late()) late_.push(mean.on_device);
    micro_batches_.finish(&updater_->optimizer());
    updater_->update();
    if (mean.is_late()) return take(/*wait=*/late_.size() > LossQueue::kMostPending);
    progress_.loss = mean.number;
    return true;
  }

  bool settle() { return take(/*wait=*/true); }

  const Progress& progress() const { return progress_; }

  void agree(const std::string& lines, bool broadcast) {
    together().agree(lines, broadcast);
    together_->expect(micro_batches_.averaging());
  }

  void end(Ending ending) { together().end(ending); }

  double average(double total, double weight) { return together().mean(total, weight); }

  const MicroBatches& micro_batches() const { return micro_batches_; }

  std::string path() const {
    if (graphed_ != nullptr && graphed_->replays()) return "graph";
    return micro_batches_.device().is_cpu() ? "immediate" : "late";
  }
  std::string path_reason() const { return graphed_ == nullptr ? not_graphed_ : graphed_->reason(); }

 private:
  Together& together() const {
    if (together_ == nullptr) refuse("the training is not one of several processes");
    return *together_;
  }

  bool finish_together() {
    const auto step = micro_batches_.average(&updater_->optimizer(), together_->ending());
    progress_.ending = static_cast<double>(step.ending);
    if (step.ending != Ending::kNone) together_->expect(nullptr);
    if (step.rows == 0) {
      micro_batches_.abandon_step();
      return false;
    }
    micro_batches_.finish(&updater_->optimizer());
    updater_->update();
    progress_.loss = step.loss;
    return true;
  }

  bool take(bool wait) {
    const auto loss = late_.take(wait);
    if (loss) progress_.loss = *loss;
    return loss.has_value();
  }

  // The halves of a step that may be replayed.
  at::Tensor forward(const MicroBatch& batch) override {
    micro_batches_.add(batch.input, batch.target, *batch.loss);
    return micro_batches_.mean().on_device;
  }
  bool record(const at::Tensor& loss) override {
    late_.push(loss);
    return true;
  }
  void update() override {
    micro_batches_.backward();
    micro_batches_.finish(&updater_->optimizer());
    updater_->update();
  }
  void forget() override {
    micro_batches_.abandon_step();
    updater_->drop_gradients();
  }

  MicroBatches micro_batches_;
  LossQueue late_;  // empty on the CPU
  std::unique_ptr<Updater> updater_;
  Progress progress_;
  std::unique_ptr<Together> together_;    // null for a training of this process alone
  std::string not_graphed_;               // why there is none of
  std::unique_ptr<GraphedStep> graphed_;  // the steps with a built-in loss
};

Training::Training(torch::nn::Module* network, torch::optim::Optimizer& optimizer, const StepSettings& step)
    : impl_(translated([&] { return std::make_unique<Impl>(network, optimizer, step); })) {}

Training::~Training() = default;

void Training::accumulate(const at::Tensor& input, const at::Tensor& target, Loss loss) {
  translated([&] { impl_->accumulate([&](auto& batches) { batches.add(input, target, loss); }); });
}

void Training::accumulate(const at::Tensor& loss, double rows) {
  translated([&] { impl_->accumulate([&](auto& batches) { batches.add(loss, rows); }); });
}

bool Training::step(const at::Tensor& input, const at::Tensor& target, Loss loss) {
  return translated([&] { return impl_->step(input, target, loss); });
}

bool Training::step(const at::Tensor& loss, double rows) {
  return translated([&] { return impl_->step([&](auto& batches) { batches.add(loss, rows); }); });
}

bool Training::finish() {
  return translated([&] { return impl_->finish(); });
}

bool Training::settle() {
  return translated([&] { return impl_->settle(); });
}

const Training::Progress& Training::progress() const noexcept { return impl_->progress(); }

void Training::agree(const std::string& lines, bool broadcast) {
  translated([&] { impl_->agree(lines, broadcast); });
}

void Training::end(Ending ending) {
  translated([&] { impl_->end(ending); });
}

double Training::average(double total, double weight) {
  return translated([&] { return impl_->average(total, weight); });
}

bool Training::replay(const at::Tensor& input, const at::Tensor& target) {
  return translated([&] { return impl_->replay(input, target); });
}

void Training::abandon() {
  translated([&] { impl_->abandon(); });
}

double Training::evaluate(const at::Tensor& input, const at::Tensor& target, Loss loss) {
  return translated([&] { return impl_->micro_batches().evaluate(input, target, loss); });
}

std::int64_t Training::replayed_steps() const { return impl_->micro_batches().replayed_steps(); }

std::string Training::not_replayed_because() const { return impl_->micro_batches().not_replayed_because(); }

std::string Training::device() const { return impl_->micro_batches().device().str(); }

std::string Training::path() const { return impl_->path(); }

std::string Training::path_reason() const { return impl_->path_reason(); }

}  // namespace lrfinder
