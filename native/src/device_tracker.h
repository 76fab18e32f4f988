#pragma once

#include <ATen/core/Tensor.h>

namespace lrfinder {

/// The early stop as the device sees it: decides there, without the host, from which step on nothing may be updated any
/// more. What a sweep reports never comes from here: the host's LossTracker goes over the same losses later, so that this
/// has to agree with it in one thing, the step.
class DeviceTracker {
 public:
  virtual ~DeviceTracker() = default;
  DeviceTracker(const DeviceTracker&) = delete;
  DeviceTracker& operator=(const DeviceTracker&) = delete;

  /// Queues what takes in the loss of the next step: a float64 number on the device.
  virtual void add(const at::Tensor& loss) = 0;

  /// A float32 number on the device, always the same tensor: 1 from the first step on that diverged or whose loss was not
  /// finite, else 0. Fused kernels take it for `found_inf`.
  virtual const at::Tensor& stopped() const = 0;

 protected:
  DeviceTracker() = default;
};

}  // namespace lrfinder
