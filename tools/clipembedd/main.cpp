// clipembedd: options -> the model and the workers -> the HTTP server -> main loop, until a signal.
#include <glib-unix.h>
#include <glib.h>
#include <sys/resource.h>
#include <unistd.h>

#include <clocale>
#include <csignal>
#include <cstdio>

#include "tools/clipembedd/check_health.h"
#include "tools/clipembedd/http/server.h"
#include "tools/clipembedd/local_media_service.h"
#include "tools/clipembedd/options.h"
#include "tools/clipembedd/systemd_notify.h"

namespace clipembed {
namespace {

enum ExitStatus { kEnded = 0, kCannotStart = 1, kUsage = 2 };

// As many as the administrator lets us have: each connection and each upload needs one.
void raise_descriptor_limit() {
  struct rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

class Daemon {
 public:
  explicit Daemon(const ProgramOptions& options)
      : configuration_(options.configuration), log_(options.configuration.log_format) {
    for (const std::string& name : options.unknown_variables)
      log_.event(AccessLog::Level::kWarning, "the environment variable " + name + " is none of this program's");
  }

  int run() {
    if (Status status = start(); !status) {
      std::fprintf(stderr, "clipembedd: %s\n", status.error().message.c_str());
      return status.error().kind == Error::Kind::kSettings ? kUsage : kCannotStart;
    }
    g_unix_signal_add(SIGTERM, on_signal, this);
    g_unix_signal_add(SIGINT, on_signal, this);
    g_main_loop_run(loop_);
    server_.reset();
    service_.reset();
    log_.event(AccessLog::Level::kInfo, "ended");
    return kEnded;
  }

  ~Daemon() { g_main_loop_unref(loop_); }

 private:
  Status start() {
    Result<std::unique_ptr<LocalMediaService>> service =
        LocalMediaService::open(configuration_, metrics_, [this] { status_changed(); });
    if (!service) return service.error();
    service_ = *std::move(service);
    Result<std::unique_ptr<HttpServer>> server = HttpServer::open(configuration_, *service_, metrics_, log_);
    if (!server) return server.error();
    server_ = *std::move(server);
    for (const std::string& address : server_->addresses())
      log_.event(AccessLog::Level::kInfo, "listening at http://" + address);
    return ok();
  }

  // Each change is told once.
  void status_changed() {
    if (!service_) return;
    const ServiceStatus status = service_->status();
    const std::string now = to_string(status.state) + (status.trouble.empty() ? "" : ": " + status.trouble);
    if (now == last_status_) return;
    last_status_ = now;
    if (status.state == ServiceStatus::State::kReady) {
      log_.event(AccessLog::Level::kInfo, "ready: " + status.model_label() + ", " + status.precision);
      notify_systemd("READY=1\nSTATUS=" + status.model_label());
    } else if (!status.trouble.empty()) {
      log_.event(AccessLog::Level::kError, status.trouble);
      notify_systemd("STATUS=" + status.trouble);
    }
  }

  static gboolean on_signal(gpointer self) {
    static_cast<Daemon*>(self)->end();
    return G_SOURCE_CONTINUE;
  }

  void end() {
    if (ending_) _exit(128 + SIGTERM);
    ending_ = true;
    log_.event(AccessLog::Level::kInfo, "ending: answering what is under way");
    notify_systemd("STOPPING=1");
    server_->drain(configuration_.drain_timeout, [this] { g_main_loop_quit(loop_); });
  }

  const Configuration configuration_;
  AccessLog log_;
  Metrics metrics_;
  GMainLoop* const loop_ = g_main_loop_new(nullptr, FALSE);
  std::unique_ptr<LocalMediaService> service_;
  std::unique_ptr<HttpServer> server_;
  std::string last_status_;
  bool ending_ = false;
};

}  // namespace
}  // namespace clipembed

int main(int argc, char** argv) {
  using namespace clipembed;
  setlocale(LC_ALL, "");
  setlocale(LC_NUMERIC, "C");  // numbers are read by programs
  g_set_prgname("clipembedd");
  const Result<ProgramOptions> options = read_options(argc, argv, environ);
  if (!options) {
    std::fprintf(stderr, "clipembedd: %s\nTry: clipembedd --help\n", options.error().message.c_str());
    return kUsage;
  }
  if (options->print) {
    std::fputs(options->print->c_str(), stdout);
    return kEnded;
  }
  if (options->check_health) return check_health(*options->check_health);
  raise_descriptor_limit();
  return Daemon(*options).run();
}
