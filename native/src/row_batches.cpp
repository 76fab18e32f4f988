#include "lrfinder/row_batches.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/index_select.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string>

#include "failure.h"

namespace lrfinder {
namespace {

/// Whether it is plain memory, row behind row, of which a copy is all there is to a selection: not of another device or
/// layout, no lazily negated one, none that wants to be differentiated.
bool is_plain(const at::Tensor& data) {
  static const auto plain = [] {
    const c10::InferenceMode off(false);
    return at::empty({0}, at::kCPU).key_set();
  }();
  return data.key_set() == plain && data.is_contiguous() && !data.requires_grad();
}

/// Inputs or targets, and the present batch's.
class Rows {
 public:
  explicit Rows(const at::Tensor& data) : data_(data), rows_(data.size(0)) {}

  const at::Tensor& batch() const noexcept { return batch_; }

  void view(std::int64_t from, std::int64_t count) {
    // A slice costs less than narrow, but would silently be short where data lost rows.
    const auto end = from + count;
    batch_ = data_.size(0) < end ? data_.narrow(0, from, count) : data_.slice(0, from, end);
  }

  /// `order` has rows that the data had when this was made.
  void gather(const at::Tensor& order, std::int64_t from, std::int64_t count) {
    const bool copies = order.is_cpu() && is_plain(data_) && data_.dim() > 0 && data_.size(0) >= rows_;
    if (!copies) {
      batch_ = at::index_select(data_, 0, order.narrow(0, from, count));
      return;
    }
    if (!fits(count)) {
      auto sizes = data_.sizes().vec();
      sizes[0] = count;
      batch_ = at::empty(sizes, data_.options());
    }
    const auto width = batch_.nbytes() / static_cast<std::size_t>(count);
    if (width == 0) return;  // there is no memory then to copy
    const auto* row = order.const_data_ptr<std::int64_t>() + from;
    const auto* source = static_cast<const char*>(data_.const_data_ptr());
    auto* target = static_cast<char*>(batch_.mutable_data_ptr());
    for (std::int64_t i = 0; i < count; ++i, target += width) {
      std::memcpy(target, source + static_cast<std::size_t>(row[i]) * width, width);
    }
  }

 private:
  /// Whether the last batch's memory can be this one's: nobody else has it, and it is as large.
  bool fits(std::int64_t count) const {
    return batch_.defined() && batch_.use_count() == 1 && batch_.storage().use_count() == 1 && is_plain(batch_) &&
           batch_.scalar_type() == data_.scalar_type() && batch_.dim() == data_.dim() && batch_.size(0) == count &&
           batch_.sizes().slice(1) == data_.sizes().slice(1);
  }

  at::Tensor data_;
  std::int64_t rows_;
  at::Tensor batch_;
};

std::string rows_of(const at::Tensor& data) { return data.dim() == 0 ? "none" : std::to_string(data.size(0)); }

}  // namespace

class RowBatches::Impl {
 public:
  Impl(const at::Tensor& inputs, const at::Tensor& targets, std::int64_t batch_size, const at::Tensor& order)
      : inputs_(inputs_of(inputs, targets)), targets_(targets), batch_size_(batch_size), count_(inputs.size(0)) {
    if (order.defined()) {
      order_ = order_of(order, count_);
      count_ = order_.size(0);
    }
    if (batch_size < 1 || batch_size > count_) {
      refuse("batch_size is ", batch_size, ", but must be between 1 and the number of rows, ", count_);
    }
  }

  void cut(std::int64_t index) {
    const auto batches = (count_ + batch_size_ - 1) / batch_size_;
    if (index < 0 || index >= batches) refuse("there is no batch ", index, ": the epoch has ", batches, " batches");
    const auto from = index * batch_size_;
    const auto count = std::min(batch_size_, count_ - from);
    for (auto* rows : {&inputs_, &targets_}) {
      if (order_.defined()) {
        rows->gather(order_, from, count);
      } else {
        rows->view(from, count);
      }
    }
  }

  const at::Tensor& input() const noexcept { return inputs_.batch(); }
  const at::Tensor& target() const noexcept { return targets_.batch(); }

 private:
  static const at::Tensor& inputs_of(const at::Tensor& inputs, const at::Tensor& targets) {
    if (inputs.dim() == 0 || targets.dim() == 0 || inputs.size(0) != targets.size(0) || inputs.size(0) == 0) {
      refuse("inputs and targets need the same number of rows, at least one, not ", rows_of(inputs), " and ",
             rows_of(targets));
    }
    return inputs;
  }

  /// A copy, so that what was checked stays true. What is on another device, libtorch checks there.
  static at::Tensor order_of(const at::Tensor& order, std::int64_t rows) {
    if (order.dim() != 1 || order.scalar_type() != at::kLong) {
      refuse("the order must be a list of row numbers of type long, not of type ", order.dtype(), " and ", order.dim(),
             " dimensions");
    }
    auto copy = order.contiguous().clone();
    if (copy.is_cpu()) {
      const auto* first = copy.const_data_ptr<std::int64_t>();
      for (std::int64_t i = 0; i < copy.size(0); ++i) {
        if (first[i] < 0 || first[i] >= rows) refuse("the order has row ", first[i], " of data with ", rows, " rows");
      }
    }
    return copy;
  }

  Rows inputs_;
  Rows targets_;
  std::int64_t batch_size_;
  std::int64_t count_;  // rows in the epoch
  at::Tensor order_;
};

RowBatches::RowBatches(const at::Tensor& inputs, const at::Tensor& targets, std::int64_t batch_size,
                       const at::Tensor& order)
    : impl_(translated([&] { return std::make_unique<Impl>(inputs, targets, batch_size, order); })) {}

RowBatches::~RowBatches() = default;

void RowBatches::cut(std::int64_t index) {
  translated([&] { impl_->cut(index); });
}

const at::Tensor& RowBatches::input() const noexcept { return impl_->input(); }

const at::Tensor& RowBatches::target() const noexcept { return impl_->target(); }

}  // namespace lrfinder
