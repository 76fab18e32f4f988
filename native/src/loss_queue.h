#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>
#include <c10/core/Event.h>

#include <cstddef>
#include <deque>
#include <optional>
#include <vector>

namespace lrfinder {

/// The mean loss of a step.
struct StepLoss {
  double number = 0;     ///< on the CPU
  at::Tensor on_device;  ///< elsewhere, in its place: a float64 number that the host does not wait for

  bool is_late() const { return on_device.defined(); }
};

/// Losses on their way from a device to the host, first in, first out. The host waits only where it is told to.
class LossQueue {
 public:
  /// Steps whose losses may be on their way. More would let the host queue a whole sweep before it learns that the
  /// first steps diverged.
  static constexpr std::size_t kMostPending = 4;

  explicit LossQueue(at::Device device) : device_(device) {}

  /// `loss`: float64 and one element. A copy that converted as well would make the host wait.
  void push(const at::Tensor& loss);

  /// The oldest loss if it has come, and without `wait` only then.
  std::optional<double> take(bool wait);

  std::size_t size() const { return pending_.size(); }

 private:
  struct Slot {
    at::Tensor host;  // pinned: a copy to other memory makes the host wait
    c10::Event event;
  };

  at::Device device_;
  std::deque<Slot> pending_;
  std::vector<Slot> free_;
};

}  // namespace lrfinder
