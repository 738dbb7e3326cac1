// What became of one file: a vector, or an error; what the outputs write and the exit status counts.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lib/result.h"
#include "tools/clipembed/embedder.h"

namespace clipembed {

struct FileResult {
  std::string path;
  std::size_t number = 0;  // of the file, from 1, in the order named
  std::optional<Error> error = {};
  std::vector<float> embedding = {};             // empty with an error
  std::optional<std::uint64_t> num_frames = {};  // of a video
  std::chrono::nanoseconds processing{};         // from when the file was opened
  Timings timings = {};
};

// The few words that programs may compare with; Error::message holds cause and remedy.
inline const char* error_label(Error::Kind kind) {
  switch (kind) {
    case Error::Kind::kNotFound:
      return "File not found";
    case Error::Kind::kSettings:
      return "Not a regular file";
    case Error::Kind::kFormat:
      return "Unsupported file type";
    case Error::Kind::kCancelled:
      return "Timed out";
    default:
      return "Processing failed";
  }
}

}  // namespace clipembed
