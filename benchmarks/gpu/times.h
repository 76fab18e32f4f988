#pragma once

#include <c10/core/Device.h>

#include <string>

namespace lrfinder_proof {

/// A row of a Markdown table: the network, microseconds a step of each way, and the peak of device memory.
std::string time_of(const std::string& network, at::Device device);

}  // namespace lrfinder_proof
