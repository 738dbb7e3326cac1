// The command line of clipembedd: the flags that the table of settings has, and few others.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lib/result.h"
#include "tools/clipembedd/configuration.h"

namespace clipembed {

struct ProgramOptions {
  Configuration configuration;
  std::vector<std::string> unknown_variables;  // EMBEDDING_* that mean nothing
  std::optional<std::string> print;            // write this to standard output and end
  std::optional<std::string> check_health;     // ask the service at this URL how it is, and end
};

// Reads the file that --config or EMBEDDING_CONFIG names, the environment and the flags, in this order of precedence
// from the lowest. Errors: kSettings naming the source and the key.
Result<ProgramOptions> read_options(int argc, char** argv, char** environment);

}  // namespace clipembed
