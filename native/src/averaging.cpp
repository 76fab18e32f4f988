#include "averaging.h"

#include <ATen/OpMathType.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/mul.h>
#include <ATen/ops/zeros.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <cstddef>
#include <limits>
#include <map>
#include <string>
#include <unordered_set>
#include <utility>

#include "failure.h"

namespace lrfinder {
namespace {

constexpr std::int64_t kPieceBytes = 25 << 20;

/// What travels behind the gradients, in this order; then for each parameter how many processes have a gradient of it.
enum Tail : std::int64_t { kLoss, kRows, kFailed, kEndings };
constexpr std::int64_t kEndingKinds = 3;
constexpr std::int64_t kTailStart = kEndings + kEndingKinds;

std::vector<at::Tensor> distinct_trained(const std::vector<at::Tensor>& parameters) {
  std::vector<at::Tensor> trained;
  std::unordered_set<const c10::TensorImpl*> seen;
  for (const auto& parameter : parameters) {
    if (parameter.requires_grad() && seen.insert(parameter.unsafeGetTensorImpl()).second) trained.push_back(parameter);
  }
  return trained;
}

/// A tail needs whole numbers and a loss to be exact enough.
bool carries_tail(const std::map<at::ScalarType, std::int64_t>& elements) {
  const auto type = elements.begin()->first;
  return elements.size() == 1 && (type == at::kFloat || type == at::kDouble);
}

}  // namespace

Averaging::Averaging(std::shared_ptr<Collectives> collectives, const std::vector<at::Tensor>& parameters)
    : collectives_(std::move(collectives)) {
  const auto trained = distinct_trained(parameters);
  const auto options = trained.front().options();
  const auto tail = kTailStart + static_cast<std::int64_t>(trained.size());
  std::map<at::ScalarType, std::int64_t> elements;
  for (const auto& parameter : trained) {
    if (parameter.layout() != at::kStrided || parameter.is_complex()) {
      refuse("parameters of type ", parameter.toString(), " cannot be trained by several processes");
    }
    elements[parameter.scalar_type()] += parameter.numel();
  }
  const bool carried = carries_tail(elements);
  said_ = at::zeros({tail}, at::kDouble);
  if (!carried) {
    tail_ = at::empty({tail}, options.dtype(at::kDouble));
    travelling_.push_back(tail_);
  }
  std::map<at::ScalarType, std::size_t> flat_of;
  for (const auto& [type, count] : elements) {
    Flat flat;
    flat.whole = at::empty({count + (carried ? tail : 0)}, options.dtype(type));
    flat.gradients = flat.whole.narrow(0, 0, count);
    if (carried) tail_ = flat.whole.narrow(0, count, tail);
    // Of the type that the kernel computes in: narrower than that it would be rounded first.
    flat.rows = at::empty({}, at::TensorOptions().dtype(at::toOpMathType(type)));
    const std::int64_t most = kPieceBytes / static_cast<std::int64_t>(flat.whole.element_size());
    for (std::int64_t at = 0; at < flat.whole.numel(); at += most) {
      travelling_.push_back(flat.whole.narrow(0, at, std::min(most, flat.whole.numel() - at)));
    }
    flat_of[type] = flats_.size();
    flats_.push_back(std::move(flat));
  }
  std::vector<std::int64_t> filled(flats_.size(), 0);
  for (const auto& parameter : trained) {
    const auto flat = flat_of[parameter.scalar_type()];
    const auto piece = flats_[flat].gradients.narrow(0, filled[flat], parameter.numel());
    filled[flat] += parameter.numel();
    // As the parameter lies in memory, so that fused kernels take it for a gradient.
    places_.push_back({parameter, flat,
                       parameter.is_non_overlapping_and_dense()
                           ? piece.as_strided(parameter.sizes(), parameter.strides(), piece.storage_offset())
                           : piece.view(parameter.sizes())});
  }
}

void Averaging::say(double loss, double rows, bool failed, Ending ending) {
  auto* said = said_.data_ptr<double>();
  std::fill(said, said + kTailStart, 0.0);
  said[kLoss] = rows == 0 ? 0 : loss * rows;
  said[kRows] = rows;
  said[kFailed] = failed ? 1 : 0;
  if (ending != Ending::kNone) said[kEndings + static_cast<std::int64_t>(ending) - 1] = 1;
}

bool Averaging::collect(const Place& place, double rows) {
  const at::Tensor& gradient = place.parameter.grad();
  if (!gradient.defined()) return false;
  if (gradient.layout() != at::kStrided) {
    refuse("a gradient is sparse: several processes cannot average it; make it dense, as by sparse(false)");
  }
  at::Tensor target = place.gradient;
  if (rows == 1) {
    target.copy_(gradient);
  } else {
    at::mul_out(target, gradient, flats_[place.flat].rows);
  }
  return true;
}

void Averaging::travel() {
  tail_.copy_(said_);
  collectives_->all_reduce(travelling_);
  said_.copy_(tail_);
}

Averaging::Step Averaging::average(double loss, double rows, Ending ending) {
  const c10::NoGradGuard no_grad;
  say(loss, rows, /*failed=*/false, ending);
  auto* said = said_.data_ptr<double>();
  for (auto& flat : flats_) flat.rows.fill_(rows);
  for (std::size_t i = 0; i < places_.size(); ++i) {
    const bool has_gradient = rows > 0 && collect(places_[i], rows);
    if (!has_gradient) places_[i].gradient.zero_();
    said[kTailStart + static_cast<std::int64_t>(i)] = has_gradient ? 1 : 0;
  }
  travel();
  if (said[kFailed] != 0) collectives_->report_failures();
  const double all = said[kRows];
  Step step{all == 0 ? std::numeric_limits<double>::quiet_NaN() : said[kLoss] / all, all, Ending::kNone};
  for (std::int64_t kind = 0; kind < kEndingKinds; ++kind) {
    if (said[kEndings + kind] != 0) step.ending = static_cast<Ending>(kind + 1);
  }
  if (all != 0 && all != 1) {
    for (auto& flat : flats_) flat.gradients.div_(all);
  }
  for (std::size_t i = 0; i < places_.size(); ++i) {
    const bool has_gradient = said[kTailStart + static_cast<std::int64_t>(i)] != 0;
    places_[i].parameter.mutable_grad() = has_gradient ? places_[i].gradient : at::Tensor();
  }
  return step;
}

void Averaging::give_up() {
  const c10::NoGradGuard no_grad;
  for (auto& flat : flats_) flat.gradients.zero_();
  said_.zero_();
  say(0, 0, /*failed=*/true, Ending::kNone);
  travel();
  collectives_->report_failures();
}

}  // namespace lrfinder
