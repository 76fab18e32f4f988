#include "updater.h"

#include <ATen/ops/_fused_adagrad.h>
#include <ATen/ops/_fused_adam.h>
#include <ATen/ops/_fused_adamw.h>
#include <ATen/ops/_fused_sgd.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/scalar_tensor.h>
#include <ATen/ops/zeros_like.h>
#include <c10/core/GradMode.h>
#include <c10/util/Type.h>
#include <torch/optim/adagrad.h>
#include <torch/optim/adam.h>
#include <torch/optim/adamw.h>
#include <torch/optim/lbfgs.h>
#include <torch/optim/rmsprop.h>
#include <torch/optim/sgd.h>

#include <algorithm>
#include <cstdint>
#include <tuple>
#include <typeinfo>
#include <unordered_set>

#include "lrfinder/error.h"

namespace lrfinder {
namespace {

namespace optim = torch::optim;

bool plain_strided(const at::Tensor& tensor) {
  return tensor.layout() == at::kStrided && !tensor.is_conj() && !tensor.is_neg();
}

bool same_layout(const at::Tensor& parameter, const at::Tensor& other) {
  return other.defined() && plain_strided(other) && other.sizes() == parameter.sizes() &&
         other.strides() == parameter.strides() && other.scalar_type() == parameter.scalar_type() &&
         other.device() == parameter.device();
}

// State tensors by optimizer: what the copy must own, and what must be laid out like the parameter.

std::vector<at::Tensor*> state_tensors(optim::SGDParamState& s) { return {&s.momentum_buffer()}; }
std::vector<at::Tensor*> state_tensors(optim::AdamParamState& s) {
  return {&s.exp_avg(), &s.exp_avg_sq(), &s.max_exp_avg_sq()};
}
std::vector<at::Tensor*> state_tensors(optim::AdamWParamState& s) {
  return {&s.exp_avg(), &s.exp_avg_sq(), &s.max_exp_avg_sq()};
}
std::vector<at::Tensor*> state_tensors(optim::AdagradParamState& s) { return {&s.sum()}; }
std::vector<at::Tensor*> state_tensors(optim::RMSpropParamState& s) {
  return {&s.square_avg(), &s.momentum_buffer(), &s.grad_avg()};
}

template <typename Optimizer, typename Options, typename State>
std::unique_ptr<Optimizer> private_copy(const optim::Optimizer& original) {
  const auto& defaults = static_cast<const Options&>(original.defaults());
  auto copy = std::make_unique<Optimizer>(original.param_groups(), defaults);
  for (const auto& [parameter, state] : original.state()) {
    auto cloned = std::make_unique<State>(static_cast<const State&>(*state));
    for (at::Tensor* tensor : state_tensors(*cloned)) {
      if (tensor->defined()) *tensor = tensor->clone();
    }
    copy->state()[parameter] = std::move(cloned);
  }
  return copy;
}

/// The arguments of one fused call: parameters that share what the call takes once.
struct Bucket {
  at::ScalarType dtype = at::kFloat;
  at::Device device = at::kCPU;
  std::int64_t steps_done = 0;
  bool first = false;

  std::vector<at::Tensor> parameters;
  std::vector<at::Tensor> gradients;
  std::vector<at::Tensor> first_state;
  std::vector<at::Tensor> second_state;
  std::vector<at::Tensor> third_state;
  std::vector<at::Tensor> steps;

  bool takes(const at::Tensor& parameter, std::int64_t done, bool is_first) const {
    return steps_done == done && first == is_first && dtype == parameter.scalar_type() && device == parameter.device();
  }

  void clear() {
    for (auto* list : {&parameters, &gradients, &first_state, &second_state, &third_state, &steps}) list->clear();
  }
};

/// What the fused updaters share: finding each parameter's state, and sorting a group's parameters into calls.
/// `Traits` has `Optimizer`, `Options`, `State` and the static functions `usable`, `steps_done`, `is_first`, `collect`
/// and `call`.
template <typename Traits>
class FusedUpdater final : public Updater {
 public:
  using Options = typename Traits::Options;
  using State = typename Traits::State;

  FusedUpdater(const optim::Optimizer& original, std::vector<double> group_ratios)
      : Updater(private_copy<typename Traits::Optimizer, Options, State>(original), std::move(group_ratios)) {
    for (const auto& group : copy().param_groups()) {
      std::unordered_set<const c10::TensorImpl*> seen;
      auto& slots = slots_.emplace_back();
      for (const auto& parameter : group.params()) {
        // A parameter that is listed twice is stepped twice by its optimizer, not at once.
        if (seen.insert(parameter.unsafeGetTensorImpl()).second) slots.push_back({parameter, nullptr});
      }
      if (seen.size() < group.params().size()) slots.clear();
    }
  }

