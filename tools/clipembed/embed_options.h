// The command line of `clipembed embed`, checked.
#pragma once

#include <string>
#include <vector>

#include "lib/result.h"
#include "tools/clipembed/drawings.h"
#include "tools/clipembed/embed_run.h"

namespace clipembed {

enum class OutputFormat { kJsonl, kNpy, kTable };

struct EmbedOptions {
  std::vector<std::string> files;
  RunOptions run;
  OutputFormat format = OutputFormat::kJsonl;
  std::string output;     // empty: standard output
  bool frames = false;    // each chosen frame of a video too
  DrawingPaths drawings;  // where there are any, there is one file
};

// --help prints and exits. Errors: kSettings.
Result<EmbedOptions> parse_embed_options(int argc, char** argv);

}  // namespace clipembed
