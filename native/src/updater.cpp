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
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <typeinfo>
#include <unordered_set>

#include "failure.h"
#include "micro_batches.h"

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
template <typename Traits>
class FusedUpdater final : public Updater {
 public:
  using Options = typename Traits::Options;
  using State = typename Traits::State;
  using Updater::Updater;

 protected:
  void update_fused(size_t group) override {
    auto& parameter_group = target().param_groups()[group];
    const auto& options = static_cast<const Options&>(parameter_group.options());
    if (listed_twice(group, parameter_group.params())) return;
    size_t used = 0;
    for (const auto& parameter : parameter_group.params()) {
      const at::Tensor& gradient = parameter.grad();
      if (!gradient.defined() || !fusable(parameter, gradient)) continue;
      State* known = Traits::has_state(options) ? find_state(parameter) : &none_;
      if (!Traits::usable(options, parameter, known == nullptr ? none_ : *known)) continue;
      State& state = known == nullptr ? add_state(parameter) : *known;
      Bucket& bucket = bucket_for(parameter, Traits::steps_done(state), Traits::is_first(options, state), &used);
      bucket.parameters.push_back(parameter);
      bucket.gradients.push_back(gradient);
      Traits::collect(options, parameter, state, bucket);
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
  /// Looked up in each step: a shared optimizer's state may have been loaded anew since the last.
  State* find_state(const at::Tensor& parameter) {
    const auto found = target().state().find(parameter.unsafeGetTensorImpl());
    return found == target().state().end() ? nullptr : static_cast<State*>(found->second.get());
  }

  State& add_state(const at::Tensor& parameter) {
    auto& owner = target().state()[parameter.unsafeGetTensorImpl()];
    owner = std::make_unique<State>();
    return static_cast<State&>(*owner);
  }

  /// A parameter that is listed twice is stepped twice by its optimizer, not at once. Found out again when the number
  /// of parameters has changed.
  bool listed_twice(size_t group, const std::vector<at::Tensor>& parameters) {
    if (group >= listings_.size()) listings_.resize(group + 1);
    auto& listing = listings_[group];
    if (listing.parameters != parameters.size()) {
      std::unordered_set<const c10::TensorImpl*> seen;
      for (const auto& parameter : parameters) seen.insert(parameter.unsafeGetTensorImpl());
      listing = {parameters.size(), seen.size() < parameters.size()};
    }
    return listing.twice;
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

  struct Listing {
    size_t parameters = 0;
    bool twice = false;
  };

  std::vector<Listing> listings_;  // by group
  std::vector<Bucket> buckets_;    // kept for their lists' memory
  State none_;                     // stands in where the optimizer has no state
};

// The table of optimizers: what differs between them, a struct for each, and `for_each_optimizer` which lists them.
// All have a `kName`, and which of a state are `tensors`; those with a fused kernel also `usable`, `collect`, `call`.

/// What holds for most of them.
template <typename Optimizer_, typename Options_, typename State_>
struct AnyTraits {
  using Optimizer = Optimizer_;
  using Options = Options_;
  using State = State_;
  static constexpr bool kFused = true;
  static constexpr bool kTakesSparse = false;        // gradients, without weight decay
  static constexpr bool kHasStateFromStart = false;  // made by the optimizer's constructor

  static bool has_state(const Options&) { return true; }
  static std::int64_t steps_done(const State& state) { return state.step(); }
  static bool is_first(const Options&, const State&) { return false; }
};

struct SgdTraits : AnyTraits<optim::SGD, optim::SGDOptions, optim::SGDParamState> {
  static constexpr const char* kName = "SGD";
  static constexpr bool kTakesSparse = true;

  static std::vector<at::Tensor*> tensors(State& state) { return {&state.momentum_buffer()}; }
  static bool has_state(const Options& options) { return options.momentum() != 0; }
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

/// Of each kernel's overloads the one whose rate is a number.
using AdamKernel = void(at::TensorList, at::TensorList, at::TensorList, at::TensorList, at::TensorList, at::TensorList,
                        double, double, double, double, double, bool, bool, const std::optional<at::Tensor>&,
                        const std::optional<at::Tensor>&);

template <typename Optimizer, typename Options, typename State, AdamKernel* kFusedKernel>
struct AnyAdamTraits : AnyTraits<Optimizer, Options, State> {
  static std::vector<at::Tensor*> tensors(State& state) {
    return {&state.exp_avg(), &state.exp_avg_sq(), &state.max_exp_avg_sq()};
  }
  static bool usable(const Options& options, const at::Tensor& parameter, const State& state) {
    if (!state.exp_avg().defined()) return true;
    return same_layout(parameter, state.exp_avg()) && same_layout(parameter, state.exp_avg_sq()) &&
           (!options.amsgrad() || same_layout(parameter, state.max_exp_avg_sq()));
  }
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
                 bucket.steps, options.lr(), beta1, beta2, options.weight_decay(), options.eps(), options.amsgrad(),
                 /*maximize=*/false, /*grad_scale=*/{}, /*found_inf=*/{});
  }
};

struct AdamTraits : AnyAdamTraits<optim::Adam, optim::AdamOptions, optim::AdamParamState, at::_fused_adam_> {
  static constexpr const char* kName = "Adam";
};

struct AdamWTraits : AnyAdamTraits<optim::AdamW, optim::AdamWOptions, optim::AdamWParamState, at::_fused_adamw_> {
  static constexpr const char* kName = "AdamW";
};

struct AdagradTraits : AnyTraits<optim::Adagrad, optim::AdagradOptions, optim::AdagradParamState> {
  static constexpr const char* kName = "Adagrad";
  static constexpr bool kTakesSparse = true;
  static constexpr bool kHasStateFromStart = true;

  static std::vector<at::Tensor*> tensors(State& state) { return {&state.sum()}; }
  static bool usable(const Options&, const at::Tensor& parameter, const State& state) {
    return same_layout(parameter, state.sum());
  }
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

struct RmspropTraits : AnyTraits<optim::RMSprop, optim::RMSpropOptions, optim::RMSpropParamState> {
  static constexpr const char* kName = "RMSprop";
  static constexpr bool kFused = false;

  static std::vector<at::Tensor*> tensors(State& state) {
    return {&state.square_avg(), &state.momentum_buffer(), &state.grad_avg()};
  }
};

template <typename Call>
void for_each_optimizer(const Call& call) {
  call(SgdTraits());
  call(AdamTraits());
  call(AdamWTraits());
  call(AdagradTraits());
  call(RmspropTraits());
}

/// Without a kernel the optimizer's own step does everything.
template <typename Traits>
using UpdaterOf = std::conditional_t<Traits::kFused, FusedUpdater<Traits>, Updater>;

/// Calls `call` with the traits of an optimizer, unless it is none of the table's. Exact classes: a subclass may update
/// in its own way, which nothing here would know of.
template <typename Call>
void with_traits(const optim::Optimizer& optimizer, const Call& call) {
  for_each_optimizer([&](auto traits) {
    if (typeid(optimizer) == typeid(typename decltype(traits)::Optimizer)) call(traits);
  });
}

/// "A, B and C": the names of those optimizers whose traits `listed` is true of.
template <typename Filter>
std::string names(const char* last_separator, const Filter& listed) {
  std::vector<std::string> all;
  for_each_optimizer([&](auto traits) {
    if (listed(traits)) all.emplace_back(traits.kName);
  });
  std::string text = all.front();
  for (size_t i = 1; i < all.size(); ++i) text += (i + 1 < all.size() ? ", " : last_separator) + all[i];
  return text;
}

std::string class_of(const optim::Optimizer& optimizer) { return c10::demangle(typeid(optimizer).name()); }

template <typename Traits>
std::unique_ptr<optim::Optimizer> private_copy(const optim::Optimizer& original) {
  using State = typename Traits::State;
  const auto& defaults = static_cast<const typename Traits::Options&>(original.defaults());
  auto copy = std::make_unique<typename Traits::Optimizer>(original.param_groups(), defaults);
  for (const auto& [parameter, state] : original.state()) {
    auto cloned = std::make_unique<State>(static_cast<const State&>(*state));
    for (at::Tensor* tensor : Traits::tensors(*cloned)) {
      if (tensor->defined()) *tensor = tensor->clone();
    }
    copy->state()[parameter] = std::move(cloned);
  }
  return copy;
}

/// Says in words for the user what libtorch would fail on.
void check_takes_sparse(const optim::Optimizer& optimizer, const optim::OptimizerOptions& options) {
  with_traits(optimizer, [&](auto traits) {
    using Traits = decltype(traits);
    if (!Traits::kTakesSparse) {
      refuse(class_of(optimizer),
             " does not take sparse gradients: give the parameters that have them to an optimizer of their own, ",
             names(" or ", [](auto other) { return other.kTakesSparse; }), ", or make their embedding dense");
    }
    if (static_cast<const typename Traits::Options&>(options).weight_decay() != 0) {
      refuse(class_of(optimizer), " does not take sparse gradients with weight decay: set it to 0");
    }
  });
}

void check_has_state(const optim::Optimizer& optimizer, const char* name) {
  for (const auto& parameter : parameters_of(&optimizer)) {
    if (optimizer.state().count(parameter.unsafeGetTensorImpl()) > 0) continue;
    refuse("optimizer ", name, " has no state for a parameter group that was added to it: make it with all groups");
  }
}

}  // namespace

bool fusable(const at::Tensor& parameter, const at::Tensor& gradient) {
  const bool wide = parameter.scalar_type() == at::kFloat || parameter.scalar_type() == at::kDouble;
  return wide && plain_strided(parameter) && parameter.is_non_overlapping_and_dense() &&
         same_layout(parameter, gradient);
}

std::unique_ptr<Updater> Updater::copying(const optim::Optimizer& optimizer) {
  std::unique_ptr<Updater> updater;
  with_traits(optimizer, [&](auto traits) {
    using Traits = decltype(traits);
    updater = std::make_unique<UpdaterOf<Traits>>(private_copy<Traits>(optimizer));
  });
  if (updater != nullptr) return updater;
  refuse("optimizer ", class_of(optimizer), " cannot be swept: allowed are ",
         names(" and ", [](auto) { return true; }));
}

std::unique_ptr<Updater> Updater::sharing(optim::Optimizer& optimizer) {
  std::unique_ptr<Updater> updater;
  with_traits(optimizer, [&](auto traits) {
    using Traits = decltype(traits);
    if (Traits::kHasStateFromStart) check_has_state(optimizer, Traits::kName);
    updater = std::make_unique<UpdaterOf<Traits>>(optimizer);
  });
  if (updater != nullptr) return updater;
  if (typeid(optimizer) == typeid(optim::LBFGS)) {
    refuse("optimizer LBFGS cannot be trained with: it needs to compute the loss several times in a step");
  }
  return std::make_unique<Updater>(optimizer);
}

void Updater::set_rates(double lr, const std::vector<GroupRate>& rates) {
  auto& groups = optimizer_->param_groups();
  for (size_t i = 0; i < groups.size(); ++i) groups[i].options().set_lr(rates[i].at(lr));
}

void Updater::update() {
  const c10::NoGradGuard no_grad;
  auto& groups = optimizer_->param_groups();
  bool left = false;
  for (size_t i = 0; i < groups.size(); ++i) {
    update_fused(i);
    for (const auto& parameter : groups[i].params()) {
      if (!parameter.grad().defined()) continue;
      left = true;
      if (parameter.grad().is_sparse()) check_takes_sparse(*optimizer_, groups[i].options());
    }
  }
  if (!left) return;
  optimizer_->step();
  drop_gradients();
}

void Updater::drop_gradients() {
  // Not by zero_grad, which cannot drop a gradient that is a view.
  for (const auto& group : optimizer_->param_groups()) {
    for (const auto& parameter : group.params()) parameter.mutable_grad().reset();
  }
}

}  // namespace lrfinder
