#include "collectives.h"

#include <ATen/ops/zeros.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <exception>
#include <functional>
#include <sstream>
#include <utility>

#include "failure.h"
#include "lrfinder/process_group.h"

namespace lrfinder {
namespace {

constexpr std::int64_t kReasonWidth = 1024;    // bytes of a process's reason
constexpr std::int64_t kLinesWidth = 1 << 14;  // bytes of what has to be alike
constexpr std::int64_t kColumns = 4;           // of what a process gives: point, failed, two numbers

/// Without the source file that gloo's and c10d's messages begin with.
std::string words_of(const std::exception& error) {
  std::string message = error.what();
  if (const auto* of_torch = dynamic_cast<const c10::Error*>(&error)) message = of_torch->what_without_backtrace();
  const auto end = message.find("] ");
  if (message.rfind('[', 0) == 0 && end != std::string::npos) message.erase(0, end + 2);
  return message.substr(0, message.find('\n'));
}

const char* words_of(Collectives::Point point) {
  switch (point) {
    case Collectives::Point::kAgreement:
      return "at a start";
    case Collectives::Point::kValidation:
      return "in a validation";
    case Collectives::Point::kEnd:
      return "at an end";
    case Collectives::Point::kQuestion:
      return "between two epochs";
    default:
      return "giving up";
  }
}

std::vector<std::string> split(const std::string& lines) {
  std::vector<std::string> found;
  std::istringstream in(lines);
  for (std::string line; std::getline(in, line);) found.push_back(line);
  return found;
}

/// The first line in which two texts differ, in words; empty if there is none. `of_values`: whether it may be that of
/// the values, which differ wherever shapes do.
std::string difference(int rank, const std::string& lines, const std::string& first, bool of_values) {
  const auto theirs = split(lines);
  const auto ours = split(first);
  for (std::size_t i = 0; i < std::max(theirs.size(), ours.size()); ++i) {
    const std::string there = i < theirs.size() ? theirs[i] : "";
    const std::string here = i < ours.size() ? ours[i] : "";
    if (there == here || (!of_values && there.rfind("values ", 0) == 0)) continue;
    std::ostringstream words;
    words << "rank " << rank << " has " << (there.empty() ? "no " + here : there) << ", rank 0 has "
          << (here.empty() ? "none" : here);
    return words.str();
  }
  return "";
}

std::string difference(int rank, const std::string& lines, const std::string& first) {
  auto words = difference(rank, lines, first, /*of_values=*/false);
  if (words.empty()) words = difference(rank, lines, first, /*of_values=*/true);
  return words.empty() ? "rank " + std::to_string(rank) + " differs from rank 0 in what is too long to be named"
                       : words;
}

}  // namespace

Collectives::Collectives(c10d::Backend* backend)
    : backend_(c10::intrusive_ptr<c10d::Backend>::reclaim_copy(backend)),
      rank_(backend->getRank()),
      size_(backend->getSize()),
      device_(backend->getBackendName() == "nccl" ? at::kCUDA : at::kCPU) {}

template <typename Call>
void Collectives::guarded(const Call& call) {
  if (broken_) throw Error(ErrorKind::kPeer, "the process group has failed before: make a new one");
  try {
    call();
  } catch (const std::exception& error) {
    broken_ = true;
    backend_.reset();  // a closed group is what tells the others
    throw Error(ErrorKind::kPeer, "another process ended, does not answer, or closed its group: " + words_of(error));
  }
}

void Collectives::all_reduce(const std::vector<at::Tensor>& tensors) {
  guarded([&] {
    std::vector<c10::intrusive_ptr<c10d::Work>> works;
    for (const auto& tensor : tensors) {
      std::vector<at::Tensor> one{tensor};
      works.push_back(backend_->allreduce(one));
    }
    for (const auto& work : works) work->wait();
  });
}

void Collectives::broadcast(const std::vector<at::Tensor>& tensors) {
  const c10::NoGradGuard no_grad;
  for (const auto& tensor : tensors) {
    const at::Tensor live = tensor.detach();
    std::vector<at::Tensor> one{live.contiguous()};
    guarded([&] { backend_->broadcast(one)->wait(); });
    if (!one[0].is_same(live)) live.copy_(one[0]);
  }
}

std::vector<Collectives::Numbers> Collectives::exchange(Point point, const Numbers& own) {
  const c10::NoGradGuard no_grad;
  at::Tensor table = at::zeros({size_, kColumns}, at::kDouble);
  auto* row = table.data_ptr<double>() + rank_ * kColumns;
  row[0] = static_cast<double>(point);
  row[1] = point == Point::kFailure ? 1 : 0;
  row[2] = own.first;
  row[3] = own.second;
  at::Tensor sum = table.to(device_);
  all_reduce({sum});
  table = sum.cpu();
  std::vector<Numbers> all;
  bool failed = false;
  for (int rank = 0; rank < size_; ++rank) {
    const auto* given = table.const_data_ptr<double>() + rank * kColumns;
    failed = failed || given[1] != 0;
    all.push_back({given[2], given[3]});
  }
  if (failed) report_failures();
  for (int rank = 0; rank < size_; ++rank) {
    const auto there = static_cast<Point>(table[rank][0].item<double>());
    if (there == point) continue;
    throw Error(ErrorKind::kPeer, "the processes do not do the same: rank " + std::to_string(rank) + " is " +
                                      words_of(there) + ", rank " + std::to_string(rank_) + " " + words_of(point));
  }
  return all;
}

std::vector<std::string> Collectives::gather(const std::string& text, std::int64_t width) {
  const c10::NoGradGuard no_grad;
  at::Tensor table = at::zeros({size_, width}, at::kByte);
  const auto length = std::min(text.size(), static_cast<std::size_t>(width - 1));
  std::memcpy(table.data_ptr<std::uint8_t>() + rank_ * width, text.data(), length);
  at::Tensor sum = table.to(device_);
  all_reduce({sum});
  table = sum.cpu();
  std::vector<std::string> texts;
  for (int rank = 0; rank < size_; ++rank) {
    texts.emplace_back(reinterpret_cast<const char*>(table.const_data_ptr<std::uint8_t>() + rank * width));
  }
  return texts;
}

void Collectives::require_alike(const std::string& lines) {
  const std::uint64_t hash = std::hash<std::string>()(lines);
  const Numbers halves{static_cast<double>(hash >> 32), static_cast<double>(hash & 0xffffffff)};
  const auto all = exchange(Point::kAgreement, halves);
  const bool alike = std::all_of(all.begin(), all.end(), [&](const Numbers& other) {
    return other.first == all[0].first && other.second == all[0].second;
  });
  if (alike) return;
  const auto texts = gather(lines, kLinesWidth);
  for (int rank = 1; rank < size_; ++rank) {
    if (all[rank].first != all[0].first || all[rank].second != all[0].second) {
      refuse("the processes do not agree: ", difference(rank, texts[rank], texts[0]));
    }
  }
}

void Collectives::fail(const std::string& reason) noexcept {
  if (broken_) return;
  try {
    reason_ = reason.empty() ? "it gave no reason" : reason;
    if (step_ != nullptr && step_->is_next()) {
      step_->give_up();
    } else {
      exchange(Point::kFailure, {});
    }
  } catch (const std::exception&) {  // that of report_failures, or of a group that failed by now
  }
  reason_.clear();
}

void Collectives::report_failures() {
  const auto reasons = gather(reason_, kReasonWidth);
  std::string message;
  for (std::size_t rank = 0; rank < reasons.size(); ++rank) {
    if (reasons[rank].empty()) continue;
    message += (message.empty() ? "rank " : "; rank ") + std::to_string(rank) + " failed: " + reasons[rank];
  }
  throw Error(ErrorKind::kPeer, message);
}

ProcessGroup::ProcessGroup(c10d::Backend* backend)
    : collectives_(translated([&] {
        if (backend == nullptr) refuse("there is no process group");
        return std::make_shared<Collectives>(backend);
      })) {}

int ProcessGroup::rank() const { return collectives_->rank(); }

int ProcessGroup::size() const { return collectives_->size(); }

void ProcessGroup::meet() {
  translated([&] { collectives_->exchange(Collectives::Point::kEnd, {}); });
}

bool ProcessGroup::any(bool yes) {
  return translated([&] {
    const auto all = collectives_->exchange(Collectives::Point::kQuestion, {yes ? 1.0 : 0.0, 0});
    return std::any_of(all.begin(), all.end(), [](const auto& given) { return given.first != 0; });
  });
}

void ProcessGroup::fail(const std::string& reason) noexcept { collectives_->fail(reason); }

}  // namespace lrfinder
