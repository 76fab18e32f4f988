#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/stack.h>
#include <c10/core/DispatchKeySet.h>
#include <c10/core/TensorOptions.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

namespace lrfinder {

/// Which elements of a memory a tensor shows, and as what.
struct Layout {
  const c10::StorageImpl* storage;
  std::int64_t offset;
  std::vector<std::int64_t> sizes;
  std::vector<std::int64_t> strides;
  at::ScalarType dtype;

  explicit Layout(const at::Tensor& tensor)
      : storage(tensor.storage().unsafeGetStorageImpl()),
        offset(tensor.storage_offset()),
        sizes(tensor.sizes().vec()),
        strides(tensor.strides().vec()),
        dtype(tensor.scalar_type()) {}

  bool operator==(const Layout& other) const {
    return storage == other.storage && offset == other.offset && dtype == other.dtype && sizes == other.sizes &&
           strides == other.strides;
  }
};

/// The number of a tensor in a tape.
using Slot = std::size_t;

/// A call of an operator below autograd, whose tensors come from slots and go to slots.
struct Instruction {
  struct Use {
    std::size_t argument;
    std::optional<std::size_t> element;  // where the argument is a list
    Slot slot;
    bool last;  // nothing needs what is in the slot afterwards
  };
  struct Result {
    std::size_t index;
    Slot slot;  // of a list: the first, the others follow
    bool list;
  };

  c10::OperatorHandle op;
  c10::DispatchKeySet keys;
  torch::jit::Stack arguments;  // none stands for a tensor of a slot
  std::vector<Use> uses;
  std::vector<Result> results;     // none where they are arguments: written by an out= form
  std::vector<std::size_t> lists;  // arguments with elements from slots
  std::vector<Slot> writes;        // in place
  std::vector<Slot> unread;        // results that nothing reads
  bool view;                       // shows its argument's memory and writes nothing
  bool backward;                   // called after the loss was there
};

/// What a recording knows of a tensor.
struct SlotInfo {
  std::optional<Layout> layout;  // none without memory of its own, such as a sparse tensor's
  at::TensorOptions options;
  bool batch = false;
  bool shared = false;    // several tensors of the recorded step are this one
  bool reshaped = false;  // in place, so that each run needs a tensor of its own
};

/// A gradient in memory that is made once, and made anew when somebody has kept it.
struct Kept {
  Slot base;    // written by an out= form
  Slot leaves;  // what becomes .grad: the base or a view of it
  std::vector<std::int64_t> sizes;
  std::vector<std::int64_t> strides;
  at::TensorOptions options;
  std::vector<Instruction> views;  // of the base, made anew with it
  std::size_t uses;                // of the memory while nobody else has it
};

/// A training step as a list of operators: from a batch to its loss, and on to the gradients.
struct Tape {
  std::vector<Instruction> code;
  std::vector<at::Tensor> tensors;  // by slot; undefined between runs unless fixed
  std::vector<char> fixed;          // by slot: keeps its tensor between runs
  std::vector<SlotInfo> slots;      // while the tape is made
  std::vector<Slot> batch;          // tensors of the batch
  Slot loss = 0;
  std::vector<std::pair<at::Tensor, Slot>> gradients;  // by parameter
  std::vector<Kept> kept;
  std::vector<at::Tensor> outside;  // that no operator made, without the batch
  std::vector<at::Tensor> written;  // in place, of those
  bool draws = false;               // random numbers

  bool becomes_gradient(Slot slot) const;
};

/// Whether the operator makes memory that nothing has been written to.
bool allocates(const c10::OperatorHandle& op);

/// Runs an instruction on a tape's tensors, below autograd; `stack` is memory to work in.
void execute(const Instruction& instruction, std::vector<at::Tensor>& tensors, torch::jit::Stack& stack);

/// Makes a gradient's memory anew.
void renew(Kept& kept, std::vector<at::Tensor>& tensors, torch::jit::Stack& stack);

// Passes over a recorded tape, in this order. Each leaves a tape that computes the same to the bit.

/// Leaves out views that nothing reads.
void drop_unread_views(Tape& tape);

/// Lets operators write into memory that is made once: those that have an out= form which is known to do the very same.
/// Memory is shared between results that are never needed at the same time. Views of fixed tensors are made once, too.
void fix_memory(Tape& tape);

/// Marks what else can be let go of, and when.
void mark_last_uses(Tape& tape);

}  // namespace lrfinder
