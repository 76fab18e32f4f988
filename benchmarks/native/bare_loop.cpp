// The floor of the comparison: what is left of a sweep when a C++ programmer writes it by hand for one network.
//
// A run includes what a sweep cannot do without: copies of the parameters; for each step forward,
// at::cross_entropy_loss, backward, one fused Adam call for all parameters and reading the loss; putting the copies
// back. It leaves out what the library does beside: checks, other optimizers and layouts, buffers, train/eval modes,
// gradients and random number generators in the snapshot, the running loss, the early stop, clipping, accumulation,
// group ratios, crossing from Java at each step. Network, lists and Adam's state are made once; a run zeroes the state.

#include <ATen/ops/_fused_adam.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <c10/core/GradMode.h>
#include <jni.h>
#include <torch/nn/modules/activation.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/linear.h>

#include <exception>
#include <utility>
#include <vector>

namespace {

struct BareLoop {
  torch::nn::Sequential network;
  std::vector<at::Tensor> parameters;
  std::vector<at::Tensor> gradients;
  std::vector<at::Tensor> exp_avgs;
  std::vector<at::Tensor> exp_avg_sqs;
  at::Tensor step;
  std::vector<at::Tensor> steps;  // `step`, once for each parameter
  std::vector<at::Tensor> inputs;
  std::vector<at::Tensor> targets;
  std::vector<double> rates;

  BareLoop(const std::vector<at::Tensor>& weights, std::vector<at::Tensor> inputs_, std::vector<at::Tensor> targets_,
           std::vector<double> rates_)
      : network(torch::nn::Linear(weights[0].size(1), weights[0].size(0)), torch::nn::ReLU(),
                torch::nn::Linear(weights[2].size(1), weights[2].size(0))),
        parameters(network->parameters()),
        gradients(parameters.size()),
        step(at::zeros({})),
        steps(parameters.size(), step),
        inputs(std::move(inputs_)),
        targets(std::move(targets_)),
        rates(std::move(rates_)) {
    const c10::NoGradGuard no_grad;
    for (size_t i = 0; i < parameters.size(); ++i) {
      parameters[i].copy_(weights[i]);
      exp_avgs.push_back(at::zeros_like(parameters[i]));
      exp_avg_sqs.push_back(at::zeros_like(parameters[i]));
    }
  }

  std::vector<double> run() {
    std::vector<at::Tensor> saved;
    std::vector<double> losses;
    reset(saved);
    for (size_t i = 0; i < rates.size(); ++i) {
      const at::Tensor loss = at::cross_entropy_loss(network->forward(inputs[i]), targets[i]);
      loss.backward();
      update(rates[i]);
      losses.push_back(loss.item<float>());
    }
    const c10::NoGradGuard no_grad;
    for (size_t i = 0; i < parameters.size(); ++i) parameters[i].copy_(saved[i]);
    return losses;
  }

 private:
  void reset(std::vector<at::Tensor>& saved) {
    const c10::NoGradGuard no_grad;
    for (const auto& parameter : parameters) saved.push_back(parameter.clone());
    for (auto& tensor : exp_avgs) tensor.zero_();
    for (auto& tensor : exp_avg_sqs) tensor.zero_();
    step.zero_();
  }

  void update(double lr) {
    const c10::NoGradGuard no_grad;
    for (size_t i = 0; i < parameters.size(); ++i) gradients[i] = std::exchange(parameters[i].mutable_grad(), {});
    step.add_(1);
    at::_fused_adam_(parameters, gradients, exp_avgs, exp_avg_sqs, /*max_exp_avg_sqs=*/{}, steps, lr, /*beta1=*/0.9,
                     /*beta2=*/0.999, /*weight_decay=*/0.0, /*eps=*/1e-8, /*amsgrad=*/false, /*maximize=*/false);
  }
};

/// The tensors that JavaCPP's pointers point to.
std::vector<at::Tensor> tensors(JNIEnv* env, jlongArray addresses) {
  std::vector<jlong> raw(env->GetArrayLength(addresses));
  env->GetLongArrayRegion(addresses, 0, static_cast<jsize>(raw.size()), raw.data());
  std::vector<at::Tensor> result;
  for (const jlong address : raw) result.push_back(*reinterpret_cast<const at::Tensor*>(address));
  return result;
}

/// Runs `call`, and turns what it throws into an exception of Java.
template <typename Call>
auto guarded(JNIEnv* env, const Call& call) -> decltype(call()) {
  try {
    return call();
  } catch (const std::exception& error) {
    env->ThrowNew(env->FindClass("java/lang/IllegalStateException"), error.what());
    return {};
  }
}

}  // namespace

/// The result is never freed: benchmarks need it as long as their process runs.
extern "C" JNIEXPORT jlong JNICALL Java_org_lrfinder_benchmarks_BareLoop_create(JNIEnv* env, jclass, jlongArray weights,
                                                                                jlongArray inputs, jlongArray targets,
                                                                                jdoubleArray rates) {
  return guarded(env, [&] {
    std::vector<double> values(env->GetArrayLength(rates));
    env->GetDoubleArrayRegion(rates, 0, static_cast<jsize>(values.size()), values.data());
    return reinterpret_cast<jlong>(
        new BareLoop(tensors(env, weights), tensors(env, inputs), tensors(env, targets), std::move(values)));
  });
}

extern "C" JNIEXPORT jdoubleArray JNICALL Java_org_lrfinder_benchmarks_BareLoop_run(JNIEnv* env, jclass, jlong loop) {
  return guarded(env, [&] {
    const std::vector<double> losses = reinterpret_cast<BareLoop*>(loop)->run();
    const auto length = static_cast<jsize>(losses.size());
    jdoubleArray result = env->NewDoubleArray(length);
    if (result != nullptr) env->SetDoubleArrayRegion(result, 0, length, losses.data());
    return result;
  });
}
