#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "outside_tensor.h"
#include "tape.h"

namespace lrfinder {

/// A recorded step that can be run again: the same kernels in the same order, on other batches of the same shape.
///
/// Parameters and buffers are read and written where they lie. A program belongs to the thread that runs a session.
class Program {
 public:
  /// Of a step that was recorded with this batch.
  Program(Tape tape, at::TensorList batch);

  /// Whether running it now would do what autograd would: for a batch like the one it was recorded with, while the
  /// tensors from outside have the same memory and take gradients as they did.
  bool holds(at::TensorList batch) const;

  /// The forward half. Whoever stops here leaves what a forward pass leaves: buffers and random numbers advanced.
  double forward(at::TensorList batch);
  /// The other half. The gradients are then here, not yet the parameters'.
  void backward();
  /// Gives the gradients to the parameters, or adds them to what is there, as autograd does.
  void deliver();

  const std::vector<std::pair<at::Tensor, Slot>>& gradients() const { return tape_.gradients; }
  const at::Tensor& gradient(Slot slot) const { return tape_.tensors[slot]; }
  /// Tensors that a run may write, apart from gradients. Buffers are, though not every schema says so: that of batch
  /// norm is silent of its statistics.
  const std::vector<at::Tensor>& writable() const { return writable_; }
  bool draws() const { return tape_.draws; }

 private:
  /// What a tensor of a batch must look like.
  struct Shape {
    std::vector<std::int64_t> sizes;
    std::vector<std::int64_t> strides;
    at::ScalarType dtype;
    std::size_t first;  // of those in the batch that are this very tensor

    bool fits(const at::Tensor& tensor) const;
  };

  void run_until(std::size_t end);

  Tape tape_;
  std::vector<Shape> shapes_;
  std::vector<OutsideTensor> outside_;  // that the program found and relies on
  std::vector<at::Tensor> writable_;
  std::size_t backward_begin_;
  std::size_t next_ = 0;
  torch::jit::Stack stack_;
};

/// Whether a program can be given this tensor as one of a batch.
bool replayable(const at::Tensor& tensor);

/// A tensor of one element as a number, without a call where it lies in the host's memory.
double number_in(const at::Tensor& tensor);

}  // namespace lrfinder
