#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>
#include <cuda.h>

#include <cstdint>

#include "device_tracker.h"

namespace lrfinder {

/// A DeviceTracker that starts one kernel a step, of one thread (tracker_kernel.cu), on the current stream. The driver
/// compiles it, and is found at run time. Throws c10::Error where it cannot be had.
class KernelTracker final : public DeviceTracker {
 public:
  KernelTracker(double beta, double threshold, std::int64_t steps, c10::Device device);

  void add(const at::Tensor& loss) override;
  const at::Tensor& stopped() const override { return stopped_; }

 private:
  void correct_up_to(std::int64_t steps);

  double beta_;
  double threshold_;
  long long steps_;
  std::int64_t count_ = 0;
  CUfunction kernel_;
  at::Tensor stopped_;
  at::Tensor state_;        // a TrackerState
  at::Tensor corrections_;  // of the running loss, by step
};

/// Throws unless trackers on the device decide as the host's does. Looks once for each device, which it waits for then.
void check_kernel(c10::Device device);

}  // namespace lrfinder
