#include "lib/engine/local_engine.h"

#include <exception>
#include <future>
#include <system_error>
#include <thread>
#include <utility>

#include "lib/engine/dispatcher.h"

namespace clipembed {
namespace {

using Opened = Result<std::shared_ptr<Dispatcher>>;

class LocalEngine final : public Engine, public std::enable_shared_from_this<LocalEngine> {
 public:
  LocalEngine(std::shared_ptr<Dispatcher> dispatcher, std::jthread worker)
      : dispatcher_(std::move(dispatcher)), worker_(std::move(worker)) {}

  // Sessions keep the engine open, so nothing is queued any more. The last reference may go in a completion, on the
  // worker thread itself, which then ends by itself once that completion has returned.
  ~LocalEngine() override {
    dispatcher_->stop();
    if (dispatcher_->on_worker_thread()) worker_.detach();
  }

  const EngineInfo& info() const override { return dispatcher_->info(); }
  std::unique_ptr<Session> open_session(const SessionOptions& options) override;
  Dispatcher& dispatcher() { return *dispatcher_; }

 private:
  const std::shared_ptr<Dispatcher> dispatcher_;  // shared with the worker thread
  std::jthread worker_;                           // joined when the engine goes
};

class LocalSession final : public Session {
 public:
  LocalSession(std::shared_ptr<LocalEngine> engine, const SessionOptions& options)
      : engine_(std::move(engine)), lane_(engine_->dispatcher().make_lane(options)) {}
  ~LocalSession() override { cancel(); }

  Status submit(Picture picture, Completion done, WhenFull when_full) override {
    return engine_->dispatcher().submit(lane_, std::move(picture), std::move(done), when_full);
  }
  void flush() override { engine_->dispatcher().flush(*lane_); }
  void cancel() override {
    const auto engine = engine_;  // a completion that runs in here may destroy this session
    const auto lane = lane_;
    engine->dispatcher().cancel(*lane);
  }
  void resume() override { engine_->dispatcher().resume(*lane_); }

 private:
  const std::shared_ptr<LocalEngine> engine_;
  const std::shared_ptr<Lane> lane_;
};

std::unique_ptr<Session> LocalEngine::open_session(const SessionOptions& options) {
  return std::make_unique<LocalSession>(shared_from_this(), options);
}

Result<std::unique_ptr<VisionTower>> open_without_throwing(const TowerFactory& open_tower) {
  try {
    return open_tower();
  } catch (const std::exception& thrown) {
    return Error{Error::Kind::kFailed, std::string("the model could not be opened: ") + thrown.what()};
  }
}

// The worker thread from beginning to end.
void work(EngineInfo info, TowerFactory open_tower, int max_batch, std::promise<Opened> opened) {
  const Result<std::unique_ptr<VisionTower>> tower = open_without_throwing(open_tower);
  open_tower = nullptr;  // and with it the mapped checkpoint, unless the tower uses it
  if (!tower) return opened.set_value(tower.error());
  info.device = (*tower)->device();
  info.precision = (*tower)->precision();
  if (max_batch <= 0) max_batch = info.device == "cpu" ? kMaxBatchCpu : kMaxBatchGpu;
  const auto dispatcher = std::make_shared<Dispatcher>(std::move(info), max_batch);
  opened.set_value(dispatcher);
  dispatcher->run(**tower);
}

}  // namespace

Result<std::shared_ptr<Engine>> open_local_engine(EngineInfo info, TowerFactory open_tower, int max_batch) try {
  std::promise<Opened> promise;
  std::future<Opened> opened = promise.get_future();
  std::jthread worker(work, std::move(info), std::move(open_tower), max_batch, std::move(promise));
  const Opened dispatcher = opened.get();
  if (!dispatcher) return dispatcher.error();
  return std::shared_ptr<Engine>(std::make_shared<LocalEngine>(*dispatcher, std::move(worker)));
} catch (const std::system_error& no_thread) {
  return Error{Error::Kind::kFailed, std::string("the engine's thread could not be started: ") + no_thread.what()};
}

}  // namespace clipembed
