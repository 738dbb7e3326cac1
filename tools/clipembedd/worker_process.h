// The daemon's end of one decode worker: a process, its control socket, and its end. Main loop thread only; callbacks
// come from the main loop, and must not destroy the object.
#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <string>

#include "lib/result.h"
#include "tools/clipembedd/control_socket.h"
#include "tools/clipembedd/worker_protocol.h"

namespace clipembed {

// The worker beside this program, else the installed one.
std::string default_worker_program();

class WorkerProcess {
 public:
  struct Events {
    std::function<void(FromWorker)> record;
    // Once, after the last record. `how`: "killed by SIGSEGV", "exit status 1".
    std::function<void(const std::string& how)> ended;
    // It said what no worker says, and has been killed; ended() follows.
    std::function<void(const std::string& what)> misbehaved;
  };

  enum class Priority {
    kNormal,
    kBackground,  // the processor time that others leave: SCHED_IDLE
  };

  // `engine` becomes the worker's connection to the engine.
  // Errors: kBusy where no descriptor, process or memory is left; kNotFound for a program that is not there.
  static Result<std::unique_ptr<WorkerProcess>> start(const std::string& program, FileDescriptor engine,
                                                      Priority priority, Events events);
  // Kills it, and waits for its end.
  ~WorkerProcess();
  WorkerProcess(const WorkerProcess&) = delete;
  WorkerProcess& operator=(const WorkerProcess&) = delete;

  // Errors: those of send_record().
  Status send(const ToWorker& record, int descriptor = -1);
  // Nothing that it says is listened to any more; ended() follows.
  void kill();

 private:
  WorkerProcess(pid_t pid, FileDescriptor control, Events events);

  static int on_readable(int, unsigned, void* self);  // a GUnixFDSourceFunc
  static void on_exit(pid_t, int status, void* self);
  bool read_some();  // whether more may come
  void stop_reading();

  const pid_t pid_;
  FileDescriptor control_;
  const Events events_;
  bool condemned_ = false;
  unsigned reading_ = 0;   // GLib sources; 0: none
  unsigned watching_ = 0;  // and then the process has been waited for
};

}  // namespace clipembed
