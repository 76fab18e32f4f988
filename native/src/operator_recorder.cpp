#include "operator_recorder.h"

#include <ATen/core/LegacyTypeDispatch.h>
#include <torch/library.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <mutex>
#include <utility>

namespace lrfinder {
namespace {

using torch::jit::IValue;

/// Of all keys the one below autograd and above the backends for which libtorch has no fallback of its own.
constexpr auto kRecordingKey = c10::DispatchKey::Fake;

thread_local OperatorRecorder* recording = nullptr;

/// Calls that came with the key to a thread that does not record: an operator's own threads inherit it.
std::atomic<std::uint64_t> missed_calls{0};

std::string name_of(const c10::OperatorHandle& op) { return op.schema().name(); }

/// Whether the host, or the shape of a result, depends on what is in a tensor.
bool depends_on_values(const c10::OperatorHandle& op) {
  // Those that libtorch does not tag: they read a tensor of lengths.
  static const std::unordered_set<std::string> untagged = {
      "aten::_local_scalar_dense",   "aten::item", "aten::nonzero", "aten::equal", "aten::_ctc_loss",
      "aten::_pack_padded_sequence",
  };
  return untagged.count(name_of(op)) > 0 || op.hasTag(at::Tag::data_dependent_output) ||
         op.hasTag(at::Tag::dynamic_output_shape);
}

bool writes(const Instruction& instruction, Slot slot) {
  return std::find(instruction.writes.begin(), instruction.writes.end(), slot) != instruction.writes.end();
}

bool optional_tensors(const IValue& value) {
  return value.isList() && value.toList().elementType()->kind() == c10::TypeKind::OptionalType;
}

}  // namespace

bool OperatorRecorder::install() {
  static std::once_flag once;
  static std::unique_ptr<torch::Library> library;  // takes the fallback back when this library is unloaded
  std::call_once(once, [] {
    try {
      auto made = std::make_unique<torch::Library>(torch::Library::IMPL, "_", kRecordingKey, __FILE__, __LINE__);
      made->fallback(torch::CppFunction::makeFromBoxedFunction<&OperatorRecorder::called>());
      library = std::move(made);
    } catch (const c10::Error&) {  // another fallback is registered
    }
  });
  return library != nullptr;
}

OperatorRecorder::OperatorRecorder(at::TensorList batch, const std::vector<at::Tensor>& state, bool foreign)
    : foreign_(foreign), missed_(missed_calls) {
  for (const auto& tensor : batch) {
    // The same tensor twice has one slot; a program then demands that of every batch.
    const auto known = find(tensor);
    tape_.batch.push_back(known ? *known : add(tensor, true));
    tape_.slots[tape_.batch.back()].batch = true;
  }
  for (const auto& tensor : state) {
    if (by_tensor_.count(tensor.unsafeGetTensorImpl()) == 0) add_outside(tensor);
  }
}

OperatorRecorder::~OperatorRecorder() { stop(); }

void OperatorRecorder::start() {
  outer_ = std::exchange(recording, this);
  included_.emplace(kRecordingKey);
}

void OperatorRecorder::stop() {
  if (!included_) return;
  included_.reset();
  recording = outer_;
}

void OperatorRecorder::called(const c10::OperatorHandle& op, c10::DispatchKeySet keys, torch::jit::Stack* stack) {
  const auto below = keys & c10::DispatchKeySet(c10::DispatchKeySet::FULL_AFTER, kRecordingKey);
  // What an operator calls within itself it will call again.
  const c10::impl::ExcludeDispatchKeyGuard once(kRecordingKey);
  if (recording == nullptr) {
    ++missed_calls;
    op.redispatchBoxed(below, stack);
  } else {
    recording->call(op, below, stack);
  }
}

void OperatorRecorder::refuse(const std::string& reason) {
  if (reason_.empty()) reason_ = reason;
}

void OperatorRecorder::note(const at::Tensor& tensor, Slot slot) {
  by_tensor_[tensor.unsafeGetTensorImpl()] = slot;
  seen_tensors_.emplace_back(tensor.getIntrusivePtr());
}

Slot OperatorRecorder::add(const at::Tensor& tensor, bool fixed) {
  const Slot slot = tape_.tensors.size();
  tape_.tensors.push_back(fixed ? tensor : at::Tensor());
  tape_.fixed.push_back(fixed);
  tape_.slots.push_back({std::nullopt, tensor.options(), false});
  note(tensor, slot);
  if (tensor.has_storage()) {
    tape_.slots.back().layout.emplace(tensor);
    by_storage_[tensor.storage().unsafeGetStorageImpl()].push_back(slot);
    seen_storages_.push_back(tensor.storage().getWeakStorageImpl());
  }
  return slot;
}

std::optional<Slot> OperatorRecorder::find(const at::Tensor& tensor) const {
  const auto same = by_tensor_.find(tensor.unsafeGetTensorImpl());
  if (same != by_tensor_.end()) return same->second;
  if (!tensor.has_storage()) return std::nullopt;
  // Another tensor of the same look, as autograd unpacks what it saved.
  const auto memory = by_storage_.find(tensor.storage().unsafeGetStorageImpl());
  if (memory == by_storage_.end()) return std::nullopt;
  const Layout layout(tensor);
  for (const auto slot : memory->second) {
    if (tape_.slots[slot].layout == layout) return slot;
  }
  return std::nullopt;
}

Slot OperatorRecorder::slot_of(const at::Tensor& tensor) {
  if (const auto slot = find(tensor)) return *slot;
  const bool number = tensor.unsafeGetTensorImpl()->is_wrapped_number();
  if (tensor.has_storage() && by_storage_.count(tensor.storage().unsafeGetStorageImpl()) > 0) {
    refuse("the step has a view of a tensor that no operator made");
  } else if (tensor.requires_grad()) {
    refuse("the step has a parameter that is in no network and no optimizer");
  } else if (!number && !foreign_) {
    refuse("the step has a tensor that is neither the network's nor the batch's");
  }
  return add_outside(tensor);
}

Slot OperatorRecorder::add_outside(const at::Tensor& tensor) {
  tape_.outside.push_back(tensor);
  return add(tensor, true);
}

Instruction OperatorRecorder::read(const c10::OperatorHandle& op, c10::DispatchKeySet keys,
                                   const torch::jit::Stack& stack) {
  Instruction instruction{op, keys, {}, {}, {}, {}, {}, {}, false, backward_};
  const auto& schema = op.schema();
  const auto count = schema.arguments().size();
  const auto base = stack.size() - count;
  bool shows = false;
  for (std::size_t i = 0; i < count; ++i) {
    const IValue& value = stack[base + i];
    const auto use = [&](const at::Tensor& tensor, std::optional<std::size_t> element) {
      instruction.uses.push_back({i, element, slot_of(tensor), false});
    };
    if (value.isTensor() && value.toTensor().defined()) {
      use(value.toTensor(), std::nullopt);
      instruction.arguments.emplace_back();
    } else if (value.isTensorList()) {
      c10::List<at::Tensor> empty;
      for (const at::Tensor& tensor : value.toTensorVector()) {
        if (tensor.defined()) use(tensor, empty.size());
        empty.push_back({});
      }
      instruction.lists.push_back(i);
      instruction.arguments.emplace_back(std::move(empty));
    } else if (optional_tensors(value)) {
      auto empty = value.toList().copy();
      for (std::size_t k = 0; k < empty.size(); ++k) {
        const IValue element = empty.get(k);
        if (!element.isTensor() || !element.toTensor().defined()) continue;
        use(element.toTensor(), k);
        empty.set(k, IValue());
      }
      instruction.lists.push_back(i);
      instruction.arguments.emplace_back(std::move(empty));
    } else {
      if (value.isGenerator()) refuse("the step draws from a generator of its own");
      instruction.arguments.push_back(value);
    }
    const auto* alias = schema.arguments()[i].alias_info();
    if (alias == nullptr) continue;
    if (!alias->isWrite()) {
      shows = true;
    } else {
      for (const auto& written : instruction.uses) {
        if (written.argument == i) instruction.writes.push_back(written.slot);
      }
    }
  }
  instruction.view = shows && instruction.writes.empty() && !schema.returns().empty();
  return instruction;
}

void OperatorRecorder::check_arguments(const Instruction& instruction) {
  const auto name = name_of(instruction.op);
  for (const auto slot : instruction.writes) {
    const auto& info = tape_.slots[slot];
    if (info.batch) refuse("the step writes into its batch: " + name);
    if (tape_.fixed[slot] && written_.insert(slot).second) tape_.written.push_back(tape_.tensors[slot]);
    if (info.layout) unwritten_.erase(info.layout->storage);
  }
  if (!instruction.view && !allocates(instruction.op)) {
    for (const auto& use : instruction.uses) {
      const auto& layout = tape_.slots[use.slot].layout;
      if (layout && unwritten_.count(layout->storage) > 0)
        refuse("the step reads memory that the host filled: " + name);
    }
  }
  if (depends_on_values(instruction.op)) refuse("what the step does depends on values: " + name);
}

void OperatorRecorder::call(const c10::OperatorHandle& op, c10::DispatchKeySet keys, torch::jit::Stack* stack) {
  auto instruction = read(op, keys, *stack);
  const auto& uses = instruction.uses;
  if (name_of(op) == "aten::equal" && uses.size() == 2 && uses[0].slot == uses[1].slot) {
    op.redispatchBoxed(keys, stack);  // answers without a look: multi-head attention asks whether key and value are one
    return;
  }
  check_arguments(instruction);
  if (op.hasTag(at::Tag::nondeterministic_seeded)) tape_.draws = true;
  std::vector<at::Tensor> written;
  for (const auto& use : uses) {
    if (!writes(instruction, use.slot) || use.element) continue;
    written.push_back((*stack)[stack->size() - op.schema().arguments().size() + use.argument].toTensor());
  }

  op.redispatchBoxed(keys, stack);

  for (const auto& tensor : written) note_shape(op, tensor);
  if (note_results(instruction, *stack)) tape_.code.push_back(std::move(instruction));
}

void OperatorRecorder::note_shape(const c10::OperatorHandle& op, const at::Tensor& tensor) {
  const auto slot = by_tensor_.at(tensor.unsafeGetTensorImpl());
  auto& info = tape_.slots[slot];
  if (!info.layout || *info.layout == Layout(tensor)) return;
  if (tape_.fixed[slot] || info.shared) {
    refuse("the step changes the shape of a tensor in place that others have, too: " + name_of(op));
  }
  info.layout.emplace(tensor);
  info.reshaped = true;
}

bool OperatorRecorder::note_results(Instruction& instruction, const torch::jit::Stack& stack) {
  const auto count = instruction.op.schema().returns().size();
  bool anything = !instruction.view;
  for (std::size_t i = 0; i < count; ++i) {
    const IValue& value = stack[stack.size() - count + i];
    if (value.isTensor()) {
      if (value.toTensor().defined() && note_result(instruction, i, value.toTensor())) anything = true;
    } else if (value.isTensorList()) {
      const auto list = value.toTensorVector();
      anything = true;
      if (list.empty()) continue;
      instruction.results.push_back({i, tape_.tensors.size(), true});
      for (const auto& tensor : list) add(tensor, false);
    } else if (!value.isNone()) {
      refuse("an operator returns a number to the host: " + name_of(instruction.op));
    }
  }
  return anything;
}

bool OperatorRecorder::note_result(Instruction& instruction, std::size_t index, const at::Tensor& tensor) {
  if (by_tensor_.count(tensor.unsafeGetTensorImpl()) > 0) return false;  // written in place
  if (instruction.view) {
    if (const auto same = find(tensor)) {
      note(tensor, *same);
      tape_.slots[*same].shared = true;
      return false;
    }
  }
  if (allocates(instruction.op) && tensor.has_storage()) {
    unwritten_.insert(tensor.storage().unsafeGetStorageImpl());
  }
  instruction.results.push_back({index, add(tensor, false), false});
  return true;
}

void OperatorRecorder::loss(const at::Tensor& loss, const at::Tensor& seed) {
  if (const auto slot = find(loss)) {
    tape_.loss = *slot;
  } else {
    refuse("the loss is no result of the operators that ran");
  }
  add_outside(seed);
  backward_ = true;
}

std::optional<Tape> OperatorRecorder::tape(const std::vector<at::Tensor>& parameters) {
  stop();
  if (missed_ != missed_calls) refuse("operators ran on other threads");
  std::unordered_set<const c10::TensorImpl*> done;
  std::unordered_set<Slot> taken;
  for (const auto& parameter : parameters) {
    const auto& gradient = parameter.grad();
    if (!gradient.defined() || !done.insert(parameter.unsafeGetTensorImpl()).second) continue;
    if (gradient.layout() != at::kStrided) {
      refuse("a gradient is sparse");
      continue;
    }
    const auto slot = find(gradient);
    if (!slot || !taken.insert(*slot).second) {
      refuse("a gradient is no result of its own of the operators that ran");
      continue;
    }
    tape_.gradients.emplace_back(parameter, *slot);
  }
  if (!reason_.empty()) return std::nullopt;
  const at::AutoDispatchBelowADInplaceOrView below;
  drop_unread_views(tape_);
  fix_memory(tape_);
  mark_last_uses(tape_);
  for (const auto slot : tape_.batch) tape_.tensors[slot].reset();
  return std::move(tape_);
}

}  // namespace lrfinder
