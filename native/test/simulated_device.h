#pragma once

#include <c10/core/Device.h>
#include <torch/nn/module.h>

#include <cstddef>
#include <cstdint>
#include <string>

/// An accelerator without hardware, at::kPrivateUse1 to libtorch. Its operators run in the CPU's kernels, bit for bit,
/// and what would be slow or wrong on a GPU shows:
///
/// - The host cannot touch its memory: who does dies of SIGSEGV. New memory is NaN.
/// - It is late. A copy to the host that does not block lands when a later event has passed or was waited for. One to
///   memory that is not pinned blocks, as does one that converts.
/// - What makes the host wait is counted.
/// - An operator with a tensor of the host among its arguments throws, unless that is a number.
/// - It draws from a generator of its own.
/// - It runs out of memory when a test says so.
///
/// It has one stream, and strided tensors alone. There is one for the whole process; thread-safe, as autograd computes
/// its gradients on a thread of its own.
namespace lrfinder::test::simulated {

struct Counts {
  std::int64_t reads = 0;       ///< the host waited for values: item, blocking copies, shapes that depend on data
  std::int64_t late_reads = 0;  ///< copies to the host that did not block
  std::int64_t uploads = 0;     ///< copies from the host
  std::int64_t waits = 0;       ///< for an event, a stream or the device, that had not passed
  std::int64_t operators = 0;   ///< kernels: views launch none
  std::string last_read;        ///< the operator that read last; empty if none did

  /// What came since.
  Counts operator-(const Counts& before) const;
};

/// Registers the device; before libtorch first looks for an accelerator.
void install();
at::Device device();

/// Since the process began.
Counts counts();

/// What came of `call`.
template <typename Call>
Counts counted(const Call& call) {
  const Counts before = counts();
  call();
  return counts() - before;
}

constexpr std::int64_t kLatency = 40;
/// After how many operators an event has passed by itself, from now on; kLatency unless set.
void set_latency(std::int64_t operators);

constexpr std::size_t kMemory = std::size_t{1} << 30;
/// How many bytes of tensors the device has room for, from now on; kMemory unless set.
void set_memory(std::size_t bytes);
std::size_t memory_in_use();

/// What Module::to does in place for other devices: of this one libtorch refuses it.
void move_here(torch::nn::Module& module);

}  // namespace lrfinder::test::simulated
