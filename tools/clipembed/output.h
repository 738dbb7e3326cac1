// Results in one of three formats. Called by the main thread only, in the order of the files named.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "lib/result.h"
#include "tools/clipembed/file_result.h"
#include "tools/clipembed/output_file.h"

namespace clipembed {

class Output {
 public:
  virtual ~Output() = default;  // without finish(), no file is left behind
  virtual Status write(const FileResult& result) = 0;
  virtual Status finish() = 0;
};

struct OutputStyle {
  std::string model = {};  // debugMetadata.model
  bool augmented = false;
  bool frames = false;  // of a video, each chosen frame
};

// One JSON object a line: path, embedding, debugMetadata, error, detail; with style.frames, of a video, frames.
std::unique_ptr<Output> new_jsonl_output(OutputFile file, OutputStyle style = {});

// For people: path, dimensions, the first values, milliseconds, error; with style.frames a line for each frame below
// that of its video.
std::unique_ptr<Output> new_table_output(OutputFile file, const OutputStyle& style = {});

// A (files, dim) float32 array in NumPy's format 1.0, and `names`: the path of each row, one a line (in it a newline as
// \n, a tab as \t). With style.frames a video has a row for each frame instead of its own, and after the path, with
// tabs between, the time in seconds, the reason and the number of the shot. Files that failed are in neither.
Result<std::unique_ptr<Output>> new_npy_output(OutputFile array, OutputFile names, int dim,
                                               const OutputStyle& style = {});

}  // namespace clipembed
