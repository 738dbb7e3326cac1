// The client's end of the connection to an engine server, and what its sessions wait for.
//
//   submit() -> pictures of the lane -> link thread -> socket -> ... -> link thread -> Outbox of the lane -> completion
//
// A picture stays in its lane until it is answered, so that after an outage it can be sent again. cancel() moves what
// is there straight to the last place, and the answers that still come are thrown away. One lock guards the lanes; it
// is never held while the socket is used or a completion runs.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "lib/engine/engine.h"
#include "lib/engine/outbox.h"
#include "lib/engine/remote/dial.h"
#include "lib/engine/remote/frame_stream.h"
#include "lib/engine/remote/protocol.h"
#include "lib/engine/remote/socket.h"
#include "lib/result.h"

namespace clipembed::remote {

// One session's pictures. The members are the link's, guarded by its lock, but for the first three.
struct RemoteLane {
  struct Unanswered {
    Picture picture;
    Session::Completion done;
    std::chrono::steady_clock::time_point submitted;
  };

  const std::uint64_t id;
  const SessionOptions options;
  Outbox outbox{};  // has its own lock

  std::deque<Unanswered> pictures{};  // in order of submission
  std::uint64_t next_request = 0;     // that of the last picture, plus one; they have no gaps
  std::uint64_t flushed = 0;          // requests below this one are not to wait for a full batch
  bool cancelled = false;
  std::uint64_t cancellations = 0;  // so that a blocked submit() notices one that resume() has followed

  // What this connection's server knows.
  bool opened = false;
  std::size_t sent = 0;  // of pictures, from the front
  bool cancel_due = false;
  bool flush_due = false;

  std::uint64_t first_request() const { return next_request - pictures.size(); }

  // What this connection's server is to be told next, and counts as told.
  std::optional<Bytes> next_frame();
};

class ServerLink {
 public:
  ServerLink(std::string address, std::string model, Connected connected);

  const EngineInfo& info() const { return info_; }

  // The link thread: talks to the server, and to the next one when it has gone, until stop().
  void run();
  void stop() { stop_.ring(); }

  // The functions of Session, for the session with this lane.
  std::shared_ptr<RemoteLane> open_lane(const SessionOptions& options);
  Status submit(const std::shared_ptr<RemoteLane>& session, Picture picture, Session::Completion done,
                Session::WhenFull when_full);
  void flush(RemoteLane& lane);
  void cancel(RemoteLane& lane);
  void resume(RemoteLane& lane);
  void close_lane(RemoteLane& lane);

 private:
  bool has_room(const RemoteLane& lane) const;
  void withdraw(RemoteLane& lane, const Error& why);
  void cancel_locked(RemoteLane& lane);

  Error talk();
  void write();
  bool choose_frame();
  Status read();
  Status take(Answer answer);
  bool gives_up(const RemoteLane& lane) const;
  bool find_server();
  Status same_engine(const EngineInfo& info) const;
  void change_availability(const Status& status);
  void lose_server(RemoteLane& lane, const Error& why);
  bool stopped() const { return wait_readable(stop_.fd(), -1, {}); }

  const std::string address_;
  const std::string model_;  // what hello says
  const EngineInfo info_;
  const Signal wake_;  // the link thread: there is something to send
  const Signal stop_;  // and there is nothing any more

  // The link thread's.
  Fd socket_;
  FrameReader reader_;
  FrameWriter writer_;
  bool write_failed_ = false;  // what the server has written may still be read

  std::mutex mutex_;              // guards what follows, and the lanes
  std::condition_variable room_;  // blocked callers: something was answered, cancelled or failed
  Status available_ = ok();
  std::size_t max_batch_;
  std::deque<std::shared_ptr<RemoteLane>> lanes_;  // the front one is served next
  std::vector<std::uint64_t> closed_;              // lanes the server is to be told of
  std::uint64_t next_lane_ = 0;
  std::size_t unanswered_ = 0;  // in all lanes
  std::thread::id link_thread_;
};

}  // namespace clipembed::remote
