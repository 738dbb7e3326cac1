// The Engine and its Sessions around a Backend that does the work on one thread of its own: the local engine's
// Dispatcher, the remote engine's ServerLink. What it has to get right is who goes last: a completion, on that thread,
// may drop the last reference to its session or to the engine.
//
// Backend:
//   const EngineInfo& info() const;
//   void stop();                                              run() of its thread returns, from any thread
//   std::shared_ptr<L> open_lane(const SessionOptions&);      L is the backend's end of a session
//   Status submit(const std::shared_ptr<L>&, ...); void flush(L&), cancel(L&), resume(L&), close_lane(L&);
#pragma once

#include <memory>
#include <thread>
#include <utility>

#include "lib/engine/engine.h"

namespace clipembed {

template <class Backend>
class ThreadedEngine final : public Engine, public std::enable_shared_from_this<ThreadedEngine<Backend>> {
 public:
  ThreadedEngine(std::shared_ptr<Backend> backend, std::jthread thread)
      : backend_(std::move(backend)), thread_(std::move(thread)) {}

  // Sessions keep the engine open, so nothing waits any more. The last reference may go in a completion, on the thread
  // itself, which then ends by itself once that completion has returned.
  ~ThreadedEngine() override {
    backend_->stop();
    if (thread_.get_id() == std::this_thread::get_id()) thread_.detach();
  }

  const EngineInfo& info() const override { return backend_->info(); }
  std::unique_ptr<Session> open_session(const SessionOptions& options) override {
    return std::make_unique<LaneSession>(this->shared_from_this(), options);
  }

 private:
  class LaneSession final : public Session {
   public:
    LaneSession(std::shared_ptr<ThreadedEngine> engine, const SessionOptions& options)
        : engine_(std::move(engine)), lane_(engine_->backend_->open_lane(options)) {}
    ~LaneSession() override { engine_->backend_->close_lane(*lane_); }

    Status submit(Picture picture, Completion done, WhenFull when_full) override {
      return engine_->backend_->submit(lane_, std::move(picture), std::move(done), when_full);
    }
    void flush() override { engine_->backend_->flush(*lane_); }
    void cancel() override {
      const auto engine = engine_;  // a completion that runs in here may destroy this session
      const auto lane = lane_;
      engine->backend_->cancel(*lane);
    }
    void resume() override { engine_->backend_->resume(*lane_); }

   private:
    const std::shared_ptr<ThreadedEngine> engine_;
    const decltype(std::declval<Backend&>().open_lane(SessionOptions())) lane_;
  };

  const std::shared_ptr<Backend> backend_;  // shared with the thread
  std::jthread thread_;                     // joined when the engine goes
};

// What every backend says of a submission.
inline Error cancelled() { return {Error::Kind::kCancelled, "the session was cancelled"}; }

inline Error queue_is_full() { return {Error::Kind::kBusy, "the engine's queue is full"}; }

inline Status check_picture(const EngineInfo& info, const Picture& picture) {
  if (picture.size() == info.input.bytes()) return ok();
  return Error{Error::Kind::kSettings, "a picture has " + std::to_string(picture.size()) + " bytes where " +
                                           info.model + " takes " + std::to_string(info.input.crop_width) + " x " +
                                           std::to_string(info.input.crop_height) + " x 3"};
}

}  // namespace clipembed
