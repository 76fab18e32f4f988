#include "cuda_step_graph.h"

#include <ATen/Context.h>
#include <c10/core/StreamGuard.h>
#include <c10/cuda/CUDAFunctions.h>
#include <c10/util/Exception.h>

#include <exception>
#include <string>

namespace lrfinder {
namespace {

/// While it lives libtorch warns of each wait, and this counts the warnings; others go on to who had them before.
class WaitCounter final : public c10::WarningHandler {
 public:
  WaitCounter() {
    c10::WarningUtils::set_warnAlways(true);
    c10::cuda::warning_state().set_sync_debug_mode(c10::cuda::SyncDebugMode::L_WARN);
  }
  ~WaitCounter() override {
    c10::cuda::warning_state().set_sync_debug_mode(mode_);
    c10::WarningUtils::set_warnAlways(always_);
  }
  WaitCounter(const WaitCounter&) = delete;
  WaitCounter& operator=(const WaitCounter&) = delete;

  void process(const c10::Warning& warning) override {
    if (warning.msg().find("synchronizing CUDA operation") != std::string::npos) {
      ++count_;
    } else {
      previous_->process(warning);
    }
  }

  int count() const { return count_; }

 private:
  c10::WarningHandler* previous_ = c10::WarningUtils::get_warning_handler();
  c10::cuda::SyncDebugMode mode_ = c10::cuda::warning_state().get_sync_debug_mode();
  bool always_ = c10::WarningUtils::get_warnAlways();
  int count_ = 0;
  c10::WarningUtils::WarningHandlerGuard guard_{this};
};

/// Lets `then` go on when `first` has done what it has now.
void join(const c10::Stream& first, const c10::Stream& then, c10::Event* event) {
  if (first == then) return;
  event->record(first);
  event->block(then);
}

}  // namespace

CudaStepGraph::CudaStepGraph(c10::DeviceIndex device)
    : stream_(c10::cuda::getStreamFromPool(/*isHighPriority=*/false, device)),
      before_(c10::DeviceType::CUDA),
      after_(c10::DeviceType::CUDA) {}

void CudaStepGraph::on_stream(const Work& work) {
  const c10::Stream caller = c10::cuda::getCurrentCUDAStream(stream_.device_index()).unwrap();
  const c10::Stream own = stream_.unwrap();
  join(caller, own, &before_);
  try {
    const c10::StreamGuard guard(own);
    work();
  } catch (...) {  // what it queued before is still on its way
    join(own, caller, &after_);
    throw;
  }
  join(own, caller, &after_);
}

int CudaStepGraph::waits_in(const Work& work) {
  const WaitCounter counter;
  on_stream(work);
  return counter.count();
}

void CudaStepGraph::record_part(const Work& part) {
  // Later ones use the first one's memory: what that made is there when they begin.
  const auto pool = graphs_.empty() ? at::cuda::MempoolId_t{0, 0} : graphs_.front().pool();
  auto& graph = graphs_.emplace_back();
  // Releases of libtorch differ in whether they do it themselves.
  graph.register_generator_state(at::globalContext().defaultGenerator(stream_.unwrap().device()));
  // Of this thread alone: what other threads of the program do on the device does not break it.
  graph.capture_begin(pool, cudaStreamCaptureModeThreadLocal);
  try {
    part();
  } catch (...) {
    try {
      graph.capture_end();             // or the stream would go on recording
    } catch (const std::exception&) {  // that it is incomplete
    }
    throw;
  }
  graph.capture_end();
}

std::string CudaStepGraph::record(const std::vector<Work>& parts) {
  std::string reason;
  try {
    const c10::Stream own = stream_.unwrap();
    own.synchronize();
    const c10::StreamGuard guard(own);
    for (const auto& part : parts) record_part(part);
    return "";
  } catch (const c10::Error& error) {
    reason = error.what_without_backtrace();
  } catch (const std::exception& error) {
    reason = error.what();
  }
  graphs_.clear();
  return reason.empty() ? "libtorch gives no reason" : reason;
}

}  // namespace lrfinder
