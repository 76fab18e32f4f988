#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

#include "collectives.h"

namespace lrfinder {

/// Refuses, in all processes, what they do not have alike: `lines`, each "what=value", the number, shapes and types of
/// `tensors`, and their values, unless they are to be made those of rank 0.
void agree(Collectives& collectives, std::string lines, const std::vector<at::Tensor>& tensors, bool broadcast);

/// The sum of all totals by that of all weights.
double mean_of(Collectives& collectives, double total, double weight);

}  // namespace lrfinder
