#include <ATen/ops/softmax.h>
#include <gtest/gtest.h>
#include <torch/nn/modules.h>

#include <functional>
#include <numeric>
#include <random>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "replay_testing.h"

namespace lrfinder {
namespace {

namespace nn = torch::nn;

using test::expect_same_both_ways;
using test::normal;
using test::Subject;

using Sizes = std::vector<std::int64_t>;

/// A layer that leaves the shape of its input as it is.
struct Layer {
  const char* name;
  std::function<void(nn::SequentialImpl&)> append;
};

/// Layers for inputs of a shape.
struct Family {
  const char* name;
  Sizes shape;  // with the batch
  std::vector<Layer> layers;
};

template <typename Make>
Layer one(const char* name, const Make& make) {
  return {name, [make](nn::SequentialImpl& network) { network.push_back(make()); }};
}

template <typename Make>
Layer several(const char* name, const Make& make) {
  return {name, [make](nn::SequentialImpl& network) {
            std::apply([&](const auto&... modules) { (network.push_back(modules), ...); }, make());
          }};
}

std::vector<Layer> elementwise() {
  return {
      one("Identity", [] { return nn::Identity(); }),
      one("ReLU", [] { return nn::ReLU(); }),
      several("ReLU in place", [] { return std::tuple(nn::GELU(), nn::ReLU(nn::ReLUOptions(true))); }),
      one("ReLU6", [] { return nn::ReLU6(); }),
      one("Tanh", [] { return nn::Tanh(); }),
      one("Sigmoid", [] { return nn::Sigmoid(); }),
      one("GELU", [] { return nn::GELU(); }),
      one("GELU by tanh", [] { return nn::GELU(nn::GELUOptions().approximate("tanh")); }),
      one("SiLU", [] { return nn::SiLU(); }),
      one("Mish", [] { return nn::Mish(); }),
      one("SELU", [] { return nn::SELU(); }),
      one("PReLU", [] { return nn::PReLU(); }),
      one("LogSigmoid", [] { return nn::LogSigmoid(); }),
      one("Softsign", [] { return nn::Softsign(); }),
      one("Tanhshrink", [] { return nn::Tanhshrink(); }),
      one("Dropout", [] { return nn::Dropout(0.3); }),
      several("Dropout in place",
              [] { return std::tuple(nn::GELU(), nn::Dropout(nn::DropoutOptions(0.2).inplace(true))); }),
      one("AlphaDropout", [] { return nn::AlphaDropout(0.2); }),
      one("FeatureAlphaDropout", [] { return nn::FeatureAlphaDropout(0.2); }),
      one("ELU", [] { return nn::ELU(nn::ELUOptions().alpha(0.7)); }),
      one("CELU", [] { return nn::CELU(nn::CELUOptions().alpha(0.7)); }),
      one("LeakyReLU", [] { return nn::LeakyReLU(nn::LeakyReLUOptions().negative_slope(0.2)); }),
      one("RReLU", [] { return nn::RReLU(); }),
      one("Hardtanh", [] { return nn::Hardtanh(nn::HardtanhOptions().min_val(-0.5).max_val(0.7)); }),
      one("Hardshrink", [] { return nn::Hardshrink(0.1); }),
      one("Softshrink", [] { return nn::Softshrink(0.1); }),
      one("Softplus", [] { return nn::Softplus(nn::SoftplusOptions().beta(1.5)); }),
      one("Threshold", [] { return nn::Threshold(0.1, 0.05); }),
      one("Softmax", [] { return nn::Softmax(1); }),
      one("Softmin", [] { return nn::Softmin(1); }),
      one("LogSoftmax", [] { return nn::LogSoftmax(1); }),
  };
}

Family family(const char* name, Sizes shape, std::vector<Layer> own) {
  const auto shared = elementwise();
  own.insert(own.end(), shared.begin(), shared.end());
  return {name, std::move(shape), std::move(own)};
}

std::vector<Family> families() {
  return {
      family("vectors", {6, 12},
             {one("Linear", [] { return nn::Linear(12, 12); }),
              one("Linear without bias", [] { return nn::Linear(nn::LinearOptions(12, 12).bias(false)); }),
              one("BatchNorm1d", [] { return nn::BatchNorm1d(12); }),
              one("LayerNorm", [] { return nn::LayerNorm(nn::LayerNormOptions({12})); }),
              one("GroupNorm", [] { return nn::GroupNorm(3, 12); }),
              several("GLU", [] { return std::tuple(nn::Linear(12, 24), nn::GLU(1)); }),
              several("Unflatten and Flatten",
                      [] { return std::tuple(nn::Unflatten(nn::UnflattenOptions(1, {3, 4})), nn::Flatten()); })}),
      family("sequences", {5, 4, 8},
             {one("Conv1d", [] { return nn::Conv1d(nn::Conv1dOptions(4, 4, 3).padding(1)); }),
              one("BatchNorm1d", [] { return nn::BatchNorm1d(4); }),
              one("InstanceNorm1d", [] { return nn::InstanceNorm1d(nn::InstanceNorm1dOptions(4).affine(true)); }),
              one("MaxPool1d", [] { return nn::MaxPool1d(nn::MaxPool1dOptions(3).stride(1).padding(1)); }),
              one("AvgPool1d", [] { return nn::AvgPool1d(nn::AvgPool1dOptions(3).stride(1).padding(1)); }),
              one("AdaptiveAvgPool1d", [] { return nn::AdaptiveAvgPool1d(8); }),
              one("AdaptiveMaxPool1d", [] { return nn::AdaptiveMaxPool1d(8); })}),
      family(
          "images", {4, 4, 6, 6},
          {one("Conv2d", [] { return nn::Conv2d(nn::Conv2dOptions(4, 4, 3).padding(1)); }),
           one("Conv2d in groups", [] { return nn::Conv2d(nn::Conv2dOptions(4, 4, 3).padding(1).groups(2)); }),
           one("Conv2d same", [] { return nn::Conv2d(nn::Conv2dOptions(4, 4, 3).padding(torch::kSame)); }),
           one("BatchNorm2d", [] { return nn::BatchNorm2d(4); }),
           one("BatchNorm2d without statistics",
               [] { return nn::BatchNorm2d(nn::BatchNorm2dOptions(4).track_running_stats(false)); }),
           one("InstanceNorm2d",
               [] { return nn::InstanceNorm2d(nn::InstanceNorm2dOptions(4).affine(true).track_running_stats(true)); }),
           one("GroupNorm", [] { return nn::GroupNorm(2, 4); }), one("Dropout2d", [] { return nn::Dropout2d(0.2); }),
           one("MaxPool2d", [] { return nn::MaxPool2d(nn::MaxPool2dOptions(3).stride(1).padding(1)); }),
           one("AvgPool2d", [] { return nn::AvgPool2d(nn::AvgPool2dOptions(3).stride(1).padding(1)); }),
           one("AdaptiveAvgPool2d", [] { return nn::AdaptiveAvgPool2d(6); }),
           one("AdaptiveMaxPool2d", [] { return nn::AdaptiveMaxPool2d(6); }),
           several("ZeroPad2d", [] { return std::tuple(nn::ZeroPad2d(1), nn::Conv2d(4, 4, 3)); }),
           several("ReflectionPad2d", [] { return std::tuple(nn::ReflectionPad2d(1), nn::Conv2d(4, 4, 3)); }),
           several("ReplicationPad2d", [] { return std::tuple(nn::ReplicationPad2d(1), nn::Conv2d(4, 4, 3)); })}),
      family(
          "volumes", {3, 2, 4, 4, 4},
          {one("Conv3d", [] { return nn::Conv3d(nn::Conv3dOptions(2, 2, 3).padding(1)); }),
           one("BatchNorm3d", [] { return nn::BatchNorm3d(2); }), one("Dropout3d", [] { return nn::Dropout3d(0.2); })}),
      family("tokens", {5, 3, 8},
             {one("TransformerEncoderLayer",
                  [] {
                    return nn::TransformerEncoderLayer(
                        nn::TransformerEncoderLayerOptions(8, 2).dim_feedforward(16).dropout(0.1));
                  }),
              one("TransformerEncoder",
                  [] {
                    return nn::TransformerEncoder(nn::TransformerEncoderOptions(
                        nn::TransformerEncoderLayerOptions(8, 2).dim_feedforward(16).activation(torch::kGELU), 2));
                  })}),
  };
}

constexpr std::int64_t kOutputs = 5;

std::int64_t width(const Sizes& shape) {
  return std::accumulate(shape.begin() + 1, shape.end(), std::int64_t{1}, std::multiplies<>());
}

/// The layers between a Linear, so that there are parameters in front of them, and what the loss needs.
nn::Sequential network(const Family& family, const std::vector<const Layer*>& layers, Loss loss, at::ScalarType dtype) {
  nn::Sequential network(nn::Linear(family.shape.back(), family.shape.back()));
  for (const auto* each : layers) each->append(*network);
  network->push_back(nn::Flatten());
  network->push_back(nn::Linear(width(family.shape), kOutputs));
  if (loss == Loss::kNegativeLogLikelihood || loss == Loss::kKlDivergence) network->push_back(nn::LogSoftmax(1));
  network->to(dtype);
  return network;
}

at::Tensor target(Loss loss, std::int64_t rows, at::ScalarType dtype, bool probabilities, std::uint64_t seed) {
  const auto numbers = normal({rows, kOutputs}, dtype, seed);
  switch (loss) {
    case Loss::kCrossEntropy:
      return probabilities ? at::softmax(numbers, 1) : numbers.argmax(1);
    case Loss::kNegativeLogLikelihood:
      return numbers.argmax(1);
    case Loss::kBinaryCrossEntropyWithLogits:
      return numbers.sigmoid();
    case Loss::kKlDivergence:
      return at::softmax(numbers, 1);
    default:
      return numbers;
  }
}

Subject subject(const Family& family, const std::vector<const Layer*>& layers, Loss loss, at::ScalarType dtype,
                bool probabilities) {
  Subject made;
  made.network = [=, &family] { return network(family, layers, loss, dtype); };
  made.input = [=, &family](int i) { return normal(family.shape, dtype, 100 + i); };
  made.target = [=, &family](int i) { return target(loss, family.shape.front(), dtype, probabilities, 900 + i); };
  made.loss = loss;
  return made;
}

std::string names(const Family& family, const std::vector<const Layer*>& layers) {
  std::string text = family.name;
  for (const auto* each : layers) text += std::string(", ") + each->name;
  return text;
}

const std::vector<Loss> kLosses = {Loss::kCrossEntropy,
                                   Loss::kMse,
                                   Loss::kL1,
                                   Loss::kSmoothL1,
                                   Loss::kHuber,
                                   Loss::kBinaryCrossEntropyWithLogits,
                                   Loss::kNegativeLogLikelihood,
                                   Loss::kKlDivergence};

TEST(ReplayLayersTest, EachKnownLayerIsReplayedToTheBit) {
  for (const auto& family : families()) {
    for (const auto& each : family.layers) {
      SCOPED_TRACE(names(family, {&each}));
      const auto trail = expect_same_both_ways(subject(family, {&each}, Loss::kMse, at::kFloat, false));
      EXPECT_EQ(trail.replayed, 4) << trail.reason;
    }
  }
}

TEST(ReplayLayersTest, EachLossIsReplayedToTheBit) {
  const auto vectors = families().front();
  for (const auto loss : kLosses) {
    for (const auto dtype : {at::kFloat, at::kDouble}) {
      SCOPED_TRACE(static_cast<int>(loss));
      const auto trail = expect_same_both_ways(subject(vectors, {&vectors.layers.front()}, loss, dtype, true));
      EXPECT_EQ(trail.replayed, 4) << trail.reason;
    }
  }
}

TEST(ReplayLayersTest, RandomNetworksAreReplayedToTheBit) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  constexpr int kNetworks = 100;
#else
  constexpr int kNetworks = 2000;
#endif
  const auto all = families();
  for (int seed = 0; seed < kNetworks; ++seed) {
    std::mt19937 random(seed);
    const auto below = [&](size_t count) { return std::uniform_int_distribution<size_t>(0, count - 1)(random); };
    const auto& family = all[below(all.size())];
    std::vector<const Layer*> layers;
    for (size_t count = 1 + below(5); count > 0; --count) layers.push_back(&family.layers[below(family.layers.size())]);
    const auto dtype = below(3) == 0 ? at::kDouble : at::kFloat;
    auto made = subject(family, layers, kLosses[below(kLosses.size())], dtype, below(2) == 0);
    made.steps = 4;
    made.step.accumulate_grad_batches = static_cast<std::int64_t>(1 + below(3));
    if (below(4) == 0) made.step.gradient_clip_norm = 0.1;
    if (dtype == at::kFloat && below(4) == 0) made.step.precision = Precision::kBfloat16;
    SCOPED_TRACE(std::to_string(seed) + ": " + names(family, layers));
    const auto trail = expect_same_both_ways(made);
    EXPECT_GE(trail.replayed, 2) << trail.reason;
    if (HasFailure()) return;
  }
}

TEST(ReplayLayersTest, EmbeddingsAreReplayedToTheBit) {
  Subject words;
  words.network = [] {
    return nn::Sequential(nn::Embedding(nn::EmbeddingOptions(9, 4).padding_idx(0)), nn::Flatten(),
                          nn::Linear(20, kOutputs));
  };
  words.input = [](int i) { return normal({6, 5}, at::kFloat, i).abs().mul(3).to(at::kLong).clamp(0, 8); };
  words.target = [](int i) { return normal({6, kOutputs}, at::kFloat, 50 + i); };
  EXPECT_EQ(expect_same_both_ways(words).replayed, 4);
  words.network = [] {  // whose rows are scaled in place in each forward pass
    return nn::Sequential(nn::Embedding(nn::EmbeddingOptions(9, 4).max_norm(1.0)), nn::Flatten(),
                          nn::Linear(20, kOutputs));
  };
  EXPECT_EQ(expect_same_both_ways(words).replayed, 4);
}

}  // namespace
}  // namespace lrfinder
