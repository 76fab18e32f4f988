#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "autograd_gradients.h"
#include "gradients.h"
#include "operator_recorder.h"
#include "program.h"
#include "static_modules.h"

namespace lrfinder {

/// By recordings of earlier steps where one holds, else by autograd, which is recorded when a batch of a shape comes
/// for the second time. After a recording that cannot be repeated all is autograd's for good.
///
/// Steps of a model that is only promised to be static are compared with autograd's, to the bit, when a recording is
/// first run and in every thousandth run. Where they differ autograd's counts, and no step is replayed any more. The
/// comparison costs a step, of which replay saves little where a network is large: such a one is recorded later.
class ReplayedGradients final : public Gradients {
 public:
  /// `known`: the network's own forward pass does the same for every batch of a shape. `promised`: so does what the
  /// caller computes.
  ReplayedGradients(std::shared_ptr<const Forward> forward, double share, Reach reach, bool known, bool promised);

  std::optional<double> replay(const MicroBatch& batch) override;
  void computed(const at::Tensor& loss) override;
  void abandon() override;
  void backward() override;
  std::string reason() const override;

 private:
  /// What a thread's modes make of operators.
  struct ThreadModes {
    bool autocast;
    at::ScalarType autocast_type;
    static ThreadModes now();
    bool operator==(const ThreadModes& other) const {
      return autocast == other.autocast && autocast_type == other.autocast_type;
    }
  };

  /// A program with what else it depends on.
  struct Recorded {
    Program program;
    std::optional<Loss> loss;
    StaticModules modules;
    ThreadModes modes;
    std::int64_t runs;
  };

  struct Recording {
    MicroBatch batch;
    OperatorRecorder recorder;
    StaticModules modules;
    ThreadModes modes;
  };

  /// What a program made of a step, to be compared with what autograd makes of it.
  struct Check {
    Recorded* recorded;
    double loss;
    std::vector<at::Tensor> gradients;  // by the program's
    std::vector<at::Tensor> written;    // what may be, as the program left it
    at::Tensor generator;
  };

  struct Seen {
    std::vector<std::int64_t> input;
    std::vector<std::int64_t> target;
    std::optional<Loss> loss;
    std::int64_t times;
  };

  bool promise_needed(const std::optional<Loss>& loss) const { return !loss || !known_; }
  bool possible(const MicroBatch& batch) const;
  Recorded* recorded_for(const MicroBatch& batch);
  bool seen_often(const MicroBatch& batch);
  std::int64_t often(const std::optional<Loss>& loss) const;
  void begin_recording(const MicroBatch& batch);
  void backward_recorded();
  void begin_check(Recorded& recorded, const MicroBatch& batch);
  void backward_checked();
  std::string difference(const Check& check) const;
  void give_up(std::string reason);

  std::shared_ptr<const Forward> forward_;
  AutogradGradients autograd_;
  std::vector<at::Tensor> parameters_;  // that gradients may go to
  std::vector<at::Tensor> state_;
  std::int64_t elements_;  // of the parameters
  bool known_;
  bool promised_;
  std::string reason_;
  std::vector<Seen> seen_;
  std::vector<std::unique_ptr<Recorded>> recorded_;
  std::int64_t recordings_ = 0;
  std::int64_t replayed_ = 0;
  // Of the present micro-batch, at most one of:
  Recorded* running_ = nullptr;
  std::unique_ptr<Recording> recording_;
  std::optional<Check> check_;
};

}  // namespace lrfinder
