#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "forward.h"
#include "lrfinder/losses.h"
#include "lrfinder/step_settings.h"

namespace lrfinder {

/// What a micro-batch's loss is computed from.
struct MicroBatch {
  at::Tensor input;
  at::Tensor target;
  std::optional<Loss> loss;  // none: the caller computes it
};

/// Which tensors the steps of a part of a sweep, or of a training, have to do with.
struct Reach {
  /// Gradients go to these alone; empty: to all that a loss depends on.
  std::vector<at::Tensor> only;
  /// All that a step comes by without an operator, but for its batch.
  std::vector<at::Tensor> known;

  Reach knowing(const std::vector<at::Tensor>& more) && {
    known.insert(known.end(), more.begin(), more.end());
    return std::move(*this);
  }
};

/// From a micro-batch to its loss and to gradients. For each micro-batch: `replay`, and where that gives nothing the
/// loss is computed and given to `computed`, or `abandon` is called; then `backward`, unless the step ends at its loss.
class Gradients {
 public:
  /// `share` is a micro-batch's in its step.
  static std::unique_ptr<Gradients> of(std::shared_ptr<const Forward> forward, Replay replay, double share,
                                       Reach reach);

  virtual ~Gradients() = default;
  Gradients(const Gradients&) = delete;
  Gradients& operator=(const Gradients&) = delete;

  /// The loss, if the step is replayed: nothing else is to be computed then.
  virtual std::optional<double> replay(const MicroBatch& batch) = 0;
  virtual void computed(const at::Tensor& loss) = 0;
  virtual void abandon() = 0;
  /// Adds the loss's gradients to the parameters'.
  virtual void backward() = 0;

  /// Why nothing is replayed.
  virtual std::string reason() const = 0;

 protected:
  Gradients() = default;
};

}  // namespace lrfinder
