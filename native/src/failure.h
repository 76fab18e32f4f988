#pragma once

#include <c10/util/Exception.h>

#include <exception>
#include <new>
#include <sstream>
#include <string>

#include "lrfinder/error.h"

namespace lrfinder {

/// Throws the error for what cannot be swept or trained; its message is made of `parts`.
template <typename... Parts>
[[noreturn]] void refuse(const Parts&... parts) {
  std::ostringstream message;
  (message << ... << parts);
  throw Error(ErrorKind::kInvalidArgument, message.str());
}

/// The kind of a failure of libtorch, by its message: on the CPU a failed allocation is a plain c10::Error, and
/// whatever fails within TorchScript comes out as a std::runtime_error. The same list as the portable engine's in
/// MemoryNeed.
inline ErrorKind kind_of(const std::string& message) {
  const bool memory =
      message.find("can't allocate memory") != std::string::npos || message.find("out of memory") != std::string::npos;
  return memory ? ErrorKind::kOutOfMemory : ErrorKind::kFailure;
}

/// Runs `call` and lets nothing but lrfinder::Error out.
template <typename Call>
auto translated(const Call& call) -> decltype(call()) {
  try {
    return call();
  } catch (const Error&) {
    throw;
  } catch (const c10::OutOfMemoryError& error) {
    throw Error(ErrorKind::kOutOfMemory, error.what_without_backtrace());
  } catch (const c10::Error& error) {
    const std::string message = error.what_without_backtrace();
    throw Error(kind_of(message), message);
  } catch (const std::bad_alloc& error) {
    throw Error(ErrorKind::kOutOfMemory, error.what());
  } catch (const std::exception& error) {
    throw Error(kind_of(error.what()), error.what());
  } catch (...) {
    throw Error(ErrorKind::kFailure, "the model's code threw something that is no std::exception");
  }
}

}  // namespace lrfinder
