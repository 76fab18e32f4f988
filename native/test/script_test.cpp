#include <ATen/ops/matmul.h>
#include <ATen/ops/mse_loss.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/python/update_graph_executor_opt.h>
#include <torch/optim.h>

#include <vector>

#include "lrfinder/error.h"
#include "lrfinder/sweep.h"
#include "testing.h"

namespace lrfinder {
namespace {

namespace optim = torch::optim;

using test::expect_error;
using test::never_stopping;
using test::normal;
using test::same_bits;

/// Counts its calls, replaces a buffer and adds to another.
torch::jit::Module script() {
  torch::jit::Module module("Script");
  module.register_parameter("weight", normal({3, 2}, at::kDouble, 1), /*is_buffer=*/false);
  module.register_buffer("scale", at::ones({2}, at::kDouble));
  module.register_buffer("seen", at::zeros({1}, at::kDouble));
  module.register_attribute("calls", c10::IntType::get(), 0);
  module.define(R"(
    def forward(self, x):
        self.calls = self.calls + 1
        self.scale = self.scale * 1.01
        self.seen.add_(1)
        return torch.mm(x, self.weight) * self.scale
  )");
  return module;
}

std::vector<at::Tensor> weights_of(const torch::jit::Module& module) {
  std::vector<at::Tensor> weights;
  for (const auto& parameter : module.parameters()) weights.push_back(parameter.set_requires_grad(true));
  return weights;
}

TEST(SweepScriptTest, IsForwardedAndPutBackWithItsAttributes) {
  auto module = script();
  optim::SGD sgd(weights_of(module), optim::SGDOptions(1));
  const auto weight = weights_of(module)[0];
  const auto before = weight.detach().clone();
  const auto scale = module.attr("scale").toTensor();
  SweepSubject subject;
  subject.add_part(module, /*recorded=*/true);
  subject.add_optimizer(sgd);
  Sweep sweep(subject, never_stopping());
  EXPECT_FALSE(torch::jit::getGraphExecutorOptimize());
  const auto input = normal({5, 3}, at::kDouble, 2);
  const auto target = normal({5, 2}, at::kDouble, 3);

  const auto expected = at::mse_loss(at::matmul(input, before) * 1.01, target).item<double>();
  EXPECT_EQ(sweep.step(input, target, Loss::kMse, 0.1), Outcome::kContinue);
  EXPECT_NEAR(sweep.running_loss().last, expected, 1e-14);
  EXPECT_FALSE(same_bits(weight.detach(), before));
  EXPECT_EQ(module.attr("calls").toInt(), 1);

  sweep.restore();
  EXPECT_TRUE(same_bits(weight.detach(), before));
  EXPECT_EQ(module.attr("calls").toInt(), 0);
  EXPECT_TRUE(module.attr("scale").toTensor().is_same(scale));
  EXPECT_TRUE(same_bits(scale, at::ones({2}, at::kDouble)));
  EXPECT_TRUE(same_bits(module.attr("seen").toTensor(), at::zeros({1}, at::kDouble)));
  EXPECT_TRUE(torch::jit::getGraphExecutorOptimize());
}

TEST(SweepScriptTest, MustReturnATensor) {
  torch::jit::Module module("Pair");
  module.register_parameter("weight", normal({2}, at::kDouble, 1), /*is_buffer=*/false);
  module.define("def forward(self, x):\n  return x * self.weight, x\n");
  optim::SGD sgd(weights_of(module), optim::SGDOptions(1));
  SweepSubject subject;
  subject.add_part(module, /*recorded=*/true);
  subject.add_optimizer(sgd);
  Sweep sweep(subject, never_stopping());
  const auto input = at::ones({2}, at::kDouble);
  expect_error(ErrorKind::kInvalidArgument,
               "the TorchScript module returns no tensor but a Tuple: pass the loss instead",
               [&] { sweep.step(input, input, Loss::kMse, 0.1); });
}

}  // namespace
}  // namespace lrfinder
