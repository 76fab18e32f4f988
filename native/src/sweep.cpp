#include "lrfinder/sweep.h"

#include <ATen/ops/full.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/jit/python/update_graph_executor_opt.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <memory>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "averaging.h"
#include "failure.h"
#include "graphed_step.h"
#include "micro_batches.h"
#include "snapshot.h"
#include "step_monitor.h"
#include "together.h"
#include "updater.h"

namespace lrfinder {

namespace {

/// A loss with the optimizers that lower it.
struct Part {
  MicroBatches micro_batches;
  std::vector<std::unique_ptr<Updater>> updaters;
  std::vector<std::vector<GroupRate>> rates;           // by updater
  std::vector<const torch::optim::Optimizer*> copies;  // by updater
  bool recorded;
};

MicroBatches micro_batches_of(const SweepSubject::Part& part, const SweepSettings& settings, Reach reach) {
  if (part.optimizers.empty()) refuse("a part has no optimizer");
  return part.script ? MicroBatches(*part.script, part.optimizers, settings.step, std::move(reach))
                     : MicroBatches(part.module, part.optimizers, settings.step, std::move(reach));
}

/// What a loss of several parts may come by, and where its gradients go: what they would leave on the parameters of
/// the other parts is not theirs.
Reach reach_of(const SweepSubject::Part& part, const SweepSubject& subject) {
  Reach reach;
  if (subject.parts().size() == 1) return reach;
  for (const auto& parameter : parameters_of(part.optimizers)) {
    if (parameter.requires_grad()) reach.only.push_back(parameter);
  }
  for (const auto& other : subject.parts()) {
    reach = std::move(reach).knowing(parameters_of(other.optimizers));
    if (other.module != nullptr) reach = std::move(reach).knowing(tensors_of(*other.module));
    if (other.script) reach = std::move(reach).knowing(tensors_of(*other.script));
  }
  return reach;
}

std::unique_ptr<Together> together_of(const SweepSubject& subject, const SweepSettings& settings) {
  if (!settings.step.group) return nullptr;
  std::vector<at::Tensor> parameters;
  std::vector<at::Tensor> buffers;
  const auto add = [](const auto& tensors, std::vector<at::Tensor>* to) {
    for (const auto& tensor : tensors) to->push_back(tensor);
  };
  for (const auto& part : subject.parts()) {
    if (part.module != nullptr) {
      add(part.module->parameters(), &parameters);
      add(part.module->buffers(), &buffers);
    }
    if (part.script) {
      add(part.script->parameters(), &parameters);
      add(part.script->buffers(), &buffers);
    }
    add(parameters_of(part.optimizers), &parameters);
  }
  return std::make_unique<Together>(*settings.step.group, parameters, buffers);
}

/// The rates of all optimizers' groups.
std::vector<GroupRate> rates_of(const SweepSubject& subject, const SweepSettings& settings) {
  size_t groups = 0;
  for (const auto& part : subject.parts()) {
    for (const auto* optimizer : part.optimizers) groups += optimizer->param_groups().size();
  }
  const size_t given = settings.group_rates.size();
  if (given == 0) return std::vector<GroupRate>(groups);
  if (given != groups) refuse("group_rates has ", given, " entries, the optimizer ", groups, " parameter groups");
  return settings.group_rates;
}

std::vector<Part> parts_of(const SweepSubject& subject, const SweepSettings& settings) {
  const auto rates = rates_of(subject, settings);
  auto next = rates.begin();
  std::vector<Part> parts;
  for (const auto& given : subject.parts()) {
    parts.push_back({micro_batches_of(given, settings, reach_of(given, subject)), {}, {}, {}, given.recorded});
    Part& part = parts.back();
    const at::Device first = parts.front().micro_batches.device();
    if (part.micro_batches.device() != first) {
      refuse("tensors on different devices: the parts have parameters on ", first, " and on ",
             part.micro_batches.device(), ", all must be on one");
    }
    std::unordered_set<const c10::TensorImpl*> taken;
    for (const auto* optimizer : given.optimizers) {
      const auto last = next + static_cast<std::ptrdiff_t>(optimizer->param_groups().size());
      part.updaters.push_back(Updater::copying(*optimizer));
      part.copies.push_back(&part.updaters.back()->optimizer());
      part.rates.emplace_back(next, last);
      next = last;
      std::unordered_set<const c10::TensorImpl*> own;
      for (const auto& parameter : parameters_of(optimizer)) {
        if (!own.insert(parameter.unsafeGetTensorImpl()).second) continue;
        if (!taken.insert(parameter.unsafeGetTensorImpl()).second) {
          refuse("two optimizers of one part have a parameter in common: each parameter must be in one of them");
        }
      }
    }
  }
  return parts;
}

}  // namespace

class Sweep::Impl : private GraphedStep::Halves {
 public:
  Impl(const SweepSubject& subject, const SweepSettings& settings)
      : parts_(parts_of(subject, settings)),
        monitor_(StepMonitor::of(device(), settings)),
        together_(together_of(subject, settings)),
        steps_left_(settings.steps),
        snapshot_(subject) {
    for (auto& part : parts_) {
      for (auto& updater : part.updaters) updater->skip_where(monitor_->stopped());
    }
    graphed_ = graphed(subject, settings);
    c10::GradMode::set_enabled(true);
    torch::jit::setGraphExecutorOptimize(false);
  }

