#include <ATen/EmptyTensor.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <map>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "tape.h"

namespace lrfinder {
namespace {

using torch::jit::IValue;
using Storage = const c10::StorageImpl*;

/// Operators of the aten namespace whose out= form is the same kernel, writing through memory that has the right shape
/// already, by the name of that form's overload. Not all are so: mse_loss.out resizes its result to and fro, and
/// generated forms call the functional one and copy.
const std::unordered_map<std::string, const char*>& trusted_out_forms() {
  static const std::unordered_map<std::string, const char*> forms = {
      {"_log_softmax", "out"},
      {"_log_softmax_backward_data", "out"},
      {"_softmax", "out"},
      {"_softmax_backward_data", "out"},
      {"add.Tensor", "out"},
      {"addmm", "out"},
      {"avg_pool2d", "out"},
      {"avg_pool2d_backward", "grad_input"},
      {"baddbmm", "out"},
      {"bmm", "out"},
      {"clamp_min", "out"},
      {"div.Tensor", "out"},
      {"elu", "out"},
      {"elu_backward", "grad_input"},
      {"gelu", "out"},
      {"gelu_backward", "grad_input"},
      {"hardtanh", "out"},
      {"hardtanh_backward", "grad_input"},
      {"huber_loss_backward", "out"},
      {"leaky_relu", "out"},
      {"leaky_relu_backward", "grad_input"},
      {"max_pool2d_with_indices", "out"},
      {"max_pool2d_with_indices_backward", "grad_input"},
      {"mm", "out"},
      {"mse_loss_backward", "grad_input"},
      {"mul.Tensor", "out"},
      {"native_batch_norm", "out"},
      {"nll_loss_backward", "grad_input"},
      {"nll_loss_forward", "output"},
      {"sigmoid", "out"},
      {"sigmoid_backward", "grad_input"},
      {"silu", "out"},
      {"silu_backward", "grad_input"},
      {"smooth_l1_loss_backward", "grad_input"},
      {"softplus", "out"},
      {"softplus_backward", "grad_input"},
      {"sub.Tensor", "out"},
      {"sum.dim_IntList", "IntList_out"},
      {"tanh", "out"},
      {"tanh_backward", "grad_input"},
      {"threshold_backward", "grad_input"},
  };
  return forms;
}

/// Whether `out` takes what `functional` takes and then, as arguments to be written, what it returns.
bool corresponds(const c10::FunctionSchema& functional, const c10::FunctionSchema& out) {
  const auto& given = functional.arguments();
  const auto& taken = out.arguments();
  if (taken.size() != given.size() + functional.returns().size()) return false;
  const bool same = std::equal(given.begin(), given.end(), taken.begin(), [](const auto& left, const auto& right) {
    return left.name() == right.name() && *left.type() == *right.type();
  });
  return same && std::all_of(taken.begin() + static_cast<std::ptrdiff_t>(given.size()), taken.end(),
                             [](const auto& argument) { return argument.is_out(); });
}

/// Looked up once: of each operator it is asked for in every recording.
std::optional<c10::OperatorHandle> out_form(const c10::OperatorHandle& op) {
  const auto& schema = op.schema();
  constexpr std::size_t kNamespace = 6;  // "aten::"
  if (schema.name().compare(0, kNamespace, "aten::") != 0) return std::nullopt;
  auto name = schema.name().substr(kNamespace);
  if (!schema.overload_name().empty()) name += "." + schema.overload_name();
  const auto known = trusted_out_forms().find(name);
  if (known == trusted_out_forms().end()) return std::nullopt;
  const auto form = c10::Dispatcher::singleton().findSchema({schema.name(), known->second});
  if (!form || form->hasTag(at::Tag::generated) || !corresponds(schema, form->schema())) return std::nullopt;
  return form;
}

/// The instruction as a call of an out= form, its results yet to be added; none where there is no such form.
std::optional<Instruction> with_out_form(const Instruction& instruction) {
  if (instruction.view || instruction.results.empty()) return std::nullopt;
  Instruction changed = instruction;
  auto op = instruction.op;
  if (op.schema().name() == "aten::relu") {  // has none that is real, but its kernel is clamp_min's
    op = c10::Dispatcher::singleton().findSchemaOrThrow("aten::clamp_min", "");
    changed.arguments.emplace_back(at::Scalar(0));
  }
  const auto form = out_form(op);
  if (!form || instruction.results.size() != form->schema().returns().size()) return std::nullopt;
  changed.op = *form;
  changed.keys = instruction.keys.remove(c10::DispatchKey::BackendSelect);
  return changed;
}

/// Gives out memory, each block to one user at a time.
class Pool {
 public:
  c10::Storage take(std::int64_t bytes) {
    const auto found = free_.find(bytes);
    if (found == free_.end()) {
      return at::empty({bytes}, at::TensorOptions().dtype(at::kByte)).storage();
    }
    const auto storage = found->second;
    free_.erase(found);
    return storage;
  }
  void give_back(std::int64_t bytes, const c10::Storage& storage) { free_.emplace(bytes, storage); }

