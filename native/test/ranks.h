#pragma once

#include <c10/util/intrusive_ptr.h>

#include <functional>
#include <torch/csrc/distributed/c10d/Backend.hpp>
#include <vector>

namespace lrfinder::test {

/// Groups of one process whose members are threads, over gloo, by rank.
std::vector<c10::intrusive_ptr<c10d::Backend>> gloo_groups(int size);

/// Runs `call` with the group of each rank on a thread of its own, and rethrows what the lowest of them threw.
void on_ranks(int size, const std::function<void(c10d::Backend* group)>& call);

}  // namespace lrfinder::test
