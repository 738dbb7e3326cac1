#include "tools/clipembed/command_line.h"

#include <cstdio>

#include "tools/clipembed/exit_status.h"

namespace clipembed {

Status parse_options(GOptionContext* context, int& argc, char**& argv) {
  g_autoptr(GError) error = nullptr;
  if (g_option_context_parse(context, &argc, &argv, &error)) return ok();
  return Error{Error::Kind::kSettings, error->message};
}

int usage_error(const char* command, const std::string& complaint) {
  std::fprintf(stderr, "clipembed: %s\nTry: %s --help\n", complaint.c_str(), command);
  return kUsage;
}

std::string take_string(char* string, std::string_view otherwise) {
  std::string result(string ? std::string_view(string) : otherwise);
  g_free(string);
  return result;
}

std::vector<std::string> take_strings(char** strings) {
  std::vector<std::string> result;
  for (char** string = strings; string && *string; ++string) result.emplace_back(*string);
  g_strfreev(strings);
  return result;
}

}  // namespace clipembed