 private:
  std::multimap<std::int64_t, c10::Storage> free_;
};

class MemoryPass {
 public:
  explicit MemoryPass(Tape& tape) : tape_(tape) {
    for (const auto& info : tape.slots) {
      if (!info.layout) continue;
      auto& bytes = bytes_[info.layout->storage];
      const auto needed = static_cast<std::int64_t>(at::detail::computeStorageNbytes(
          info.layout->sizes, info.layout->strides, c10::elementSize(info.layout->dtype),
          static_cast<std::size_t>(info.layout->offset)));
      bytes = std::max({bytes, needed, std::int64_t{1}});
    }
    for (const auto& [parameter, slot] : tape.gradients) {
      if (const auto storage = storage_of(slot)) leaving_.insert(storage);
    }
    for (std::size_t i = 0; i < tape.code.size(); ++i) {
      for (const auto& use : tape.code[i].uses) last_[storage_of(use.slot)] = i;
      for (const auto& result : tape.code[i].results) last_[storage_of(result.slot)] = i;
    }
    last_[storage_of(tape.loss)] = tape.code.size();  // read by the host
    last_.erase(nullptr);
  }

  void run() {
    std::vector<Instruction> code;
    code.reserve(tape_.code.size());
    for (std::size_t i = 0; i < tape_.code.size(); ++i) {
      auto& instruction = tape_.code[i];
      if (!made_once(instruction)) {
        write_into_fixed_memory(instruction);
        put_fixed_arguments(instruction);
        code.push_back(std::move(instruction));
      }
      give_back_after(i);
    }
    tape_.code = std::move(code);
    for (auto& gradient : tape_.kept) gradient.uses = tape_.tensors[gradient.leaves].storage().use_count();
  }

 private:
  Storage storage_of(Slot slot) const {
    const auto& layout = tape_.slots[slot].layout;
    return layout ? layout->storage : nullptr;
  }

  /// Whether the slot's tensor is the same in every run: not one of the batch, nor of memory that may be made anew.
  bool constant(Slot slot) const {
    return tape_.fixed[slot] && !tape_.slots[slot].batch && kept_.count(storage_of(slot)) == 0;
  }

  at::Tensor show(Slot slot, const c10::Storage& storage) const {
    const auto& info = tape_.slots[slot];
    auto tensor = at::empty({0}, info.options);
    tensor.set_(storage, info.layout->offset, info.layout->sizes, info.layout->strides);
    return tensor;
  }

  bool fixable(const Instruction& instruction) const {
    return std::all_of(instruction.results.begin(), instruction.results.end(), [&](const auto& result) {
      const auto& info = tape_.slots[result.slot];
      return !result.list && !info.reshaped && info.layout && info.layout->offset == 0 &&
             info.options.layout() == at::kStrided;
    });
  }

