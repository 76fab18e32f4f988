#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include <memory>
#include <utility>
#include <vector>

namespace lrfinder {

/// The states of libtorch's default generators, to be put back.
///
/// The generators belong to the whole process, and nothing tells which thread drew from them. So where the lives of
/// several objects overlap, all share what the first one saved, and the last one that restores puts it back: one that
/// restored earlier would take back the draws of the others.
class RandomState {
 public:
  RandomState();

  /// May be repeated.
  void restore();

 private:
  using Saved = std::vector<std::pair<at::Generator, at::Tensor>>;

  std::shared_ptr<Saved> saved_;
};

}  // namespace lrfinder
