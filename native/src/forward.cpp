#include "forward.h"

#include <ATen/ops/binary_cross_entropy_with_logits.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/huber_loss.h>
#include <ATen/ops/kl_div.h>
#include <ATen/ops/l1_loss.h>
#include <ATen/ops/mse_loss.h>
#include <ATen/ops/nll_loss_nd.h>
#include <ATen/ops/smooth_l1_loss.h>
#include <torch/csrc/jit/passes/inliner.h>

#include <sstream>
#include <typeinfo>
#include <unordered_set>
#include <utility>
#include <vector>

#include "autocast.h"
#include "failure.h"

namespace lrfinder {
namespace {

/// Null for a subclass, whose own forward nothing here would call.
torch::nn::SequentialImpl* exactly_sequential(torch::nn::Module* network) {
  const bool exact = network != nullptr && typeid(*network) == typeid(torch::nn::SequentialImpl);
  return exact ? static_cast<torch::nn::SequentialImpl*>(network) : nullptr;
}

std::string shape(const at::Tensor& tensor) {
  std::ostringstream text;
  text << tensor.sizes();
  return text.str();
}

at::Tensor loss_of(Loss loss, const at::Tensor& prediction, const at::Tensor& target) {
  const bool class_indices = loss == Loss::kCrossEntropy || loss == Loss::kNegativeLogLikelihood;
  if (!class_indices && prediction.sizes() != target.sizes()) {
    // libtorch would broadcast and average over every pair.
    refuse("the network's output has shape ", shape(prediction), " and the target ", shape(target),
           ": this loss needs the same shape");
  }
  switch (loss) {
    case Loss::kCrossEntropy:
      return at::cross_entropy_loss(prediction, target);
    case Loss::kNegativeLogLikelihood:
      return at::nll_loss_nd(prediction, target);
    case Loss::kMse:
      return at::mse_loss(prediction, target);
    case Loss::kL1:
      return at::l1_loss(prediction, target);
    case Loss::kSmoothL1:
      return at::smooth_l1_loss(prediction, target);
    case Loss::kHuber:
      return at::huber_loss(prediction, target);
    case Loss::kBinaryCrossEntropyWithLogits:
      return at::binary_cross_entropy_with_logits(prediction, target);
    case Loss::kKlDivergence:
      // By the number of examples: the mean over every element is no divergence.
      return at::kl_div(prediction, target, at::Reduction::Sum) /
             static_cast<double>(prediction.dim() == 0 ? 1 : prediction.size(0));
  }
  refuse("unknown loss ", static_cast<std::int32_t>(loss));
}

/// Why a graph may do something else with the next batch; empty if it cannot.
std::string changes(const torch::jit::Block& block) {
  static const std::unordered_set<std::string> kinds = {"prim::If",       "prim::Loop",          "prim::SetAttr",
                                                        "prim::PythonOp", "prim::CallFunction",  "prim::CallMethod",
                                                        "prim::fork",     "prim::RaiseException"};
  for (const auto* node : block.nodes()) {
    const std::string kind = node->kind().toQualString();
    if (kinds.count(kind) > 0) return kind;
    for (const auto* inner : node->blocks()) {
      if (const auto found = changes(*inner); !found.empty()) return found;
    }
  }
  return "";
}

}  // namespace

void check_number(const at::Tensor& loss) {
  if (!loss.defined()) refuse("the loss is an undefined tensor");
  if (loss.numel() != 1 || !at::isFloatingType(loss.scalar_type())) {
    refuse("the loss must be one real number, not a tensor of shape ", shape(loss), " and type ", loss.dtype());
  }
}

std::vector<at::Tensor> tensors_of(const torch::nn::Module& network) {
  auto tensors = network.parameters();
  const auto buffers = network.buffers();
  tensors.insert(tensors.end(), buffers.begin(), buffers.end());
  return tensors;
}

std::vector<at::Tensor> tensors_of(const torch::jit::Module& network) {
  std::vector<at::Tensor> tensors;
  for (const auto& attribute : network.attributes()) {
    if (attribute.isTensor() && attribute.toTensor().defined()) tensors.push_back(attribute.toTensor());
  }
  return tensors;
}

Forward::Forward(torch::nn::Module* network, Precision precision, at::Device device)
    : module_(network), sequential_(exactly_sequential(network)), precision_(precision), device_(device) {}

Forward::Forward(torch::jit::Module network, Precision precision, at::Device device)
    : Forward(static_cast<torch::nn::Module*>(nullptr), precision, device) {
  script_ = std::move(network);
}

at::Tensor Forward::output(const at::Tensor& input) const {
  if (sequential_ != nullptr) return sequential_->forward(input);
  // A handle: what is forwarded is the caller's own module.
  const auto output = torch::jit::Module(*script_).forward({input});
  if (!output.isTensor()) {
    refuse("the TorchScript module returns no tensor but a ", output.tagKind(), ": pass the loss instead");
  }
  return output.toTensor();
}

at::Tensor Forward::loss(const at::Tensor& input, const at::Tensor& target, Loss loss) const {
  if (sequential_ == nullptr && !script_) {
    refuse("only a SequentialImpl or a TorchScript module is forwarded natively: pass the loss instead");
  }
  for (const auto* tensor : {&input, &target}) {
    if (tensor->device() != device_) {
      refuse("tensors on different devices: the network is on ", device_, " and the batch has a tensor on ",
             tensor->device());
    }
  }
  const Autocast autocast(precision_, device_.type());
  return loss_of(loss, output(input), target);
}

std::string Forward::not_static() const {
  if (script_) {
    const auto graph = torch::jit::Module(*script_).get_method("forward").graph()->copy();
    torch::jit::Inline(*graph);
    const auto kind = changes(*graph->block());
    return kind.empty() ? "" : "the TorchScript module's graph has a " + kind;
  }
  if (sequential_ != nullptr) return StaticModules::unknown(*sequential_);
  return "the loss is computed by the caller, who has not declared the model static";
}

StaticModules Forward::static_modules() const { return script_ ? StaticModules(*script_) : StaticModules(module_); }

}  // namespace lrfinder
