#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include <memory>
#include <vector>

namespace lrfinder {

/// The states of libtorch's default generators, to be put back: the CPU's, those of all CUDA devices, and those of the
/// devices that are named.
///
/// The generators belong to the whole process, and nothing tells which thread drew from them. So where the lives of
/// several objects overlap, all share what the first one saved of a generator, and the last one that restores puts it
/// back: one that restored earlier would take back the draws of the others.
class RandomState {
 public:
  RandomState();

  /// Saves the generator of `device` too, if it is not saved yet and the device has one.
  void add(at::Device device);

  /// May be repeated.
  void restore();

 private:
  struct Saved {
    at::Generator generator;
    at::Tensor state;
  };

  static std::vector<std::weak_ptr<Saved>>& shared();
  void save(at::Generator generator);

  std::vector<std::shared_ptr<Saved>> saved_;
};

}  // namespace lrfinder
