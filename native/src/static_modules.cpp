#include "static_modules.h"

#include <c10/util/Type.h>
#include <torch/nn/modules.h>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <typeindex>
#include <unordered_map>
#include <utility>
#include <variant>

namespace lrfinder {

/// Collects options, or compares them with those that were collected.
class OptionReader {
 public:
  explicit OptionReader(std::vector<double>* collected) : collected_(collected) {}
  explicit OptionReader(const std::vector<double>& expected) : expected_(&expected) {}

  void operator()(double option) {
    if (collected_ != nullptr) {
      collected_->push_back(option);
    } else {
      same_ = same_ && next_ < expected_->size() && (*expected_)[next_++] == option;
    }
  }
  template <typename Number>
  void operator()(const std::optional<Number>& option) {
    (*this)(option ? static_cast<double>(*option) : -1.0);
  }
  template <std::size_t D, typename Number>
  void operator()(const torch::ExpandingArray<D, Number>& option) {
    for (const auto number : *option) (*this)(static_cast<double>(number));
  }
  void operator()(const std::vector<std::int64_t>& option) {
    for (const auto number : option) (*this)(static_cast<double>(number));
  }
  template <typename First, typename... Others>
  void all(const First& first, const Others&... others) {
    (*this)(first);
    ((*this)(others), ...);
  }

  bool same() const { return same_ && (collected_ != nullptr || next_ == expected_->size()); }

