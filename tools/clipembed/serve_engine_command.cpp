#include "tools/clipembed/serve_engine_command.h"

#include <glib.h>
#include <signal.h>

#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "lib/engine/engine.h"
#include "lib/engine/remote/engine_server.h"
#include "lib/engine/remote/socket.h"
#include "lib/model/model.h"
#include "tools/clipembed/command_line.h"
#include "tools/clipembed/exit_status.h"
#include "tools/clipembed/model_source.h"

namespace clipembed {
namespace {

constexpr char kSummary[] =
    "Loads a model once and embeds pictures for other processes, which then need no LibTorch and no memory for the\n"
    "model, and whose pictures are embedded in common batches. It serves processes of the same user, and root's.";

constexpr char kDescription[] =
    "Examples:\n"
    "  clipembed serve-engine --listen unix:/run/user/1000/clip.sock &\n"
    "  gst-launch-1.0 filesrc location=clip.mp4 ! decodebin3 ! clipembed engine=unix:/run/user/1000/clip.sock ! "
    "fakesink -m\n"
    "\n"
    "SIGTERM and SIGINT end it: what is in flight is answered, and the socket is removed. A process that was killed\n"
    "leaves its socket behind; the next one replaces it. Clients find a server that comes back by themselves.\n"
    "\n"
    "Exit status: 0 ended by a signal, 1 cannot start, 2 wrong usage.";

struct ServeOptions {
  std::string address;
  EngineOptions engine;
};

struct RawOptions {
  char* listen = nullptr;
  char* model = nullptr;
  char* device = nullptr;
  char* precision = nullptr;
  gint threads = 0;
};

Error wrong(std::string message) { return Error{Error::Kind::kSettings, std::move(message)}; }

Result<ServeOptions> check(const RawOptions& raw, bool arguments_left) {
  ServeOptions options{.address = take_string(raw.listen, ""),
                       .engine = {.model = take_string(raw.model, kDefaultModel),
                                  .tower = {.device = take_string(raw.device, "auto"), .threads = raw.threads}}};
  const std::string precision_name = take_string(raw.precision, "auto");
  if (arguments_left) return wrong("serve-engine takes options only");
  if (options.address.empty()) return wrong("--listen unix:PATH says where");
  if (Result<std::string> path = remote::socket_path(options.address); !path) return std::move(path).error();
  Result<Precision> precision = parse_precision(precision_name);
  if (!precision) return std::move(precision).error();
  options.engine.tower.precision = *precision;
  if (raw.threads < 0) return wrong("--threads must be at least 1, or 0 for as many as there are processors");
  return options;
}

Result<ServeOptions> parse_serve_options(int argc, char** argv) {
  RawOptions raw;
  const GOptionEntry entries[] = {
      {"listen", 'l', 0, G_OPTION_ARG_STRING, &raw.listen, "The socket to create", "unix:PATH"},
      {"model", 'm', 0, G_OPTION_ARG_STRING, &raw.model,
       "A directory or a Hugging Face id, fetched when it is not cached (openai/clip-vit-base-patch32)", "MODEL"},
      {"device", 'd', 0, G_OPTION_ARG_STRING, &raw.device, "auto, cpu, cuda[:N] or mps (auto)", "DEVICE"},
      {"precision", 'p', 0, G_OPTION_ARG_STRING, &raw.precision, "auto, fp32, fp16, bf16 or int8 (auto)", "PRECISION"},
      {"threads", 't', 0, G_OPTION_ARG_INT, &raw.threads, "Threads of the model on a CPU (the CPU quota)", "N"},
      {}};
  const std::unique_ptr<GOptionContext, OptionContextFree> context(g_option_context_new(nullptr));
  g_option_context_set_summary(context.get(), kSummary);
  g_option_context_set_description(context.get(), kDescription);
  g_option_context_add_main_entries(context.get(), entries, nullptr);
  const Status parsed = parse_options(context.get(), argc, argv);
  Result<ServeOptions> options = check(raw, argc > 1);
  if (!parsed) return parsed.error();
  return options;
}

int complain(const Error& error) {
  std::fprintf(stderr, "clipembed: %s\n", error.message.c_str());
  return kSomeFailed;
}

remote::EngineServer* serving = nullptr;  // the signal handler's

// The first SIGINT or SIGTERM ends the server in order, a second one at once.
void handle_signals(void (*handler)(int)) {
  struct sigaction action{};
  action.sa_handler = handler;
  action.sa_flags = SA_RESETHAND | SA_RESTART;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

int serve(const ServeOptions& options) {
  if (Result<ModelLocation> model = find_or_fetch_model(options.engine.model); !model) return complain(model.error());
  const Result<std::shared_ptr<Engine>> engine = shared_engine(options.engine);
  if (!engine) return complain(engine.error());
  const Result<std::unique_ptr<remote::EngineServer>> server = remote::EngineServer::open(*engine, options.address);
  if (!server) return complain(server.error());
  serving = server->get();
  handle_signals([](int) { serving->stop(); });
  const EngineInfo& info = (*engine)->info();
  std::fprintf(stderr, "clipembed: serving %s, %s on %s, at %s\n", info.model.c_str(), to_string(info.precision),
               info.device.c_str(), options.address.c_str());
  serving->run();
  handle_signals(SIG_DFL);
  std::fprintf(stderr, "clipembed: no longer serving at %s\n", options.address.c_str());
  return kAllGood;
}

}  // namespace

int serve_engine_command(int argc, char** argv) {
  const Result<ServeOptions> options = parse_serve_options(argc, argv);
  if (!options) return usage_error("clipembed serve-engine", options.error().message);
  return serve(*options);
}

}  // namespace clipembed
