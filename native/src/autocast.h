#pragma once

#include <ATen/autocast_mode.h>

#include "lrfinder/step_settings.h"

namespace lrfinder {

/// One region of autocast on this thread, ended with its cache: a cast that outlives an update would be stale.
class Autocast {
 public:
  Autocast(Precision precision, at::DeviceType device) : active_(precision == Precision::kBfloat16), device_(device) {
    if (!active_) return;
    enabled_ = at::autocast::is_autocast_enabled(device_);
    dtype_ = at::autocast::get_autocast_dtype(device_);
    at::autocast::set_autocast_enabled(device_, true);
    at::autocast::set_autocast_dtype(device_, at::kBFloat16);
    at::autocast::increment_nesting();
  }
  ~Autocast() {
    if (!active_) return;
    at::autocast::decrement_nesting();
    at::autocast::clear_cache();
    at::autocast::set_autocast_dtype(device_, dtype_);
    at::autocast::set_autocast_enabled(device_, enabled_);
  }
  Autocast(const Autocast&) = delete;
  Autocast& operator=(const Autocast&) = delete;

 private:
  bool active_;
  at::DeviceType device_;
  bool enabled_ = false;
  at::ScalarType dtype_ = at::kBFloat16;
};

}  // namespace lrfinder
