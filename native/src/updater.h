#pragma once

#include <torch/optim/optimizer.h>

#include <memory>
#include <utility>
#include <vector>

namespace lrfinder {

/// Updates parameters as an optimizer would, on a private copy of its options and state.
///
/// The copy is an optimizer of the same class over the same parameters. Where libtorch has a fused kernel for that
/// class, parameters that the kernel can be trusted with (see `fusable`) go through it, on the copy's own state;
/// what is left is updated by the copy's `step`. Both raise the same counters, so a parameter may change sides.
class Updater {
 public:
  /// One ratio per parameter group. Throws lrfinder::Error for a class of optimizer that cannot be copied.
  static std::unique_ptr<Updater> of(const torch::optim::Optimizer& optimizer, std::vector<double> group_ratios);

  virtual ~Updater() = default;
  Updater(const Updater&) = delete;
  Updater& operator=(const Updater&) = delete;

  /// Updates every parameter that has a gradient, group g at `lr * group_ratios[g]`, and drops the gradients.
  void update(double lr);

  /// The private copy: its parameters are the original's, its options and state its own.
  const torch::optim::Optimizer& optimizer() const { return *copy_; }

 protected:
  Updater(std::unique_ptr<torch::optim::Optimizer> copy, std::vector<double> group_ratios)
      : copy_(std::move(copy)), group_ratios_(std::move(group_ratios)) {}

  /// Updates the parameters of a group that a fused kernel can be trusted with, and drops their gradients.
  virtual void update_fused(size_t /*group*/) {}

  torch::optim::Optimizer& copy() { return *copy_; }

 private:
  std::unique_ptr<torch::optim::Optimizer> copy_;
  std::vector<double> group_ratios_;
};

/// Whether a fused kernel may be given `parameter` and `gradient`: the kernels read raw memory, so that both have to be
/// strided, dense, free of overlaps and alike in sizes, strides, dtype and device. What is not, they get silently
/// wrong.
bool fusable(const at::Tensor& parameter, const at::Tensor& gradient);

}  // namespace lrfinder