 protected:
  void update_fused(size_t group) override {
    const auto& options = static_cast<const Options&>(copy().param_groups()[group].options());
    size_t used = 0;
    for (auto& slot : slots_[group]) {
      const at::Tensor& gradient = slot.parameter.grad();
      if (!gradient.defined() || !fusable(slot.parameter, gradient)) continue;
      State& state = state_of(slot);
      if (!Traits::usable(options, slot.parameter, state)) continue;
      Bucket& bucket = bucket_for(slot.parameter, Traits::steps_done(state), Traits::is_first(options, state), &used);
      bucket.parameters.push_back(slot.parameter);
      bucket.gradients.push_back(gradient);
      Traits::collect(options, slot.parameter, state, bucket);
    }
    for (size_t i = 0; i < used; ++i) {
      Traits::call(options, buckets_[i]);
      for (const auto& parameter : buckets_[i].parameters) {
        // The kernels do not tell autograd that they wrote: without this a stale graph would go unnoticed.
        parameter.unsafeGetTensorImpl()->bump_version();
        parameter.mutable_grad().reset();
      }
      buckets_[i].clear();
    }
  }

 private:
  struct Slot {
    at::Tensor parameter;
    State* state;  // owned by the copy, whose map keeps it where it is
  };

  State& state_of(Slot& slot) {
    if (slot.state == nullptr) {
      auto& owner = copy().state()[slot.parameter.unsafeGetTensorImpl()];
      if (owner == nullptr) owner = std::make_unique<State>();
      slot.state = static_cast<State*>(owner.get());
    }
    return *slot.state;
  }

  Bucket& bucket_for(const at::Tensor& parameter, std::int64_t done, bool first, size_t* used) {
    for (size_t i = 0; i < *used; ++i) {
      if (buckets_[i].takes(parameter, done, first)) return buckets_[i];
    }
    if (*used == buckets_.size()) buckets_.emplace_back();
    Bucket& bucket = buckets_[(*used)++];
    bucket.dtype = parameter.scalar_type();
    bucket.device = parameter.device();
    bucket.steps_done = done;
    bucket.first = first;
    return bucket;
  }

  std::vector<std::vector<Slot>> slots_;  // by group
  std::vector<Bucket> buckets_;           // kept for their lists' memory
};

struct SgdTraits {
  using Optimizer = optim::SGD;
  using Options = optim::SGDOptions;
  using State = optim::SGDParamState;

  static bool usable(const Options& options, const at::Tensor& parameter, const State& state) {
    return options.momentum() == 0 || !state.momentum_buffer().defined() ||
           same_layout(parameter, state.momentum_buffer());
  }
  static std::int64_t steps_done(const State&) { return 0; }
  // The first step with momentum takes the gradient as it is, without dampening.
  static bool is_first(const Options& options, const State& state) {
    return options.momentum() != 0 && !state.momentum_buffer().defined();
  }
  static void collect(const Options& options, const at::Tensor& parameter, State& state, Bucket& bucket) {
    if (options.momentum() == 0) return;  // the kernel wants an empty list
    if (!state.momentum_buffer().defined()) state.momentum_buffer(at::empty_like(parameter));
    bucket.first_state.push_back(state.momentum_buffer());
  }
  static void call(const Options& options, Bucket& bucket) {
    at::_fused_sgd_(bucket.parameters, bucket.gradients, bucket.first_state, options.weight_decay(), options.momentum(),
                    options.lr(), options.dampening(), options.nesterov(), /*maximize=*/false,
                    /*is_first_step=*/bucket.first);
  }
};

/// Adds one to the counters of a bucket, as the kernels expect before they are called.
void raise_steps(Bucket& bucket) {
  const auto step = at::scalar_tensor(static_cast<double>(bucket.steps_done + 1),
                                      at::TensorOptions().dtype(at::kFloat).device(bucket.device));
  bucket.steps.assign(bucket.parameters.size(), step);
}

// One of the overloads each, so that they can be template arguments.
void fused_adam(at::TensorList p, at::TensorList g, at::TensorList m, at::TensorList v, at::TensorList vmax,
                at::TensorList steps, double lr, double beta1, double beta2, double weight_decay, double eps,
                bool amsgrad) {
  at::_fused_adam_(p, g, m, v, vmax, steps, lr, beta1, beta2, weight_decay, eps, amsgrad, /*maximize=*/false);
}
void fused_adamw(at::TensorList p, at::TensorList g, at::TensorList m, at::TensorList v, at::TensorList vmax,
                 at::TensorList steps, double lr, double beta1, double beta2, double weight_decay, double eps,
                 bool amsgrad) {
  at::_fused_adamw_(p, g, m, v, vmax, steps, lr, beta1, beta2, weight_decay, eps, amsgrad, /*maximize=*/false);
}

template <typename Optimizer_, typename Options_, typename State_, auto kFusedKernel>
struct AdamTraits {
  using Optimizer = Optimizer_;
  using Options = Options_;
  using State = State_;

