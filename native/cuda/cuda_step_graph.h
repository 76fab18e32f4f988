#pragma once

#include <ATen/cuda/CUDAGraph.h>
#include <c10/core/Event.h>
#include <c10/cuda/CUDAStream.h>

#include <cstddef>
#include <deque>
#include <string>
#include <vector>

#include "step_graph.h"

namespace lrfinder {

/// By libtorch's own graphs, whose memory and random numbers libtorch takes care of. Calls nothing of CUDA's runtime
/// itself, so that one library serves its versions 12 and 13.
class CudaStepGraph final : public StepGraph {
 public:
  explicit CudaStepGraph(c10::DeviceIndex device);

  void on_stream(const Work& work) override;
  int waits_in(const Work& work) override;
  std::string record(const std::vector<Work>& parts) override;
  void replay(std::size_t part) override { graphs_[part].replay(); }

 private:
  void record_part(const Work& part);

  c10::cuda::CUDAStream stream_;
  c10::Event before_;
  c10::Event after_;
  std::deque<at::cuda::CUDAGraph> graphs_;  // which libtorch knows by their addresses
};

}  // namespace lrfinder
