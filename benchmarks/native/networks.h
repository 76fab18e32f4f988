#pragma once

#include <ATen/core/Tensor.h>
#include <torch/nn/module.h>

#include <functional>
#include <memory>
#include <string>

namespace lrfinder_benchmarks {

/// A network as one writes it with the C++ API. `NetworkShape` in Java and `networks.py` have the same.
struct Network {
  std::shared_ptr<torch::nn::Module> module;
  std::function<at::Tensor(const at::Tensor&)> forward;
  bool classifies;  // else its output is compared with tensors of its own shape
};

/// Throws std::invalid_argument for a name that there is not.
Network network_of(const std::string& name);

}  // namespace lrfinder_benchmarks
