#include "updater.h"

#include <ATen/ops/_neg_view.h>
#include <ATen/ops/sparse_coo_tensor.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <gtest/gtest.h>
#include <torch/optim.h>
#include <torch/serialize.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <ostream>
#include <sstream>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "lrfinder/error.h"
#include "testing.h"

namespace lrfinder {
namespace {

namespace optim = torch::optim;

using test::Groups;
using test::near;
using test::normal;
using test::normal_parameter;
using test::optimizer_case;
using test::OptimizerCase;
using test::same_bits;

constexpr double kOwnRate = 0.25;  // of the user's optimizer, which no sweep may touch
constexpr int kUpdates = 10;

std::vector<OptimizerCase> all_optimizers() {
  return {
      optimizer_case<optim::SGD>("Sgd", optim::SGDOptions(kOwnRate)),
      optimizer_case<optim::SGD>("SgdWeightDecay", optim::SGDOptions(kOwnRate).weight_decay(0.1)),
      optimizer_case<optim::SGD>("SgdMomentum", optim::SGDOptions(kOwnRate).momentum(0.9)),
      optimizer_case<optim::SGD>("SgdDampening",
                                 optim::SGDOptions(kOwnRate).momentum(0.9).dampening(0.4).weight_decay(0.1)),
      optimizer_case<optim::SGD>("SgdNesterov",
                                 optim::SGDOptions(kOwnRate).momentum(0.9).weight_decay(0.1).nesterov(true)),
      optimizer_case<optim::Adam>("Adam", optim::AdamOptions(kOwnRate).betas({0.8, 0.95}).eps(1e-6)),
      optimizer_case<optim::Adam>("AdamAmsgrad", optim::AdamOptions(kOwnRate).weight_decay(0.1).amsgrad(true)),
      optimizer_case<optim::AdamW>("AdamW", optim::AdamWOptions(kOwnRate).betas({0.8, 0.95}).eps(1e-6)),
      optimizer_case<optim::AdamW>("AdamWAmsgrad", optim::AdamWOptions(kOwnRate).weight_decay(0.1).amsgrad(true)),
      optimizer_case<optim::Adagrad>("Adagrad", optim::AdagradOptions(kOwnRate).eps(1e-6)),
      optimizer_case<optim::Adagrad>(
          "AdagradDecay",
          optim::AdagradOptions(kOwnRate).lr_decay(0.1).initial_accumulator_value(0.5).weight_decay(0.1)),
      optimizer_case<optim::RMSprop>("RmspropCentered", optim::RMSpropOptions(kOwnRate).centered(true)),
      optimizer_case<optim::RMSprop>("RmspropMomentum",
                                     optim::RMSpropOptions(kOwnRate).momentum(0.9).weight_decay(0.1)),
  };
}

/// What an optimizer remembers of a parameter.
struct ParameterState {
  std::int64_t step;
  std::vector<at::Tensor> tensors;
};

/// Nothing before the parameter's first update.
std::optional<ParameterState> state_of(const optim::Optimizer& optimizer, const at::Tensor& parameter) {
  const auto found = optimizer.state().find(parameter.unsafeGetTensorImpl());
  if (found == optimizer.state().end()) return std::nullopt;
  const auto* state = found->second.get();
  if (const auto* sgd = dynamic_cast<const optim::SGDParamState*>(state)) {
    return ParameterState{0, {sgd->momentum_buffer()}};
  }
  if (const auto* adam = dynamic_cast<const optim::AdamParamState*>(state)) {
    return ParameterState{adam->step(), {adam->exp_avg(), adam->exp_avg_sq(), adam->max_exp_avg_sq()}};
  }
  if (const auto* adamw = dynamic_cast<const optim::AdamWParamState*>(state)) {
    return ParameterState{adamw->step(), {adamw->exp_avg(), adamw->exp_avg_sq(), adamw->max_exp_avg_sq()}};
  }
  if (const auto* adagrad = dynamic_cast<const optim::AdagradParamState*>(state)) {
    return ParameterState{adagrad->step(), {adagrad->sum()}};
  }
  const auto& rmsprop = dynamic_cast<const optim::RMSpropParamState&>(*state);
  return ParameterState{rmsprop.step(), {rmsprop.square_avg(), rmsprop.momentum_buffer(), rmsprop.grad_avg()}};
}

void expect_near(const std::optional<ParameterState>& actual, const std::optional<ParameterState>& expected,
                 double tolerance) {
  ASSERT_EQ(actual.has_value(), expected.has_value());
  if (!actual.has_value()) return;
  EXPECT_EQ(actual->step, expected->step);
  for (size_t i = 0; i < expected->tensors.size(); ++i) {
    EXPECT_TRUE(near(actual->tensors[i], expected->tensors[i], tolerance)) << "state tensor " << i;
  }
}

/// An optimizer and what it held when this was made.
class OptimizerState {
 public:
  OptimizerState(const optim::Optimizer& optimizer, std::vector<at::Tensor> parameters)
      : optimizer_(optimizer), parameters_(std::move(parameters)), size_(optimizer.state().size()) {
    for (const auto& parameter : parameters_) {
      auto state = state_of(optimizer, parameter);
      std::vector<at::Tensor> copies;
      if (state) {
        for (const auto& tensor : state->tensors) copies.push_back(tensor.defined() ? tensor.clone() : at::Tensor());
      }
      states_.push_back({std::move(state), std::move(copies)});
    }
    for (const auto& group : optimizer.param_groups()) rates_.push_back(group.options().get_lr());
  }

