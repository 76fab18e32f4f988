#pragma once

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/randn.h>
#include <c10/core/GradMode.h>
#include <gtest/gtest.h>
#include <torch/optim.h>

#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <ostream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "lrfinder/error.h"

namespace lrfinder::test {

using Groups = std::vector<torch::optim::OptimizerParamGroup>;

/// An optimizer of one class and with one set of options, over any parameters.
struct OptimizerCase {
  std::string name;
  std::function<std::unique_ptr<torch::optim::Optimizer>(const Groups&)> make;
};

inline void PrintTo(const OptimizerCase& optimizer, std::ostream* out) { *out << optimizer.name; }

template <typename Optimizer, typename Options>
OptimizerCase optimizer_case(std::string name, const Options& options) {
  return {std::move(name), [options](const Groups& groups) { return std::make_unique<Optimizer>(groups, options); }};
}

/// Normal numbers that are the same in every call and leave the global generator alone.
inline at::Tensor normal(at::IntArrayRef sizes, at::ScalarType dtype, std::uint64_t seed) {
  return at::randn(sizes, at::make_generator<at::CPUGeneratorImpl>(seed), at::TensorOptions().dtype(dtype));
}

inline at::Tensor normal_parameter(at::IntArrayRef sizes, at::ScalarType dtype, std::uint64_t seed) {
  return normal(sizes, dtype, seed).requires_grad_();
}

/// What a failed comparison shows of a tensor: of a large one only what it is.
inline std::string description(const at::Tensor& tensor) {
  if (!tensor.defined()) return "an undefined tensor";
  std::ostringstream text;
  text << tensor.toString() << tensor.sizes();
  if (tensor.numel() <= 32) text << '\n' << tensor;
  return text.str();
}

inline bool alike(const at::Tensor& actual, const at::Tensor& expected) {
  if (!actual.defined() || !expected.defined()) return actual.defined() == expected.defined();
  return actual.scalar_type() == expected.scalar_type() && actual.sizes() == expected.sizes();
}

/// Whether both are undefined, or alike in type, sizes and every bit.
inline ::testing::AssertionResult same_bits(const at::Tensor& actual, const at::Tensor& expected) {
  bool same = alike(actual, expected);
  if (same && actual.defined() && actual.numel() > 0) {
    const auto left = actual.detach().contiguous();
    const auto right = expected.detach().contiguous();
    same = std::memcmp(left.const_data_ptr(), right.const_data_ptr(), left.nbytes()) == 0;
  }
  if (same) return ::testing::AssertionSuccess() << description(actual);
  return ::testing::AssertionFailure() << description(actual) << "\ndiffers from " << description(expected);
}

/// Whether both are undefined, or alike in type and sizes and no element differs by more than `tolerance`.
inline ::testing::AssertionResult near(const at::Tensor& actual, const at::Tensor& expected, double tolerance) {
  const c10::NoGradGuard no_grad;
  double deviation = 0;
  const bool comparable = alike(actual, expected);
  if (comparable && actual.defined() && actual.numel() > 0) {
    deviation = (actual - expected).abs().max().item<double>();
  }
  if (comparable && deviation <= tolerance) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << description(actual) << "\nis off by " << deviation << " from "
                                       << description(expected);
}

/// Expects that `call` throws lrfinder::Error with exactly this kind and message.
template <typename Call>
void expect_error(ErrorKind kind, const std::string& message, const Call& call) {
  try {
    call();
    ADD_FAILURE() << "no error, but expected: " << message;
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), kind);
    EXPECT_EQ(error.what(), message);
    EXPECT_EQ(error.tagged(), static_cast<char>(kind) + message);
  }
}

}  // namespace lrfinder::test
