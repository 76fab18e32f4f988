#pragma once

#include <cstdint>
#include <limits>
#include <optional>

#include "lrfinder/process_group.h"

namespace lrfinder {

/// In which type forward passes compute.
enum class Precision : std::int32_t {
  kAsParameters,  ///< in the parameters' own type, whichever that is
  kBfloat16,      ///< bfloat16 autocast: parameters, gradients and losses keep their types
};

/// Which steps may be replayed: recorded once, operator by operator, and then run without autograd. That is faster and
/// the same to the bit.
enum class Replay : std::int32_t {
  kNever,           ///< autograd computes every step
  kKnownModels,     ///< those of networks that are known to do the same for every batch of a shape
  kDeclaredStatic,  ///< also those of other networks and of the caller's losses, who promises that they do
};

/// How one optimizer step is made, of a sweep as of a training.
struct StepSettings {
  /// Micro-batches whose losses and gradients are averaged in one step, at most. At least 1.
  std::int64_t accumulate_grad_batches = 1;
  /// Total norm that the averaged gradients are clipped to before an update; infinity leaves them alone. Positive.
  double gradient_clip_norm = std::numeric_limits<double>::infinity();
  /// Largest absolute value of an averaged gradient's elements; infinity leaves them alone. Positive. Not with a norm.
  double gradient_clip_value = std::numeric_limits<double>::infinity();
  Precision precision = Precision::kAsParameters;
  Replay replay = Replay::kKnownModels;
  /// Whether a CUDA device may repeat steps by itself, from a recording of one: those of a training, or of a sweep of
  /// at least 300 steps, of one network of known layers with one optimizer that has a fused kernel. Learning rates are
  /// then float32. Never measured, nor run on a device.
  bool graphs = false;
  /// The processes that make each step together, each with a share of its rows. None: this one makes it alone.
  std::optional<ProcessGroup> group;

  void across(const ProcessGroup& processes) { group = processes; }
};

}  // namespace lrfinder
