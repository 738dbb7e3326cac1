// Assertions on Result<T>: the value, with the error's message in the failure; or an error of one kind that names
// things.
#pragma once

#include <check.h>

#include <initializer_list>
#include <string_view>

#include "lib/result.h"

namespace clipembed {

template <class T>
T expect_value(Result<T> result) {
  ck_assert_msg(static_cast<bool>(result), "%s", result ? "" : result.error().message.c_str());
  return *std::move(result);
}

template <class T>
void expect_error(const Result<T>& result, Error::Kind kind, std::initializer_list<std::string_view> words) {
  ck_assert_msg(!result, "an error was expected");
  const Error& error = result.error();
  ck_assert_msg(error.kind == kind, "error of another kind, %d: %s", static_cast<int>(error.kind),
                error.message.c_str());
  for (const std::string_view word : words) {
    ck_assert_msg(error.message.find(word) != std::string::npos, "'%.*s' is not in: %s", static_cast<int>(word.size()),
                  word.data(), error.message.c_str());
  }
}

// The kind of everything malformed.
template <class T>
void expect_malformed(const Result<T>& result, std::initializer_list<std::string_view> words) {
  expect_error(result, Error::Kind::kFormat, words);
}

}  // namespace clipembed
