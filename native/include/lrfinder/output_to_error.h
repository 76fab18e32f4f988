#pragma once

namespace lrfinder {

/// While one lives, what this process writes to its standard output goes to its standard error instead: for gloo, which
/// says on the former that it is connected. Of the whole process; at most one may live.
class OutputToError {
 public:
  OutputToError();
  ~OutputToError();
  OutputToError(const OutputToError&) = delete;
  OutputToError& operator=(const OutputToError&) = delete;

 private:
  int output_;  // a descriptor of where it went before; negative if that is not to be had
};

}  // namespace lrfinder
