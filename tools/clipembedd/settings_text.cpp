// The documents that are made from the table of settings.
#include "tools/clipembedd/settings.h"

namespace clipembed {
namespace {

std::string flag(const Setting& setting) { return std::string("--") + setting.key + "=" + setting.placeholder; }

std::string escape_bars(std::string text) {
  for (std::size_t at = text.find('|'); at != std::string::npos; at = text.find('|', at + 2)) text.insert(at, "\\");
  return text;
}

}  // namespace

std::string example_configuration_file() {
  std::string text =
      "# Configuration of clipembedd: clipembedd --config=FILE. Every key is also a flag (--KEY=VALUE) and an "
      "environment\n"
      "# variable (EMBEDDING_KEY); a flag wins over a variable, which wins over this file. The values here are the\n"
      "# defaults. Sizes are bytes, with K, M or G behind; times are seconds, or have ms, s, m or h behind.\n"
      "# Printed by: clipembedd --print-config\n";
  const Configuration defaults;
  std::string section;
  for (const Setting& setting : settings()) {
    if (section != setting.section) text += std::string("\n[") + (section = setting.section) + "]\n";
    text += std::string("# ") + setting.help + ".\n#" + setting.key + "=" + value_text(setting, defaults) + "\n";
  }
  return text;
}

std::string settings_table_markdown() {
  std::string text = "| flag | environment variable | default | what |\n|---|---|---|---|\n";
  const Configuration defaults;
  for (const Setting& setting : settings()) {
    const std::string value = value_text(setting, defaults);
    text += "| `" + escape_bars(flag(setting)) + "` | `" + environment_variable(setting) + "` | " +
            (value.empty() ? "" : "`" + value + "`") + " | " + escape_bars(setting.help) + " |\n";
  }
  return text;
}

}  // namespace clipembed
