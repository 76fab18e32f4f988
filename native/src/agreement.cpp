#include "agreement.h"

#include <c10/core/GradMode.h>
#include <c10/util/StringUtil.h>

#include <cstdint>
#include <cstring>
#include <sstream>
#include <unordered_set>

namespace lrfinder {
namespace {

/// Of bytes, eight at a time.
void mix(const at::Tensor& tensor, std::uint64_t* digest) {
  constexpr std::uint64_t kFactor = 0x9e3779b97f4a7c15;
  const auto bytes = tensor.detach().cpu().contiguous();
  const auto* next = static_cast<const char*>(bytes.const_data_ptr());
  for (std::size_t left = bytes.nbytes(); left > 0;) {
    std::uint64_t word = 0;
    const std::size_t taken = left < sizeof word ? left : sizeof word;
    std::memcpy(&word, next, taken);
    *digest = (*digest ^ word) * kFactor;
    *digest ^= *digest >> 29;
    next += taken;
    left -= taken;
  }
}

std::vector<at::Tensor> distinct(const std::vector<at::Tensor>& tensors) {
  std::vector<at::Tensor> found;
  std::unordered_set<const c10::TensorImpl*> seen;
  for (const auto& tensor : tensors) {
    if (tensor.defined() && seen.insert(tensor.unsafeGetTensorImpl()).second) found.push_back(tensor);
  }
  return found;
}

std::string lines_of(const std::vector<at::Tensor>& tensors, bool values) {
  std::ostringstream lines;
  std::uint64_t digest = 0;
  lines << "parameters and buffers=" << tensors.size() << '\n';
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    lines << "tensor " << i << '=' << tensors[i].scalar_type() << tensors[i].sizes()
          << (tensors[i].requires_grad() ? " trained" : "") << '\n';
    if (values) mix(tensors[i], &digest);
  }
  if (values) {
    lines << "values of the parameters and buffers (seed all processes alike, or take those of rank 0)=" << std::hex
          << digest << '\n';
  }
  return lines.str();
}

}  // namespace

void agree(Collectives& collectives, std::string lines, const std::vector<at::Tensor>& tensors, bool broadcast) {
  const auto all = distinct(tensors);
  if (!lines.empty() && lines.back() != '\n') lines += '\n';
  collectives.require_alike(lines + lines_of(all, /*values=*/!broadcast));
  if (broadcast) collectives.broadcast(all);
}

double mean_of(Collectives& collectives, double total, double weight) {
  double totals = 0;
  double weights = 0;
  for (const auto& given : collectives.exchange(Collectives::Point::kValidation, {total, weight})) {
    totals += given.first;
    weights += given.second;
  }
  return totals / weights;
}

}  // namespace lrfinder
