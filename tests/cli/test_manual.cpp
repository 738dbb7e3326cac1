// The manual page documents the options that --help names, and no others.
#include <algorithm>
#include <fstream>  // before check.h, whose fail() is a macro
#include <regex>
#include <set>
#include <sstream>

#include "tests/cli/program.h"
#include "tests/unit/scratch.h"
#include "tests/unit/suite.h"

namespace {

using namespace clipembed;
using Options = std::set<std::string>;

// GLib's lines begin with two spaces and the short option, if any: "  -m, --model=MODEL      A directory or".
Options options_of_help(const std::string& command) {
  const Finished run = run_program({command, "--help"});
  ck_assert_msg(run.status == 0, "%s", run.err.c_str());
  static const std::regex kLine(R"(^  (?:-(\w), )?--([\w-]+))");
  Options options;
  std::istringstream lines(run.out);
  for (std::string line; std::getline(lines, line);) {
    std::smatch match;
    if (!std::regex_search(line, match, kLine) || match[2] == "help") continue;
    if (match[1].matched) options.insert("-" + match[1].str());
    options.insert("--" + match[2].str());
  }
  return options;
}

// Those of the items of one subsection: ".It Fl m , Fl Fl model Ns = Ns Ar model".
Options options_of_manual(const std::string& command) {
  static const std::regex kLong(R"(Fl Fl ([\w-]+))"), kShort(R"(Fl (\w)(?= ,|$))");
  Options options;
  std::ifstream manual(getenv("CLIPEMBED_MANUAL"));
  bool inside = false;
  for (std::string line; std::getline(manual, line);) {
    if (line.starts_with(".Ss ") || line.starts_with(".Sh ")) inside = line == ".Ss " + command;
    if (!inside || !line.starts_with(".It Fl ")) continue;
    std::smatch match;
    if (std::regex_search(line, match, kShort)) options.insert("-" + match[1].str());
    if (std::regex_search(line, match, kLong)) options.insert("--" + match[1].str());
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
