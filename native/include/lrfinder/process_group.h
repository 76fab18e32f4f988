#pragma once

#include <cstdint>
#include <memory>
#include <string>

namespace c10d {
class Backend;
}

namespace lrfinder {

class Collectives;

/// Why a process ends a sweep, or an epoch of a training, after the step that it says so with. Of several the last in
/// this order counts.
enum class Ending : std::int32_t { kNone, kDataExhausted, kTimeLimit, kCancelled };

/// Processes that sweep or train together, each with its own share of every batch: a share in one of c10d's process
/// groups, which lives as long as one of these does.
///
/// All processes have to make the same sweeps and trainings, and the same calls of each, in the same order, on one
/// thread at a time. One that cannot go on calls `fail`: the others, who wait for it or soon will, throw
/// ErrorKind::kPeer then. Where the group itself failed, since a process died or did not answer in the group's
/// timeout, all that are left throw that too, and the group is of no more use.
class ProcessGroup {
 public:
  explicit ProcessGroup(c10d::Backend* backend);

  int rank() const;
  int size() const;

  /// Waits until all have come here.
  void meet();
  /// Waits likewise; whether any of them says yes.
  bool any(bool yes);
  /// Tells the others why this process gives up, in whichever collective comes next. Never throws; where the group
  /// failed it does nothing.
  void fail(const std::string& reason) noexcept;

  const std::shared_ptr<Collectives>& collectives() const { return collectives_; }

 private:
  std::shared_ptr<Collectives> collectives_;
};

}  // namespace lrfinder
