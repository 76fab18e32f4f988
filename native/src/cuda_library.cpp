#include "cuda_library.h"

#include <dlfcn.h>
#include <torch/headeronly/version.h>

#include <cstring>
#include <exception>
#include <filesystem>
#include <system_error>

#include "cuda_interface.h"

namespace lrfinder {
namespace {

constexpr const char* kFile = "liblrfinder_cuda.so";

struct Loaded {
  const CudaInterface* offered = nullptr;
  std::string reason;  // why it is null
};

/// In the folder of the library or executable that this code is in, else wherever the loader finds it.
std::string path() {
  Dl_info here;
  if (dladdr(reinterpret_cast<const void*>(&make_step_graph), &here) == 0) return kFile;
  const auto beside = std::filesystem::path(here.dli_fname).replace_filename(kFile);
  std::error_code ignored;
  return std::filesystem::exists(beside, ignored) ? beside.string() : kFile;
}

Loaded load() {
  void* const library = dlopen(path().c_str(), RTLD_NOW | RTLD_LOCAL);  // never closed: objects of it may live
  if (library == nullptr) return {nullptr, dlerror()};
  const auto offer = reinterpret_cast<CudaInterfaceFunction*>(dlsym(library, kCudaInterfaceFunction));
  if (offer == nullptr) return {nullptr, dlerror()};
  const CudaInterface* const offered = offer();
  const std::string name = kFile;
  if (offered->number != kCudaInterface) {
    return {nullptr, name + " has interface " + std::to_string(offered->number) + ", not " +
                         std::to_string(kCudaInterface) + ": it belongs to another version of lrfinder"};
  }
  if (std::strcmp(offered->torch_version, TORCH_VERSION) != 0) {
    return {nullptr, name + " was compiled for libtorch " + offered->torch_version + ", not " TORCH_VERSION};
  }
  return {offered, ""};
}

const Loaded& library() {
  static const Loaded loaded = load();
  return loaded;
}

/// What `make` makes with the library, or null and why.
template <typename Made, typename Make>
std::unique_ptr<Made> made_by(std::string* reason, const Make& make) noexcept {
  try {
    const auto& [offered, why_not] = library();
    if (offered != nullptr) return std::unique_ptr<Made>(make(*offered));
    *reason = why_not;
  } catch (const std::exception& error) {
    *reason = error.what();
  }
  return nullptr;
}

}  // namespace

std::unique_ptr<DeviceTracker> make_device_tracker(double beta, double threshold, std::int64_t steps,
                                                   c10::Device device, std::string* reason) noexcept {
  return made_by<DeviceTracker>(
      reason, [&](const auto& offered) { return offered.new_tracker(beta, threshold, steps, device, reason); });
}

std::unique_ptr<StepGraph> make_step_graph(c10::Device device, std::string* reason) noexcept {
  return made_by<StepGraph>(reason, [&](const auto& offered) { return offered.new_graph(device, reason); });
}

}  // namespace lrfinder
