#include "tape.h"

#include <ATen/ops/empty_strided.h>

#include <algorithm>
#include <utility>

namespace lrfinder {
namespace {

using torch::jit::IValue;

/// A list of the caller's own, to be filled from slots.
IValue copied_list(const IValue& list) {
  return list.isTensorList() ? IValue(list.toTensorList().copy()) : IValue(list.toList().copy());
}

}  // namespace

bool Tape::becomes_gradient(Slot slot) const {
  return std::any_of(gradients.begin(), gradients.end(), [&](const auto& each) { return each.second == slot; });
}

bool allocates(const c10::OperatorHandle& op) {
  const auto& name = op.schema().name();
  return name.rfind("aten::empty", 0) == 0 || name.rfind("aten::new_empty", 0) == 0;
}

void execute(const Instruction& instruction, std::vector<at::Tensor>& tensors, torch::jit::Stack& stack) {
  stack.assign(instruction.arguments.begin(), instruction.arguments.end());
  for (const auto argument : instruction.lists) stack[argument] = copied_list(stack[argument]);
  for (const auto& use : instruction.uses) {
    at::Tensor& tensor = tensors[use.slot];
    if (!use.element) {
      stack[use.argument] = use.last ? IValue(std::move(tensor)) : IValue(tensor);
    } else if (stack[use.argument].isTensorList()) {
      stack[use.argument].toTensorList().set(*use.element, tensor);
    } else {
      stack[use.argument].toList().set(*use.element, IValue(tensor));
    }
    if (use.last) tensor.reset();
  }
  instruction.op.redispatchBoxed(instruction.keys, &stack);
  for (const auto& result : instruction.results) {
    if (result.list) {
      auto list = stack[result.index].toTensorVector();
      std::move(list.begin(), list.end(), tensors.begin() + static_cast<std::ptrdiff_t>(result.slot));
    } else {
      tensors[result.slot] = std::move(stack[result.index]).toTensor();
    }
  }
  for (const auto slot : instruction.unread) tensors[slot].reset();
}

void renew(Kept& kept, std::vector<at::Tensor>& tensors, torch::jit::Stack& stack) {
  tensors[kept.base] = at::empty_strided(kept.sizes, kept.strides, kept.options);
  for (const auto& view : kept.views) execute(view, tensors, stack);
  kept.uses = tensors[kept.leaves].storage().use_count();
}

void drop_unread_views(Tape& tape) {
  std::vector<char> read(tape.tensors.size(), 0);
  read[tape.loss] = 1;
  for (const auto& [parameter, slot] : tape.gradients) read[slot] = 1;
  std::vector<Instruction> needed;
  needed.reserve(tape.code.size());
  for (auto instruction = tape.code.rbegin(); instruction != tape.code.rend(); ++instruction) {
    const auto& results = instruction->results;
    const bool unread = instruction->view && std::none_of(results.begin(), results.end(), [&](const auto& result) {
                          return result.list || read[result.slot];
                        });
    if (unread) continue;
    for (const auto& use : instruction->uses) read[use.slot] = 1;
    needed.push_back(std::move(*instruction));
  }
  std::reverse(needed.begin(), needed.end());
  tape.code = std::move(needed);
}

void mark_last_uses(Tape& tape) {
  std::vector<char> needed(tape.fixed);
  needed[tape.loss] = 1;
  for (const auto& [parameter, slot] : tape.gradients) needed[slot] = 1;
  for (auto instruction = tape.code.rbegin(); instruction != tape.code.rend(); ++instruction) {
    for (const auto& result : instruction->results) {
      if (!result.list && !needed[result.slot]) instruction->unread.push_back(result.slot);
    }
    for (auto use = instruction->uses.rbegin(); use != instruction->uses.rend(); ++use) {
      use->last = !std::exchange(needed[use->slot], 1);
    }
  }
}

}  // namespace lrfinder
