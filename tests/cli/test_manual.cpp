// The manual page documents the options that --help names, and no others.
#include <glib.h>

#include <algorithm>
#include <fstream>  // before check.h, whose fail() is a macro
#include <set>
#include <sstream>
#include <vector>

#include "tests/cli/program.h"
#include "tests/unit/scratch.h"
#include "tests/unit/suite.h"

namespace {

using namespace clipembed;
using Options = std::set<std::string>;

// The groups of a match of `pattern` from 1 on, empty where a group matched nothing; none where the line does not
// match.
std::vector<std::string> groups(const char* pattern, const std::string& line) {
  g_autoptr(GRegex) regex = g_regex_new(pattern, GRegexCompileFlags(0), GRegexMatchFlags(0), nullptr);
  g_autoptr(GMatchInfo) match = nullptr;
  std::vector<std::string> found;
  if (!g_regex_match(regex, line.c_str(), GRegexMatchFlags(0), &match)) return found;
  for (int i = 1; i <= g_regex_get_capture_count(regex); i++) {
    g_autofree char* group = g_match_info_fetch(match, i);
    found.emplace_back(group ? group : "");
  }
  return found;
}

// GLib's lines begin with two spaces and the short option, if any: "  -m, --model=MODEL      A directory or".
Options options_of_help(const std::string& command) {
  const Finished run = run_program({command, "--help"});
  ck_assert_msg(run.status == 0, "%s", run.err.c_str());
  Options options;
  std::istringstream lines(run.out);
  for (std::string line; std::getline(lines, line);) {
    const std::vector<std::string> names = groups(R"(^  (?:-(\w), )?--([\w-]+))", line);
    if (names.empty() || names[1] == "help") continue;
    if (!names[0].empty()) options.insert("-" + names[0]);
    options.insert("--" + names[1]);
  }
  return options;
}

// Those of the items of one subsection: ".It Fl m , Fl Fl model Ns = Ns Ar model".
Options options_of_manual(const std::string& command) {
  Options options;
  std::ifstream manual(getenv("CLIPEMBED_MANUAL"));
  bool inside = false;
  for (std::string line; std::getline(manual, line);) {
    if (line.starts_with(".Ss ") || line.starts_with(".Sh ")) inside = line == ".Ss " + command;
    if (!inside || !line.starts_with(".It Fl ")) continue;
    for (const std::string& name : groups(R"(Fl (\w)(?= ,|$))", line)) options.insert("-" + name);
    for (const std::string& name : groups(R"(Fl Fl ([\w-]+))", line)) options.insert("--" + name);
  }
  return options;
}

std::string without(const Options& all, const Options& some) {
  std::string list;
  for (const std::string& option : all)
    if (!some.contains(option)) list += " " + option;
  return list;
}

START_TEST(the_manual_has_the_options_of_help) {
  const char* command = _i == 0 ? "embed" : "serve-engine";
  const Options help = options_of_help(command), manual = options_of_manual(command);
  ck_assert(help.contains("--model") && help.contains("-m"));
  const std::string undocumented = without(help, manual), gone = without(manual, help);
  ck_assert_msg(undocumented.empty(), "%s: not in the manual:%s", command, undocumented.c_str());
  ck_assert_msg(gone.empty(), "%s: in the manual only:%s", command, gone.c_str());
}
END_TEST

START_TEST(the_manual_names_each_command) {
  const std::string manual = read_file(getenv("CLIPEMBED_MANUAL"));
  for (const char* command : {"embed", "model info", "model fetch", "serve-engine"}) {
    ck_assert_msg(run_program({"--help"}).out.find(std::string("clipembed ") + command) != std::string::npos, "%s",
                  command);
    ck_assert_msg(manual.find(std::string("\n.Ss ") + command + "\n") != std::string::npos, "%s", command);
  }
}
END_TEST

}  // namespace

int main() {
  Suite* suite = suite_create("manual");
  TCase* commands = tcase_create("commands");
  tcase_set_timeout(commands, 120);
  tcase_add_loop_test(commands, the_manual_has_the_options_of_help, 0, 2);
  suite_add_tcase(suite, commands);
  return run_suite(suite, {the_manual_names_each_command});
}
