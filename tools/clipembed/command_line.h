// What the commands' option parsers share.
#pragma once

#include <glib.h>

#include <string>
#include <string_view>
#include <vector>

#include "lib/result.h"

namespace clipembed {

struct OptionContextFree {
  void operator()(GOptionContext* context) const { g_option_context_free(context); }
};

// Parses argv[1..] and takes the options out of it; --help prints and exits. Errors: kSettings.
Status parse_options(GOptionContext* context, int& argc, char**& argv);

// Prints the complaint and where help is, and returns kUsage.
int usage_error(const char* command, const std::string& complaint);

// Takes the string over. nullptr is an option that was not given: `otherwise`.
std::string take_string(char* string, std::string_view otherwise);

// Takes the strings over. nullptr is no strings.
std::vector<std::string> take_strings(char** strings);

}  // namespace clipembed
