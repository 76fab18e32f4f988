#pragma once

#include <cstdint>

namespace lrfinder {

/// Losses that are computed natively, averaged over the batch as PyTorch's functionals of the same names are by
/// default; the Kullback-Leibler divergence as by its "batchmean", the sum divided by the number of examples.
enum class Loss : std::int32_t {
  kCrossEntropy,
  kMse,
  kL1,
  kSmoothL1,
  kHuber,
  kBinaryCrossEntropyWithLogits,
  kNegativeLogLikelihood,
  kKlDivergence,
};

}  // namespace lrfinder
