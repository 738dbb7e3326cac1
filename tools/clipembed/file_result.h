// What became of one file: a vector, or an error; what the outputs write and the exit status counts.
#pragma once

#include <chrono>
#include <string>

#include "lib/result.h"
#include "tools/media/media_embedding.h"

namespace clipembed {

struct FileResult {
  std::string path;
  std::size_t number = 0;  // of the file, from 1, in the order named
  Result<MediaEmbedding> outcome;
  std::chrono::nanoseconds processing{};  // from when the file was opened
};

}  // namespace clipembed
