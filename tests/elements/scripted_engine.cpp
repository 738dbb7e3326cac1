#include "tests/elements/scripted_engine.h"

#include <utility>

namespace clipembed {
namespace test {

static std::unique_ptr<Script> current_script = std::make_unique<Script>();

Script& Script::instance() { return *current_script; }

void Script::reset() { current_script = std::make_unique<Script>(); }

void Script::wait_for_pending(std::size_t count) {
  std::unique_lock guard(lock_);
  changed_.wait(guard, [&] { return pending_.size() >= count; });
}

std::size_t Script::pending() {
  std::lock_guard guard(lock_);
  return pending_.size();
}

void Script::wait_for_flush() {
  std::unique_lock guard(lock_);
  changed_.wait(guard, [this] { return flushed_; });
}

Script::Pending Script::take() {
  std::unique_lock guard(lock_);
  changed_.wait(guard, [this] { return !pending_.empty(); });
  Pending oldest = std::move(pending_.front());
  pending_.pop_front();
  return oldest;
}

Result<Embedding> Script::embedding(std::size_t number) const {
  Embedding embedding{.values = std::vector<float>(kDim), .inference = inference, .batch = batch};
  embedding.values[number % kDim] = 2;
  return embedding;
}

void Script::answer() {
  const Pending oldest = take();
  oldest.done(embedding(oldest.number));
}

void Script::answer_with(Error error) { take().done(std::move(error)); }

Status Script::submit(Session::Completion done) {
  {
    std::lock_guard guard(lock_);
    if (refusal) return *refusal;
    if (cancelled_) return Error{Error::Kind::kCancelled, "cancelled"};
    pending_.push_back({submitted_++, std::move(done)});
    changed_.notify_all();
  }
  if (immediate) answer();
  return ok();
}

void Script::cancel() {
  std::deque<Pending> dropped;
  {
    std::lock_guard guard(lock_);
    cancelled_ = true;
    dropped.swap(pending_);
  }
  for (const Pending& pending : dropped) pending.done(Error{Error::Kind::kCancelled, "cancelled"});
}

void Script::resume() {
  std::lock_guard guard(lock_);
  cancelled_ = false;
}

void Script::flush() {
  std::lock_guard guard(lock_);
  flushed_ = true;
  changed_.notify_all();
}

namespace {

class ScriptedSession : public Session {
 public:
  ~ScriptedSession() override { Script::instance().cancel(); }
  Status submit(Picture, Completion done, WhenFull) override { return Script::instance().submit(std::move(done)); }
  void flush() override { Script::instance().flush(); }
  void cancel() override { Script::instance().cancel(); }
  void resume() override { Script::instance().resume(); }
};

class ScriptedEngine : public Engine {
 public:
  const EngineInfo& info() const override { return info_; }
  std::unique_ptr<Session> open_session(const SessionOptions& options) override {
    Script::instance().session_options = options;
    return std::make_unique<ScriptedSession>();
  }

 private:
  const EngineInfo info_{.model = "scripted", .revision = "", .device = "cpu", .dim = kDim, .input = {}};
};

}  // namespace
}  // namespace test

Result<std::shared_ptr<Engine>> shared_engine(const EngineOptions& options) {
  test::Script::instance().engine_options = options;
  auto& error = test::Script::instance().load_error;
  if (error) return *std::exchange(error, std::nullopt);
  return std::shared_ptr<Engine>(std::make_shared<test::ScriptedEngine>());
}

}  // namespace clipembed
