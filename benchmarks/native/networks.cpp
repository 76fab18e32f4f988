#include "networks.h"

#include <ATen/ops/adaptive_avg_pool2d.h>
#include <ATen/ops/flatten.h>
#include <ATen/ops/max_pool2d.h>
#include <ATen/ops/relu.h>
#include <torch/nn/modules/activation.h>
#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/linear.h>
#include <torch/nn/modules/pooling.h>
#include <torch/nn/modules/rnn.h>
#include <torch/nn/modules/transformerlayer.h>

#include <regex>
#include <stdexcept>
#include <tuple>
#include <vector>

namespace lrfinder_benchmarks {
namespace {

namespace nn = torch::nn;

Network sequential(nn::Sequential layers) {
  return {layers.ptr(), [layers](const at::Tensor& input) mutable { return layers->forward(input); }, true};
}

Network multilayer_perceptron(int64_t depth, int64_t width) {
  nn::Sequential layers(nn::Linear(64, width), nn::ReLU());
  for (int64_t i = 0; i < depth; ++i) {
    layers->push_back(nn::Linear(width, width));
    layers->push_back(nn::ReLU());
  }
  layers->push_back(nn::Linear(width, 10));
  return sequential(layers);
}

nn::Conv2d convolution(int64_t in, int64_t out, int64_t kernel, int64_t stride, int64_t padding) {
  return nn::Conv2d(nn::Conv2dOptions(in, out, kernel).stride(stride).padding(padding).bias(false));
}

struct ResidualBlockImpl : nn::Module {
  nn::Conv2d conv1{nullptr}, conv2{nullptr}, shortcut{nullptr};
  nn::BatchNorm2d bn1{nullptr}, bn2{nullptr}, shortcut_bn{nullptr};

  ResidualBlockImpl(int64_t in, int64_t out, int64_t stride)
      : conv1(register_module("conv1", convolution(in, out, 3, stride, 1))),
        conv2(register_module("conv2", convolution(out, out, 3, 1, 1))),
        bn1(register_module("bn1", nn::BatchNorm2d(out))),
        bn2(register_module("bn2", nn::BatchNorm2d(out))) {
    if (stride != 1) {
      shortcut = register_module("shortcut", convolution(in, out, 1, stride, 0));
      shortcut_bn = register_module("shortcut_bn", nn::BatchNorm2d(out));
    }
  }

  at::Tensor forward(const at::Tensor& input) {
    at::Tensor output = at::relu(bn1(conv1(input)));
    output = bn2(conv2(output));
    return at::relu(output + (shortcut ? shortcut_bn(shortcut(input)) : input));
  }
};
TORCH_MODULE(ResidualBlock);

struct ResNet18 : nn::Module {
  nn::Conv2d conv{register_module("conv", convolution(3, 64, 7, 2, 3))};
  nn::BatchNorm2d bn{register_module("bn", nn::BatchNorm2d(64))};
  std::vector<ResidualBlock> blocks;
  nn::Linear linear{nullptr};

  ResNet18() {
    int64_t in = 64;
    for (const int64_t out : {64, 64, 128, 128, 256, 256, 512, 512}) {
      blocks.push_back(
          register_module("block" + std::to_string(blocks.size()), ResidualBlock(in, out, in == out ? 1 : 2)));
      in = out;
    }
    linear = register_module("linear", nn::Linear(in, 10));
  }

  at::Tensor forward(const at::Tensor& input) {
    at::Tensor output = at::max_pool2d(at::relu(bn(conv(input))), 3, 2, 1);
    for (auto& block : blocks) output = block(output);
    return linear(at::flatten(at::adaptive_avg_pool2d(output, {1, 1}), 1));
  }
};

}  // namespace

Network network_of(const std::string& name) {
  std::smatch match;
  if (std::regex_match(name, match, std::regex("(\\d+)x(\\d+)"))) {
    return multilayer_perceptron(std::stoll(match[1]), std::stoll(match[2]));
  }
  if (name == "cnn-8x8") {
    return sequential(nn::Sequential(nn::Conv2d(nn::Conv2dOptions(1, 6, 3).padding(1)), nn::ReLU(), nn::MaxPool2d(2),
                                     nn::Flatten(), nn::Linear(96, 10)));
  }
  if (name == "cnn-28x28") {
    return sequential(nn::Sequential(nn::Conv2d(1, 16, 3), nn::ReLU(), nn::MaxPool2d(2), nn::Conv2d(16, 32, 3),
                                     nn::ReLU(), nn::MaxPool2d(2), nn::Flatten(), nn::Linear(800, 10)));
  }
  if (name == "encoder-layer") {
    nn::TransformerEncoderLayer layer(nn::TransformerEncoderLayerOptions(16, 4).dim_feedforward(32));
    return {layer.ptr(),
            [layer](const at::Tensor& input) mutable { return layer->forward(input.transpose(0, 1)).transpose(0, 1); },
            false};
  }
  if (name == "lstm") {
    nn::LSTM layers(nn::LSTMOptions(8, 16).num_layers(2).batch_first(true).dropout(0.2));
    return {layers.ptr(), [layers](const at::Tensor& input) mutable { return std::get<0>(layers->forward(input)); },
            false};
  }
  if (name == "gru") {
    nn::GRU layer(nn::GRUOptions(8, 16).bidirectional(true).batch_first(true));
    return {layer.ptr(), [layer](const at::Tensor& input) mutable { return std::get<0>(layer->forward(input)); },
            false};
  }
  if (name == "resnet-18") {
    auto network = std::make_shared<ResNet18>();
    return {network, [network](const at::Tensor& input) { return network->forward(input); }, true};
  }
  throw std::invalid_argument("there is no network " + name);
}

}  // namespace lrfinder_benchmarks
