// clipembedd-worker: decodes the files that clipembedd gives it, one after the other, in a sandbox. Started by
// clipembedd only, with the control socket as descriptor 3 and a connection to the engine as descriptor 4.
//
//   start record -> GStreamer, the decoders and loaders -> sandbox -> engine -> jobs until the control socket closes
#include <gst/gst.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <cstdio>
#include <utility>

#include "lib/engine/engine.h"
#include "tools/clipembedd/control_socket.h"
#include "tools/clipembedd/worker/decoder_list.h"
#include "tools/clipembedd/worker/sandbox.h"
#include "tools/clipembedd/worker/worker_loop.h"
#include "tools/clipembedd/worker_descriptors.h"

namespace clipembed {
namespace {

constexpr char kEngine[] = "fd:4";
static_assert(kWorkerEngine == 4);

Result<StartRecord> receive_start() {
  const Result<std::optional<Received>> received = receive_record(kWorkerControl, false);
  if (!received) return received.error();
  Result<ToWorker> record = decode_to_worker((*received)->bytes);
  if (!record) return std::move(record).error();
  if (auto* start = std::get_if<StartRecord>(&*record)) return std::move(*start);
  return Error{Error::Kind::kFormat, "clipembedd-worker was not told how to start"};
}

Status tell(const FromWorker& record) { return send_record(kWorkerControl, encode(record)); }

// Everything that opens files.
Status load(const StartRecord& start) {
  g_autoptr(GError) error = nullptr;
  if (!gst_init_check(nullptr, nullptr, &error))
    return Error{Error::Kind::kLibrary, std::string("GStreamer does not start: ") + error->message};
  tzset();  // dates in tags
  keep_listed_decoders(!start.devices.empty());
  return load_decoders(start.pipelines);
}

Status lock_in(const StartRecord& start) {
  LockedRecord locked;
  if (start.sandbox) {
    Result<std::vector<std::string>> warnings = close_sandbox({.memory = start.memory, .devices = start.devices});
    if (!warnings) return std::move(warnings).error();
    locked.warnings = *std::move(warnings);
  }
  return tell(locked);
}

// The daemon ends its workers; terminals and service managers that signal whole groups do not.
void leave_signals_to_the_daemon() {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE}) signal(number, SIG_IGN);
}

Status serve() {
  leave_signals_to_the_daemon();
  const Result<StartRecord> start = receive_start();
  if (!start) return start.error();
  if (Status loaded = load(*start); !loaded) return loaded;
  if (Status locked = lock_in(*start); !locked) return locked;
  // Kept open for all files.
  const auto engine = shared_engine({.model = {}, .tower = {}, .server = kEngine});
  if (!engine) return engine.error();
  if (Status told = tell(ReadyRecord{}); !told) return told;
  WorkerLoop(kWorkerControl, FileEmbedder(kEngine, start->pipelines)).run();
  return ok();
}

}  // namespace
}  // namespace clipembed

int main(int argc, char**) {
  if (argc > 1) {
    std::fputs("clipembedd-worker is started by clipembedd; see clipembedd --help\n", stderr);
    return 2;
  }
  const clipembed::Status served = clipembed::serve();
  if (!served) static_cast<void>(clipembed::tell(clipembed::UnusableRecord{served.error().message}));
  // Decoders' threads may be anywhere; nothing is left that needs an orderly end.
  _exit(served ? 0 : 1);
}