  ~Impl() override {
    try {
      restore();
    } catch (...) {  // a destructor cannot say more; callers who want to know call restore()
    }
  }

  /// `add` counts a micro-batch of a part.
  template <typename Add>
  void accumulate(std::int64_t index, const Add& add) {
    auto& micro_batches = running(index).micro_batches;
    const c10::AutoGradMode grad(true);
    add(micro_batches);
    add_gradients(micro_batches);
  }

  bool replay(const at::Tensor& input, const at::Tensor& target, std::int64_t index) {
    auto& micro_batches = running(index).micro_batches;
    const c10::AutoGradMode grad(true);
    const bool replayed = micro_batches.replay(input, target);
    if (replayed) add_gradients(micro_batches);
    return replayed;
  }

  template <typename Add>
  Outcome step(double lr, std::int64_t index, const Add& add) {
    Part& part = running(index);
    const c10::AutoGradMode grad(true);
    add(part.micro_batches);
    if (together_ != nullptr) {
      add_gradients(part.micro_batches);
      return finish_together(lr, index);
    }
    const auto found = record(index);
    if (ends(found)) return found;
    part.micro_batches.backward();
    update(part, lr);
    return found;
  }

  Outcome step(const at::Tensor& input, const at::Tensor& target, Loss loss, double lr) {
    Part& part = running(0);
    if (graphed_ == nullptr || part.micro_batches.begun()) {
      return step(lr, 0, [&](auto& micro_batches) { micro_batches.add(input, target, loss); });
    }
    const c10::AutoGradMode grad(true);
    part.updaters.front()->set_rates(lr, part.rates.front());
    graphed_->run({input, target, loss}, *this);
    return found_;
  }

  void abandon(std::int64_t index) { running(index).micro_batches.abandon(); }

  Outcome finish(double lr, std::int64_t index) {
    Part& part = running(index);
    if (together_ != nullptr) return finish_together(lr, index);
    const auto found = record(index);
    if (!ends(found)) update(part, lr);
    return found;
  }

  void agree(const std::string& lines, bool broadcast, bool validated) {
    refuse_if_restored();
    together().agree(lines, broadcast);
    validated_ = validated;
    together_->expect(parts_.front().micro_batches.averaging());
  }

  void end(Ending ending) { together().end(ending); }

  double average(double total, double weight) {
    const double mean = together().mean(total, weight);
    together_->expect(over_ ? nullptr : parts_.front().micro_batches.averaging());
    return mean;
  }

  Outcome settle() {
    refuse_if_restored();
    return monitor_->settle();
  }

  double evaluate(const at::Tensor& input, const at::Tensor& target, Loss loss) {
    return running(0).micro_batches.evaluate(input, target, loss);
  }

  const StepMonitor& monitor() const { return *monitor_; }

  std::string path() const { return graphed_ != nullptr && graphed_->replays() ? "graph" : monitor_->path(); }
  std::string path_reason() const {
    const std::string& not_graphed = graphed_ == nullptr ? not_graphed_ : graphed_->reason();
    return not_graphed.empty() ? monitor_->path_reason() : not_graphed;
  }

