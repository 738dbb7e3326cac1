// Runs the built `clipembed` and takes apart what it prints.
#pragma once

#include <gio/gio.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tools/gobject_ptr.h"

namespace clipembed {

using Arguments = std::vector<std::string>;
using Variables = std::vector<std::pair<std::string, std::string>>;

// Running, with pipes to its standard output and error.
GObjectPtr<GSubprocess> start_program(const Arguments& arguments, const Variables& environment = {});

struct Finished {
  int status = 0;
  std::string out, err;
};
Finished run_program(const Arguments& arguments, const Variables& environment = {});

// A line of jsonl.
struct Line {
  std::string path;
  std::vector<float> embedding;  // empty for null
  std::string error, detail;     // empty for null
  std::string model;
  std::optional<std::int64_t> num_frames;
};
std::vector<Line> parse_lines(std::string_view jsonl);

// embed with jsonl output and the reference model-a in fp32, whatever else the arguments say; expects `status`.
std::vector<Line> embed(Arguments arguments, int status = 0);

// A checkpoint of the reference data: model-a, model-b or model-c.
std::string reference_model(const std::string& name);
std::string reference_image(const std::string& name);

}  // namespace clipembed
