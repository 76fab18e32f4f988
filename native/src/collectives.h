#pragma once

#include <ATen/core/Tensor.h>
#include <c10/util/intrusive_ptr.h>

#include <cstdint>
#include <string>
#include <torch/csrc/distributed/c10d/Backend.hpp>
#include <vector>

namespace lrfinder {

/// All-reduces among processes, in each of which one can say that it gives up. Throws Error of kind kPeer when another
/// did, or when the group failed.
class Collectives {
 public:
  /// Where a process is when it exchanges two numbers.
  enum class Point : std::int32_t { kAgreement = 1, kValidation = 2, kEnd = 3, kQuestion = 4, kFailure = 5 };

  /// What a process gives.
  struct Numbers {
    double first = 0;
    double second = 0;
  };

  /// While one lives, a process gives up as it says: in the all-reduce that the others wait in.
  class Step {
   public:
    explicit Step(Collectives& collectives) : collectives_(collectives), outer_(collectives.step_) {
      collectives.step_ = this;
    }
    virtual ~Step() { collectives_.step_ = outer_; }
    Step(const Step&) = delete;
    Step& operator=(const Step&) = delete;

    /// Whether the others' next all-reduce is one of this step's.
    virtual bool is_next() const = 0;
    /// Takes part in it with the flag that this process failed.
    virtual void give_up() = 0;

   private:
    Collectives& collectives_;
    Step* outer_;
  };

  explicit Collectives(c10d::Backend* backend);

  int rank() const { return rank_; }
  int size() const { return size_; }

  /// What each process gave, by rank.
  std::vector<Numbers> exchange(Point point, const Numbers& own);
  /// Adds up each of `tensors`, in place; all are on their way at once.
  void all_reduce(const std::vector<at::Tensor>& tensors);
  /// Makes `tensors`, which are alike everywhere, those of rank 0.
  void broadcast(const std::vector<at::Tensor>& tensors);

  /// Refuses what is not the same in each process, naming the first line that differs. Lines: "what=value".
  void require_alike(const std::string& lines);

  void fail(const std::string& reason) noexcept;
  /// To be called by all, when one of them failed: says which, and why.
  [[noreturn]] void report_failures();

 private:
  std::vector<std::string> gather(const std::string& text, std::int64_t width);
  template <typename Call>
  void guarded(const Call& call);

  c10::intrusive_ptr<c10d::Backend> backend_;
  int rank_;
  int size_;
  at::Device device_;  // of what is not the model's
  Step* step_ = nullptr;
  std::string reason_;  // why this process gives up
  bool broken_ = false;
};

}  // namespace lrfinder
