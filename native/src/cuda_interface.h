#pragma once

#include <c10/core/Device.h>

#include <cstdint>
#include <string>

#include "device_tracker.h"
#include "step_graph.h"

namespace lrfinder {

/// What the core and its library for CUDA have in common: both are built from this file and by the same compiler. Raise
/// the number with every change here, of DeviceTracker or of StepGraph.
constexpr int kCudaInterface = 1;

/// What the library offers. The first two members say whether the others are what the core takes them for.
struct CudaInterface {
  int number;
  const char* torch_version;
  /// Null, and why in `reason`, where they cannot be made; they throw nothing. The caller owns what they return.
  DeviceTracker* (*new_tracker)(double beta, double threshold, std::int64_t steps, c10::Device device,
                                std::string* reason) noexcept;
  StepGraph* (*new_graph)(c10::Device device, std::string* reason) noexcept;
};

/// Of the library's only function.
using CudaInterfaceFunction = const CudaInterface*() noexcept;
constexpr const char* kCudaInterfaceFunction = "lrfinder_cuda_interface";

}  // namespace lrfinder