  void expect_unchanged() const {
    EXPECT_EQ(optimizer_.state().size(), size_);
    for (size_t i = 0; i < parameters_.size(); ++i) {
      const auto now = state_of(optimizer_, parameters_[i]);
      const auto& [then, copies] = states_[i];
      ASSERT_EQ(now.has_value(), then.has_value()) << "parameter " << i;
      if (!now) continue;
      EXPECT_EQ(now->step, then->step) << "parameter " << i;
      for (size_t j = 0; j < copies.size(); ++j) {
        EXPECT_TRUE(now->tensors[j].is_same(then->tensors[j])) << "parameter " << i;
        EXPECT_TRUE(same_bits(now->tensors[j], copies[j])) << "parameter " << i;
      }
    }
    for (size_t i = 0; i < rates_.size(); ++i) EXPECT_EQ(optimizer_.param_groups()[i].options().get_lr(), rates_[i]);
  }

 private:
  const optim::Optimizer& optimizer_;
  std::vector<at::Tensor> parameters_;
  size_t size_;
  std::vector<std::pair<std::optional<ParameterState>, std::vector<at::Tensor>>> states_;
  std::vector<double> rates_;
};

/// Parameters and an optimizer over them.
struct Model {
  std::vector<at::Tensor> parameters;
  std::unique_ptr<optim::Optimizer> optimizer;
  std::string saved;  // the optimizer at an earlier time
};

constexpr size_t kSometimes = 3;
constexpr size_t kNever = 4;
const std::vector<double> kRatios{1.0, 0.1};

/// The same model in every call: two groups, the second with options of its own.
Model two_groups(const OptimizerCase& optimizer, at::ScalarType dtype) {
  const std::vector<std::vector<std::int64_t>> sizes{{4, 3}, {3}, {}, {2, 2}, {5}, {2, 3}, {0, 2}};
  Model model;
  for (const auto& size : sizes) model.parameters.push_back(normal_parameter(size, dtype, model.parameters.size()));
  const auto second = model.parameters.begin() + 5;
  model.optimizer = optimizer.make({optim::OptimizerParamGroup({model.parameters.begin(), second}),
                                    optim::OptimizerParamGroup({second, model.parameters.end()})});
  auto& options = model.optimizer->param_groups()[1].options();
  options.set_lr(kOwnRate / 2);
  if (auto* sgd = dynamic_cast<optim::SGDOptions*>(&options)) sgd->weight_decay(0.3);
  if (auto* adam = dynamic_cast<optim::AdamOptions*>(&options)) adam->betas({0.7, 0.9});
  if (auto* adamw = dynamic_cast<optim::AdamWOptions*>(&options)) adamw->weight_decay(0.3);
  if (auto* adagrad = dynamic_cast<optim::AdagradOptions*>(&options)) adagrad->lr_decay(0.3);
  if (auto* rmsprop = dynamic_cast<optim::RMSpropOptions*>(&options)) rmsprop->alpha(0.7);
  return model;
}

void set_gradients(const Model& model, int step) {
  for (size_t i = 0; i < model.parameters.size(); ++i) {
    const auto& parameter = model.parameters[i];
    const bool has = i != kNever && (i != kSometimes || step % 3 == 1);
    parameter.mutable_grad() =
        has ? normal(parameter.sizes(), parameter.scalar_type(), 100 * (step + 1) + i) : at::Tensor();
  }
}

double rate(int step) { return 1e-3 * std::pow(1.6, step); }

/// The optimizer's own step at `lr`, each group at its ratio.
void own_step(optim::Optimizer& optimizer, double lr, const std::vector<double>& ratios) {
  for (size_t i = 0; i < ratios.size(); ++i) optimizer.param_groups()[i].options().set_lr(lr * ratios[i]);
  optimizer.step();
  for (const auto& group : optimizer.param_groups()) {
    for (const auto& parameter : group.params()) parameter.mutable_grad().reset();
  }
}

class UpdaterTest : public ::testing::TestWithParam<std::tuple<at::Device, OptimizerCase, at::ScalarType, int>> {
  const test::OnDevice here_{std::get<0>(GetParam())};
};

TEST_P(UpdaterTest, EqualsTheOptimizersOwnSteps) {
  const auto& [device, optimizer, dtype, steps_before] = GetParam();
  const double tolerance = dtype == at::kDouble ? 1e-12 : 1e-6;
  auto swept = two_groups(optimizer, dtype);
  auto stepped = two_groups(optimizer, dtype);
  for (int step = -steps_before; step < 0; ++step) {
    for (auto* model : {&swept, &stepped}) {
      set_gradients(*model, step + 10);
      model->optimizer->step();
    }
  }
  for (const auto& parameter : swept.parameters) parameter.mutable_grad().reset();
  const OptimizerState held(*swept.optimizer, swept.parameters);
  const auto updater = Updater::copying(*swept.optimizer);
  for (int step = 0; step < kUpdates; ++step) {
    set_gradients(swept, step);
    set_gradients(stepped, step);
    updater->set_rates(rate(step), {GroupRate{kRatios[0]}, GroupRate{kRatios[1]}});
    updater->update();
    own_step(*stepped.optimizer, rate(step), kRatios);
    for (const auto& parameter : swept.parameters) EXPECT_FALSE(parameter.grad().defined());
  }
  for (size_t i = 0; i < swept.parameters.size(); ++i) {
    SCOPED_TRACE("parameter " + std::to_string(i));
    EXPECT_TRUE(near(swept.parameters[i], stepped.parameters[i], tolerance));
    expect_near(state_of(updater->optimizer(), swept.parameters[i]),
                state_of(*stepped.optimizer, stepped.parameters[i]), tolerance);
  }
  EXPECT_TRUE(same_bits(swept.parameters[kNever], stepped.parameters[kNever]));
  held.expect_unchanged();
}

TEST_P(UpdaterTest, SharedIsAfterEachStepWhatItsOwnStepsWouldHaveMadeOfIt) {
  const auto& [device, optimizer, dtype, steps_before] = GetParam();
  const double tolerance = dtype == at::kDouble ? 1e-12 : 1e-6;
  auto trained = two_groups(optimizer, dtype);
  auto stepped = two_groups(optimizer, dtype);
  for (int step = -steps_before; step < 0; ++step) {
    for (auto* model : {&trained, &stepped}) {
      set_gradients(*model, step + 10);
      model->optimizer->step();
    }
  }
  for (auto* model : {&trained, &stepped}) {
    for (const auto& parameter : model->parameters) parameter.mutable_grad().reset();
  }
  const auto updater = Updater::sharing(*trained.optimizer);
  for (int step = 0; step < kUpdates; ++step) {
    set_gradients(trained, step);
    set_gradients(stepped, step);
    // At the rates of its groups, which a scheduler may move between steps.
    trained.optimizer->param_groups()[1].options().set_lr(rate(step));
    updater->update();
    stepped.optimizer->param_groups()[1].options().set_lr(rate(step));
    stepped.optimizer->step();
    for (const auto& parameter : stepped.parameters) parameter.mutable_grad().reset();
    ASSERT_EQ(trained.optimizer->state().size(), stepped.optimizer->state().size());
    for (size_t i = 0; i < trained.parameters.size(); ++i) {
      SCOPED_TRACE("step " + std::to_string(step) + ", parameter " + std::to_string(i));
      EXPECT_FALSE(trained.parameters[i].grad().defined());
      EXPECT_TRUE(near(trained.parameters[i], stepped.parameters[i], 100 * tolerance));
      expect_near(state_of(*trained.optimizer, trained.parameters[i]),
                  state_of(*stepped.optimizer, stepped.parameters[i]), 10 * tolerance);
    }
  }
  for (size_t g = 0; g < 2; ++g) {
    EXPECT_EQ(trained.optimizer->param_groups()[g].options().get_lr(),
              stepped.optimizer->param_groups()[g].options().get_lr());
  }
}

INSTANTIATE_TEST_SUITE_P(All, UpdaterTest,
                         ::testing::Combine(::testing::ValuesIn(test::devices()), ::testing::ValuesIn(all_optimizers()),
                                            ::testing::Values(at::kDouble, at::kFloat), ::testing::Values(0, 3)),
                         [](const auto& info) {
                           return test::device_name(std::get<0>(info.param)) + "_" + std::get<1>(info.param).name +
                                  c10::toString(std::get<2>(info.param)) +
                                  (std::get<3>(info.param) == 0 ? "Fresh" : "Used");
                         });

/// A parameter and its gradients, one of which the fused kernels would get wrong.
struct LayoutCase {
  std::string name;
  std::function<at::Tensor()> parameter;
  std::function<at::Tensor(int step)> gradient;
};

void PrintTo(const LayoutCase& layout, std::ostream* out) { *out << layout.name; }

at::Tensor double_parameter(at::IntArrayRef sizes) { return normal_parameter(sizes, at::kDouble, 1); }

at::Tensor double_gradient(at::IntArrayRef sizes, int step) { return normal(sizes, at::kDouble, 100 + step); }

/// The middle columns of a matrix of four, as a parameter of its own.
at::Tensor middle_columns(const at::Tensor& base) { return base.narrow(1, 1, 2).detach().requires_grad_(); }

std::vector<LayoutCase> layouts() {
  return {
      {"ExpandedGradient", [] { return double_parameter({3, 4}); },
       [](int step) { return double_gradient({1, 4}, step).expand({3, 4}); }},
      {"ExpandedNumberAsGradient", [] { return double_parameter({3, 4}); },
       [](int step) { return double_gradient({}, step).expand({3, 4}); }},
      {"TransposedGradient", [] { return double_parameter({3, 4}); },
       [](int step) { return double_gradient({4, 3}, step).t(); }},
      {"TransposedParameter", [] { return normal({4, 3}, at::kDouble, 1).t().requires_grad_(); },
       [](int step) { return double_gradient({3, 4}, step); }},
      {"TransposedParameterAndGradient", [] { return normal({4, 3}, at::kDouble, 1).t().requires_grad_(); },
       [](int step) { return double_gradient({4, 3}, step).t(); }},
      {"ChannelsLastParameter",
       [] { return normal({2, 3, 4, 5}, at::kDouble, 1).contiguous(at::MemoryFormat::ChannelsLast).requires_grad_(); },
       [](int step) { return double_gradient({2, 3, 4, 5}, step); }},
      {"ChannelsLastGradient", [] { return double_parameter({2, 3, 4, 5}); },
       [](int step) { return double_gradient({2, 3, 4, 5}, step).contiguous(at::MemoryFormat::ChannelsLast); }},
      {"StridedParameter", [] { return middle_columns(normal({3, 4}, at::kDouble, 1)); },
       [](int step) { return double_gradient({3, 2}, step); }},
      {"StridedParameterAndGradient", [] { return middle_columns(normal({3, 4}, at::kDouble, 1)); },
       [](int step) { return double_gradient({3, 4}, step).narrow(1, 1, 2); }},
      {"StridedGradient", [] { return double_parameter({3, 2}); },
       [](int step) { return double_gradient({3, 4}, step).narrow(1, 1, 2); }},
      {"NegatedGradient", [] { return double_parameter({3, 4}); },
       [](int step) { return at::_neg_view(double_gradient({3, 4}, step)); }},
      {"WiderGradient",
       [] {
         auto parameter = normal_parameter({3, 4}, at::kFloat, 1);
         parameter.set_grad_dtype(std::nullopt);
         return parameter;
       },
       [](int step) { return double_gradient({3, 4}, step); }},
      {"NarrowerGradient",
       [] {
         auto parameter = double_parameter({3, 4});
         parameter.set_grad_dtype(std::nullopt);
         return parameter;
       },
       [](int step) { return normal({3, 4}, at::kFloat, 100 + step); }},
      // The parameter goes back and forth between the kernel and the optimizer's own step.
      {"SometimesTransposedGradient", [] { return double_parameter({3, 3}); },
       [](int step) {
         const auto gradient = double_gradient({3, 3}, step);
         return step % 2 == 0 ? gradient : gradient.t();
       }},
      {"OnceTransposedGradient", [] { return double_parameter({3, 3}); },
       [](int step) {
         const auto gradient = double_gradient({3, 3}, step);
         return step == 0 ? gradient.t() : gradient;
       }},
      {"OnceExpandedGradient", [] { return double_parameter({3, 3}); },
       [](int step) { return step == 2 ? double_gradient({}, step).expand({3, 3}) : double_gradient({3, 3}, step); }},
  };
}

/// Takes one parameter and a plain one beside it through `updates` of both kinds.
void expect_own_steps(const OptimizerCase& optimizer, const LayoutCase& layout, int updates) {
  const auto make = [&] {
    Model model;
    model.parameters = {layout.parameter(), normal_parameter({2, 3}, at::kDouble, 2)};
    model.optimizer = optimizer.make({optim::OptimizerParamGroup(model.parameters)});
    return model;
  };
  const auto swept = make();
  const auto stepped = make();
  const auto updater = Updater::copying(*swept.optimizer);
  for (int step = 0; step < updates; ++step) {
    for (const auto* model : {&swept, &stepped}) {
      model->parameters[0].mutable_grad() = layout.gradient(step).detach();
      model->parameters[1].mutable_grad() = normal({2, 3}, at::kDouble, 200 + step);
    }
    updater->set_rates(rate(step), {GroupRate{}});
    updater->update();
    own_step(*stepped.optimizer, rate(step), {1.0});
  }
  for (size_t i = 0; i < swept.parameters.size(); ++i) {
    const double tolerance = swept.parameters[i].scalar_type() == at::kFloat ? 1e-6 : 1e-12;
    EXPECT_TRUE(near(swept.parameters[i], stepped.parameters[i], tolerance));
    expect_near(state_of(updater->optimizer(), swept.parameters[i]),
                state_of(*stepped.optimizer, stepped.parameters[i]), tolerance);
  }
}

/// What a caller may do to a shared optimizer or to its parameters between two steps.
struct Event {
  std::string name;
  std::function<void(Model& model, int step)> happens;  // after the step's gradients are set
};

void PrintTo(const Event& event, std::ostream* out) { *out << event.name; }

template <typename State, typename Call>
void for_each_state(optim::Optimizer& optimizer, const Call& call) {
  for (const auto& parameter : optimizer.param_groups()[0].params()) {
    const auto found = optimizer.state().find(parameter.unsafeGetTensorImpl());
    if (found == optimizer.state().end()) continue;
    if (auto* state = dynamic_cast<State*>(found->second.get())) call(*state, parameter);
  }
}

void replace_tensors(optim::Optimizer& optimizer) {
  for_each_state<optim::SGDParamState>(optimizer, [](auto& state, const auto&) {
    if (state.momentum_buffer().defined()) state.momentum_buffer(state.momentum_buffer() / 2);
  });
  const auto halve = [](auto& state, const auto&) {
    state.exp_avg(state.exp_avg() / 2);
    state.exp_avg_sq(state.exp_avg_sq() / 2);
    if (state.max_exp_avg_sq().defined()) state.max_exp_avg_sq(state.max_exp_avg_sq() / 2);
  };
  for_each_state<optim::AdamParamState>(optimizer, halve);
  for_each_state<optim::AdamWParamState>(optimizer, halve);
  for_each_state<optim::AdagradParamState>(optimizer, [](auto& state, const auto&) { state.sum(state.sum() / 2); });
}

void switch_amsgrad(optim::Optimizer& optimizer, bool on) {
  auto& options = optimizer.param_groups()[0].options();
  if (auto* adam = dynamic_cast<optim::AdamOptions*>(&options)) adam->amsgrad(on);
  if (auto* adamw = dynamic_cast<optim::AdamWOptions*>(&options)) adamw->amsgrad(on);
  const auto add = [](auto& state, const auto& parameter) { state.max_exp_avg_sq(at::zeros_like(parameter)); };
  if (!on) return;
  for_each_state<optim::AdamParamState>(optimizer, add);
  for_each_state<optim::AdamWParamState>(optimizer, add);
}

void change_options(optim::Optimizer& optimizer) {
  auto& options = optimizer.param_groups()[0].options();
  options.set_lr(kOwnRate / 3);
  if (auto* sgd = dynamic_cast<optim::SGDOptions*>(&options)) sgd->momentum(sgd->momentum() == 0 ? 0.7 : 0);
  if (auto* adam = dynamic_cast<optim::AdamOptions*>(&options)) adam->betas({0.7, 0.9}).weight_decay(0.2);
  if (auto* adamw = dynamic_cast<optim::AdamWOptions*>(&options)) adamw->betas({0.7, 0.9}).weight_decay(0.2);
  if (auto* adagrad = dynamic_cast<optim::AdagradOptions*>(&options)) adagrad->lr_decay(0.3);
}

bool is_adagrad(const Model& model) { return dynamic_cast<optim::Adagrad*>(model.optimizer.get()) != nullptr; }

std::vector<Event> events() {
  const auto at_step = [](int when, const std::function<void(Model&)>& happens) {
    return [when, happens](Model& model, int step) {
      if (step == when) happens(model);
    };
  };
  const auto give = [](const at::Tensor& parameter) {
    parameter.mutable_grad() = normal(parameter.sizes(), at::kDouble, 9);
  };
  return {
      {"StateLoadedAnew",
       [](Model& model, int step) {
         std::stringstream stream(model.saved);
         if (step == 2) torch::save(*model.optimizer, stream);
         if (step == 5) torch::load(*model.optimizer, stream);
         model.saved = stream.str();
       }},
      {"StateCleared", at_step(4,
                               [](Model& model) {  // Adagrad's is made by its constructor alone
                                 if (!is_adagrad(model)) model.optimizer->state().clear();
                               })},
      {"StateTensorsReplaced", at_step(4, [](Model& model) { replace_tensors(*model.optimizer); })},
      {"SetData", at_step(4, [](Model& model) { model.parameters[0].set_data(normal({3, 3}, at::kDouble, 9)); })},
      {"SetDataOfAnotherLayout",
       at_step(4, [](Model& model) { model.parameters[0].set_data(normal({3, 3}, at::kDouble, 9).t()); })},
      {"GradientMissingOnce", at_step(4, [](Model& model) { model.parameters[1].mutable_grad().reset(); })},
      {"GradientOfAnotherLayoutOnce", at_step(4,
                                              [](Model& model) {
                                                auto& gradient = model.parameters[0].mutable_grad();
                                                gradient = gradient.t();
                                              })},
      {"RequiresGradOff",
       [](Model& model, int step) {
         if (step == 4) model.parameters[1].set_requires_grad(false);
         if (step >= 4) model.parameters[1].mutable_grad().reset();
       }},
      {"GroupAdded",
       [give](Model& model, int step) {
         if (step < 4 || is_adagrad(model)) return;
         if (step == 4) {
           model.parameters.push_back(double_parameter({2}));
           model.optimizer->add_param_group(optim::OptimizerParamGroup({model.parameters.back()}));
         }
         give(model.parameters.back());
       }},
      {"ParameterRemoved", at_step(4, [](Model& model) { model.optimizer->param_groups()[0].params().pop_back(); })},
      {"ParameterListedInAnothersPlace",
       at_step(4, [](Model& model) { model.optimizer->param_groups()[0].params()[1] = model.parameters[0]; })},
      {"AmsgradOn", at_step(4, [](Model& model) { switch_amsgrad(*model.optimizer, true); })},
      {"AmsgradOff", at_step(4, [](Model& model) { switch_amsgrad(*model.optimizer, false); })},
      {"OptionsChanged", at_step(4, [](Model& model) { change_options(*model.optimizer); })},
  };
}

using UpdaterEventTest = test::DeviceCaseTest<Event>;

TEST_P(UpdaterEventTest, SharedIsAfterEachStepWhatItsOwnStepsWouldHaveMadeOfIt) {
  for (const auto& optimizer : all_optimizers()) {
    SCOPED_TRACE(optimizer.name);
    Model models[2];
    for (auto& model : models) {
      model.parameters = {double_parameter({3, 3}), normal_parameter({4}, at::kDouble, 2),
                          normal_parameter({2, 3}, at::kDouble, 3)};
      model.optimizer = optimizer.make({optim::OptimizerParamGroup(model.parameters)});
    }
    auto& [trained, stepped] = models;
    const auto updater = Updater::sharing(*trained.optimizer);
    for (int step = 0; step < kUpdates; ++step) {
      SCOPED_TRACE("step " + std::to_string(step));
      for (auto& model : models) {
        for (size_t i = 0; i < model.parameters.size(); ++i) {
          model.parameters[i].mutable_grad() = normal(model.parameters[i].sizes(), at::kDouble, 100 * (step + 1) + i);
        }
        given().happens(model, step);
      }
      updater->update();
      stepped.optimizer->step();
      for (size_t i = 0; i < stepped.parameters.size(); ++i) {
        SCOPED_TRACE("parameter " + std::to_string(i));
        EXPECT_TRUE(near(trained.parameters[i], stepped.parameters[i], 1e-11));
        expect_near(state_of(*trained.optimizer, trained.parameters[i]),
                    state_of(*stepped.optimizer, stepped.parameters[i]), 1e-11);
      }
    }
  }
}

LRFINDER_ON_EACH_DEVICE_WITH(UpdaterEventTest, events());

using UpdaterLayoutTest = test::DeviceCaseTest<LayoutCase>;

TEST_P(UpdaterLayoutTest, EqualsTheOptimizersOwnSteps) {
  for (const auto& optimizer : all_optimizers()) {
    SCOPED_TRACE(optimizer.name);
    expect_own_steps(optimizer, given(), kUpdates);
  }
}

LRFINDER_ON_EACH_DEVICE_WITH(UpdaterLayoutTest, layouts());

TEST(UpdaterSparseTest, EqualsTheOptimizersOwnSteps) {
  const LayoutCase sparse{"SparseGradient", [] { return double_parameter({6, 2}); },
                          [](int step) {
                            // Index 3 occurs twice.
                            const auto indices = at::tensor({3, step % 3, 3}, at::kLong).unsqueeze(0);
                            return at::sparse_coo_tensor(indices, double_gradient({3, 2}, step), {6, 2});
                          }};
  for (const auto& optimizer :
       {optimizer_case<optim::SGD>("Sgd", optim::SGDOptions(kOwnRate)),
        optimizer_case<optim::Adagrad>("Adagrad", optim::AdagradOptions(kOwnRate).lr_decay(0.1))}) {
    SCOPED_TRACE(optimizer.name);
    expect_own_steps(optimizer, sparse, kUpdates);
  }
}

using UpdaterComplexTest = test::DeviceTest;
LRFINDER_ON_EACH_DEVICE(UpdaterComplexTest);

TEST_P(UpdaterComplexTest, EqualsTheOptimizersOwnSteps) {
  const LayoutCase complex{"ComplexParameter", [] { return normal_parameter({3, 4}, at::kComplexDouble, 1); },
                           [](int step) { return normal({3, 4}, at::kComplexDouble, 100 + step); }};
  for (const auto& optimizer : {optimizer_case<optim::SGD>("Sgd", optim::SGDOptions(kOwnRate).momentum(0.9)),
                                optimizer_case<optim::Adam>("Adam", optim::AdamOptions(kOwnRate)),
                                optimizer_case<optim::AdamW>("AdamW", optim::AdamWOptions(kOwnRate)),
                                optimizer_case<optim::Adagrad>("Adagrad", optim::AdagradOptions(kOwnRate))}) {
    SCOPED_TRACE(optimizer.name);
    expect_own_steps(optimizer, complex, kUpdates);
  }
}

using UpdaterViewTest = test::DeviceTest;
LRFINDER_ON_EACH_DEVICE(UpdaterViewTest);

TEST_P(UpdaterViewTest, DropsAGradientThatIsAView) {
  const auto parameter = double_parameter({3, 4});
  const optim::SGD original({parameter}, optim::SGDOptions(kOwnRate));
  const auto updater = Updater::copying(original);
  parameter.mutable_grad() = double_gradient({4, 3}, 0).t();
  updater->set_rates(0.1, {GroupRate{}});
  EXPECT_NO_THROW(updater->update());
  EXPECT_FALSE(parameter.grad().defined());
}

TEST_P(UpdaterViewTest, LeavesTheNeighboursOfAViewAlone) {
  for (const auto& optimizer : all_optimizers()) {
    for (const bool strided_gradient : {false, true}) {
      SCOPED_TRACE(optimizer.name);
      const auto base = normal({3, 4}, at::kDouble, 1);
      const auto before = base.clone();
      const auto parameter = middle_columns(base);
      const auto original = optimizer.make({optim::OptimizerParamGroup({parameter})});
      const auto updater = Updater::copying(*original);
      for (int step = 0; step < 3; ++step) {
        parameter.mutable_grad() =
            strided_gradient ? double_gradient({3, 4}, step).narrow(1, 1, 2).detach() : double_gradient({3, 2}, step);
        updater->set_rates(0.1, {GroupRate{}});
        updater->update();
      }
      for (const int column : {0, 3}) EXPECT_TRUE(same_bits(base.select(1, column), before.select(1, column)));
      for (const int column : {1, 2}) EXPECT_FALSE(same_bits(base.select(1, column), before.select(1, column)));
    }
  }
}

using UpdaterGroupTest = test::DeviceTest;
LRFINDER_ON_EACH_DEVICE(UpdaterGroupTest);

TEST_P(UpdaterGroupTest, OneGroupMayMixTypes) {
  for (const auto& optimizer : all_optimizers()) {
    SCOPED_TRACE(optimizer.name);
    const LayoutCase narrower{"Float", [] { return normal_parameter({3, 4}, at::kFloat, 1); },
                              [](int step) { return normal({3, 4}, at::kFloat, 100 + step); }};
    expect_own_steps(optimizer, narrower, kUpdates);
  }
}

TEST_P(UpdaterGroupTest, AParameterListedTwiceIsSteppedTwice) {
  for (const auto& optimizer : all_optimizers()) {
    SCOPED_TRACE(optimizer.name);
    const auto make = [&] {
      Model model;
      model.parameters = {double_parameter({3, 4}), normal_parameter({2}, at::kDouble, 2)};
      model.optimizer =
          optimizer.make({optim::OptimizerParamGroup({model.parameters[0], model.parameters[1], model.parameters[0]})});
      return model;
    };
    const auto swept = make();
    const auto stepped = make();
    const auto updater = Updater::copying(*swept.optimizer);
    for (int step = 0; step < kUpdates; ++step) {
      for (const auto* model : {&swept, &stepped}) {
        model->parameters[0].mutable_grad() = double_gradient({3, 4}, step);
        model->parameters[1].mutable_grad() = double_gradient({2}, step);
      }
      updater->set_rates(rate(step), {GroupRate{}});
      updater->update();
      own_step(*stepped.optimizer, rate(step), {1.0});
    }
    for (size_t i = 0; i < swept.parameters.size(); ++i) {
      EXPECT_TRUE(near(swept.parameters[i], stepped.parameters[i], 1e-12));
      expect_near(state_of(updater->optimizer(), swept.parameters[i]),
                  state_of(*stepped.optimizer, stepped.parameters[i]), 1e-12);
    }
  }
}

using UpdaterAutogradTest = test::DeviceTest;
LRFINDER_ON_EACH_DEVICE(UpdaterAutogradTest);

TEST_P(UpdaterAutogradTest, AStaleGraphIsNoticed) {
  for (const auto& optimizer : all_optimizers()) {
    SCOPED_TRACE(optimizer.name);
    const auto parameter = double_parameter({3});
    const auto original = optimizer.make({optim::OptimizerParamGroup({parameter})});
    const auto updater = Updater::copying(*original);
    const auto loss = parameter.square().sum();
    parameter.mutable_grad() = double_gradient({3}, 0);
    updater->set_rates(0.1, {GroupRate{}});
    updater->update();
    EXPECT_THROW(loss.backward(), c10::Error);
  }
}

class WarmedUpAdam final : public optim::Adam {
 public:
  using Adam::Adam;
};

TEST(UpdaterRefusalTest, ASubclassIsNamed) {
  const WarmedUpAdam optimizer({double_parameter({3})});
  try {
    Updater::copying(optimizer);
    FAIL() << "was not refused";
  } catch (const Error& e) {
    const std::string refusal = "optimizer lrfinder::(anonymous namespace)::WarmedUpAdam cannot be swept: ";
    EXPECT_EQ(std::string(e.what()).substr(0, refusal.size()), refusal);
  }
}

TEST(FusableTest, DenseTensorsOfOneLayout) {
  const auto plain = at::zeros({3, 4});
  EXPECT_TRUE(fusable(plain, at::zeros({3, 4})));
  EXPECT_TRUE(fusable(at::zeros({}), at::zeros({})));
  EXPECT_TRUE(fusable(at::zeros({4, 3}).t(), at::zeros({4, 3}).t()));
  EXPECT_TRUE(fusable(plain.narrow(0, 1, 2), at::zeros({2, 4})));  // whole rows are dense
  EXPECT_TRUE(fusable(plain.to(at::kDouble), at::zeros({3, 4}, at::kDouble)));
  const auto channels_last = at::zeros({2, 3, 4, 5}).contiguous(at::MemoryFormat::ChannelsLast);
  EXPECT_TRUE(fusable(channels_last, at::zeros_like(channels_last)));
}

// The kernels would update these, but round once where the optimizer's own step rounds after every operation.
TEST(FusableTest, NotTypesOfLessThan32Bits) {
  for (const auto dtype : {at::kHalf, at::kBFloat16}) {
    EXPECT_FALSE(fusable(at::zeros({3, 4}, dtype), at::zeros({3, 4}, dtype))) << dtype;
  }
}

TEST(FusableTest, NotOtherLayouts) {
  const auto plain = at::zeros({3, 4});
  EXPECT_FALSE(fusable(plain, at::zeros({1, 4}).expand({3, 4})));
  EXPECT_FALSE(fusable(plain, at::zeros({4, 3}).t()));
  EXPECT_FALSE(fusable(plain.t(), at::zeros({4, 3})));
  EXPECT_FALSE(fusable(plain, at::zeros({3, 8}).narrow(1, 0, 4)));
  EXPECT_FALSE(fusable(at::zeros({2, 3, 4, 5}).contiguous(at::MemoryFormat::ChannelsLast), at::zeros({2, 3, 4, 5})));
}

TEST(FusableTest, NotTensorsWithGapsOrOverlaps) {
  const auto gaps = at::zeros({3, 8}).narrow(1, 0, 4);
  EXPECT_FALSE(fusable(gaps, at::zeros({3, 8}).narrow(1, 0, 4)));
  const auto overlaps = at::zeros({1, 4}).expand({3, 4});
  EXPECT_FALSE(fusable(overlaps, at::zeros({1, 4}).expand({3, 4})));
}

TEST(FusableTest, NotOtherSizesTypesOrDevices) {
  const auto plain = at::zeros({3, 4});
  EXPECT_FALSE(fusable(plain, at::Tensor()));
  EXPECT_FALSE(fusable(plain, at::zeros({2, 4})));
  EXPECT_FALSE(fusable(plain, at::zeros({3, 4}, at::kDouble)));
  EXPECT_FALSE(fusable(plain, at::zeros({3, 4}, at::kMeta)));
  EXPECT_FALSE(fusable(plain.to(at::kComplexFloat), at::zeros({3, 4}, at::kComplexFloat)));
  EXPECT_FALSE(fusable(plain.to(at::kLong), at::zeros({3, 4}, at::kLong)));
}

TEST(FusableTest, NotLazyOrSparseTensors) {
  const auto plain = at::zeros({3, 4});
  EXPECT_FALSE(fusable(plain, plain.to_sparse()));
  EXPECT_FALSE(fusable(plain.to_sparse(), plain));
  EXPECT_FALSE(fusable(plain, at::_neg_view(at::zeros({3, 4}))));
  EXPECT_FALSE(fusable(at::_neg_view(plain), at::zeros({3, 4})));
}

}  // namespace
}  // namespace lrfinder
