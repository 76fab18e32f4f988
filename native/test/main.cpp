#include <ATen/Parallel.h>
#include <gtest/gtest.h>
#include <torch/cuda.h>

#include "simulated_device.h"

int main(int argc, char** argv) {
  // Where there is a real one, tests over devices run on that.
  if (!torch::cuda::is_available()) lrfinder::test::simulated::install();
  testing::InitGoogleTest(&argc, argv);
  at::set_num_threads(1);  // sums of several threads differ in their last bits
  return RUN_ALL_TESTS();
}
