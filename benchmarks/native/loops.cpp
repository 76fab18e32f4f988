#include "loops.h"

#include <ATen/ops/_fused_adam.h>
#include <ATen/ops/_fused_adamw.h>
#include <ATen/ops/_fused_sgd.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/mse_loss.h>
#include <ATen/ops/randperm.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <c10/core/GradMode.h>
#include <torch/optim/adam.h>
#include <torch/optim/adamw.h>
#include <torch/optim/sgd.h>

#include <stdexcept>

namespace lrfinder_benchmarks {
namespace {

/// Batches of rows in memory, in a new order each epoch.
class Batches {
 public:
  explicit Batches(const Workload& workload) : workload_(workload) {}

  std::pair<at::Tensor, at::Tensor> next() {
    const int64_t rows = workload_.inputs.size(0);
    if (workload_.shuffled && (from_ == 0 || from_ + workload_.batch_size > rows))
      order_ = at::randperm(rows, workload_.inputs.options().dtype(at::kLong));
    if (from_ + workload_.batch_size > rows) from_ = 0;
    const int64_t from = std::exchange(from_, from_ + workload_.batch_size);
    if (!workload_.shuffled) {
      return {workload_.inputs.narrow(0, from, workload_.batch_size),
              workload_.targets.narrow(0, from, workload_.batch_size)};
    }
    const at::Tensor rows_of_batch = order_.narrow(0, from, workload_.batch_size);
    return {workload_.inputs.index_select(0, rows_of_batch), workload_.targets.index_select(0, rows_of_batch)};
  }

 private:
  const Workload& workload_;
  at::Tensor order_;
  int64_t from_ = 0;
};

class PlainLoop : public Loop {
 public:
  explicit PlainLoop(Workload workload) : Loop(std::move(workload)) {}

 protected:
  void start() override {
    const auto parameters = workload_.network.module->parameters();
    if (workload_.optimizer == "adam") {
      optimizer_ = std::make_unique<torch::optim::Adam>(parameters);
    } else if (workload_.optimizer == "adamw") {
      optimizer_ = std::make_unique<torch::optim::AdamW>(parameters);
    } else {
      optimizer_ = std::make_unique<torch::optim::SGD>(parameters, torch::optim::SGDOptions(1e-3));
    }
  }

  double step(const at::Tensor& input, const at::Tensor& target, double lr) override {
    optimizer_->zero_grad();
    const at::Tensor current = loss(input, target);
    current.backward();
    for (auto& group : optimizer_->param_groups()) group.options().set_lr(lr);
    optimizer_->step();
    return current.item<double>();
  }

 private:
  std::unique_ptr<torch::optim::Optimizer> optimizer_;
};

/// Lists and state are made once. It knows its optimizer's defaults, and has no checks.
class BareLoop : public Loop {
 public:
  explicit BareLoop(Workload workload)
      : Loop(std::move(workload)),
        parameters_(workload_.network.module->parameters()),
        gradients_(parameters_.size()),
        step_(at::zeros({}, parameters_.front().options().requires_grad(false))),
        steps_(parameters_.size(), step_) {
    if (workload_.optimizer == "sgd") return;
    for (const auto& parameter : parameters_) {
      exp_avgs_.push_back(at::zeros_like(parameter));
      exp_avg_sqs_.push_back(at::zeros_like(parameter));
    }
  }

 protected:
  void start() override {
    for (auto& tensor : exp_avgs_) tensor.zero_();
    for (auto& tensor : exp_avg_sqs_) tensor.zero_();
    step_.zero_();
  }

  double step(const at::Tensor& input, const at::Tensor& target, double lr) override {
    const at::Tensor current = loss(input, target);
    current.backward();
    update(lr);
    if (current.is_cpu()) return *current.const_data_ptr<float>();
    unread_.push_back(current.detach());
    return 0;
  }

  void finish(std::vector<double>& losses) override {
    if (unread_.empty()) return;
    const at::Tensor read = at::stack(std::exchange(unread_, {})).to(at::kCPU);
    losses.assign(read.const_data_ptr<float>(), read.const_data_ptr<float>() + read.numel());
  }

 private:
  void update(double lr) {
    const c10::NoGradGuard no_grad;
    for (size_t i = 0; i < parameters_.size(); ++i) gradients_[i] = std::exchange(parameters_[i].mutable_grad(), {});
    if (workload_.optimizer == "sgd") {
      at::_fused_sgd_(parameters_, gradients_, {}, /*weight_decay=*/0, /*momentum=*/0, lr, /*dampening=*/0,
                      /*nesterov=*/false, /*maximize=*/false, /*is_first_step=*/false);
      return;
    }
    step_.add_(1);
    if (workload_.optimizer == "adam") {
      at::_fused_adam_(parameters_, gradients_, exp_avgs_, exp_avg_sqs_, {}, steps_, lr, 0.9, 0.999,
                       /*weight_decay=*/0, 1e-8, /*amsgrad=*/false, /*maximize=*/false);
    } else {
      at::_fused_adamw_(parameters_, gradients_, exp_avgs_, exp_avg_sqs_, {}, steps_, lr, 0.9, 0.999,
                        /*weight_decay=*/1e-2, 1e-8, /*amsgrad=*/false, /*maximize=*/false);
    }
  }

  std::vector<at::Tensor> parameters_;
  std::vector<at::Tensor> gradients_;
  std::vector<at::Tensor> exp_avgs_;
  std::vector<at::Tensor> exp_avg_sqs_;
  at::Tensor step_;
  std::vector<at::Tensor> steps_;   // `step_`, once for each parameter
  std::vector<at::Tensor> unread_;  // losses on a device: read at the end, so that no step waits for it
};

std::vector<at::Tensor> tensors_of(const torch::nn::Module& module) {
  std::vector<at::Tensor> tensors = module.parameters();
  for (const auto& buffer : module.buffers()) tensors.push_back(buffer);
  return tensors;
}

}  // namespace

std::vector<double> Loop::run(const std::vector<double>& rates, bool restored) {
  std::vector<at::Tensor> tensors;
  std::vector<at::Tensor> saved;
  if (restored) {
    tensors = tensors_of(*workload_.network.module);
    for (const auto& tensor : tensors) saved.push_back(tensor.detach().clone());
  }
  start();
  Batches batches(workload_);
  std::vector<double> losses;
  for (const double lr : rates) {
    const auto [input, target] = batches.next();
    losses.push_back(step(input, target, lr));
  }
  finish(losses);
  const c10::NoGradGuard no_grad;
  for (size_t i = 0; i < saved.size(); ++i) tensors[i].copy_(saved[i]);
  return losses;
}

at::Tensor Loop::loss(const at::Tensor& input, const at::Tensor& target) {
  const at::Tensor output = workload_.network.forward(input);
  return workload_.network.classifies ? at::cross_entropy_loss(output, target) : at::mse_loss(output, target);
}

std::unique_ptr<Loop> plain_loop(Workload workload) { return std::make_unique<PlainLoop>(std::move(workload)); }

std::unique_ptr<Loop> bare_loop(Workload workload) { return std::make_unique<BareLoop>(std::move(workload)); }

}  // namespace lrfinder_benchmarks
