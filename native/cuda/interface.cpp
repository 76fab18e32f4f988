#include <c10/util/Exception.h>
#include <torch/headeronly/version.h>

#include <exception>
#include <string>

#include "cuda_interface.h"
#include "cuda_step_graph.h"
#include "kernel_tracker.h"

namespace lrfinder {
namespace {

/// CUDA's messages go on with advice for whoever debugs a program of their own.
std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

/// What `make` returns, or null and why.
template <typename Make>
auto made_by(std::string* reason, const Make& make) noexcept -> decltype(make()) {
  try {
    return make();
  } catch (const c10::Error& error) {
    *reason = first_line(error.what_without_backtrace());
  } catch (const std::exception& error) {
    *reason = first_line(error.what());
  }
  return nullptr;
}

DeviceTracker* new_tracker(double beta, double threshold, std::int64_t steps, c10::Device device,
                           std::string* reason) noexcept {
  return made_by(reason, [&] {
    check_kernel(device);
    return new KernelTracker(beta, threshold, steps, device);
  });
}

StepGraph* new_graph(c10::Device device, std::string* reason) noexcept {
  return made_by(reason, [&] { return new CudaStepGraph(device.index()); });
}

}  // namespace
}  // namespace lrfinder

extern "C" __attribute__((visibility("default"))) const lrfinder::CudaInterface* lrfinder_cuda_interface() noexcept {
  static constexpr lrfinder::CudaInterface offered = {lrfinder::kCudaInterface, TORCH_VERSION, lrfinder::new_tracker,
                                                      lrfinder::new_graph};
  return &offered;
}
