#include "lrfinder/output_to_error.h"

#include <unistd.h>

#include <cstdio>
#include <iostream>

namespace lrfinder {
namespace {

void flush() {
  std::cout.flush();
  std::fflush(stdout);
}

}  // namespace

OutputToError::OutputToError() : output_(dup(STDOUT_FILENO)) {
  flush();
  if (output_ >= 0) dup2(STDERR_FILENO, STDOUT_FILENO);
}

OutputToError::~OutputToError() {
  flush();
  if (output_ < 0) return;
  dup2(output_, STDOUT_FILENO);
  close(output_);
}

}  // namespace lrfinder
