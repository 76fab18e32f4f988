#pragma once

#include <cmath>

namespace lrfinder {

/// How a parameter group's learning rate follows the swept one: `constant + ratio * ((lr - origin) / scale)^exponent`.
/// As it is, the same.
struct GroupRate {
  double ratio = 1;
  double constant = 0;
  double origin = 0;
  double scale = 1;
  double exponent = 1;

  double at(double lr) const {
    const double progress = (lr - origin) / scale;
    return constant + ratio * (exponent == 1 ? progress : std::pow(progress, exponent));
  }
};

}  // namespace lrfinder
