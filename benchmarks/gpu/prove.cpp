// Checks the core on a device, and times it there; prove.sh makes a report of what it prints.
//
//   prove list                    the checks: their point of README.md's list, name and words, tabs between
//   prove check NAME|all DEVICE   prints what was found; exit code 0 if it holds, 1 if not, 77 if it cannot be checked
//   prove time NETWORK DEVICE     prints a row of README.md's table
//
// A check in a process of its own survives the others: what goes wrong on a device may end all that the process does
// there.

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <torch/cuda.h>

#include <exception>
#include <iostream>
#include <string>
#include <vector>

#include "checks.h"
#include "times.h"

namespace {

using namespace lrfinder_proof;

constexpr int kUsage = 2;
constexpr int kNotHere = 77;

int run(const Check& check, at::Device device) {
  try {
    std::cout << check.run(device) << std::endl;
    return 0;
  } catch (const NotHere& reason) {
    std::cout << reason.what() << std::endl;
    return kNotHere;
  } catch (const std::exception& error) {
    const std::string text = error.what();
    std::cout << text.substr(0, text.find('\n')) << std::endl;  // libtorch goes on with a backtrace
    return 1;
  }
}

int run_all(at::Device device) {
  int code = 0;
  for (const Check& check : checks()) {
    std::cout << check.name << ": " << std::flush;
    if (run(check, device) == 1) code = 1;
  }
  return code;
}

int usage() {
  std::cerr << "prove list | prove check NAME|all DEVICE | prove time NETWORK DEVICE" << std::endl;
  return kUsage;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (arguments == std::vector<std::string>{"list"}) {
    for (const Check& check : checks()) {
      std::cout << check.point << '\t' << check.name << '\t' << check.words << '\n';
    }
    return 0;
  }
  if (arguments.size() != 3) return usage();
  const at::Device device(arguments[2]);
  if (device.is_cuda() && !torch::cuda::is_available()) {
    std::cout << "no CUDA" << std::endl;
    return kNotHere;
  }
  if (arguments[0] == "time") {
    std::cout << time_of(arguments[1], device) << std::endl;
    return 0;
  }
  if (arguments[0] != "check") return usage();
  // What is compared to the bit has to be computed the same way each time.
  at::globalContext().setDeterministicCuDNN(true);
  at::globalContext().setAllowTF32CuDNN(false);
  at::set_num_threads(1);
  if (arguments[1] == "all") return run_all(device);
  for (const Check& check : checks()) {
    if (check.name == arguments[1]) return run(check, device);
  }
  return usage();
}
