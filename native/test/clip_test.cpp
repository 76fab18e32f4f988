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
#include <limits>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "testing.h"

namespace lrfinder {
namespace {

namespace optim = torch::optim;

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
  auto parameter = at::zeros(gradient.sizes(), gradient.scalar_type()).requires_grad_();
  parameter.mutable_grad() = std::move(gradient);
  return parameter;
}

/// Three parameters with gradients: of one type, or of two by turns.
std::vector<at::Tensor> parameters_of(at::ScalarType first, at::ScalarType second) {
  return {parameter_with(normal({3, 4}, first, 1)), parameter_with(normal({5}, second, 2)),
          parameter_with(normal({}, first, 3))};
}

struct TypeCase {
  at::ScalarType first;
  at::ScalarType second;
  double tolerance;
};

void PrintTo(const TypeCase& types, std::ostream* out) { *out << types.first << " and " << types.second; }

using ClipTest = ::testing::TestWithParam<TypeCase>;

TEST_P(ClipTest, EqualsClipGradNorm) {
  const auto& [first, second, tolerance] = GetParam();
  const auto clipped = parameters_of(first, second);
  const auto expected = parameters_of(first, second);
  clip_by_norm(optimizer_over(clipped), 0.5);
  torch::nn::utils::clip_grad_norm_(expected, 0.5);
  for (size_t i = 0; i < clipped.size(); ++i) {
    EXPECT_TRUE(near(clipped[i].grad(), expected[i].grad(), tolerance)) << "parameter " << i;
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, ClipTest,
    ::testing::Values(TypeCase{at::kDouble, at::kDouble, 1e-14}, TypeCase{at::kFloat, at::kFloat, 1e-6},
                      TypeCase{at::kHalf, at::kHalf, 1e-3}, TypeCase{at::kBFloat16, at::kBFloat16, 1e-2},
                      TypeCase{at::kDouble, at::kFloat, 1e-6}, TypeCase{at::kFloat, at::kBFloat16, 1e-2}),
    [](const auto& info) { return std::string(c10::toString(info.param.first)) + c10::toString(info.param.second); });

TEST(ClipGradientsTest, TheNormIsOverAllGroups) {
  const auto parameters = parameters_of(at::kDouble, at::kDouble);
  const optim::SGD optimizer(
      {optim::OptimizerParamGroup({parameters[0]}), optim::OptimizerParamGroup({parameters[1], parameters[2]})},
      optim::SGDOptions(1));
  clip_by_norm(optimizer, 0.5);
  double squares = 0;
  for (const auto& parameter : parameters) squares += parameter.grad().square().sum().item<double>();
  EXPECT_NEAR(std::sqrt(squares), 0.5, 1e-6);
}

TEST(ClipGradientsTest, GradientsBelowTheNormKeepTheirBits) {
  const auto clipped = parameters_of(at::kFloat, at::kDouble);
  const auto before = parameters_of(at::kFloat, at::kDouble);
  clip_by_norm(optimizer_over(clipped), 100);
  for (size_t i = 0; i < clipped.size(); ++i) EXPECT_TRUE(same_bits(clipped[i].grad(), before[i].grad()));
}

TEST(ClipGradientsTest, GradientsOfExactlyTheNormAreScaledAsInPyTorch) {
  const auto clipped = parameter_with(at::tensor({3.0, 4.0}, at::kDouble));
  clip_by_norm(optimizer_over({clipped}), 5);
  EXPECT_TRUE(near(clipped.grad(), at::tensor({3.0, 4.0}, at::kDouble) * (5 / (5 + 1e-6)), 1e-14));
}

TEST(ClipGradientsTest, AnExpandedGradientIsScaledOnce) {
  const auto number = at::full({}, 2.0, at::kDouble);
  const auto parameter = parameter_with(number.expand({3, 4}));
  const auto expected = parameter_with(at::full({3, 4}, 2.0, at::kDouble));
  clip_by_norm(optimizer_over({parameter}), 0.5);
  torch::nn::utils::clip_grad_norm_(expected, 0.5);
  EXPECT_TRUE(near(parameter.grad(), expected.grad(), 1e-14));
  EXPECT_EQ(number.item<double>(), 2);
}

TEST(ClipGradientsTest, ATransposedGradientIsScaled) {
  const auto parameter = parameter_with(normal({4, 3}, at::kDouble, 1).t());
  const auto expected = parameter_with(normal({4, 3}, at::kDouble, 1).t());
  clip_by_norm(optimizer_over({parameter}), 0.5);
  torch::nn::utils::clip_grad_norm_(expected, 0.5);
  EXPECT_TRUE(near(parameter.grad(), expected.grad(), 1e-14));
}

TEST(ClipGradientsTest, ASparseGradientCountsDuplicateIndicesTogether) {
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

TEST(ClipGradientsTest, ParametersWithoutGradientAreSkipped) {
  const auto without = normal_parameter({3}, at::kDouble, 1);
  clip_by_norm(optimizer_over({without}), 0.5);
  const auto with = parameter_with(normal({3, 4}, at::kDouble, 2));
  const auto expected = parameter_with(normal({3, 4}, at::kDouble, 2));
  clip_by_norm(optimizer_over({without, with}), 0.5);
  torch::nn::utils::clip_grad_norm_({expected}, 0.5);
  EXPECT_FALSE(without.grad().defined());
  EXPECT_TRUE(near(with.grad(), expected.grad(), 1e-14));
}

TEST(ClipGradientsTest, AParameterListedTwiceCountsOnce) {
  const auto parameter = parameter_with(normal({3, 4}, at::kDouble, 1));
  const auto expected = parameter_with(normal({3, 4}, at::kDouble, 1));
  clip_by_norm(optimizer_over({parameter, parameter}), 0.5);
  torch::nn::utils::clip_grad_norm_({expected}, 0.5);
  EXPECT_TRUE(near(parameter.grad(), expected.grad(), 1e-14));
}

TEST(ClipGradientsTest, NotANumberSpreadsAsInPyTorch) {
  const auto bad = parameter_with(at::tensor({1.0, std::numeric_limits<double>::quiet_NaN()}, at::kDouble));
  const auto good = parameter_with(at::tensor({1.0, 2.0}, at::kDouble));
  clip_by_norm(optimizer_over({bad, good}), 0.5);
  EXPECT_TRUE(good.grad().isnan().all().item<bool>());
}

TEST(ClipGradientsTest, AnInfiniteGradientLeavesNothingOfTheOthers) {
  const auto bad = parameter_with(at::tensor({1.0, std::numeric_limits<double>::infinity()}, at::kDouble));
  const auto good = parameter_with(at::tensor({1.0, 2.0}, at::kDouble));
  clip_by_norm(optimizer_over({bad, good}), 0.5);
  EXPECT_TRUE(same_bits(good.grad(), at::tensor({0.0, 0.0}, at::kDouble)));
}

TEST(ClipGradientsTest, WithoutALimitTheyAreNotTouched) {
  const auto gradient = at::full({1}, 2.0, at::kDouble).expand({3});  // would be made fit to be written
  const auto parameter = parameter_with(gradient);
  clip(optimizer_over({parameter}), {});
  EXPECT_TRUE(parameter.grad().is_same(gradient));
}

TEST(ClipGradientsTest, MultipliesByTheUnroundedNumber) {
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

TEST(ClampGradientsTest, EqualsClipGradValue) {
  const auto clamped = parameters_of(at::kDouble, at::kFloat);
  const auto expected = parameters_of(at::kDouble, at::kFloat);
  clip_by_value(optimizer_over(clamped), 0.3);
  torch::nn::utils::clip_grad_value_(expected, 0.3);
  for (size_t i = 0; i < clamped.size(); ++i) EXPECT_TRUE(same_bits(clamped[i].grad(), expected[i].grad()));
}

TEST(ClampGradientsTest, ExpandedAndSparseGradientsAndParametersWithout) {
  const auto expanded = parameter_with(at::full({1}, 2.0, at::kDouble).expand({3}));
  const auto indices = at::tensor({1, 1}, at::kLong).reshape({1, 2});
  const auto sparse = parameter_with(at::sparse_coo_tensor(indices, at::tensor({0.4, 0.4}, at::kDouble), {3}));
  const auto without = normal_parameter({3}, at::kDouble, 1);
  clip_by_value(optimizer_over({expanded, sparse, without}), 0.5);
  EXPECT_TRUE(same_bits(expanded.grad(), at::full({3}, 0.5, at::kDouble)));
  EXPECT_TRUE(same_bits(sparse.grad().to_dense(), at::tensor({0.0, 0.5, 0.0}, at::kDouble)));
  EXPECT_FALSE(without.grad().defined());
}

}  // namespace
}  // namespace lrfinder
