#include "tools/clipembedd/worker_process.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "tools/clipembedd/worker_descriptors.h"

namespace clipembed {
namespace {

using Kind = Error::Kind;

constexpr int kRecordsATurn = 64;  // before others get theirs

std::string reason(int error) { return std::generic_category().message(error); }

// What decoders, loaders and sanitizers look at; the rest, keys and tokens among it, is none of a worker's business.
bool is_for_workers(std::string_view variable) {
  constexpr std::string_view kPrefixes[] = {"GST_",    "GDK_PIXBUF_", "G_",   "LD_",     "LC_",   "LIBVA_",
                                            "MALLOC_", "ORC_",        "XDG_", "NVIDIA_", "CUDA_", "LIBHEIF_"};
  constexpr std::string_view kNames[] = {"HOME=", "LANG=", "LANGUAGE=", "PATH=", "TMPDIR=", "TZ="};
  const auto begins = [variable](std::string_view prefix) { return variable.starts_with(prefix); };
  return std::ranges::any_of(kPrefixes, begins) || std::ranges::any_of(kNames, begins) ||
         variable.substr(0, variable.find('=')).ends_with("SAN_OPTIONS");
}

std::vector<char*> environment_of_workers() {
  std::vector<char*> variables;
  for (char** variable = environ; *variable; ++variable) {
    if (is_for_workers(*variable)) variables.push_back(*variable);
  }
  variables.push_back(nullptr);
  return variables;
}

class SpawnActions {
 public:
  SpawnActions(int control, int engine) {
    posix_spawn_file_actions_init(&actions_);
    posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions_, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_adddup2(&actions_, control, kWorkerControl);
    posix_spawn_file_actions_adddup2(&actions_, engine, kWorkerEngine);
    posix_spawn_file_actions_addclosefrom_np(&actions_, kWorkerEngine + 1);

    posix_spawnattr_init(&attributes_);
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes_, &none);
    posix_spawnattr_setsigdefault(&attributes_, &all);
    posix_spawnattr_setpgroup(&attributes_, 0);  // a terminal's Ctrl-C is for the daemon
    posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  }
  ~SpawnActions() {
    posix_spawn_file_actions_destroy(&actions_);
    posix_spawnattr_destroy(&attributes_);
  }
  SpawnActions(const SpawnActions&) = delete;
  SpawnActions& operator=(const SpawnActions&) = delete;

  Result<pid_t> run(const std::string& program) const {
    char* arguments[] = {const_cast<char*>(program.c_str()), nullptr};
    const std::vector<char*> environment = environment_of_workers();
    pid_t pid = 0;
    const int error = posix_spawn(&pid, program.c_str(), &actions_, &attributes_, arguments, environment.data());
    if (error == 0) return pid;
    const bool scarce = error == EAGAIN || error == ENOMEM || error == EMFILE || error == ENFILE;
    return Error{scarce ? Kind::kBusy : Kind::kNotFound, "no decode worker can be started: " + reason(error)};
  }

 private:
  posix_spawn_file_actions_t actions_;
  posix_spawnattr_t attributes_;
};

// Out of the way of the worker's numbers, so that one does not overwrite the other before it is in its place.
Result<FileDescriptor> move_up(FileDescriptor file) {
  FileDescriptor moved(fcntl(file.get(), F_DUPFD_CLOEXEC, kWorkerEngine + 1));
  if (!moved) return Error{Kind::kBusy, "no descriptor is left for a decode worker: " + reason(errno)};
  return moved;
}

// Niceness is not enough: the scheduler lets a nice thread finish its slice of milliseconds when one of the model's
// wakes up, which they do hundreds of times a pass. A kernel that refuses leaves the worker as it is.
void run_in_background(pid_t pid) {
  const sched_param none{};
  sched_setscheduler(pid, SCHED_IDLE, &none);
}

std::string how_it_ended(int status) {
  if (WIFSIGNALED(status)) return std::string("killed by SIG") + sigabbrev_np(WTERMSIG(status));
  return "exit status " + std::to_string(WEXITSTATUS(status));
}

}  // namespace

std::string default_worker_program() {
  std::error_code unreadable;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", unreadable);
  const auto beside = self.parent_path() / "clipembedd-worker";
  if (!unreadable && access(beside.c_str(), X_OK) == 0) return beside;
  return CLIPEMBEDD_LIBEXEC "/clipembedd-worker";
}

Result<std::unique_ptr<WorkerProcess>> WorkerProcess::start(const std::string& program, FileDescriptor engine,
                                                            Priority priority, Events events) {
  Result<ControlPair> control = open_control_pair();
  if (!control) return std::move(control).error();
  const Result<FileDescriptor> worker_end = move_up(std::move(control->worker));
  const Result<FileDescriptor> engine_end = move_up(std::move(engine));
  if (!worker_end) return worker_end.error();
  if (!engine_end) return engine_end.error();
  const Result<pid_t> pid = SpawnActions(worker_end->get(), engine_end->get()).run(program);
  if (!pid) return pid.error();
  if (priority == Priority::kBackground) run_in_background(*pid);
  return std::unique_ptr<WorkerProcess>(new WorkerProcess(*pid, std::move(control->daemon), std::move(events)));
}

WorkerProcess::WorkerProcess(pid_t pid, FileDescriptor control, Events events)
    : pid_(pid), control_(std::move(control)), events_(std::move(events)) {
  reading_ = g_unix_fd_add(control_.get(), static_cast<GIOCondition>(G_IO_IN | G_IO_HUP | G_IO_ERR),
                           reinterpret_cast<GUnixFDSourceFunc>(on_readable), this);
  watching_ = g_child_watch_add(pid_, on_exit, this);
}

WorkerProcess::~WorkerProcess() {
  stop_reading();
  if (watching_ == 0) return;
  g_source_remove(watching_);
  ::kill(pid_, SIGKILL);
  while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

Status WorkerProcess::send(const ToWorker& record, int descriptor) {
  return send_record(control_.get(), encode(record), descriptor);
}

void WorkerProcess::kill() {
  condemned_ = true;
  if (watching_ != 0) ::kill(pid_, SIGKILL);
}

int WorkerProcess::on_readable(int, unsigned, void* data) {
  auto* self = static_cast<WorkerProcess*>(data);
  if (self->read_some()) return G_SOURCE_CONTINUE;
  self->reading_ = 0;
  return G_SOURCE_REMOVE;
}

bool WorkerProcess::read_some() {
  for (int i = 0; i < kRecordsATurn; ++i) {
    if (condemned_) return false;
    Result<std::optional<Received>> received = receive_record(control_.get(), false);
    if (received && !*received) return true;
    Result<FromWorker> record =
        received ? decode_from_worker((*received)->bytes) : Result<FromWorker>(received.error());
    if (record) {
      events_.record(*std::move(record));
      continue;
    }
    // Closed: it ends, or is of no use any more.
    kill();
    if (record.error().kind == Kind::kFormat) events_.misbehaved(record.error().message);
    return false;
  }
  return true;
}

void WorkerProcess::stop_reading() {
  if (reading_ != 0) g_source_remove(std::exchange(reading_, 0));
}

void WorkerProcess::on_exit(pid_t, int status, void* data) {
  auto* self = static_cast<WorkerProcess*>(data);
  self->watching_ = 0;
  if (self->reading_ != 0 && !self->condemned_) {
    self->read_some();  // what it said last
  }
  self->stop_reading();
  self->events_.ended(how_it_ended(status));
}

}  // namespace clipembed
