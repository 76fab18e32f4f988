#pragma once

#include <c10/core/Device.h>
#include <gtest/gtest.h>
#include <torch/cuda.h>
#include <torch/nn/module.h>

#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "simulated_device.h"

namespace lrfinder::test {

/// Where the test kit puts what it makes: on the CPU, unless a test runs on another device.
inline at::Device& present_device() {
  static at::Device device = at::kCPU;
  return device;
}

/// For as long as it lives, the kit makes things on a device.
class OnDevice {
 public:
  explicit OnDevice(at::Device device) : before_(std::exchange(present_device(), device)) {}
  ~OnDevice() { present_device() = before_; }
  OnDevice(const OnDevice&) = delete;
  OnDevice& operator=(const OnDevice&) = delete;

 private:
  at::Device before_;
};

/// The first of CUDA's where there is one, else a simulated one.
inline at::Device accelerator() { return torch::cuda::is_available() ? at::Device(at::kCUDA, 0) : simulated::device(); }

/// Those that tests over devices run on.
inline std::vector<at::Device> devices() { return {at::kCPU, accelerator()}; }

/// "CPU", "CUDA" or "SIMULATED".
inline std::string device_name(at::Device device) { return c10::DeviceTypeName(device.type()); }

/// The fixture of a test that runs on each of `devices`.
class DeviceTest : public ::testing::TestWithParam<at::Device> {
  const OnDevice here_{GetParam()};
};

/// The fixture of a test that runs with each of several cases on each of `devices`.
template <typename Case>
class DeviceCaseTest : public ::testing::TestWithParam<std::tuple<at::Device, Case>> {
 protected:
  const Case& given() const { return std::get<1>(this->GetParam()); }

 private:
  const OnDevice here_{std::get<0>(this->GetParam())};
};

/// The fixture of what only a simulated device can show. It is left as it was found.
class SimulatedDeviceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (torch::cuda::is_available()) GTEST_SKIP() << "where CUDA is, no device is simulated";
  }
  void TearDown() override {
    simulated::set_latency(simulated::kLatency);
    simulated::set_memory(simulated::kMemory);
  }

 private:
  const OnDevice here_{simulated::device()};
};

/// What Module::to does, to where the test runs.
inline void move_here(torch::nn::Module& module) {
  if (present_device().is_privateuseone()) {
    simulated::move_here(module);
  } else {
    module.to(present_device());
  }
}

}  // namespace lrfinder::test

/// Instantiates a suite whose fixture is a DeviceTest.
#define LRFINDER_ON_EACH_DEVICE(Suite)                                                  \
  INSTANTIATE_TEST_SUITE_P(On, Suite, ::testing::ValuesIn(::lrfinder::test::devices()), \
                           [](const auto& info) { return ::lrfinder::test::device_name(info.param); })

/// The same for a DeviceCaseTest; `cases` have a `name`.
#define LRFINDER_ON_EACH_DEVICE_WITH(Suite, cases)                                                                 \
  INSTANTIATE_TEST_SUITE_P(                                                                                        \
      On, Suite, ::testing::Combine(::testing::ValuesIn(::lrfinder::test::devices()), ::testing::ValuesIn(cases)), \
      [](const auto& info) {                                                                                       \
        return ::lrfinder::test::device_name(std::get<0>(info.param)) + "_" + std::get<1>(info.param).name;        \
      })
