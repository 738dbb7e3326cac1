// The one table of what can be set: each key of the configuration file is also a flag and an environment variable, and
// --help, docs/clipembed.conf and the checks are made from the same rows.
//
//   flag --max-body > EMBEDDING_MAX_BODY > max-body= in the file > the default
//
// Errors are kSettings and name the source and the key. At the program's start; one thread.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "lib/result.h"
#include "tools/clipembedd/configuration.h"

namespace clipembed {

// Where a value goes, and which are allowed. A text is taken as it is; sizes are bytes with K, M or G (powers of 1024)
// behind, times are seconds or have ms, s, m or h behind, a yes or no is yes, no, true, false, on, off, 1 or 0.
struct TextSetting {
  std::string Configuration::* value;
  std::vector<std::string> choices = {};  // none: any text
};
struct PipelineSetting {
  std::string PipelineTexts::* value;
};
struct CountSetting {
  int Configuration::* value;
  int min, max;
};
struct SizeSetting {
  std::uint64_t Configuration::* value;
  std::uint64_t min, max;
};
struct TimeSetting {
  Configuration::Seconds Configuration::* value;
  double min, max;
};
struct YesNoSetting {
  bool Configuration::* value;
};

struct Setting {
  const char* section;
  const char* key;          // "max-body": --max-body, EMBEDDING_MAX_BODY
  const char* placeholder;  // in --help
  const char* help;         // one sentence, without the default
  std::variant<TextSetting, PipelineSetting, CountSetting, SizeSetting, TimeSetting, YesNoSetting> kind;
};

const std::vector<Setting>& settings();

std::string environment_variable(const Setting& setting);
// As it would be written in the file.
std::string value_text(const Setting& setting, const Configuration& configuration);
Status set_value(const Setting& setting, const std::string& text, Configuration& configuration);

// ---- the three sources, and what is made from the table ------------------------------------------------------------

Status read_configuration_file(const std::string& path, Configuration& configuration);
// `environment` is NAME=VALUE, as environ(7). Names beginning with EMBEDDING_ that mean nothing are returned: they may
// be another program's, or slips of the pen.
Result<std::vector<std::string>> read_environment(char** environment, Configuration& configuration);

// docs/clipembed.conf: every key with its explanation and default, commented out.
std::string example_configuration_file();
// The table of docs/http.md.
std::string settings_table_markdown();

}  // namespace clipembed
