#include "together.h"

#include <c10/core/GradMode.h>
#include <c10/util/StringUtil.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <sstream>
#include <unordered_set>

#include "failure.h"

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

/// What there is to train, first what differs most often: of many tensors the last are cut off.
std::string lines_of(const std::vector<at::Tensor>& parameters, const std::vector<at::Tensor>& buffers, bool values) {
  std::ostringstream lines;
  lines << "parameters=" << parameters.size() << "\nbuffers=" << buffers.size() << '\n';
  std::uint64_t digest = 0;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const auto& parameter = parameters[i];
    lines << "parameter " << i << '=' << parameter.scalar_type() << parameter.sizes();
    // Gradients travel as the parameters lie in memory.
    if (parameter.requires_grad()) lines << " trained, strides " << parameter.strides();
    lines << '\n';
    if (values) mix(parameter, &digest);
  }
  for (std::size_t i = 0; i < buffers.size(); ++i) {
    lines << "buffer " << i << '=' << buffers[i].scalar_type() << buffers[i].sizes() << '\n';
  }
  std::ostringstream first;
  if (values) {
    first << "values of the parameters (seed all processes alike, or take those of rank 0)=" << std::hex << digest
          << '\n';
  }
  return first.str() + lines.str();
}

}  // namespace

Together::Together(const ProcessGroup& group, const std::vector<at::Tensor>& parameters,
                   const std::vector<at::Tensor>& buffers)
    : group_(group), next_(*group_.collectives()), parameters_(distinct(parameters)), buffers_(distinct(buffers)) {}

void Together::agree(const std::string& lines, bool broadcast) {
  const char* end = lines.empty() || lines.back() == '\n' ? "" : "\n";
  group_.collectives()->require_alike(lines + end + lines_of(parameters_, buffers_, /*values=*/!broadcast));
  if (!broadcast) return;
  group_.collectives()->broadcast(parameters_);
  group_.collectives()->broadcast(buffers_);
}

void Together::end(Ending ending) { ending_ = std::max(ending_, ending); }

double Together::mean(double total, double weight) {
  double totals = 0;
  double weights = 0;
  for (const auto& given : group_.collectives()->exchange(Collectives::Point::kValidation, {total, weight})) {
    totals += given.first;
    weights += given.second;
  }
  if (weights == 0) refuse("no process has a validation batch that is used");
  return totals / weights;
}

}  // namespace lrfinder
