// The decode workers of the daemon and the files that wait for one.
//
//   submit() -> FairQueue -> a free worker of the file's kind -> progress()... -> done()
//
// Workers are processes that were started beforehand and have locked themselves in (worker_main.h); one file at a time
// each. There are two kinds: some take what is decoded in milliseconds, others take videos and large files, run at a
// lower priority, and cannot keep the first kind's from running. Callers take turns, each with the file that has waited
// longest. A worker that dies, hangs or says what it must not costs the file that it had; another one takes its place,
// later and later (up to 10 s) while workers die before they are ready.
//
// Everything here belongs to the thread that runs the default main context; callbacks come from it, never from inside
// submit(), cancel() or drain().
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "lib/result.h"
#include "tools/hub/file_descriptor.h"
#include "tools/media/media_embedding.h"

namespace clipembed {

struct PoolOptions {
  // What is run, with no arguments: `clipembedd-worker`. Empty: the one beside this program, else the installed one.
  std::string program = {};
  int workers = 0;          // for pictures; 0: as many as keep the tower busy, see default_workers()
  int video_workers = 0;    // for videos and large files; 0: one a CPU of the quota, and one more, at most 8
  std::size_t queue = 256;  // files that wait for a worker; more are kBusy
  std::uint64_t memory = std::uint64_t{2} << 30;  // bytes a worker may allocate; 0: no limit
  bool sandbox = true;                            // false: for debugging decoders only
  std::vector<std::string> devices = {};  // paths a worker may open, e.g. /dev/dri/renderD128 for hardware decoders
  PipelineTexts pipelines = {};
  // A connected stream socket to the engine for each worker that starts; its other end is served (EngineHost).
  std::function<Result<FileDescriptor>()> connect_engine;
};

int default_workers();

using JobProgress = MediaProgress;

struct Job {
  FileDescriptor file{-1};  // for reading; the worker gets a duplicate
  std::string name;         // for messages; content tells the type
  std::string caller;       // who takes turns with others
  MediaOptions options;     // `pipelines` is the pool's
  bool normalize = true;
  std::string augment = "none";
  std::chrono::nanoseconds deadline = std::chrono::seconds(300);  // from when a worker takes it
  bool want_frames = true;  // false: MediaEmbedding::frames come without their vectors

  std::function<void(const JobProgress&)> progress;  // may be empty; for videos
  // Exactly once, unless cancelled. Errors, with messages that name no path:
  //   kFormat       nothing we can decode, or the kind is not allowed (415)
  //   kFailed       damaged, over a limit, or its decoder crashed (422)
  //   kSettings     an option that cannot be used (400)
  //   kTimedOut     the deadline has passed (504)
  //   kUnavailable  the engine has gone, or no worker can be started (503)
  //   kBusy         no descriptor or memory for it now (503)
  //   kCancelled    drain() ended it
  std::function<void(Result<MediaEmbedding>)> done;
};

struct PoolStatus {
  int workers = 0;  // that should be there, of both kinds
  int idle = 0;     // ready for a file
  int busy = 0;
  std::size_t queued = 0;
  std::uint64_t restarts = 0;                               // workers that took another one's place
  std::uint64_t crashes = 0, timeouts = 0, misbehaved = 0;  // why, of those that had a file
  bool ready = false;        // some worker has been ready and can be again: files are taken
  std::string trouble = {};  // why the last worker did not become ready; empty: all is well
};

class WorkerPool {
 public:
  using Ticket = std::uint64_t;

  // Starts the first worker at once, the others when it is ready: they then find GStreamer's registry written.
  explicit WorkerPool(PoolOptions options);
  // Ends every worker at once; jobs are not completed.
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  // Errors: kBusy when the queue is full, kUnavailable after drain() has begun.
  Result<Ticket> submit(Job job);

  // The job's callbacks are not called any more. A worker that has it is told to stop, and is ended if it does not
  // within a second. A ticket that is done, or never was, is ignored.
  void cancel(Ticket ticket);

  PoolStatus status() const;
  void set_status_changed(std::function<void()> changed);  // for /health; may be empty

  // Takes no further jobs; `drained` is called once all have completed. Those left at the deadline end with kCancelled.
  void drain(std::chrono::nanoseconds deadline, std::function<void()> drained);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace clipembed
