#pragma once

#include <string>
#include <utility>
#include <vector>

#include "gradients.h"

namespace lrfinder {

/// By autograd's engine.
class AutogradGradients final : public Gradients {
 public:
  /// Without `only` the gradients reach all that the loss depends on.
  AutogradGradients(double share, std::vector<at::Tensor> only, std::string reason)
      : share_(share), only_(std::move(only)), reason_(std::move(reason)) {}

  std::optional<double> replay(const MicroBatch&) override { return std::nullopt; }
  void computed(const at::Tensor& loss) override { loss_ = loss; }
  void abandon() override { loss_.reset(); }
  void backward() override;
  std::string reason() const override { return reason_; }

  const at::Tensor& loss() const { return loss_; }
  /// The gradient of a step's mean with respect to the loss.
  const at::Tensor& seed();

 private:
  double share_;
  std::vector<at::Tensor> only_;
  std::string reason_;
  at::Tensor loss_;
  at::Tensor seed_;  // made once
};

}  // namespace lrfinder
