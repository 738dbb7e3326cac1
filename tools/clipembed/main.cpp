// clipembed: CLIP embeddings at the command line. Picks the command; each command parses its own options.
#include <glib.h>

#include <clocale>
#include <cstdio>
#include <string_view>

#include "tools/clipembed/command_line.h"
#include "tools/clipembed/embed_command.h"
#include "tools/clipembed/exit_status.h"
#include "tools/clipembed/model_command.h"
#include "tools/clipembed/serve_engine_command.h"

namespace {

constexpr char kHelp[] =
    "clipembed computes CLIP embeddings of images and videos.\n"
    "\n"
    "Usage:\n"
    "  clipembed embed FILE...      one vector for each image or video\n"
    "  clipembed model info MODEL   what a model is\n"
    "  clipembed model fetch ID     download a model from the Hugging Face hub\n"
    "  clipembed serve-engine --listen unix:PATH\n"
    "                               one loaded model for other processes: clipembed engine=unix:PATH\n"
    "  clipembed --version\n"
    "\n"
    "Examples:\n"
    "  clipembed embed cat.jpg\n"
    "  clipembed embed -r photos/ --format npy -o photos.npy\n"
    "  clipembed embed --help       all options, formats and more examples\n";

struct Command {
  const char* name;
  const char* program;  // as messages call it
  int (*run)(int argc, char** argv);
};
constexpr Command kCommands[] = {{"embed", "clipembed embed", clipembed::embed_command},
                                 {"model", "clipembed model", clipembed::model_command},
                                 {"serve-engine", "clipembed serve-engine", clipembed::serve_engine_command}};

}  // namespace

int main(int argc, char** argv) {
  setlocale(LC_ALL, "");
  setlocale(LC_NUMERIC, "C");  // numbers are read by programs
  const std::string_view command = argc > 1 ? argv[1] : "";
  for (const Command& known : kCommands) {
    if (command != known.name) continue;
    g_set_prgname(known.program);
    return known.run(argc - 1, argv + 1);
  }
  if (command == "--help" || command == "-h") {
    std::fputs(kHelp, stdout);
    return clipembed::kAllGood;
  }
  if (command == "--version") {
    std::printf("clipembed %s\n", CLIPEMBED_VERSION);
    return clipembed::kAllGood;
  }
  return clipembed::usage_error("clipembed",
                                argc > 1 ? std::string(command) + " is not a command" : "no command given");
}
