#include "lib/engine/remote/remote_engine.h"

#include <filesystem>
#include <system_error>
#include <thread>
#include <utility>

#include "lib/engine/remote/dial.h"
#include "lib/engine/remote/server_link.h"
#include "lib/engine/threaded_engine.h"
#include "lib/model/hub_cache.h"
#include "lib/model/model.h"

namespace clipembed::remote {
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
  return std::shared_ptr<Engine>(std::make_shared<ThreadedEngine<ServerLink>>(link, std::move(thread)));
} catch (const std::system_error& no_thread) {
  return Error{Error::Kind::kFailed,
               "the engine at " + address + " could not be opened: " + std::string(no_thread.what())};
}

}  // namespace clipembed::remote
