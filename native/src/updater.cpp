#include "updater.h"

#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/ops/_fused_adagrad.h>
#include <ATen/ops/_fused_adam.h>
#include <ATen/ops/_fused_adamw.h>
#include <ATen/ops/_fused_sgd.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/full.h>
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
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <typeinfo>
#include <unordered_set>

#include "failure.h"
#include "micro_batches.h"
#include "outside_tensor.h"

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

/// Filled anew in each step, and written to where it has changed: comparing costs less than counting references.
class RefilledList {
 public:
  void start() { filled_ = 0; }

  void add(const at::Tensor& tensor) {
    if (filled_ == tensors_.size()) {
      tensors_.push_back(tensor);
    } else if (!tensors_[filled_].is_same(tensor)) {
      tensors_[filled_] = tensor;
    }
    ++filled_;
  }

  /// Lets go of what was not filled anew.
  void end() { tensors_.resize(filled_); }

  operator at::TensorList() const { return tensors_; }

 private:
  std::vector<at::Tensor> tensors_;
  size_t filled_ = 0;
};

/// The arguments of one fused call: parameters that share what the call takes once.
struct Bucket {
  at::ScalarType dtype = at::kFloat;
  at::Device device = at::kCPU;
  std::int64_t steps_done = 0;
  bool first = false;

  RefilledList parameters;
  std::vector<at::Tensor> gradients;  // taken from the parameters, so that they are dropped with the call
  RefilledList first_state;
  RefilledList second_state;
  RefilledList third_state;
  std::vector<at::Tensor> steps;  // one tensor for all

  bool takes(const at::Tensor& parameter, std::int64_t done, bool is_first) const {
    return steps_done == done && first == is_first && dtype == parameter.scalar_type() && device == parameter.device();
  }

  void start() {
    for (auto* list : lists()) list->start();
    gradients.clear();  // of a step that failed
  }

  void end() {
    for (auto* list : lists()) list->end();
  }

 private:
  std::array<RefilledList*, 4> lists() { return {&parameters, &first_state, &second_state, &third_state}; }
};

/// What the fused updaters share: finding each parameter's state, and sorting a group's parameters into calls.
template <typename Traits>
class FusedUpdater final : public Updater {
 public:
  using Options = typename Traits::Options;
  using State = typename Traits::State;
  using Updater::Updater;

  void prepare_recording() override {
    recorded_.clear();
    const auto& groups = target().param_groups();
    for (size_t i = 0; i < groups.size(); ++i) {
      const auto device = groups[i].params().front().device();
      const double lr = groups[i].options().get_lr();
      Recorded recorded{
          at::full({}, lr, at::TensorOptions().dtype(at::kFloat).device(device)), lr, groups[i].options().clone(), {}};
      for_each_updated(i, [&](const at::Tensor&, State& state) {
        for (const at::Tensor* tensor : Traits::tensors(state)) {
          if (tensor->defined()) recorded.state.emplace_back(*tensor);
        }
      });
      recorded_.push_back(std::move(recorded));
    }
  }

  bool as_recorded() const override {
    const auto& groups = target().param_groups();
    if (groups.size() != recorded_.size()) return false;
    for (size_t i = 0; i < groups.size(); ++i) {
      if (!same_tensors(groups[i].params(), groups_[i].parameters) || !recorded_[i].fits(groups[i].options()))
        return false;
      auto next = recorded_[i].state.begin();
      bool same = true;
      for_each_updated(i, [&](const at::Tensor&, State& state) {
        for (const at::Tensor* tensor : Traits::tensors(state)) {
          if (!tensor->defined()) continue;
          same = same && next != recorded_[i].state.end() && next->is(*tensor) && next->unchanged();
          if (same) ++next;
        }
      });
      if (!same || next != recorded_[i].state.end()) return false;
    }
    return true;
  }

  void send_rates() override {
    const c10::NoGradGuard no_grad;
    for (size_t i = 0; i < recorded_.size(); ++i) {
      const double lr = target().param_groups()[i].options().get_lr();
      if (lr != std::exchange(recorded_[i].sent, lr)) recorded_[i].rate.fill_(lr);
    }
  }

  void count_replayed() override {
    for (size_t i = 0; i < recorded_.size(); ++i) {
      for_each_updated(i, [](const at::Tensor& parameter, State& state) {
        Traits::count(state);
        parameter.unsafeGetTensorImpl()->bump_version();
      });
    }
  }