  at::Device device() const { return parts_.front().micro_batches.device(); }

  /// Of the part that replayed least: a step is replayed when all of it is.
  const MicroBatches& least_replayed() const {
    const auto fewer = [](const Part& left, const Part& right) {
      return left.micro_batches.replayed_steps() < right.micro_batches.replayed_steps();
    };
    return std::min_element(parts_.begin(), parts_.end(), fewer)->micro_batches;
  }

  void restore() {
    if (restored_) return;
    restored_ = true;
    snapshot_.restore();
  }

 private:
  static bool ends(Outcome found) { return found == Outcome::kDiverged || found == Outcome::kNonFinite; }

  void refuse_if_restored() const {
    if (restored_) refuse("the sweep has ended: its model was restored");
  }

  Part& running(std::int64_t index) {
    refuse_if_restored();
    if (index < 0 || index >= count()) refuse("there is no part ", index);
    return parts_[static_cast<size_t>(index)];
  }

  std::int64_t count() const { return static_cast<std::int64_t>(parts_.size()); }

  Outcome record(std::int64_t index) { return record(index, running(index).micro_batches.mean()); }

  Outcome record(std::int64_t index, const StepLoss& mean) {
    return monitor_->record(mean, running(index).recorded, /*last=*/index + 1 == count());
  }

  /// Of a loss that is not finite they are of no use.
  static void add_gradients(MicroBatches& micro_batches) {
    if (micro_batches.may_be_finite()) micro_batches.backward();
  }

  Together& together() const {
    if (together_ == nullptr) refuse("the sweep is not one of several processes");
    return *together_;
  }

  Outcome finish_together(double lr, std::int64_t index) {
    Part& part = running(index);
    const auto step = part.micro_batches.average(part.copies, together_->ending());
    const bool last = index + 1 == count();
    const bool any = step.rows > 0;
    Outcome found = last ? Outcome::kNoData : Outcome::kContinue;
    if (any) found = record(index, on_device(step.loss));
    if (found == Outcome::kPending) found = monitor_->settle();
    const bool updates = any && !ends(found);
    if (last && found == Outcome::kContinue) found = ended(step.ending);
    expect_next(index, found);  // before an update that may fail
    if (updates) {
      update(part, lr);
    } else {
      part.micro_batches.abandon_step();
    }
    return found;
  }

  /// After a part's average: what the processes come to next.
  void expect_next(std::int64_t index, Outcome found) {
    const bool last = index + 1 == count();
    if (last) --steps_left_;
    over_ = found != Outcome::kContinue || steps_left_ == 0;
    const bool validates = last && validated_;
    Part& next = parts_[static_cast<size_t>((index + 1) % count())];
    together_->expect(over_ || validates ? nullptr : next.micro_batches.averaging());
  }

  static Outcome ended(Ending ending) {
    switch (ending) {
      case Ending::kDataExhausted:
        return Outcome::kDataExhausted;
      case Ending::kTimeLimit:
        return Outcome::kTimeLimit;
      case Ending::kCancelled:
        return Outcome::kCancelled;
      default:
        return Outcome::kContinue;
    }
  }

  /// As the monitor takes it.
  StepLoss on_device(double loss) const {
    if (device().is_cpu()) return {loss, {}};
    return {0, at::full({}, loss, at::TensorOptions().dtype(at::kDouble).device(device()))};
  }

  void update(Part& part, double lr) {
    for (size_t i = 0; i < part.updaters.size(); ++i) part.updaters[i]->set_rates(lr, part.rates[i]);
    update(part);
  }

  void update(Part& part) {
    part.micro_batches.finish(part.copies);
    for (auto& updater : part.updaters) updater->update();
  }

  std::unique_ptr<GraphedStep> graphed(const SweepSubject& subject, const SweepSettings& settings) {
    Part& part = parts_.front();
    if (together_ != nullptr) return nullptr;  // the host has to wait for the others
    if (settings.step.graphs && (count() > 1 || part.updaters.size() > 1)) {
      not_graphed_ = "steps of several optimizers are not recorded as CUDA graphs";
      return nullptr;
    }
    if (settings.step.graphs && settings.steps < GraphedStep::kLeastSteps) {
      not_graphed_ = "a CUDA graph pays from " + std::to_string(GraphedStep::kLeastSteps) + " steps on";
      return nullptr;
    }
    return GraphedStep::of(part.micro_batches.forward(), settings.step, *part.updaters.front(),
                           subject.parts().front().module, &not_graphed_);
  }

