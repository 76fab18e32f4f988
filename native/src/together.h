#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

#include "averaging.h"
#include "collectives.h"
#include "lrfinder/process_group.h"

namespace lrfinder {

/// What a sweep or a training of several processes has to do with the others, beside its steps' averages.
class Together {
 public:
  /// `parameters`, of networks and optimizers, are compared by their values too. `buffers` are not: those such as the
  /// statistics of batch norm are each process's own.
  Together(const ProcessGroup& group, const std::vector<at::Tensor>& parameters,
           const std::vector<at::Tensor>& buffers);

  /// Refuses, in all processes, what they do not have alike: `lines`, each "what=value", the number, shapes and types
  /// of the tensors, and the parameters' values, unless these are to be made those of rank 0, as then the buffers' are.
  void agree(const std::string& lines, bool broadcast);
  /// The sum of all totals by that of all weights, which is refused in all processes if it is 0.
  double mean(double total, double weight);

  /// Which average comes next, if one does: see NextAverage.
  void expect(Averaging* next) { next_.set(next); }

  /// What this process ends with its next step; of several the last in their order.
  Ending ending() const { return ending_; }
  void end(Ending ending);

 private:
  ProcessGroup group_;
  NextAverage next_;
  std::vector<at::Tensor> parameters_;
  std::vector<at::Tensor> buffers_;
  Ending ending_ = Ending::kNone;
};

}  // namespace lrfinder