 protected:
  bool update_fused(size_t group) override {
    const auto& parameter_group = target().param_groups()[group];
    const auto& options = static_cast<const Options&>(parameter_group.options());
    Group& known = known_group(group, parameter_group.params());
    if (known.twice) return true;
    for (auto& bucket : known.buckets) bucket.start();
    bool left = false;
    size_t used = 0;
    for (const auto& parameter : known.parameters) {
      at::Tensor& gradient = parameter.mutable_grad();
      if (!gradient.defined()) continue;
      State* found = Traits::has_state(options) ? find_state(parameter) : &none_;
      if (!fusable(parameter, gradient) || !Traits::usable(options, parameter, found == nullptr ? none_ : *found)) {
        left = true;
        continue;
      }
      State& state = found == nullptr ? add_state(parameter) : *found;
      Bucket& bucket =
          bucket_for(parameter, Traits::steps_done(state), Traits::is_first(options, state), &known.buckets, &used);
      bucket.parameters.add(parameter);
      bucket.gradients.push_back(std::move(gradient));
      Traits::collect(options, parameter, state, bucket);
      if (!recording()) Traits::count(state);
    }
    for (auto& bucket : known.buckets) bucket.end();
    const at::AutoDispatchBelowADInplaceOrView below_autograd;  // which has nothing to do here, but takes its time
    for (size_t i = 0; i < used; ++i) {
      Bucket& bucket = known.buckets[i];
      Traits::call(options, bucket, skip(), recording() ? &recorded_[group].rate : nullptr);
      bucket.gradients.clear();
      // The kernels do not tell autograd that they wrote: without this a stale graph would go unnoticed.
      for (const auto& parameter : at::TensorList(bucket.parameters)) parameter.unsafeGetTensorImpl()->bump_version();
    }
    return left;
  }

 private:
  /// What is known of a group as long as its parameters stay the same.
  struct Group {
    std::vector<at::Tensor> parameters;
    bool twice = false;           // a parameter is listed twice: its optimizer steps it twice, not at once
    std::vector<Bucket> buckets;  // kept for their lists
  };

  /// What a recorded update of a group has built in.
  struct Recorded {
    at::Tensor rate;  // that it reads
    double sent;      // to it
    std::unique_ptr<optim::OptimizerOptions> options;
    std::vector<OutsideTensor> state;

    bool fits(const optim::OptimizerOptions& now) const {
      options->set_lr(now.get_lr());
      return static_cast<const Options&>(*options) == static_cast<const Options&>(now);
    }
  };

  static bool same_tensors(const std::vector<at::Tensor>& left, const std::vector<at::Tensor>& right) {
    const auto same = [](const at::Tensor& a, const at::Tensor& b) { return a.is_same(b); };
    return std::equal(left.begin(), left.end(), right.begin(), right.end(), same);
  }

  /// Calls `call` with the parameters of a group that the last update wrote, and their states.
  template <typename Call>
  void for_each_updated(size_t group, const Call& call) const {
    State none;
    for (const auto& bucket : groups_[group].buckets) {
      for (const auto& parameter : at::TensorList(bucket.parameters)) {
        State* state = find_state(parameter);
        call(parameter, state == nullptr ? none : *state);
      }
    }
  }

  Group& known_group(size_t index, const std::vector<at::Tensor>& parameters) {
    if (index >= groups_.size()) groups_.resize(index + 1);
    Group& group = groups_[index];
    if (!same_tensors(parameters, group.parameters)) {
      std::unordered_set<const c10::TensorImpl*> seen;
      for (const auto& parameter : parameters) seen.insert(parameter.unsafeGetTensorImpl());
      group.parameters = parameters;
      group.twice = seen.size() < parameters.size();
    }
    return group;
  }

  /// Looked up in each step: a shared optimizer's state may have been loaded anew since the last.
  State* find_state(const at::Tensor& parameter) const {
    const auto found = target().state().find(parameter.unsafeGetTensorImpl());
    return found == target().state().end() ? nullptr : static_cast<State*>(found->second.get());
  }

  State& add_state(const at::Tensor& parameter) {
    auto& owner = target().state()[parameter.unsafeGetTensorImpl()];
    owner = std::make_unique<State>();
    return static_cast<State&>(*owner);
  }

  static Bucket& bucket_for(const at::Tensor& parameter, std::int64_t done, bool first, std::vector<Bucket>* buckets,
                            size_t* used) {
    for (size_t i = 0; i < *used; ++i) {
      if ((*buckets)[i].takes(parameter, done, first)) return (*buckets)[i];
    }
    if (*used == buckets->size()) buckets->emplace_back();
    Bucket& bucket = (*buckets)[(*used)++];
    bucket.dtype = parameter.scalar_type();
    bucket.device = parameter.device();
    bucket.steps_done = done;
    bucket.first = first;
    return bucket;
  }

  std::vector<Group> groups_;
  std::vector<Recorded> recorded_;  // by group
  State none_;                      // stands in where the optimizer has no state
};

// The table of optimizers: what differs between them, a struct for each, and `for_each_optimizer` which lists them.
// All have a `kName`, and which of a state are `tensors`; those with a fused kernel also `usable`, `collect`, `call`,
// whose `rate` is the device's, or null: then it is that of the options.