 private:
  std::vector<double>* collected_ = nullptr;
  const std::vector<double>* expected_ = nullptr;
  std::size_t next_ = 0;
  bool same_ = true;
};

namespace {

namespace nn = torch::nn;

using Read = void (*)(const nn::Module&, OptionReader&);
using Known = std::unordered_map<std::type_index, Read>;

/// Modules without options, or whose options only say what their parameters look like.
template <typename... Modules>
void add(Known* known) {
  (known->emplace(typeid(Modules), nullptr), ...);
}

template <typename Module, void (*kRead)(const Module&, OptionReader&)>
void add_reading(Known* known) {
  known->emplace(typeid(Module),
                 [](const nn::Module& module, OptionReader& read) { kRead(static_cast<const Module&>(module), read); });
}

template <typename M>
void layers(const M& module, OptionReader& read) {
  read(static_cast<double>(module.size()));
}
template <typename M>
void probability(const M& module, OptionReader& read) {
  read(module.options.p());
}
template <typename M>
void alpha(const M& module, OptionReader& read) {
  read(module.options.alpha());
}
template <typename M>
void lambda(const M& module, OptionReader& read) {
  read(module.options.lambda());
}
template <typename M>
void dimension(const M& module, OptionReader& read) {
  read(static_cast<double>(module.options.dim()));
}
template <typename M>
void epsilon(const M& module, OptionReader& read) {
  read(module.options.eps());
}
template <typename M>
void statistics(const M& module, OptionReader& read) {
  read.all(module.options.eps(), module.options.momentum());
}
template <typename M>
void convolution(const M& module, OptionReader& read) {
  const auto& options = module.options;
  read.all(options.stride(), options.dilation(), static_cast<double>(options.groups()),
           static_cast<double>(options.padding().index()));
  if (const auto* padding = std::get_if<0>(&options.padding())) read(*padding);
}
template <typename M>
void max_pooling(const M& module, OptionReader& read) {
  const auto& options = module.options;
  read.all(options.kernel_size(), options.stride(), options.padding(), options.dilation(), options.ceil_mode());
}
template <typename M>
void average_pooling(const M& module, OptionReader& read) {
  const auto& options = module.options;
  read.all(options.kernel_size(), options.stride(), options.padding(), options.ceil_mode(),
           options.count_include_pad());
}
template <typename M>
void padding(const M& module, OptionReader& read) {
  read(module.options.padding());
}
template <typename M>
void bounds(const M& module, OptionReader& read) {
  read.all(module.options.min_val(), module.options.max_val());
}
template <typename M>
void randomized(const M& module, OptionReader& read) {
  read.all(module.options.lower(), module.options.upper());
}

void leaky(const nn::LeakyReLUImpl& module, OptionReader& read) { read(module.options.negative_slope()); }
void softplus(const nn::SoftplusImpl& module, OptionReader& read) {
  read.all(module.options.beta(), module.options.threshold());
}
void threshold(const nn::ThresholdImpl& module, OptionReader& read) {
  read.all(module.options.threshold(), module.options.value());
}
void embedding(const nn::EmbeddingImpl& module, OptionReader& read) {
  const auto& options = module.options;
  read.all(options.padding_idx(), options.max_norm(), options.norm_type(), options.scale_grad_by_freq());
}
void flatten(const nn::FlattenImpl& module, OptionReader& read) {
  read.all(static_cast<double>(module.options.start_dim()), static_cast<double>(module.options.end_dim()));
}
void unflatten(const nn::UnflattenImpl& module, OptionReader& read) {
  read.all(static_cast<double>(module.options.dim()), module.options.sizes());
}
void group_norm(const nn::GroupNormImpl& module, OptionReader& read) {
  read.all(static_cast<double>(module.options.num_groups()), module.options.eps());
}
void attention(const nn::MultiheadAttentionImpl& module, OptionReader& read) {
  read.all(static_cast<double>(module.options.num_heads()), module.options.dropout(), module.options.add_zero_attn());
}

const Known& known_modules() {
  static const Known known = [] {
    Known all;
    add<nn::LinearImpl, nn::IdentityImpl, nn::ReLUImpl, nn::ReLU6Impl, nn::TanhImpl, nn::SigmoidImpl, nn::GELUImpl,
        nn::SiLUImpl, nn::MishImpl, nn::SELUImpl, nn::PReLUImpl, nn::LogSigmoidImpl, nn::SoftsignImpl,
        nn::TanhshrinkImpl, nn::TransformerEncoderImpl, nn::TransformerEncoderLayerImpl>(&all);
    add_reading<nn::SequentialImpl, layers>(&all);
    add_reading<nn::ModuleListImpl, layers>(&all);
    add_reading<nn::DropoutImpl, probability>(&all);
    add_reading<nn::Dropout2dImpl, probability>(&all);
    add_reading<nn::Dropout3dImpl, probability>(&all);
    add_reading<nn::AlphaDropoutImpl, probability>(&all);
    add_reading<nn::FeatureAlphaDropoutImpl, probability>(&all);
    add_reading<nn::ELUImpl, alpha>(&all);
    add_reading<nn::CELUImpl, alpha>(&all);
    add_reading<nn::LeakyReLUImpl, leaky>(&all);
    add_reading<nn::RReLUImpl, randomized>(&all);
    add_reading<nn::HardtanhImpl, bounds>(&all);
    add_reading<nn::HardshrinkImpl, lambda>(&all);
    add_reading<nn::SoftshrinkImpl, lambda>(&all);
    add_reading<nn::SoftplusImpl, softplus>(&all);
    add_reading<nn::ThresholdImpl, threshold>(&all);
    add_reading<nn::GLUImpl, dimension>(&all);
    add_reading<nn::SoftmaxImpl, dimension>(&all);
    add_reading<nn::SoftminImpl, dimension>(&all);
    add_reading<nn::LogSoftmaxImpl, dimension>(&all);
    add_reading<nn::EmbeddingImpl, embedding>(&all);
    add_reading<nn::FlattenImpl, flatten>(&all);
    add_reading<nn::UnflattenImpl, unflatten>(&all);
    add_reading<nn::Conv1dImpl, convolution>(&all);
    add_reading<nn::Conv2dImpl, convolution>(&all);
    add_reading<nn::Conv3dImpl, convolution>(&all);
    add_reading<nn::MaxPool1dImpl, max_pooling>(&all);
    add_reading<nn::MaxPool2dImpl, max_pooling>(&all);
    add_reading<nn::AvgPool1dImpl, average_pooling>(&all);
    add_reading<nn::AvgPool2dImpl, average_pooling>(&all);
    add<nn::AdaptiveAvgPool1dImpl, nn::AdaptiveAvgPool2dImpl, nn::AdaptiveMaxPool1dImpl, nn::AdaptiveMaxPool2dImpl>(
        &all);
    add_reading<nn::ZeroPad2dImpl, padding>(&all);
    add_reading<nn::ReflectionPad2dImpl, padding>(&all);
    add_reading<nn::ReplicationPad2dImpl, padding>(&all);
    add_reading<nn::BatchNorm1dImpl, statistics>(&all);
    add_reading<nn::BatchNorm2dImpl, statistics>(&all);
    add_reading<nn::BatchNorm3dImpl, statistics>(&all);
    add_reading<nn::InstanceNorm1dImpl, statistics>(&all);
    add_reading<nn::InstanceNorm2dImpl, statistics>(&all);
    add_reading<nn::LayerNormImpl, epsilon>(&all);
    add_reading<nn::GroupNormImpl, group_norm>(&all);
    add_reading<nn::MultiheadAttentionImpl, attention>(&all);
    return all;
  }();
  return known;
}

}  // namespace

std::string StaticModules::unknown(nn::Module& network) {
  auto modules = network.modules(/*include_self=*/false);
  const auto known = [](const nn::Module& module) { return known_modules().count(typeid(module)) > 0; };
  const auto other = std::find_if(modules.begin(), modules.end(), [&](const auto& each) { return !known(*each); });
  if (other == modules.end() && known(network)) return "";
  const nn::Module& found = other == modules.end() ? network : **other;
  return "the network has a layer of class " + c10::demangle(typeid(found).name()) +
         ", which is not known to do the same for every batch";
}

StaticModules::StaticModules(nn::Module* network) {
  if (network == nullptr) return;
  add(*network, nullptr);
  for (const auto& module : network->modules(/*include_self=*/false)) add(*module, module);
}

StaticModules::StaticModules(const torch::jit::Module& script) {
  for (const auto& module : script.modules()) {
    const auto owner = module._ivalue();
    for (std::size_t slot = 0; slot < owner->slots().size(); ++slot) {
      const auto& value = owner->getSlot(slot);
      if (value.isTensor() || value.isBool() || value.isInt() || value.isDouble()) {
        attributes_.push_back({owner, slot, value});
      }
    }
  }
}

void StaticModules::add(const nn::Module& module, std::shared_ptr<nn::Module> owner) {
  const auto known = known_modules().find(typeid(module));
  found_.push_back(
      {&module, std::move(owner), known == known_modules().end() ? nullptr : known->second, {}, module.is_training()});
  OptionReader collect(&found_.back().options);
  if (found_.back().read != nullptr) found_.back().read(module, collect);
}

bool StaticModules::unchanged() const {
  return std::all_of(found_.begin(), found_.end(),
                     [](const Found& found) {
                       if (found.module->is_training() != found.training) return false;
                       if (found.read == nullptr) return true;
                       OptionReader compare(found.options);
                       found.read(*found.module, compare);
                       return compare.same();
                     }) &&
         std::all_of(attributes_.begin(), attributes_.end(), [](const Attribute& attribute) {
           return attribute.owner->getSlot(attribute.slot).is(attribute.value);
         });
}

}  // namespace lrfinder
