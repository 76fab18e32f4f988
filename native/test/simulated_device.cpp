#include "simulated_device.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/EmptyTensor.h>
#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/core/Tensor.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/detail/PrivateUse1HooksInterface.h>
#include <ATen/ops/_local_scalar_dense.h>
#include <ATen/ops/empty_like.h>
#include <c10/core/Allocator.h>
#include <c10/core/GradMode.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>
#include <sys/mman.h>
#include <torch/library.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

namespace lrfinder::test::simulated {
namespace {

constexpr auto kType = c10::DeviceType::PrivateUse1;
const at::Device kDevice(kType, 0);

std::recursive_mutex mutex;  // an operator makes tensors, and lets go of some
using Lock = std::lock_guard<std::recursive_mutex>;

Counts totals;

/// Memory that tensors show at one address and kernels write at another. Blocks are of powers of two, and trivial to
/// destroy: tensors may outlive what is static.
class Arena final : public c10::Allocator {
 public:
  /// `access` is what the host has to the addresses that tensors show.
  Arena(at::Device device, int access) : device_(device) {
    const int file = memfd_create("simulated device", 0);
    TORCH_CHECK(file >= 0 && ftruncate(file, kMemory) == 0, "there is no memory for a simulated device");
    const auto map = [&](int protection) {
      void* address = mmap(nullptr, kMemory, protection, MAP_SHARED | MAP_NORESERVE, file, 0);
      TORCH_CHECK(address != MAP_FAILED, "there are no addresses for a simulated device");
      return static_cast<char*>(address);
    };
    kernels_ = map(PROT_READ | PROT_WRITE);
    shown_ = access == (PROT_READ | PROT_WRITE) ? kernels_ : map(access);
    close(file);
  }

  c10::DataPtr allocate(std::size_t bytes) override {
    if (bytes == 0) return {nullptr, device_};
    const Lock lock(mutex);
    TORCH_CHECK_WITH(OutOfMemoryError, in_use_ + bytes <= limit_, "the simulated device is out of memory: of ", limit_,
                     " bytes ", in_use_, " are in use, and ", bytes, " were asked for");
    std::size_t power = 0;
    while ((kUnit << power) < bytes + kUnit) ++power;
    std::size_t offset = free_[power];
    if (offset != 0) {
      free_[power] = header(offset).next;
    } else {
      offset = end_;
      end_ += kUnit << power;
      TORCH_CHECK(end_ <= kMemory, "a simulated device is full, although it has room: its blocks are of other sizes");
    }
    header(offset) = {power, bytes, 0};
    in_use_ += bytes;
    std::memset(kernels_ + offset + kUnit, 0xff, bytes);  // NaN
    char* const data = shown_ + offset + kUnit;
    return {data, data, &release_any, device_};
  }

  c10::DeleterFnPtr raw_deleter() const override { return &release_any; }
  void copy_data(void* to, const void* from, std::size_t bytes) const override {
    std::memcpy(for_kernels(to), for_kernels(from), bytes);
  }

  bool contains(const void* data) const { return data >= shown_ && data < shown_ + kMemory; }
  void* for_kernels(const void* shown) const { return kernels_ + (static_cast<const char*>(shown) - shown_); }

  void set_limit(std::size_t bytes) { limit_ = bytes; }
  std::size_t in_use() const { return in_use_; }

 private:
  /// Before each block; `next` is the next free one of the same size, 0 if there is none.
  struct Header {
    std::size_t power;
    std::size_t bytes;
    std::size_t next;
  };
  static constexpr std::size_t kUnit = 64;  // libtorch's own alignment
  static_assert(sizeof(Header) <= kUnit);

  static void release_any(void* data);

  Header& header(std::size_t offset) { return *reinterpret_cast<Header*>(kernels_ + offset); }

