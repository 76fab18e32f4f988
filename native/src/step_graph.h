#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

namespace lrfinder {

/// What a device does in a step, recorded once and then started as a whole: a CUDA graph, or some that follow each
/// other and of which later ones read what earlier ones made. They have a stream of their own, on which a step has to
/// run a few times before it is recorded, so that what libraries and autograd set up for a stream is there.
class StepGraph {
 public:
  using Work = std::function<void()>;

  virtual ~StepGraph() = default;
  StepGraph(const StepGraph&) = delete;
  StepGraph& operator=(const StepGraph&) = delete;

  /// Runs `work` with the graphs' stream as the current one: after what was queued on the caller's stream, and before
  /// what the caller queues there next.
  virtual void on_stream(const Work& work) = 0;
  /// The same, and returns how often the host waited for the device meanwhile: work that waits cannot be recorded.
  virtual int waits_in(const Work& work) = 0;
  /// Calls each of `parts` to record what it queues, none of which is run. Returns an empty text, or why they cannot be
  /// recorded; then this object is of no more use.
  virtual std::string record(const std::vector<Work>& parts) = 0;
  /// Starts what a part recorded; within `on_stream`.
  virtual void replay(std::size_t part) = 0;

 protected:
  StepGraph() = default;
};

}  // namespace lrfinder
