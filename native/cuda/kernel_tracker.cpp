#include "kernel_tracker.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>
#include <c10/core/DeviceGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <c10/util/Exception.h>
#include <dlfcn.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <mutex>
#include <set>
#include <unordered_map>
#include <vector>

#include "loss_tracker.h"
#include "tracker_kernel_ptx.h"
#include "tracker_state.h"

namespace lrfinder {
namespace {

/// The functions of the driver that a kernel needs: nothing links the driver, which machines without a device lack.
class Driver {
 public:
  static const Driver& get() {
    static const Driver driver;
    return driver;
  }

  void check(CUresult status, const char* what) const {
    if (status == CUDA_SUCCESS) return;
    const char* text = nullptr;
    get_error_string_(status, &text);
    TORCH_CHECK(false, "NVIDIA's driver cannot ", what, ": ", text != nullptr ? text : "an unknown error");
  }

  decltype(&cuModuleLoadData) load_module;
  decltype(&cuModuleGetFunction) get_function;
  decltype(&cuLaunchKernel) launch;

 private:
  Driver() {
    void* const library = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
    TORCH_CHECK(library != nullptr, "NVIDIA's driver cannot be loaded: ", dlerror());
    find(library, "cuModuleLoadData", &load_module);
    find(library, "cuModuleGetFunction", &get_function);
    find(library, "cuLaunchKernel", &launch);
    find(library, "cuGetErrorString", &get_error_string_);
  }

  template <typename Function>
  static void find(void* library, const char* name, Function* function) {
    *function = reinterpret_cast<Function>(dlsym(library, name));
    TORCH_CHECK(*function != nullptr, "NVIDIA's driver has no ", name);
  }

  decltype(&cuGetErrorString) get_error_string_;
};

/// The kernel, compiled by the driver once for each device; with `device` as the current one.
CUfunction kernel_on(c10::Device device) {
  static std::mutex mutex;
  static std::unordered_map<c10::DeviceIndex, CUfunction> kernels;
  const std::lock_guard<std::mutex> guard(mutex);
  const auto known = kernels.find(device.index());
  if (known != kernels.end()) return known->second;
  const auto& driver = Driver::get();
  CUmodule module = nullptr;  // kept for the life of the process
  driver.check(driver.load_module(&module, kTrackerKernelPtx), "compile the loss tracker's kernel");
  CUfunction kernel = nullptr;
  driver.check(driver.get_function(&kernel, module, "lrfinder_track"), "find the loss tracker's kernel");
  return kernels.emplace(device.index(), kernel).first->second;
}

at::TensorOptions doubles() { return at::TensorOptions().dtype(at::kDouble); }

/// A loss on the device, of the host's value.
at::Tensor loss_of(double value, c10::Device device) { return at::full({}, value, doubles().device(device)); }

}  // namespace

KernelTracker::KernelTracker(double beta, double threshold, std::int64_t steps, c10::Device device)
    : beta_(beta), threshold_(threshold), steps_(steps) {
  Driver::get();  // without one libtorch says less of what is missing
  const c10::DeviceGuard guard(device);
  stopped_ = at::zeros({}, at::TensorOptions().dtype(at::kFloat).device(device));  // which also makes a context current
  kernel_ = kernel_on(device);
  state_ =
      at::zeros({static_cast<std::int64_t>(sizeof(TrackerState))}, at::TensorOptions().dtype(at::kByte).device(device));
  correct_up_to(steps);
}

void KernelTracker::correct_up_to(std::int64_t steps) {
  at::Tensor host = at::empty({steps}, doubles());
  auto* values = host.mutable_data_ptr<double>();
  for (std::int64_t i = 0; i < steps; ++i) values[i] = 1 - std::pow(beta_, static_cast<double>(i + 1));
  corrections_ = host.to(stopped_.device());
}

void KernelTracker::add(const at::Tensor& loss) {
  TORCH_CHECK(loss.device() == stopped_.device() && loss.scalar_type() == at::kDouble && loss.numel() == 1,
              "a loss to be tracked must be a float64 number on ", stopped_.device(), ", not ", loss.toString());
  const c10::DeviceGuard guard(loss.device());
  if (count_ == corrections_.numel()) correct_up_to(2 * count_);  // more steps than were planned
  const void* last = loss.const_data_ptr();
  const void* corrections = corrections_.const_data_ptr();
  void* state = state_.mutable_data_ptr();
  void* stopped = stopped_.mutable_data_ptr();
  void* arguments[] = {&last, &beta_, &threshold_, &steps_, &corrections, &state, &stopped};
  const auto stream = reinterpret_cast<CUstream>(c10::cuda::getCurrentCUDAStream(loss.device().index()).stream());
  const auto& driver = Driver::get();
  driver.check(driver.launch(kernel_, 1, 1, 1, 1, 1, 1, 0, stream, arguments, nullptr),
               "start the loss tracker's kernel");
  ++count_;
}

void check_kernel(c10::Device device) {
  static std::mutex mutex;
  static std::set<c10::DeviceIndex> checked;
  const std::lock_guard<std::mutex> guard(mutex);
  if (checked.count(device.index()) > 0) return;
  const double infinity = std::numeric_limits<double>::infinity();
  // Each stops at its last loss: by the ratio, by the spread once a loss is not positive, and as it is not finite.
  const std::vector<std::vector<double>> curves = {
      {3, 2.5, 2.7, 2, 1.5, 1, 0.7, 0.5, 0.6, 1.1, 90}, {3, 1, -1, 0, 2, 1, 0.5, 90}, {2, 1, infinity}};
  for (const auto& curve : curves) {
    constexpr double kBeta = 0.5;
    constexpr double kThreshold = 4;
    LossTracker host(kBeta, kThreshold, /*steps=*/60);
    KernelTracker tracker(kBeta, kThreshold, /*steps=*/60, device);
    at::Tensor flags = at::zeros({static_cast<std::int64_t>(curve.size())}, tracker.stopped().options());
    std::vector<float> expected;
    for (size_t i = 0; i < curve.size(); ++i) {
      tracker.add(loss_of(curve[i], device));
      flags.select(0, static_cast<std::int64_t>(i)).copy_(tracker.stopped());
      expected.push_back(!std::isfinite(curve[i]) || host.add(curve[i]) ? 1.0F : 0.0F);
    }
    flags = flags.cpu();
    const float* found = flags.const_data_ptr<float>();
    TORCH_CHECK(std::equal(expected.begin(), expected.end(), found), "the loss tracker's kernel on ", device,
                " does not stop where the host's does");
  }
  checked.insert(device.index());
}

}  // namespace lrfinder
