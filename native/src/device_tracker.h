#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>

#include <memory>
#include <string>

#include "lrfinder/sweep.h"

namespace lrfinder {

/// The early stop as the device sees it: decides there, without the host, from which step on nothing may be updated any
/// more. What a sweep reports never comes from here: the host's LossTracker goes over the same losses later, so that
/// this has to agree with it in one thing, the step.
class DeviceTracker {
 public:
  /// The fastest there is for `device`; `why` it is not a faster one, empty if there is none.
  static std::unique_ptr<DeviceTracker> of(at::Device device, const SweepSettings& settings, std::string* why);

  virtual ~DeviceTracker() = default;
  DeviceTracker(const DeviceTracker&) = delete;
  DeviceTracker& operator=(const DeviceTracker&) = delete;

  /// Queues what takes in the loss of the next step: a float64 number on the device.
  virtual void add(const at::Tensor& loss) = 0;

  /// A float32 number on the device, always the same tensor: 1 from the first step on that diverged or whose loss was
  /// not finite, else 0. Fused kernels take it for `found_inf`.
  virtual const at::Tensor& stopped() const = 0;

 protected:
  DeviceTracker() = default;
};

}  // namespace lrfinder