  void release(void* data) {
    const Lock lock(mutex);
    const auto offset = static_cast<std::size_t>(static_cast<char*>(data) - shown_) - kUnit;
    Header& freed = header(offset);
    in_use_ -= freed.bytes;
    freed.next = std::exchange(free_[freed.power], offset);
  }

  at::Device device_;
  char* shown_ = nullptr;    // for as long as the process
  char* kernels_ = nullptr;  // the same
  std::size_t end_ = kUnit;
  std::size_t in_use_ = 0;
  std::size_t limit_ = kMemory;
  std::array<std::size_t, 64> free_{};
};

Arena& memory() {
  static Arena arena(kDevice, PROT_NONE);
  return arena;
}

Arena& pinned_memory() {
  static Arena arena(at::kCPU, PROT_READ | PROT_WRITE);
  return arena;
}

void Arena::release_any(void* data) { (memory().contains(data) ? memory() : pinned_memory()).release(data); }

/// The order of operators, and what of them the host has seen.
class Timeline {
 public:
  void advance() { ++now_; }

  /// An event: the time when it was recorded.
  std::int64_t record() { return now_++; }
  bool passed(std::int64_t event) {
    if (event > waited_for_ && event + latency_ > now_) return false;
    land(event);
    return true;
  }
  void wait(std::int64_t event) {
    if (!passed(event)) ++totals.waits;
    waited_for_ = std::max(waited_for_, event);
    land(event);
  }
  void wait() { wait(now_); }

  void copy_late(at::Tensor to, at::Tensor value) { late_.push_back({now_, std::move(to), std::move(value)}); }

  void set_latency(std::int64_t operators) { latency_ = operators; }

 private:
  struct Copy {
    std::int64_t begun;
    at::Tensor to;
    at::Tensor value;
  };

  void land(std::int64_t event) {
    for (; !late_.empty() && late_.front().begun <= event; late_.pop_front()) {
      late_.front().to.copy_(late_.front().value);
    }
  }

  std::int64_t now_ = 1;
  std::int64_t waited_for_ = 0;
  std::int64_t latency_ = kLatency;
  std::deque<Copy> late_;
};

Timeline timeline;

void count_read(const std::string& by) {
  ++totals.reads;
  totals.last_read = by;
  timeline.wait();
}

/// Events are times, which their handles hold.
class Guard final : public c10::impl::DeviceGuardImplInterface {
 public:
  c10::DeviceType type() const override { return kType; }
  at::Device exchangeDevice(at::Device) const override { return kDevice; }
  at::Device getDevice() const override { return kDevice; }
  void setDevice(at::Device) const override {}
  void uncheckedSetDevice(at::Device) const noexcept override {}
  c10::Stream getStream(at::Device) const override { return c10::Stream(c10::Stream::DEFAULT, kDevice); }
  c10::Stream getDefaultStream(at::Device device) const override { return getStream(device); }
  c10::Stream exchangeStream(c10::Stream stream) const override { return stream; }
  c10::DeviceIndex deviceCount() const noexcept override { return 1; }

  void record(void** event, const c10::Stream&, c10::DeviceIndex, c10::EventFlag) const override {
    const Lock lock(mutex);
    *event = reinterpret_cast<void*>(static_cast<std::intptr_t>(timeline.record()));
  }
  void block(void*, const c10::Stream&) const override {}  // one stream is always in order
  bool queryEvent(void* event) const override {
    const Lock lock(mutex);
    return timeline.passed(time_of(event));
  }
  void synchronizeEvent(void* event) const override {
    const Lock lock(mutex);
    timeline.wait(time_of(event));
  }
  void destroyEvent(void*, c10::DeviceIndex) const noexcept override {}
  void synchronizeStream(const c10::Stream&) const override { synchronizeDevice(0); }
  void synchronizeDevice(c10::DeviceIndex) const override {
    const Lock lock(mutex);
    timeline.wait();
  }

