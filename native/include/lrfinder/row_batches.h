#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>

namespace lrfinder {

/// An epoch of a data set that is held in memory, cut into batches one at a time: rows [i * batch_size, (i + 1) *
/// batch_size) of it are batch i, the last of which may have fewer.
///
/// With an order, batches are gathered, with the values of index_select; on the CPU into the same two tensors each
/// time, unless somebody still holds them or a view of them: what was handed out is never overwritten under its holder.
/// Without one they are views of the data set.
///
/// Data are read when a batch is cut, so that what was changed in place is seen. Confined to one thread; several may
/// read the same data. Every method but the getters may throw lrfinder::Error.
class RowBatches {
 public:
  /// `order` has the numbers of the epoch's rows, one by one, and is copied; undefined: all rows as they lie.
  RowBatches(const at::Tensor& inputs, const at::Tensor& targets, std::int64_t batch_size,
             const at::Tensor& order = {});
  ~RowBatches();
  RowBatches(const RowBatches&) = delete;
  RowBatches& operator=(const RowBatches&) = delete;

  /// Makes batch `index`, from 0, the present one.
  void cut(std::int64_t index);

  /// Of the present batch, undefined before the first: the same objects as long as this lives.
  const at::Tensor& input() const noexcept;
  const at::Tensor& target() const noexcept;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lrfinder
