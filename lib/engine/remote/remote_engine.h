// The engine of another process (`clipembed serve-engine`) behind the interface of engine.h: one connection, and one
// thread for it, that all sessions share. What an outage means is said there, at SessionOptions::outage.
#pragma once

#include <memory>
#include <string>

#include "lib/engine/engine.h"
#include "lib/result.h"

namespace clipembed::remote {

// What a client calls the model that `model` names: the canonical path of a directory, a hub id without "@main".
std::string name_of_model(const std::string& model);

// Blocks until the server at "unix:PATH" has answered. `model` is what name_of_model() gave, or empty: whatever is
// served. Errors: those of dial().
Result<std::shared_ptr<Engine>> open_remote_engine(const std::string& address, const std::string& model);

}  // namespace clipembed::remote
