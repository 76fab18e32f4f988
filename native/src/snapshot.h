#pragma once

#include <ATen/core/Tensor.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/nn/module.h>

#include <cstddef>
#include <unordered_set>
#include <utility>
#include <vector>

#include "lrfinder/sweep.h"
#include "random_state.h"

namespace lrfinder {

/// What a sweep must leave as it found it. Restoring copies into the tensors' own storage and allocates nothing that
/// grows with the model. Tensors of one device and type are copied by one call: on a GPU that is one kernel for many.
class Snapshot {
 public:
  /// Copies the optimizers' parameters and the networks' parameters and buffers, and takes their gradients away.
  explicit Snapshot(const SweepSubject& subject);

  /// Whatever fails, the rest is put back all the same; the first failure is then thrown. May be repeated.
  void restore();

 private:
  struct Saved {
    at::Tensor live;
    at::Tensor whole;     // a view of the same memory, which stays where it is when `live` is given other memory
    at::Tensor elements;  // the same, each element once
    at::Tensor copy;
    std::size_t bytes;  // of the memory
    bool requires_grad;
    at::Tensor gradient;  // the very tensor, which the sweep never sees
  };

  /// Tensors of one device and type.
  struct Alike {
    std::vector<std::size_t> indices;
    std::vector<at::Tensor> elements;
    std::vector<at::Tensor> copies;
  };

  /// What an attribute of a TorchScript module referred to: a tensor, or a value such as its train/eval mode.
  struct Attribute {
    torch::jit::ObjectPtr owner;
    size_t slot;
    c10::IValue value;
  };

  using Seen = std::unordered_set<const c10::TensorImpl*>;  // a tied tensor is saved once

  void add(const at::Tensor& tensor, Seen* seen);
  void add(torch::nn::Module* network, Seen* seen);
  void add(const torch::jit::Module& script, Seen* seen);
  void save_elements();
  static void check_memory(const Saved& saved);

  std::vector<Saved> tensors_;
  std::vector<Alike> alike_;
  std::vector<std::pair<torch::nn::Module*, bool>> training_;  // parents before their children
  std::vector<Attribute> attributes_;
  RandomState random_state_;
  bool grad_mode_;
  bool script_optimization_;
};

}  // namespace lrfinder
