#include "lib/engine/remote/remote_engine.h"

#include <filesystem>
#include <system_error>
#include <thread>
#include <utility>

#include "lib/engine/remote/dial.h"
#include "lib/engine/remote/server_link.h"
#include "lib/model/hub_cache.h"
#include "lib/model/model.h"

namespace clipembed::remote {
namespace {

class RemoteEngine final : public Engine, public std::enable_shared_from_this<RemoteEngine> {
 public:
  RemoteEngine(std::shared_ptr<ServerLink> link, std::jthread thread)
      : link_(std::move(link)), thread_(std::move(thread)) {}

  // Sessions keep the engine open, so nothing is unanswered any more. The last reference may go in a completion, on the
  // link thread itself, which then ends by itself once that completion has returned.
  ~RemoteEngine() override {
    link_->stop();
    if (thread_.get_id() == std::this_thread::get_id()) thread_.detach();
  }

  const EngineInfo& info() const override { return link_->info(); }
  std::unique_ptr<Session> open_session(const SessionOptions& options) override;
  ServerLink& link() { return *link_; }

 private:
  const std::shared_ptr<ServerLink> link_;  // shared with the link thread
  std::jthread thread_;                     // joined when the engine goes
};

class RemoteSession final : public Session {
 public:
  RemoteSession(std::shared_ptr<RemoteEngine> engine, const SessionOptions& options)
      : engine_(std::move(engine)), lane_(engine_->link().open_lane(options)) {}
  ~RemoteSession() override { engine_->link().close_lane(*lane_); }

  Status submit(Picture picture, Completion done, WhenFull when_full) override {
    return engine_->link().submit(*lane_, std::move(picture), std::move(done), when_full);
  }
  void flush() override { engine_->link().flush(*lane_); }
  void cancel() override {
    const auto engine = engine_;  // a completion that runs in here may destroy this session
    const auto lane = lane_;
    engine->link().cancel(*lane);
  }
  void resume() override { engine_->link().resume(*lane_); }

 private:
  const std::shared_ptr<RemoteEngine> engine_;
  const std::shared_ptr<RemoteLane> lane_;
};

std::unique_ptr<Session> RemoteEngine::open_session(const SessionOptions& options) {
  return std::make_unique<RemoteSession>(shared_from_this(), options);
}

}  // namespace

std::string name_of_model(const std::string& model) {
  std::error_code error;
  if (std::filesystem::is_directory(model, error)) {
    const auto canonical = std::filesystem::canonical(model, error);
    return error ? model : canonical.string();
  }
  const Result<HubId> id = parse_hub_id(model);
  return id ? to_string(*id) : model;
}

Result<std::shared_ptr<Engine>> open_remote_engine(const std::string& address, const std::string& model) try {
  const Signal never;
  Result<Connected> connected = dial(address, model, never);
  if (!connected) return std::move(connected).error();
  const auto link = std::make_shared<ServerLink>(address, model, *std::move(connected));
  std::jthread thread([link] { link->run(); });
  return std::shared_ptr<Engine>(std::make_shared<RemoteEngine>(link, std::move(thread)));
} catch (const std::system_error& no_thread) {
  return Error{Error::Kind::kFailed,
               "the engine at " + address + " could not be opened: " + std::string(no_thread.what())};
}

}  // namespace clipembed::remote
