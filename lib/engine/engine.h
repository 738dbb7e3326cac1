// One loaded model, one queue, many callers. An Engine is shared by every element and request of the process that
// wants the same model on the same device in the same precision; each caller opens a Session on it.
//
//   Session::submit() -> bounded queue -> worker thread (owns the tower) -> batch -> completions, on the worker thread
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "lib/image/preprocess.h"
#include "lib/model/tower.h"
#include "lib/result.h"

namespace clipembed {

struct EngineOptions {
  std::string model;  // a directory or a hub id, as find_model() takes it
  TowerOptions tower;
  // An engine server in another process (lib/engine/remote): "unix:PATH" is its socket, "fd:N" a connected socket that
  // this process was given. It decides about the tower, and `model` may then be empty: whatever it serves. Empty: this
  // process loads the model itself.
  std::string server = {};
};

// Fixed once the engine is open.
struct EngineInfo {
  std::string model;     // as embeddings are labelled
  std::string revision;  // hub commit; empty for a directory
  std::string device;    // what "auto" became
  Precision precision = Precision::kFp32;
  int dim = 0;          // floats in an embedding
  InputGeometry input;  // what submitted pictures must look like
};

// An input picture, info().input.bytes() RGB bytes, as Preprocessor::run() writes it.
using Picture = std::vector<std::uint8_t>;

struct Embedding {
  std::vector<float> values;             // info().dim floats, not normalised
  std::chrono::nanoseconds queued{};     // from its acceptance by submit() to the start of its batch
  std::chrono::nanoseconds inference{};  // of the whole batch it was in
  int batch = 0;                         // pictures in that batch
};

// A batch starts as soon as as many pictures of all sessions wait as some waiting session asks for, or one has waited
// for its session's batch_timeout, or one was flushed. It takes pictures from the sessions in turn
// (lib/engine/batch_queue.h).
struct SessionOptions {
  int batch_size = 8;  // pictures worth waiting for, 1..256; no more than the engine's own limit, 32 on a CPU
  std::chrono::nanoseconds batch_timeout = std::chrono::milliseconds(40);  // the longest wait for them

  // An engine in another process may go, and come back. kWait keeps what was submitted for the next server; kFail
  // completes it with kUnavailable, and submit() too gives that until there is one. A connection that was inherited
  // ("fd:N") cannot come back: then both are kFail.
  enum class Outage { kWait, kFail } outage = Outage::kWait;
  // Called when the engine has gone, with the reason, and when it is back; on a thread of the engine's, as completions.
  std::function<void(const Status&)> availability_changed{};
};

// One caller's end of an engine, which it keeps open. Thread-safe. Destroying it is cancel() for good, so a completion
// may use whatever outlives the session.
//
// Completions run on the engine's worker thread, or on the one that calls cancel(), with no lock of the engine held.
// They must be short and must not throw. They may call any function of any session, and may drop the last reference to
// the session or the engine; a submit() from the worker thread never blocks, as it would wait for itself.
class Session {
 public:
  using Completion = std::function<void(Result<Embedding>)>;
  enum class WhenFull { kBlock, kRefuse };

  virtual ~Session() = default;

  // `done` is called exactly once for each submission that was accepted, in the order of submission. kBlock waits while
  // the queue is full, which is until this session's own pictures have moved on: others cannot keep it out.
  // Errors: kSettings for a picture of the wrong size, kBusy when the queue is full and `when_full` is kRefuse,
  // kCancelled after cancel(). What the tower reports comes as kFailed to the pictures of that batch.
  virtual Status submit(Picture picture, Completion done, WhenFull when_full = WhenFull::kBlock) = 0;

  // What is queued is run at once instead of waiting for a full batch; for EOS and drains. Does not block.
  virtual void flush() = 0;

  // Completes everything queued or in the tower with kCancelled without waiting for the tower, wakes a blocked
  // submit(), and refuses further ones until resume(). Returns once every completion has returned (except one that
  // calls this), so hold no lock that a completion takes.
  virtual void cancel() = 0;
  virtual void resume() = 0;
};

class Engine {
 public:
  virtual ~Engine() = default;
  virtual const EngineInfo& info() const = 0;
  virtual std::unique_ptr<Session> open_session(const SessionOptions& options) = 0;
};

// The process-wide engine for these options, loaded by the first caller while others wait for it, and closed with its
// last reference. A failed load is reported to everybody who waited, and tried anew by the next call.
// Errors: those of find_model(), read_config(), Checkpoint and open_vision_tower(); with a server, those of
// open_remote_engine() (lib/engine/remote/remote_engine.h).
Result<std::shared_ptr<Engine>> shared_engine(const EngineOptions& options);

}  // namespace clipembed
