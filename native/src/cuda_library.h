#pragma once

#include <c10/core/Device.h>

#include <cstdint>
#include <memory>
#include <string>

#include "device_tracker.h"
#include "step_graph.h"

namespace lrfinder {

// The core knows no CUDA: what needs it is in a library of its own, liblrfinder_cuda.so, which is looked for beside the
// library that the core is in and then where the loader searches. It is loaded at the first call, once for the process.
// Neither function throws: null means that it cannot be had, for the reason in `reason`, and a step goes on without.

/// As LossTracker with the same arguments.
std::unique_ptr<DeviceTracker> make_device_tracker(double beta, double threshold, std::int64_t steps,
                                                   c10::Device device, std::string* reason) noexcept;

std::unique_ptr<StepGraph> make_step_graph(c10::Device device, std::string* reason) noexcept;

}  // namespace lrfinder