 private:
  static std::int64_t time_of(void* event) { return reinterpret_cast<std::intptr_t>(event); }
};

class Hooks final : public at::PrivateUse1HooksInterface {
 public:
  bool isBuilt() const override { return true; }
  bool isAvailable() const override { return true; }
  bool hasPrimaryContext(c10::DeviceIndex) const override { return true; }
  c10::DeviceIndex deviceCount() const override { return 1; }
  c10::DeviceIndex getCurrentDevice() const override { return 0; }
  void setCurrentDevice(c10::DeviceIndex) const override {}
  c10::DeviceIndex exchangeDevice(c10::DeviceIndex) const override { return 0; }
  c10::DeviceIndex maybeExchangeDevice(c10::DeviceIndex) const override { return 0; }
  at::Device getDeviceFromPtr(void*) const override { return kDevice; }
  bool isPinnedPtr(const void* data) const override { return pinned_memory().contains(data); }
  at::Allocator* getPinnedMemoryAllocator() const override { return &pinned_memory(); }
  const at::Generator& getDefaultGenerator(c10::DeviceIndex) const override {
    // The CPU's kernels take the CPU's generators.
    static const auto generator = at::make_generator<at::CPUGeneratorImpl>(c10::default_rng_seed_val);
    return generator;
  }
};

/// The tensors of one call twice over the same memory: as the caller has them, on the device, and as kernels have them.
class Aliases {
 public:
  at::Tensor for_kernel(const at::Tensor& outer) {
    if (!outer.defined() || !outer.is_privateuseone()) return outer;
    for (const auto& [known, inner] : pairs_) {
      if (known.is_same(outer)) return inner;
    }
    auto& storage = storages_[outer.storage().unsafeGetStorageImpl()];
    if (storage == nullptr) storage = alias_of(outer.storage());
    auto inner = tensor_like(outer, c10::Storage(storage), c10::DispatchKey::CPU);
    if (outer.unsafeGetTensorImpl()->is_wrapped_number()) inner.unsafeGetTensorImpl()->set_wrapped_number(true);
    pairs_.emplace_back(outer, inner);
    return inner;
  }

  /// What a kernel returned: one of its arguments, a view of one, or something new, which moves to the device.
  at::Tensor for_caller(const at::Tensor& inner) {
    if (!inner.defined()) return inner;
    for (const auto& [outer, known] : pairs_) {
      if (known.is_same(inner)) return outer;
    }
    for (const auto& [storage, alias] : storages_) {
      if (alias.get() != inner.storage().unsafeGetStorageImpl()) continue;
      return tensor_like(inner, c10::Storage(c10::intrusive_ptr<c10::StorageImpl>::reclaim_copy(storage)), kKey);
    }
    const auto bytes = inner.storage().nbytes();
    return tensor_like(
        inner,
        c10::Storage(c10::Storage::use_byte_size_t(), bytes, moved(inner.storage()), &memory(), /*resizable=*/true),
        kKey);
  }

  /// Takes over what the kernel made of the shapes of its arguments.
  void resize_outer() {
    for (const auto& [outer, inner] : pairs_) {
      auto* const storage = outer.storage().unsafeGetStorageImpl();
      if (storage->nbytes() != inner.storage().nbytes()) {
        storage->set_data_ptr_noswap(moved(inner.storage()));
        storage->set_nbytes(inner.storage().nbytes());
      }
      if (outer.sizes() != inner.sizes() || outer.strides() != inner.strides()) {
        outer.unsafeGetTensorImpl()->set_sizes_and_strides(inner.sizes(), inner.strides(), inner.storage_offset());
      }
    }
  }

 private:
  static constexpr auto kKey = c10::DispatchKey::PrivateUse1;

  static at::Tensor tensor_like(const at::Tensor& model, c10::Storage storage, c10::DispatchKey key) {
    auto made = at::detail::make_tensor<c10::TensorImpl>(std::move(storage), c10::DispatchKeySet(key), model.dtype());
    made.unsafeGetTensorImpl()->set_sizes_and_strides(model.sizes(), model.strides(), model.storage_offset());
    made._set_neg(model.is_neg());
    made._set_conj(model.is_conj());
    return made;
  }

