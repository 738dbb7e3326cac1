// Errors as values. A function that can fail returns Result<T>: either a T or an Error whose message a user can act on
// (it names the file, the tensor or the property, and the remedy where there is one). Nothing in lib/ throws across its
// public functions.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <variant>

namespace clipembed {

struct Error {
  enum class Kind {
    kNotFound,     // a file, model or device that is not there
    kSettings,     // a value the caller gave that cannot be used
    kFormat,       // a file whose content is malformed or unsupported
    kLibrary,      // a library that cannot be loaded, or lacks what we need
    kNetwork,      // a transfer that failed; trying again may help
    kBusy,         // a bounded queue is full
    kUnavailable,  // a server that has gone; it may come back
    kCancelled,    // the caller cancelled, or the engine is shutting down
    kTimedOut,     // it took longer than it may
    kFailed,       // anything else, e.g. inference itself
  };
  Kind kind;
  std::string message;
};

template <class T = std::monostate>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  explicit operator bool() const { return state_.index() == 0; }

  // Precondition: holds a value.
  T& operator*() & { return *std::get_if<0>(&state_); }
  const T& operator*() const& { return *std::get_if<0>(&state_); }
  T&& operator*() && { return std::move(*std::get_if<0>(&state_)); }
  T* operator->() { return std::get_if<0>(&state_); }
  const T* operator->() const { return std::get_if<0>(&state_); }

  // Precondition: holds an error.
  const Error& error() const& { return *std::get_if<1>(&state_); }
  Error&& error() && { return std::move(*std::get_if<1>(&state_)); }

 private:
  std::variant<T, Error> state_;
};

using Status = Result<>;
inline Status ok() { return Status(std::monostate{}); }

}  // namespace clipembed
