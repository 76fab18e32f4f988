#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "collectives.h"
#include "lrfinder/process_group.h"

namespace lrfinder {

/// Makes the steps of several processes one: gradients and losses become their means over the rows of all.
///
/// What travels is one tensor for each type of the parameters, in pieces of at most 25 MB: the gradients, as the
/// parameters lie in memory, and behind them the loss, the rows, flags, and which parameters have a gradient at all.
/// After that decisions are the same everywhere, since sums are the same bits in each process.
class Averaging {
 public:
  /// What a step came to, everywhere.
  struct Step {
    double loss;  ///< not a number where there were no rows
    double rows;
    Ending ending;
  };

  /// Of those of `parameters` that take a gradient now.
  Averaging(std::shared_ptr<Collectives> collectives, const std::vector<at::Tensor>& parameters);

  /// `loss` is the mean over this process's rows, whose gradients the parameters have; without rows neither is looked
  /// at. They then have those of the mean, in memory that the next call writes.
  Step average(double loss, double rows, Ending ending);

  /// Takes part in an average with nothing but the flag that this process failed.
  [[noreturn]] void give_up();

 private:
  /// The parameters of one type.
  struct Flat {
    at::Tensor whole;
    at::Tensor gradients;  // without the tail
    at::Tensor rows;       // a number, as the gradients are multiplied by it
  };

  /// A parameter and its place.
  struct Place {
    at::Tensor parameter;
    std::size_t flat;
    at::Tensor gradient;
  };

  void say(double loss, double rows, bool failed, Ending ending);
  bool collect(const Place& place, double rows);
  void travel();

  std::shared_ptr<Collectives> collectives_;
  std::vector<Flat> flats_;
  std::vector<Place> places_;
  at::Tensor tail_;  // behind the gradients, or of its own where they are of several or of short types
  at::Tensor said_;  // the same, in double precision on the CPU
  std::vector<at::Tensor> travelling_;
};

/// Which average the processes come to next, if it is one: there a process that fails has to tell the others.
class NextAverage final : public Collectives::Step {
 public:
  using Step::Step;

  /// Null: some other collective.
  void set(Averaging* averaging) { averaging_ = averaging; }

  bool is_next() const override { return averaging_ != nullptr; }
  void give_up() override { averaging_->give_up(); }

 private:
  Averaging* averaging_ = nullptr;
};

}  // namespace lrfinder
