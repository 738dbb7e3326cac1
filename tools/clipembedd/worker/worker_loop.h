// The life of a decode worker after its start: takes a job, embeds its file, answers, until the daemon has gone.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <variant>

#include "lib/result.h"
#include "tools/clipembedd/control_socket.h"
#include "tools/clipembedd/worker/file_embedder.h"

namespace clipembed {

class WorkerLoop {
 public:
  WorkerLoop(int control, FileEmbedder embedder) : control_(control), embedder_(std::move(embedder)) {}

  // Returns when the control socket has been closed or says what it must not.
  void run();

 private:
  void work(const JobRecord& job, FileDescriptor file);
  void report(const JobRecord& job, MediaProgress progress);
  void report(const JobRecord& job, Result<MediaEmbedding> result);
  // Without the daemon there is nobody to work for: the process ends.
  void send(const FromWorker& record);

  const int control_;
  FileEmbedder embedder_;
  std::chrono::steady_clock::time_point next_progress_{};
};

}  // namespace clipembed
