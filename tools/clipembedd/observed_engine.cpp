#include "tools/clipembedd/observed_engine.h"

#include <utility>

namespace clipembed {
namespace {

using Observer = std::function<void(const Embedding&)>;

class ObservedSession final : public Session {
 public:
  ObservedSession(std::unique_ptr<Session> session, std::shared_ptr<const Observer> observe)
      : session_(std::move(session)), observe_(std::move(observe)) {}

  Status submit(Picture picture, Completion done, WhenFull when_full) override {
    return session_->submit(
        std::move(picture),
        [observe = observe_, done = std::move(done)](Result<Embedding> result) {
          if (result) (*observe)(*result);
          done(std::move(result));
        },
        when_full);
  }
  void flush() override { session_->flush(); }
  void cancel() override { session_->cancel(); }
  void resume() override { session_->resume(); }

 private:
  const std::unique_ptr<Session> session_;
  const std::shared_ptr<const Observer> observe_;
};

class ObservedEngine final : public Engine {
 public:
  ObservedEngine(std::shared_ptr<Engine> engine, Observer observe)
      : engine_(std::move(engine)), observe_(std::make_shared<const Observer>(std::move(observe))) {}

  const EngineInfo& info() const override { return engine_->info(); }
  std::unique_ptr<Session> open_session(const SessionOptions& options) override {
    return std::make_unique<ObservedSession>(engine_->open_session(options), observe_);
  }

 private:
  const std::shared_ptr<Engine> engine_;
  const std::shared_ptr<const Observer> observe_;
};

}  // namespace

std::shared_ptr<Engine> observed_engine(std::shared_ptr<Engine> engine, Observer observe) {
  if (!observe) return engine;
  return std::make_shared<ObservedEngine>(std::move(engine), std::move(observe));
}

}  // namespace clipembed
