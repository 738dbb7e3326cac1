// `clipembed serve-engine` as a process of its own, for tests of its clients.
#pragma once

#include <gio/gio.h>
#include <signal.h>

#include <filesystem>
#include <string>

#include "tests/cli/program.h"
#include "tests/unit/scratch.h"

namespace clipembed {

// model-a, from when the server says that it serves until it ends or is killed.
class Server {
 public:
  explicit Server(const std::string& address)
      : process_(start_program({"serve-engine", "--listen", address, "--model", reference_model("model-a"),
                                "--precision", "fp32", "--device", "cpu"})),
        errors_(g_data_input_stream_new(g_subprocess_get_stderr_pipe(process_.get()))),
        greeting_(read_line()) {}
  ~Server() { g_subprocess_force_exit(process_.get()); }

  const std::string& greeting() const { return greeting_; }
  std::string read_line() {
    g_autofree char* line = g_data_input_stream_read_line(errors_.get(), nullptr, nullptr, nullptr);
    return line ? line : "";
  }
  int end_by(int signal) {
    g_subprocess_send_signal(process_.get(), signal);
    g_subprocess_wait(process_.get(), nullptr, nullptr);
    return g_subprocess_get_if_exited(process_.get()) ? g_subprocess_get_exit_status(process_.get()) : -signal;
  }

 private:
  GObjectPtr<GSubprocess> process_;
  GObjectPtr<GDataInputStream> errors_;
  std::string greeting_;
};

struct Place {
  const Scratch scratch;
  const std::filesystem::path path = scratch.path() / "engine.sock";
  const std::string address = "unix:" + path.string();
};

}  // namespace clipembed
