#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <c10/core/impl/LocalDispatchKeySet.h>

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "tape.h"

namespace lrfinder {

/// Records the operators that one thread calls, where autograd is done with them and the backends have yet to compute:
/// what a step does, decomposed, forwards and backwards, and no autograd in it.
///
/// It holds nothing that it sees: what autograd decides by counting references it decides as ever.
class OperatorRecorder {
 public:
  /// Makes the dispatcher ask the recorders of this library. Once for the process; some milliseconds, and no cost for
  /// threads that do not record. False if something else holds that place, such as a second copy of this library.
  static bool install();

  /// Begins with the tensors that a step comes by without an operator. `foreign` allows others: they are then taken to
  /// be the same ones in every step.
  OperatorRecorder(at::TensorList batch, const std::vector<at::Tensor>& state, bool foreign);
  ~OperatorRecorder();
  OperatorRecorder(const OperatorRecorder&) = delete;
  OperatorRecorder& operator=(const OperatorRecorder&) = delete;

  /// Records what this thread calls, until `stop`.
  void start();
  void stop();

  /// Ends the forward half.
  void loss(const at::Tensor& loss, const at::Tensor& seed);

  /// Ends the recording, with the parameters whose gradients the step has made. None if it cannot be repeated, for
  /// `reason()`.
  std::optional<Tape> tape(const std::vector<at::Tensor>& parameters);

  const std::string& reason() const { return reason_; }

 private:
  static void called(const c10::OperatorHandle& op, c10::DispatchKeySet keys, torch::jit::Stack* stack);

  void call(const c10::OperatorHandle& op, c10::DispatchKeySet keys, torch::jit::Stack* stack);
  Instruction read(const c10::OperatorHandle& op, c10::DispatchKeySet keys, const torch::jit::Stack& stack);
  void check_arguments(const Instruction& instruction);
  void note_shape(const c10::OperatorHandle& op, const at::Tensor& written);
  /// Whether the instruction made something that was not there.
  bool note_results(Instruction& instruction, const torch::jit::Stack& stack);
  bool note_result(Instruction& instruction, std::size_t index, const at::Tensor& tensor);

  Slot add(const at::Tensor& tensor, bool fixed);
  Slot add_outside(const at::Tensor& tensor);
  void note(const at::Tensor& tensor, Slot slot);
  std::optional<Slot> find(const at::Tensor& tensor) const;
  Slot slot_of(const at::Tensor& tensor);
  void refuse(const std::string& reason);

  Tape tape_;
  bool foreign_;
  bool backward_ = false;
  std::string reason_;
  std::unordered_map<const c10::TensorImpl*, Slot> by_tensor_;
  std::unordered_map<const c10::StorageImpl*, std::vector<Slot>> by_storage_;
  // Weak: they keep addresses from being given out again, and nothing alive.
  std::vector<c10::weak_intrusive_ptr<c10::TensorImpl, c10::UndefinedTensorImpl>> seen_tensors_;
  std::vector<c10::weak_intrusive_ptr<c10::StorageImpl>> seen_storages_;
  std::unordered_set<Slot> written_;                       // from outside
  std::unordered_set<const c10::StorageImpl*> unwritten_;  // memory that no operator has filled
  std::optional<c10::impl::IncludeDispatchKeyGuard> included_;
  OperatorRecorder* outer_ = nullptr;
  std::uint64_t missed_;
};

}  // namespace lrfinder
