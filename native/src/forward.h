#pragma once

#include <ATen/core/Tensor.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/nn/module.h>
#include <torch/nn/modules/container/sequential.h>

#include <optional>
#include <string>
#include <vector>

#include "lrfinder/losses.h"
#include "lrfinder/step_settings.h"
#include "static_modules.h"

namespace lrfinder {

/// A network's own forward pass with a built-in loss behind it.
class Forward {
 public:
  /// `network` may be null or one that is not forwarded natively: then only the caller can compute losses.
  Forward(torch::nn::Module* network, Precision precision, at::Device device);
  Forward(torch::jit::Module network, Precision precision, at::Device device);

  /// In the present grad mode. Throws lrfinder::Error for what cannot be forwarded.
  at::Tensor loss(const at::Tensor& input, const at::Tensor& target, Loss loss) const;

  at::Device device() const { return device_; }

  bool is_script() const { return script_.has_value(); }
  /// Why a step is not known to be the same for every batch of a shape; empty if it is.
  std::string not_static() const;
  /// The network as it is now.
  StaticModules static_modules() const;

 private:
  at::Tensor output(const at::Tensor& input) const;

  torch::nn::Module* module_;
  torch::nn::SequentialImpl* sequential_;  // null unless the module is exactly that
  std::optional<torch::jit::Module> script_;
  Precision precision_;
  at::Device device_;
};

/// Parameters, buffers and, of TorchScript, other tensors among the attributes.
std::vector<at::Tensor> tensors_of(const torch::nn::Module& network);
std::vector<at::Tensor> tensors_of(const torch::jit::Module& network);

/// Refuses a loss that is not one real number, without calling an operator.
void check_number(const at::Tensor& loss);

}  // namespace lrfinder
