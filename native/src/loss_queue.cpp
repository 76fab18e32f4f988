#include "loss_queue.h"

#include <ATen/ops/empty.h>
#include <c10/core/GradMode.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <utility>

namespace lrfinder {

void LossQueue::push(const at::Tensor& loss) {
  const c10::NoGradGuard no_grad;
  if (free_.empty()) {
    free_.push_back(
        {at::empty({}, at::TensorOptions().dtype(at::kDouble).pinned_memory(true)), c10::Event(device_.type())});
  }
  Slot slot = std::move(free_.back());
  free_.pop_back();
  slot.host.copy_(loss.reshape({}), /*non_blocking=*/true);
  slot.event.record(c10::impl::VirtualGuardImpl(device_.type()).getStream(device_));
  pending_.push_back(std::move(slot));
}

std::optional<double> LossQueue::take(bool wait) {
  if (pending_.empty()) return std::nullopt;
  Slot& oldest = pending_.front();
  if (wait) oldest.event.synchronize();
  if (!wait && !oldest.event.query()) return std::nullopt;
  const double loss = *oldest.host.const_data_ptr<double>();
  free_.push_back(std::move(oldest));
  pending_.pop_front();
  return loss;
}

}  // namespace lrfinder