  // The halves of a step that may be replayed, whose rates are set.
  at::Tensor forward(const MicroBatch& batch) override {
    auto& micro_batches = parts_.front().micro_batches;
    micro_batches.add(batch.input, batch.target, *batch.loss);
    return micro_batches.mean().on_device;
  }
  bool record(const at::Tensor& loss) override {
    found_ = monitor_->record({0, loss}, parts_.front().recorded, /*last=*/true);
    return !ends(found_);
  }
  void update() override {
    parts_.front().micro_batches.backward();
    update(parts_.front());
  }
  void forget() override {
    parts_.front().micro_batches.abandon_step();
    parts_.front().updaters.front()->drop_gradients();
  }

  std::vector<Part> parts_;
  std::unique_ptr<StepMonitor> monitor_;
  std::unique_ptr<Together> together_;  // null for a sweep of this process alone
  std::int64_t steps_left_;             // these are for it:
  bool validated_ = false;
  bool over_ = false;  // no step follows
  Snapshot snapshot_;
  bool restored_ = false;
  std::string not_graphed_;               // why there is none of
  std::unique_ptr<GraphedStep> graphed_;  // the steps with a built-in loss
  Outcome found_ = Outcome::kContinue;    // by the present one of those
};

Sweep::Sweep(const SweepSubject& subject, const SweepSettings& settings)
    : impl_(translated([&] { return std::make_unique<Impl>(subject, settings); })) {}

Sweep::~Sweep() = default;

void Sweep::accumulate(const at::Tensor& input, const at::Tensor& target, Loss loss) {
  translated([&] { impl_->accumulate(0, [&](auto& part) { part.add(input, target, loss); }); });
}

void Sweep::accumulate(const at::Tensor& loss, std::int64_t part, double rows) {
  translated([&] { impl_->accumulate(part, [&](auto& running) { running.add(loss, rows); }); });
}

Outcome Sweep::step(const at::Tensor& input, const at::Tensor& target, Loss loss, double lr) {
  return translated([&] { return impl_->step(input, target, loss, lr); });
}

Outcome Sweep::step(const at::Tensor& loss, double lr, std::int64_t part, double rows) {
  return translated([&] { return impl_->step(lr, part, [&](auto& running) { running.add(loss, rows); }); });
}

bool Sweep::replay(const at::Tensor& input, const at::Tensor& target, std::int64_t part) {
  return translated([&] { return impl_->replay(input, target, part); });
}

void Sweep::abandon(std::int64_t part) {
  translated([&] { impl_->abandon(part); });
}

Outcome Sweep::finish(double lr, std::int64_t part) {
  return translated([&] { return impl_->finish(lr, part); });
}

Outcome Sweep::settle() {
  return translated([&] { return impl_->settle(); });
}

double Sweep::evaluate(const at::Tensor& input, const at::Tensor& target, Loss loss) {
  return translated([&] { return impl_->evaluate(input, target, loss); });
}

void Sweep::agree(const std::string& lines, bool broadcast, bool validated) {
  translated([&] { impl_->agree(lines, broadcast, validated); });
}

void Sweep::end(Ending ending) {
  translated([&] { impl_->end(ending); });
}

double Sweep::average(double total, double weight) {
  return translated([&] { return impl_->average(total, weight); });
}

const RunningLoss& Sweep::running_loss() const noexcept { return impl_->monitor().running_loss(); }

std::int64_t Sweep::replayed_steps() const { return impl_->least_replayed().replayed_steps(); }

std::string Sweep::not_replayed_because() const { return impl_->least_replayed().not_replayed_because(); }

std::string Sweep::device() const { return impl_->device().str(); }

std::string Sweep::path() const { return impl_->path(); }

std::string Sweep::path_reason() const { return impl_->path_reason(); }

void Sweep::restore() {
  translated([&] { impl_->restore(); });
}

}  // namespace lrfinder
