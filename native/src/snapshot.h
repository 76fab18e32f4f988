#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>
#include <torch/nn/module.h>

#include <unordered_set>
#include <utility>
#include <vector>

namespace lrfinder {

/// What a sweep must leave as it found it. Restoring copies into the tensors' own storage and allocates nothing that
/// grows with the model.
class Snapshot {
 public:
  /// Copies `parameters`, and the network's parameters and buffers if there is one, and takes their gradients away.
  Snapshot(torch::nn::Module* network, const std::vector<at::Tensor>& parameters);

  /// May be repeated.
  void restore();

 private:
  struct Saved {
    at::Tensor live;
    at::Tensor elements;  // of the same memory
    at::Tensor copy;
    at::Tensor gradient;  // the very tensor, which the sweep never sees
  };

  using Seen = std::unordered_set<const c10::TensorImpl*>;  // a tied tensor is saved once

  void add(const at::Tensor& tensor, Seen* seen);

  std::vector<Saved> tensors_;
  std::vector<std::pair<torch::nn::Module*, bool>> training_;  // parents before their children
  std::vector<std::pair<at::Generator, at::Tensor>> generators_;
  bool grad_mode_;
};

}  // namespace lrfinder
