#include "lib/engine/local_engine.h"

#include <exception>
#include <future>
#include <system_error>
#include <thread>
#include <utility>

#include "lib/engine/dispatcher.h"
#include "lib/engine/threaded_engine.h"

namespace clipembed {
namespace {

using Opened = Result<std::shared_ptr<Dispatcher>>;

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
  return std::shared_ptr<Engine>(std::make_shared<ThreadedEngine<Dispatcher>>(*dispatcher, std::move(worker)));
} catch (const std::system_error& no_thread) {
  return Error{Error::Kind::kFailed, std::string("the engine's thread could not be started: ") + no_thread.what()};
}

}  // namespace clipembed