  static c10::intrusive_ptr<c10::StorageImpl> alias_of(const c10::Storage& storage) {
    void* const data = storage.nbytes() == 0 ? nullptr : memory().for_kernels(storage.data());
    auto owner = std::make_unique<c10::Storage>(storage);
    const auto release = [](void* held) { std::unique_ptr<c10::Storage>(static_cast<c10::Storage*>(held)); };
    return c10::make_intrusive<c10::StorageImpl>(c10::StorageImpl::use_byte_size_t(), storage.nbytes(),
                                                 c10::DataPtr(data, owner.release(), release, at::kCPU),
                                                 c10::GetAllocator(at::kCPU), /*resizable=*/true);
  }

  static c10::DataPtr moved(const c10::Storage& storage) {
    auto data = memory().allocate(storage.nbytes());
    if (storage.nbytes() > 0) std::memcpy(memory().for_kernels(data.get()), storage.data(), storage.nbytes());
    return data;
  }

  std::vector<std::pair<at::Tensor, at::Tensor>> pairs_;
  std::unordered_map<c10::StorageImpl*, c10::intrusive_ptr<c10::StorageImpl>> storages_;
};

/// As on CUDA, where fused optimizers read their numbers on the device too.
void check_device(const c10::OperatorHandle& op, const at::Tensor& argument) {
  if (!argument.defined() || argument.is_privateuseone()) return;
  const bool fused = op.schema().name().rfind("aten::_fused_", 0) == 0;
  TORCH_CHECK(argument.dim() == 0 && !fused, op.schema().name(), " was called on ", kDevice, " with a tensor on ",
              argument.device());
}

/// Calls `convert` with each tensor of `value` and puts what it returns in its place; false if it has none.
template <typename Convert>
bool convert_tensors(c10::IValue& value, const Convert& convert) {
  if (value.isTensor()) {
    value = convert(value.toTensor());
  } else if (value.isTensorList()) {
    c10::List<at::Tensor> list;
    for (const at::Tensor& tensor : value.toTensorVector()) list.push_back(convert(tensor));
    value = std::move(list);
  } else if (value.isOptionalTensorList()) {
    c10::List<std::optional<at::Tensor>> list;
    for (const std::optional<at::Tensor>& tensor : value.toOptionalTensorVector()) {
      list.push_back(tensor ? std::make_optional(convert(*tensor)) : std::nullopt);
    }
    value = std::move(list);
  } else {
    return false;
  }
  return true;
}

bool is_view(const c10::FunctionSchema& schema) {
  if (schema.returns().empty()) return false;
  const auto* const alias = schema.returns().front().alias_info();
  return alias != nullptr && !alias->isWrite();
}

/// Any operator that the CPU has a kernel for.
void run_on_cpu(const c10::OperatorHandle& op, torch::jit::Stack* stack) {
  const Lock lock(mutex);
  const at::AutoDispatchBelowADInplaceOrView below_autograd;
  const auto& schema = op.schema();
  Aliases aliases;
  bool drawn = false;
  const size_t first_argument = stack->size() - schema.arguments().size();
  for (size_t i = 0; i < schema.arguments().size(); ++i) {
    c10::IValue& value = (*stack)[first_argument + i];
    TORCH_CHECK(!value.isStorage(), schema.name(), " is not simulated: it takes a storage");
    const auto for_kernel = [&](const at::Tensor& tensor) {
      check_device(op, tensor);
      return aliases.for_kernel(tensor);
    };
    if (convert_tensors(value, for_kernel)) continue;
    if (value.isDevice()) value = at::Device(at::kCPU);
    if (schema.arguments()[i].name() != "generator") continue;
    drawn = true;
    if (value.isNone()) value = at::detail::getPrivateUse1Hooks().getDefaultGenerator(0);
  }
  TORCH_CHECK(drawn || !op.hasTag(at::Tag::nondeterministic_seeded), schema.name(),
              " is not simulated: it draws from the CPU's generator");
  op.redispatchBoxed(c10::DispatchKeySet(c10::DispatchKey::CPU), stack);
  aliases.resize_outer();
  timeline.advance();
  bool read = op.hasTag(at::Tag::dynamic_output_shape) || op.hasTag(at::Tag::data_dependent_output);
  const size_t first_result = stack->size() - schema.returns().size();
  for (size_t i = first_result; i < stack->size(); ++i) {
    read = !convert_tensors((*stack)[i], [&](const at::Tensor& tensor) { return aliases.for_caller(tensor); }) || read;
  }
  if (read) {
    count_read(schema.name());
  } else if (!is_view(schema)) {
    ++totals.operators;
  }
}

at::Tensor empty(at::IntArrayRef sizes, std::optional<at::ScalarType> dtype, std::optional<at::Layout>,
                 std::optional<at::Device>, std::optional<bool>, std::optional<at::MemoryFormat> format) {
  return at::detail::empty_generic(sizes, &memory(), c10::DispatchKeySet(c10::DispatchKey::PrivateUse1),
                                   c10::dtype_or_default(dtype), format);
}

at::Tensor empty_strided(at::IntArrayRef sizes, at::IntArrayRef strides, std::optional<at::ScalarType> dtype,
                         std::optional<at::Layout>, std::optional<at::Device>, std::optional<bool>) {
  return at::detail::empty_strided_generic(
      sizes, strides, &memory(), c10::DispatchKeySet(c10::DispatchKey::PrivateUse1), c10::dtype_or_default(dtype));
}

/// Whether a copy to the host need not block.
bool may_be_late(const at::Tensor& from, const at::Tensor& to) {
  return pinned_memory().contains(to.const_data_ptr()) && from.dtype() == to.dtype() && from.sizes() == to.sizes() &&
         from.is_contiguous() && to.is_contiguous();
}

/// Every copy that begins or ends here.
at::Tensor copy_from(const at::Tensor& from, const at::Tensor& to, bool non_blocking) {
  const Lock lock(mutex);
  const at::AutoDispatchBelowADInplaceOrView below_autograd;
  Aliases aliases;
  const auto value = aliases.for_kernel(from);
  timeline.advance();
  if (to.is_cpu() && non_blocking && may_be_late(from, to)) {
    ++totals.late_reads;
    timeline.copy_late(to.detach(), value.clone());
    return to;
  }
  if (to.is_cpu()) {
    count_read("a copy to the host");
  } else if (from.is_cpu() && !from.unsafeGetTensorImpl()->is_wrapped_number()) {
    ++totals.uploads;
  } else {
    ++totals.operators;
  }
  aliases.for_kernel(to).copy_(value);
  return to;
}

at::Tensor copy_from_and_resize(const at::Tensor& from, const at::Tensor& to) {
  to.resize_(from.sizes());
  return copy_from(from, to, /*non_blocking=*/false);
}

at::Scalar item(const at::Tensor& number) {
  const Lock lock(mutex);
  const at::AutoDispatchBelowADInplaceOrView below_autograd;
  count_read("aten::_local_scalar_dense");
  return at::_local_scalar_dense(Aliases().for_kernel(number));
}

/// As torch::load does it.
at::Tensor& set_storage(at::Tensor& tensor, at::Storage storage, std::int64_t offset, at::IntArrayRef sizes,
                        at::IntArrayRef strides) {
  tensor.unsafeGetTensorImpl()->set_storage_keep_dtype(std::move(storage));
  tensor.unsafeGetTensorImpl()->set_sizes_and_strides(sizes, strides, offset);
  return tensor;
}

/// Of the CPU's there is none that takes a generator. This one draws as its dropout does.
std::tuple<at::Tensor, at::Tensor> native_dropout(const at::Tensor& input, double p, std::optional<bool> train) {
  const double kept = train.value_or(true) ? 1 - p : 1;
  const auto noise = at::empty_like(input).bernoulli_(kept);
  return {input.mul(noise).mul_(kept == 0 ? 0 : 1 / kept), noise.to(at::kBool)};
}

/// Registers what is above.
class Backend {
 public:
  Backend() {
    c10::register_privateuse1_backend("simulated");
    c10::SetAllocator(kType, &memory());
    at::RegisterPrivateUse1HooksInterface(&hooks_);
    operators_.impl("empty.memory_format", empty);
    operators_.impl("empty_strided", empty_strided);
    operators_.impl("_copy_from", copy_from);
    // What is negated or conjugated lazily, copies resolve by themselves.
    negative_.impl("_copy_from", torch::CppFunction::makeFallthrough());
    conjugate_.impl("_copy_from", torch::CppFunction::makeFallthrough());
    operators_.impl("_copy_from_and_resize", copy_from_and_resize);
    operators_.impl("_local_scalar_dense", item);
    operators_.impl("native_dropout", native_dropout);
    operators_.impl("set_.source_Storage_storage_offset", set_storage);
    // By name and not as a fallback, which would come after composites: those round in other ways than the CPU's
    // kernels.
    auto& dispatcher = c10::Dispatcher::singleton();
    for (const auto& name : dispatcher.getAllOpNames()) {
      const auto op = dispatcher.findSchema(name);
      if (!op || name.name.rfind("aten::", 0) != 0 || op->hasKernelForDispatchKey(kKey)) continue;
      if (!op->hasKernelForDispatchKey(c10::DispatchKey::CPU) && !is_one_on_devices(name.name)) continue;
      operators_.impl(c10::toString(name).c_str(), torch::CppFunction::makeFromBoxedFunction<&run_on_cpu>());
    }
  }