/// Calls the overload of a kernel for one or the other.
template <typename Call>
void with_rate(double lr, const at::Tensor* rate, const Call& call) {
  rate == nullptr ? call(lr) : call(*rate);
}

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
  static void count(State& state) { state.step(state.step() + 1); }
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
  static void count(State&) {}
  // The first step with momentum takes the gradient as it is, without dampening.
  static bool is_first(const Options& options, const State& state) {
    return options.momentum() != 0 && !state.momentum_buffer().defined();
  }
  static void collect(const Options& options, const at::Tensor& parameter, State& state, Bucket& bucket) {
    if (options.momentum() == 0) return;  // the kernel wants an empty list
    if (!state.momentum_buffer().defined()) state.momentum_buffer(at::empty_like(parameter));
    bucket.first_state.add(state.momentum_buffer());
  }
  static void call(const Options& options, Bucket& bucket, const std::optional<at::Tensor>& skip,
                   const at::Tensor* rate) {
    with_rate(options.lr(), rate, [&](const auto& lr) {
      at::_fused_sgd_(bucket.parameters, bucket.gradients, bucket.first_state, options.weight_decay(),
                      options.momentum(), lr, options.dampening(), options.nesterov(), /*maximize=*/false,
                      /*is_first_step=*/bucket.first, /*grad_scale=*/{}, /*found_inf=*/skip);
    });
  }
};

/// Adds one to the counters of a bucket, as the kernels expect before they are called: those of the device, where it
/// counts by itself.
void raise_steps(Bucket& bucket, bool on_device) {
  auto& steps = bucket.steps;
  if (steps.empty() || steps.front().device() != bucket.device) {
    steps.assign(1, at::empty({}, at::TensorOptions().dtype(at::kFloat).device(bucket.device)));
  }
  const at::Tensor step = steps.front();
  on_device ? step.add_(1) : step.fill_(static_cast<double>(bucket.steps_done + 1));
  steps.resize(bucket.gradients.size(), step);
}

/// A kernel's overload for a rate of one type.
template <typename Rate>
using AdamKernel = void(at::TensorList, at::TensorList, at::TensorList, at::TensorList, at::TensorList, at::TensorList,
                        Rate, double, double, double, double, bool, bool, const std::optional<at::Tensor>&,
                        const std::optional<at::Tensor>&);

template <typename Optimizer, typename Options, typename State, AdamKernel<double>* kFusedKernel,
          AdamKernel<const at::Tensor&>* kDeviceRateKernel>
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
    bucket.first_state.add(state.exp_avg());
    bucket.second_state.add(state.exp_avg_sq());
    if (options.amsgrad()) bucket.third_state.add(state.max_exp_avg_sq());
  }
  static void call(const Options& options, Bucket& bucket, const std::optional<at::Tensor>& skip,
                   const at::Tensor* rate) {
    raise_steps(bucket, rate != nullptr);
    const auto call = [&](auto* kernel, const auto& lr) {
      const auto [beta1, beta2] = options.betas();
      kernel(bucket.parameters, bucket.gradients, bucket.first_state, bucket.second_state, bucket.third_state,
             bucket.steps, lr, beta1, beta2, options.weight_decay(), options.eps(), options.amsgrad(),
             /*maximize=*/false, /*grad_scale=*/{}, /*found_inf=*/skip);
    };
    rate == nullptr ? call(kFusedKernel, options.lr()) : call(kDeviceRateKernel, *rate);
  }
};

struct AdamTraits
    : AnyAdamTraits<optim::Adam, optim::AdamOptions, optim::AdamParamState, at::_fused_adam_, at::_fused_adam_> {
  static constexpr const char* kName = "Adam";
};

struct AdamWTraits
    : AnyAdamTraits<optim::AdamW, optim::AdamWOptions, optim::AdamWParamState, at::_fused_adamw_, at::_fused_adamw_> {
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
    bucket.first_state.add(state.sum());
  }
  static void call(const Options& options, Bucket& bucket, const std::optional<at::Tensor>& skip,
                   const at::Tensor* rate) {
    raise_steps(bucket, rate != nullptr);
    with_rate(options.lr(), rate, [&](const auto& lr) {
      at::_fused_adagrad_(bucket.parameters, bucket.gradients, bucket.first_state, bucket.steps, lr, options.lr_decay(),
                          options.weight_decay(), options.eps(), /*maximize=*/false,
                          /*grad_scale=*/{}, /*found_inf=*/skip);
    });
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
  fused_ = true;
  for (size_t i = 0; i < groups.size(); ++i) {
    if (!update_fused(i)) continue;
    for (const auto& parameter : groups[i].params()) {
      if (!parameter.grad().defined()) continue;
      left = true;
      if (parameter.grad().is_sparse()) check_takes_sparse(*optimizer_, groups[i].options());
    }
  }
  if (!left) return;
  fused_ = false;
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
