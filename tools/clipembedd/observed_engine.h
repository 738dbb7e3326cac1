// An engine that tells of every embedding that leaves it, for metrics. Everything else is the engine's own.
#pragma once

#include <functional>
#include <memory>

#include "lib/engine/engine.h"

namespace clipembed {

// `observe` is called on the engine's thread, just before the completion; it must be short.
std::shared_ptr<Engine> observed_engine(std::shared_ptr<Engine> engine, std::function<void(const Embedding&)> observe);

}  // namespace clipembed