 private:
  static constexpr auto kKey = c10::DispatchKey::PrivateUse1;

  /// Composites that are one operator on CUDA.
  static bool is_one_on_devices(const std::string& name) {
    return name.rfind("aten::_foreach_", 0) == 0 || name == "aten::convolution" || name == "aten::convolution_backward";
  }

  Hooks hooks_;
  Guard guard_;
  c10::impl::DeviceGuardImplRegistrar registrar_{kType, &guard_};
  torch::Library operators_{torch::Library::IMPL, "aten", kKey, __FILE__, __LINE__};
  torch::Library negative_{torch::Library::IMPL, "aten", c10::DispatchKey::Negative, __FILE__, __LINE__};
  torch::Library conjugate_{torch::Library::IMPL, "aten", c10::DispatchKey::Conjugate, __FILE__, __LINE__};
};

}  // namespace

Counts Counts::operator-(const Counts& before) const {
  Counts since = *this;
  since.reads -= before.reads;
  since.late_reads -= before.late_reads;
  since.uploads -= before.uploads;
  since.waits -= before.waits;
  since.operators -= before.operators;
  if (since.reads == 0) since.last_read.clear();
  return since;
}

void install() { static const Backend backend; }

at::Device device() { return kDevice; }

Counts counts() {
  const Lock lock(mutex);
  return totals;
}

void set_latency(std::int64_t operators) {
  const Lock lock(mutex);
  timeline.set_latency(operators);
}

void set_memory(std::size_t bytes) {
  const Lock lock(mutex);
  memory().set_limit(bytes);
}

std::size_t memory_in_use() {
  const Lock lock(mutex);
  return memory().in_use();
}

void move_here(torch::nn::Module& module) {
  const c10::NoGradGuard no_grad;
  const auto move = [](const at::Tensor& tensor) {
    tensor.unsafeGetTensorImpl()->shallow_copy_from(tensor.detach().to(kDevice).getIntrusivePtr());
  };
  for (const auto& parameter : module.parameters()) move(parameter);
  for (const auto& buffer : module.buffers()) move(buffer);
}

}  // namespace lrfinder::test::simulated