  /// Views of fixed tensors, and memory that nothing has been written to yet.
  bool made_once(Instruction& instruction) {
    if (instruction.results.size() != 1 || !fixable_once(instruction)) return false;
    const auto slot = instruction.results.front().slot;
    if (!instruction.view) {
      if (leaving_.count(storage_of(slot)) > 0) return false;
      fix_pooled(slot);
      return true;
    }
    execute(instruction, tape_.tensors, stack_);
    tape_.fixed[slot] = 1;
    if (const auto kept = kept_.find(storage_of(slot)); kept != kept_.end()) {
      auto& gradient = tape_.kept[kept->second];
      if (tape_.becomes_gradient(slot)) gradient.leaves = slot;
      gradient.views.push_back(std::move(instruction));
    }
    return true;
  }

  bool fixable_once(const Instruction& instruction) const {
    const auto& result = instruction.results.front();
    if (result.list || tape_.slots[result.slot].reshaped || !tape_.slots[result.slot].layout) return false;
    if (!instruction.view) return allocates(instruction.op) && fixable(instruction);
    if (instruction.uses.size() != 1) return false;
    const auto viewed = instruction.uses.front().slot;
    return tape_.fixed[viewed] && !tape_.slots[viewed].batch;
  }

  void write_into_fixed_memory(Instruction& instruction) {
    auto changed = with_out_form(instruction);
    if (!changed || !fixable(instruction)) return;
    changed->results.clear();
    for (const auto& result : instruction.results) {
      const auto argument = changed->arguments.size();
      changed->arguments.emplace_back();
      changed->uses.push_back({argument, std::nullopt, result.slot, false});
      if (leaving_.count(storage_of(result.slot)) > 0) {
        fix_kept(result.slot);
      } else {
        fix_pooled(result.slot);
      }
    }
    instruction = std::move(*changed);
  }

  void fix_pooled(Slot slot) {
    const auto storage = storage_of(slot);
    auto& memory = pooled_[storage];
    memory = pool_.take(bytes_[storage]);
    tape_.tensors[slot] = show(slot, memory);
    tape_.fixed[slot] = 1;
  }

  void fix_kept(Slot slot) {
    const auto& layout = *tape_.slots[slot].layout;
    kept_[layout.storage] = tape_.kept.size();
    tape_.kept.push_back({slot, slot, layout.sizes, layout.strides, tape_.slots[slot].options, {}, 0});
    renew(tape_.kept.back(), tape_.tensors, stack_);
    tape_.fixed[slot] = 1;
  }

  /// What never changes is put in its place beforehand.
  void put_fixed_arguments(Instruction& instruction) {
    auto& uses = instruction.uses;
    uses.erase(std::remove_if(uses.begin(), uses.end(),
                              [&](const auto& use) {
                                if (use.element || !constant(use.slot)) return false;
                                instruction.arguments[use.argument] = tape_.tensors[use.slot];
                                return true;
                              }),
               uses.end());
  }

  void give_back_after(std::size_t index) {
    for (auto entry = pooled_.begin(); entry != pooled_.end();) {
      if (last_[entry->first] != index) {
        ++entry;
        continue;
      }
      pool_.give_back(bytes_[entry->first], entry->second);
      entry = pooled_.erase(entry);
    }
  }

  Tape& tape_;
  torch::jit::Stack stack_;
  Pool pool_;
  std::unordered_map<Storage, std::int64_t> bytes_;
  std::unordered_map<Storage, std::size_t> last_;  // instruction that needs it
  std::unordered_set<Storage> leaving_;            // as gradients
  std::unordered_map<Storage, c10::Storage> pooled_;
  std::unordered_map<Storage, std::size_t> kept_;  // index in the tape's
};

}  // namespace

void fix_memory(Tape& tape) { MemoryPass(tape).run(); }

}  // namespace lrfinder
