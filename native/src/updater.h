#pragma once

#include <torch/optim/optimizer.h>

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "lrfinder/group_rate.h"

namespace lrfinder {

/// Updates parameters as an optimizer would, on that optimizer's options and state, or on a private copy of them.
///
/// Where libtorch has a fused kernel for the optimizer's class, parameters that the kernel can be trusted with (see
/// `fusable`) go through it; what is left is updated by the optimizer's own `step`. Both raise the same counters, so a
/// parameter may change sides.
class Updater {
 public:
  /// On a private copy: an optimizer of the same class over the same parameters. Throws lrfinder::Error for a class
  /// that cannot be copied.
  static std::unique_ptr<Updater> copying(const torch::optim::Optimizer& optimizer);
  /// On the caller's own, which must outlive this. Throws lrfinder::Error for a class that cannot step by itself.
  static std::unique_ptr<Updater> sharing(torch::optim::Optimizer& optimizer);

  /// For the two above.
  explicit Updater(std::unique_ptr<torch::optim::Optimizer> copy) : copy_(std::move(copy)), optimizer_(copy_.get()) {}
  explicit Updater(torch::optim::Optimizer& shared) : optimizer_(&shared) {}
  virtual ~Updater() = default;
  Updater(const Updater&) = delete;
  Updater& operator=(const Updater&) = delete;

  /// Sets each group's learning rate.
  void set_rates(double lr, const std::vector<GroupRate>& rates);

  /// Updates every parameter that has a gradient, and drops the gradients. Throws lrfinder::Error for a sparse gradient
  /// that the optimizer does not take.
  void update();

  /// From now on fused updates do nothing where `flag` is 1 when they run: a float32 number on the parameters' device,
  /// or undefined.
  void skip_where(const at::Tensor& flag) {
    if (flag.defined()) skip_ = flag;
  }

  // An update that is recorded once and replayed by the device (see GraphedStep) reads rates and step counts there.

  /// Whether the last update went through fused kernels alone. Others cannot be replayed.
  bool is_fused() const { return fused_; }
  /// Before recording, after an update like those that are to be replayed.
  virtual void prepare_recording() {}
  /// While one lives, `update` leaves the host's step counts alone.
  class Recording;
  /// Whether an update would do what was recorded, but for the rates.
  virtual bool as_recorded() const { return false; }
  /// Before a replay: sends the groups' rates, as float32.
  virtual void send_rates() {}
  /// After a replay: the host counts the step too.
  virtual void count_replayed() {}

  /// As zero_grad does, also for gradients that are views.
  void drop_gradients();

  const torch::optim::Optimizer& optimizer() const { return *optimizer_; }

 protected:
  /// Updates the parameters of a group that a fused kernel can be trusted with, and drops their gradients. Returns
  /// whether others may be left.
  virtual bool update_fused(size_t /*group*/) { return true; }

  torch::optim::Optimizer& target() { return *optimizer_; }
  const torch::optim::Optimizer& target() const { return *optimizer_; }
  const std::optional<at::Tensor>& skip() const { return skip_; }
  bool recording() const { return recording_; }

 private:
  std::unique_ptr<torch::optim::Optimizer> copy_;  // null when shared
  torch::optim::Optimizer* optimizer_;
  std::optional<at::Tensor> skip_;
  bool fused_ = false;
  bool recording_ = false;
};

class Updater::Recording {
 public:
  explicit Recording(Updater& updater) : updater_(updater) { updater.recording_ = true; }
  ~Recording() { updater_.recording_ = false; }
  Recording(const Recording&) = delete;
  Recording& operator=(const Recording&) = delete;

 private:
  Updater& updater_;
};

/// Whether a fused kernel may be given `parameter` and `gradient`: the kernels read raw memory, so that both have to be
/// strided, dense, free of overlaps and alike in sizes, strides, dtype and device. What is not, they get silently
/// wrong. And of 32 bits at least: narrower ones an optimizer's own step rounds after every operation, a fused kernel
/// once, which after some steps is not the same training.
bool fusable(const at::Tensor& parameter, const at::Tensor& gradient);

}  // namespace lrfinder