  static bool usable(const Options& options, const at::Tensor& parameter, const State& state) {
    if (!state.exp_avg().defined()) return true;
    return same_layout(parameter, state.exp_avg()) && same_layout(parameter, state.exp_avg_sq()) &&
           (!options.amsgrad() || same_layout(parameter, state.max_exp_avg_sq()));
  }
  static std::int64_t steps_done(const State& state) { return state.step(); }
  static bool is_first(const Options&, const State&) { return false; }
  static void collect(const Options& options, const at::Tensor& parameter, State& state, Bucket& bucket) {
    if (!state.exp_avg().defined()) {
      state.exp_avg(at::zeros_like(parameter));
      state.exp_avg_sq(at::zeros_like(parameter));
      if (options.amsgrad()) state.max_exp_avg_sq(at::zeros_like(parameter));
    }
    state.step(state.step() + 1);
    bucket.first_state.push_back(state.exp_avg());
    bucket.second_state.push_back(state.exp_avg_sq());
    if (options.amsgrad()) bucket.third_state.push_back(state.max_exp_avg_sq());
  }
  static void call(const Options& options, Bucket& bucket) {
    raise_steps(bucket);
    const auto [beta1, beta2] = options.betas();
    kFusedKernel(bucket.parameters, bucket.gradients, bucket.first_state, bucket.second_state, bucket.third_state,
                 bucket.steps, options.lr(), beta1, beta2, options.weight_decay(), options.eps(), options.amsgrad());
  }
};

struct AdagradTraits {
  using Optimizer = optim::Adagrad;
  using Options = optim::AdagradOptions;
  using State = optim::AdagradParamState;

  static bool usable(const Options&, const at::Tensor& parameter, const State& state) {
    return same_layout(parameter, state.sum());  // made by the optimizer's constructor
  }
  static std::int64_t steps_done(const State& state) { return state.step(); }
  static bool is_first(const Options&, const State&) { return false; }
  static void collect(const Options&, const at::Tensor&, State& state, Bucket& bucket) {
    state.step(state.step() + 1);
    bucket.first_state.push_back(state.sum());
  }
  static void call(const Options& options, Bucket& bucket) {
    raise_steps(bucket);
    at::_fused_adagrad_(bucket.parameters, bucket.gradients, bucket.first_state, bucket.steps, options.lr(),
                        options.lr_decay(), options.weight_decay(), options.eps(), /*maximize=*/false);
  }
};

/// No fused kernel: the copy's own step does everything.
class OwnStepUpdater final : public Updater {
 public:
  OwnStepUpdater(std::unique_ptr<optim::Optimizer> copy, std::vector<double> group_ratios)
      : Updater(std::move(copy), std::move(group_ratios)) {}
};

}  // namespace

bool fusable(const at::Tensor& parameter, const at::Tensor& gradient) {
  return plain_strided(parameter) && at::isFloatingType(parameter.scalar_type()) &&
         parameter.is_non_overlapping_and_dense() && same_layout(parameter, gradient);
}

std::unique_ptr<Updater> Updater::of(const optim::Optimizer& optimizer, std::vector<double> group_ratios) {
  // Exact classes: a subclass may update in its own way, which nothing here would know of.
  const auto& type = typeid(optimizer);
  if (type == typeid(optim::SGD)) return std::make_unique<FusedUpdater<SgdTraits>>(optimizer, std::move(group_ratios));
  if (type == typeid(optim::Adam)) {
    using Traits = AdamTraits<optim::Adam, optim::AdamOptions, optim::AdamParamState, fused_adam>;
    return std::make_unique<FusedUpdater<Traits>>(optimizer, std::move(group_ratios));
  }
  if (type == typeid(optim::AdamW)) {
    using Traits = AdamTraits<optim::AdamW, optim::AdamWOptions, optim::AdamWParamState, fused_adamw>;
    return std::make_unique<FusedUpdater<Traits>>(optimizer, std::move(group_ratios));
  }
  if (type == typeid(optim::Adagrad)) {
    return std::make_unique<FusedUpdater<AdagradTraits>>(optimizer, std::move(group_ratios));
  }
  if (type == typeid(optim::RMSprop)) {
    return std::make_unique<OwnStepUpdater>(
        private_copy<optim::RMSprop, optim::RMSpropOptions, optim::RMSpropParamState>(optimizer),
        std::move(group_ratios));
  }
  throw Error(ErrorKind::kInvalidArgument, "optimizer " + c10::demangle(type.name()) +
                                               " cannot be swept: allowed are SGD, Adam, AdamW, Adagrad and RMSprop");
}

void Updater::update(double lr) {
  const c10::NoGradGuard no_grad;
  auto& groups = copy_->param_groups();
  bool left = false;
  for (size_t i = 0; i < groups.size(); ++i) {
    groups[i].options().set_lr(lr * group_ratios_[i]);
    update_fused(i);
    for (const auto& parameter : groups[i].params()) left = left || parameter.grad().defined();
  }
  if (!left) return;
  copy_->step();
  // Not by zero_grad, which cannot drop a gradient that is a view.
  for (const auto& group : groups) {
    for (const auto& parameter : group.params()) parameter.mutable_grad().reset();
  }
}

}  // namespace lrfinder
