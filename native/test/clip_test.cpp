#include "clip.h"

#include <ATen/ops/full.h>
#include <ATen/ops/sparse_coo_tensor.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>
#include <torch/nn/utils/clip_grad.h>
#include <torch/optim.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "testing.h"

namespace lrfinder {
namespace {

namespace optim = torch::optim;

using test::doubles;
using test::kInfinity;
using test::kNan;
using test::near;
using test::normal;
using test::normal_parameter;
using test::same_bits;

optim::SGD optimizer_over(const std::vector<at::Tensor>& parameters) {
  return optim::SGD(parameters, optim::SGDOptions(1));
}

void clip_by_norm(const optim::Optimizer& optimizer, double max_norm) {
  StepSettings step;
  step.gradient_clip_norm = max_norm;
  clip(optimizer, step);
}

void clip_by_value(const optim::Optimizer& optimizer, double max_value) {
  StepSettings step;
  step.gradient_clip_value = max_value;
  clip(optimizer, step);
}

at::Tensor parameter_with(at::Tensor gradient) {
  auto parameter = at::zeros(gradient.sizes(), gradient.options().layout(at::kStrided)).requires_grad_();
  parameter.mutable_grad() = std::move(gradient);
  return parameter;
}

/// Three parameters with gradients: of one type, or of two by turns.
std::vector<at::Tensor> parameters_of(at::ScalarType first, at::ScalarType second) {
  return {parameter_with(normal({3, 4}, first, 1)), parameter_with(normal({5}, second, 2)),
          parameter_with(normal({}, first, 3))};
}

struct TypeCase {
  std::string name;
  at::ScalarType first;
  at::ScalarType second;
  double tolerance;
};

void PrintTo(const TypeCase& types, std::ostream* out) { *out << types.name; }

std::vector<TypeCase> type_cases() {
  return {{"Double", at::kDouble, at::kDouble, 1e-14},    {"Float", at::kFloat, at::kFloat, 1e-6},
          {"Half", at::kHalf, at::kHalf, 1e-3},           {"Bfloat16", at::kBFloat16, at::kBFloat16, 1e-2},
          {"DoubleFloat", at::kDouble, at::kFloat, 1e-6}, {"FloatBfloat16", at::kFloat, at::kBFloat16, 1e-2}};
}

using ClipTest = test::DeviceCaseTest<TypeCase>;

TEST_P(ClipTest, EqualsClipGradNorm) {
  const auto& [name, first, second, tolerance] = given();
  const auto clipped = parameters_of(first, second);
  const auto expected = parameters_of(first, second);
  clip_by_norm(optimizer_over(clipped), 0.5);
  torch::nn::utils::clip_grad_norm_(expected, 0.5);
  for (size_t i = 0; i < clipped.size(); ++i) {
    EXPECT_TRUE(near(clipped[i].grad(), expected[i].grad(), tolerance)) << "parameter " << i;
  }
}

LRFINDER_ON_EACH_DEVICE_WITH(ClipTest, type_cases());

using ClipGradientsTest = test::DeviceTest;
LRFINDER_ON_EACH_DEVICE(ClipGradientsTest);

TEST_P(ClipGradientsTest, TheNormIsOverAllGroups) {
  const auto parameters = parameters_of(at::kDouble, at::kDouble);
  const optim::SGD optimizer(
      {optim::OptimizerParamGroup({parameters[0]}), optim::OptimizerParamGroup({parameters[1], parameters[2]})},
      optim::SGDOptions(1));
  clip_by_norm(optimizer, 0.5);
  double squares = 0;
  for (const auto& parameter : parameters) squares += parameter.grad().square().sum().item<double>();
  EXPECT_NEAR(std::sqrt(squares), 0.5, 1e-6);
}

TEST_P(ClipGradientsTest, GradientsBelowTheNormKeepTheirBits) {
  const auto clipped = parameters_of(at::kFloat, at::kDouble);
  const auto before = parameters_of(at::kFloat, at::kDouble);
  clip_by_norm(optimizer_over(clipped), 100);
  for (size_t i = 0; i < clipped.size(); ++i) EXPECT_TRUE(same_bits(clipped[i].grad(), before[i].grad()));
}

TEST_P(ClipGradientsTest, GradientsOfExactlyTheNormAreScaledAsInPyTorch) {
  const auto clipped = parameter_with(doubles({3.0, 4.0}));
  clip_by_norm(optimizer_over({clipped}), 5);
  EXPECT_TRUE(near(clipped.grad(), doubles({3.0, 4.0}) * (5 / (5 + 1e-6)), 1e-14));
}

TEST_P(ClipGradientsTest, AnExpandedGradientIsScaledOnce) {
  const auto number = doubles({2}).squeeze();
  const auto parameter = parameter_with(number.expand({3, 4}));
  const auto expected = parameter_with(doubles({2}).expand({3, 4}).contiguous());
  clip_by_norm(optimizer_over({parameter}), 0.5);
  torch::nn::utils::clip_grad_norm_(expected, 0.5);
  EXPECT_TRUE(near(parameter.grad(), expected.grad(), 1e-14));
  EXPECT_EQ(number.item<double>(), 2);
}

TEST_P(ClipGradientsTest, ATransposedGradientIsScaled) {
  const auto parameter = parameter_with(normal({4, 3}, at::kDouble, 1).t());
  const auto expected = parameter_with(normal({4, 3}, at::kDouble, 1).t());
  clip_by_norm(optimizer_over({parameter}), 0.5);
  torch::nn::utils::clip_grad_norm_(expected, 0.5);
  EXPECT_TRUE(near(parameter.grad(), expected.grad(), 1e-14));
}

TEST(ClipSparseGradientsTest, ASparseGradientCountsDuplicateIndicesTogether) {
  const auto indices = at::tensor({3, 0, 3}, at::kLong).unsqueeze(0);
  const auto sparse = at::sparse_coo_tensor(indices, normal({3, 2}, at::kDouble, 1), {5, 2});
  const auto parameter = parameter_with(normal({5, 2}, at::kDouble, 2));
  parameter.mutable_grad() = sparse.clone();
  const auto expected = parameter_with(sparse.to_dense());
  const auto other = parameter_with(normal({3}, at::kDouble, 3));
  const auto expected_other = parameter_with(normal({3}, at::kDouble, 3));
  clip_by_norm(optimizer_over({parameter, other}), 0.5);
  torch::nn::utils::clip_grad_norm_({expected, expected_other}, 0.5);
  EXPECT_TRUE(parameter.grad().is_sparse());
  EXPECT_TRUE(near(parameter.grad().to_dense(), expected.grad(), 1e-14));
  EXPECT_TRUE(near(other.grad(), expected_other.grad(), 1e-14));
}

TEST_P(ClipGradientsTest, ParametersWithoutGradientAreSkipped) {
  const auto without = normal_parameter({3}, at::kDouble, 1);
  clip_by_norm(optimizer_over({without}), 0.5);
  const auto with = parameter_with(normal({3, 4}, at::kDouble, 2));
  const auto expected = parameter_with(normal({3, 4}, at::kDouble, 2));
  clip_by_norm(optimizer_over({without, with}), 0.5);
  torch::nn::utils::clip_grad_norm_({expected}, 0.5);
  EXPECT_FALSE(without.grad().defined());
  EXPECT_TRUE(near(with.grad(), expected.grad(), 1e-14));
}

TEST_P(ClipGradientsTest, AParameterListedTwiceCountsOnce) {
  const auto parameter = parameter_with(normal({3, 4}, at::kDouble, 1));
  const auto expected = parameter_with(normal({3, 4}, at::kDouble, 1));
  clip_by_norm(optimizer_over({parameter, parameter}), 0.5);
  torch::nn::utils::clip_grad_norm_({expected}, 0.5);
  EXPECT_TRUE(near(parameter.grad(), expected.grad(), 1e-14));
}

TEST_P(ClipGradientsTest, NotANumberSpreadsAsInPyTorch) {
  const auto bad = parameter_with(doubles({1.0, kNan}));
  const auto good = parameter_with(doubles({1.0, 2.0}));
  clip_by_norm(optimizer_over({bad, good}), 0.5);
  EXPECT_TRUE(good.grad().isnan().all().item<bool>());
}

TEST_P(ClipGradientsTest, AnInfiniteGradientLeavesNothingOfTheOthers) {
  const auto bad = parameter_with(doubles({1.0, kInfinity}));
  const auto good = parameter_with(doubles({1.0, 2.0}));
  clip_by_norm(optimizer_over({bad, good}), 0.5);
  EXPECT_TRUE(same_bits(good.grad(), doubles({0, 0})));
}

TEST_P(ClipGradientsTest, WithoutALimitTheyAreNotTouched) {
  const auto gradient = doubles({2}).expand({3});  // would be made fit to be written
  const auto parameter = parameter_with(gradient);
  clip(optimizer_over({parameter}), {});
  EXPECT_TRUE(parameter.grad().is_same(gradient));
}

TEST_P(ClipGradientsTest, MultipliesByTheUnroundedNumber) {
  const auto gradients = [] {
    std::vector<at::Tensor> all;
    for (const auto type : {at::kHalf, at::kFloat, at::kBFloat16, at::kDouble, at::kComplexFloat, at::kFloat}) {
      all.push_back(normal({3, 7}, at::isComplexType(type) ? at::kComplexDouble : at::kDouble, 1).to(type));
    }
    return all;
  };
  std::vector<at::Tensor> parameters;
  for (const auto& gradient : gradients()) parameters.push_back(parameter_with(gradient));
  double squares = 0;
  for (const auto& gradient : gradients()) squares += std::pow(gradient.norm().item<double>(), 2);
  clip_by_norm(optimizer_over(parameters), 0.5);
  for (size_t i = 0; i < parameters.size(); ++i) {
    EXPECT_TRUE(same_bits(parameters[i].grad(), gradients()[i] * (0.5 / (std::sqrt(squares) + 1e-6))));
  }
}

using ClampGradientsTest = test::DeviceTest;
LRFINDER_ON_EACH_DEVICE(ClampGradientsTest);

TEST_P(ClampGradientsTest, EqualsClipGradValue) {
  const auto clamped = parameters_of(at::kDouble, at::kFloat);
  const auto expected = parameters_of(at::kDouble, at::kFloat);
  clip_by_value(optimizer_over(clamped), 0.3);
  torch::nn::utils::clip_grad_value_(expected, 0.3);
  for (size_t i = 0; i < clamped.size(); ++i) EXPECT_TRUE(same_bits(clamped[i].grad(), expected[i].grad()));
}

TEST(ClampSparseGradientsTest, ExpandedAndSparseGradientsAndParametersWithout) {
  const auto expanded = parameter_with(at::full({1}, 2.0, at::kDouble).expand({3}));
  const auto indices = at::tensor({1, 1}, at::kLong).reshape({1, 2});
  const auto sparse = parameter_with(at::sparse_coo_tensor(indices, at::tensor({0.4, 0.4}, at::kDouble), {3}));
  const auto without = normal_parameter({3}, at::kDouble, 1);
  clip_by_value(optimizer_over({expanded, sparse, without}), 0.5);
  EXPECT_TRUE(same_bits(expanded.grad(), at::full({3}, 0.5, at::kDouble)));
  EXPECT_TRUE(same_bits(sparse.grad().to_dense(), at::tensor({0.0, 0.5, 0.0}, at::kDouble)));
  EXPECT_FALSE(without.grad().defined());
}

using ClipOnDeviceTest = test::SimulatedDeviceTest;

TEST_F(ClipOnDeviceTest, ReadsNothingAndTakesAsManyOperatorsForManyGradientsAsForOne) {
  std::vector<std::int64_t> operators;
  for (const int count : {1, 100}) {
    std::vector<at::Tensor> parameters;
    for (int i = 0; i < count; ++i) parameters.push_back(parameter_with(normal({3, 4}, at::kFloat, i)));
    const auto optimizer = optimizer_over(parameters);
    const auto counts = test::simulated::counted([&] { clip_by_norm(optimizer, 0.5); });
    EXPECT_EQ(counts.reads, 0) << counts.last_read;
    EXPECT_EQ(counts.uploads, 0);
    operators.push_back(counts.operators);
  }
  EXPECT_EQ(operators.front(), operators.back());
}

TEST_F(ClipOnDeviceTest, IsTheHostsToTheBit) {
  for (const auto& types : type_cases()) {
    SCOPED_TRACE(types.name);
    for (const double max_norm : {1e-3, 0.5, 100.0}) {
      const auto on_device = parameters_of(types.first, types.second);
      clip_by_norm(optimizer_over(on_device), max_norm);
      const test::OnDevice host(at::kCPU);
      const auto on_host = parameters_of(types.first, types.second);
      clip_by_norm(optimizer_over(on_host), max_norm);
      for (size_t i = 0; i < on_host.size(); ++i) EXPECT_TRUE(same_bits(on_device[i].grad(), on_host[i].grad())) << i;
    }
  }
}

}  // namespace
}  // namespace lrfinder
