#pragma once

#include <stdexcept>
#include <string>

namespace lrfinder {

/// Why a call of this library failed. The Java side knows each kind by its character.
enum class ErrorKind : char {
  kInvalidArgument = 'I',  ///< the caller's models, tensors or settings cannot be swept; nothing was changed
  kOutOfMemory = 'M',      ///< libtorch could not allocate
  kFailure = 'F',          ///< libtorch or the model's own code failed
  kPeer = 'P',             ///< another process of the group failed, ended or does not answer
};

/// The only exception that leaves this library. libtorch's errors are rethrown as this one, without their C++
/// backtrace.
class Error : public std::runtime_error {
 public:
  Error(ErrorKind kind, const std::string& message)
      : std::runtime_error(message), kind_(kind), tagged_(static_cast<char>(kind) + message) {}

  ErrorKind kind() const noexcept { return kind_; }

  /// The message behind one character that names the kind: what the JNI layer hands to Java, which knows one class.
  const char* tagged() const noexcept { return tagged_.c_str(); }

 private:
  ErrorKind kind_;
  std::string tagged_;
};

}  // namespace lrfinder
