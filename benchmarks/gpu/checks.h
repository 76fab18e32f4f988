#pragma once

#include <c10/core/Device.h>

#include <stdexcept>
#include <string>
#include <vector>

namespace lrfinder_proof {

/// What was checked does not hold.
struct Failed : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// The check cannot be made here.
struct NotHere : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct Check {
  int point;  // of the list in README.md
  std::string name;
  std::string words;
  /// Says in words what was found; throws Failed or NotHere, or what libtorch or the core throws.
  std::string (*run)(at::Device device);
};

/// In the order in which they should be made on a device that nothing was made on yet.
const std::vector<Check>& checks();

}  // namespace lrfinder_proof
