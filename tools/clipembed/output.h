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

// One JSON object a line: path, embedding, debugMetadata, error, detail. `model` is debugMetadata.model.
std::unique_ptr<Output> new_jsonl_output(OutputFile file, std::string model);

// For people: path, dimensions, the first values, milliseconds, error.
std::unique_ptr<Output> new_table_output(OutputFile file);

// A (files, dim) float32 array in NumPy's format 1.0, and `names`: the path of each row, one a line (a newline in a
// path as \n). Files that failed are in neither.
Result<std::unique_ptr<Output>> new_npy_output(OutputFile array, OutputFile names, int dim);

}  // namespace clipembed
