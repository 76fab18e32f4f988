#include "cuda_library.h"

#include <gtest/gtest.h>
#include <torch/cuda.h>

#include <string>

namespace lrfinder {
namespace {

const c10::Device kCuda(c10::DeviceType::CUDA, 0);

/// What is missing here, as the loader or the driver's absence says it.
constexpr const char* kMissing =
#if !defined(LRFINDER_HAS_CUDA_LIBRARY)
    "liblrfinder_cuda.so: cannot open shared object file";
#elif defined(LRFINDER_HAS_TORCH_CUDA)
    "driver";
#else
    "libtorch_cuda.so: cannot open shared object file";
#endif

void expect_reason(const std::string& reason) {
  EXPECT_NE(reason.find(kMissing), std::string::npos) << reason;
  EXPECT_EQ(reason.find('\n'), std::string::npos) << reason;
}

TEST(CudaLibraryTest, SaysWhyThereIsNoTrackerOnADevice) {
  if (torch::cuda::is_available()) GTEST_SKIP() << "there is a device";
  std::string reason;
  EXPECT_EQ(make_device_tracker(0.98, 4, 100, kCuda, &reason), nullptr);
  expect_reason(reason);
}

TEST(CudaLibraryTest, SaysWhyThereIsNoGraph) {
  if (torch::cuda::is_available()) GTEST_SKIP() << "there is a device";
  std::string reason;
  EXPECT_EQ(make_step_graph(kCuda, &reason), nullptr);
  expect_reason(reason);
}

TEST(CudaLibraryTest, SaysItAsOftenAsItIsAsked) {
  std::string first, second;
  make_step_graph(kCuda, &first);
  make_step_graph(kCuda, &second);
  EXPECT_EQ(first, second);
}

}  // namespace
}  // namespace lrfinder
