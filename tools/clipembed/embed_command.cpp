#include "tools/clipembed/embed_command.h"

#include <gst/gst.h>
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <utility>

#include "lib/engine/engine.h"
#include "tools/clipembed/command_line.h"
#include "tools/clipembed/drawings.h"
#include "tools/clipembed/embed_options.h"
#include "tools/clipembed/embed_run.h"
#include "tools/clipembed/exit_status.h"
#include "tools/clipembed/model_source.h"
#include "tools/clipembed/output.h"
#include "tools/clipembed/progress.h"
#include "tools/media/answer.h"

namespace clipembed {
namespace {

volatile sig_atomic_t interrupted = 0;

// The first SIGINT or SIGTERM ends the run in order, a second one at once. A reader that goes away is a write that
// fails, so that unfinished files are removed then, too.
void stop_on_signals() {
  signal(SIGPIPE, SIG_IGN);
  struct sigaction action{};
  action.sa_handler = [](int) { interrupted = 1; };
  action.sa_flags = SA_RESETHAND | SA_RESTART;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

Status check_plugin() {
  g_autoptr(GstElementFactory) factory = gst_element_factory_find("clipembed");
  if (factory) return ok();
  return Error{Error::Kind::kLibrary,
               "GStreamer does not find its element clipembed: install libgstclipembed.so, or name the folder it is in "
               "in GST_PLUGIN_PATH"};
}

// Held while the run lasts, so that its pipelines share one engine, and what is wrong with the model is said once.
Result<std::shared_ptr<Engine>> open_engine(const EmbedderSettings& settings) {
  if (Status plugin = check_plugin(); !plugin) return std::move(plugin).error();
  if (Result<ModelLocation> model = find_or_fetch_model(settings.model); !model) return std::move(model).error();
  Result<Precision> precision = parse_precision(settings.precision);
  if (!precision) return std::move(precision).error();
  return shared_engine({.model = settings.model, .tower = {.device = settings.device, .precision = *precision}});
}

Result<std::unique_ptr<Output>> open_output(const EmbedOptions& options, const EngineInfo& engine) {
  const OutputStyle style = {.model = engine.model + " - " + engine.device,
                             .augmented = options.run.embedder.augment != "none",
                             .frames = options.frames};
  Result<OutputFile> file =
      options.output.empty() ? Result(OutputFile::standard_output()) : OutputFile::create(options.output);
  if (!file) return std::move(file).error();
  if (options.format == OutputFormat::kTable) return new_table_output(*std::move(file), style);
  if (options.format == OutputFormat::kJsonl) return new_jsonl_output(*std::move(file), style);
  Result<OutputFile> names = OutputFile::create(options.output + ".names.txt");
  if (!names) return std::move(names).error();
  return new_npy_output(*std::move(file), *std::move(names), engine.dim, style);
}

int complain(const Error& error) {
  std::fprintf(stderr, "clipembed: %s\n", error.message.c_str());
  return error.kind == Error::Kind::kSettings ? kUsage : kSomeFailed;
}

// Everything from the first result to the last.
int write_results(const EmbedOptions& options, EmbedRun& run, Output& output, Drawings& drawings) {
  Progress progress(ProgressUnit::kFiles);
  std::size_t done = 0, failed = 0;
  const auto tick = [&] {
    const std::string current = std::filesystem::path(options.files[done]).filename();
    progress.show(done, options.files.size(), current, run.progress());
    return interrupted != 0;
  };
  while (std::optional<FileResult> result = run.next(tick)) {
    progress.clear();
    ++done;
    if (!result->outcome) ++failed;
    // Where standard output does not carry the errors, standard error does.
    if (!result->outcome && options.format == OutputFormat::kNpy) {
      const Error& error = result->outcome.error();
      std::fprintf(stderr, "clipembed: %s: %s\n", error_label(error.kind), error.message.c_str());
    }
    // First, because whoever reads standard output may have seen enough.
    if (Status drawn = drawings.draw(*result); !drawn) {
      complain(drawn.error());
      ++failed;
    }
    if (Status written = output.write(*result); !written) return complain(written.error());
  }
  progress.clear();
  if (done < options.files.size()) return kInterrupted;
  if (Status finished = output.finish(); !finished) return complain(finished.error());
  return failed == 0 ? kAllGood : kSomeFailed;
}

}  // namespace

int embed_command(int argc, char** argv) {
  Result<EmbedOptions> options = parse_embed_options(argc, argv);
  if (!options) return usage_error("clipembed embed", options.error().message);
  gst_init(nullptr, nullptr);
  const Result<std::shared_ptr<Engine>> engine = open_engine(options->run.embedder);
  if (!engine) return complain(engine.error());
  Result<std::unique_ptr<Output>> output = open_output(*options, (*engine)->info());
  if (!output) return complain(output.error());
  Result<Drawings> drawings = Drawings::open(options->drawings);
  if (!drawings) return complain(drawings.error());

  stop_on_signals();
  auto run = std::make_unique<EmbedRun>(options->files, options->run);
  const int status = write_results(*options, *run, **output, *drawings);
  if (run->abandoned()) {
    output->reset();  // removes what was not finished
    drawings->discard();
    _exit(status);
  }
  return status;
}

}  // namespace clipembed
