// The engine of this process: one worker thread that creates, uses and destroys the tower, because LibTorch's thread
// pool belongs to the thread that uses it.
#pragma once

#include <functional>
#include <memory>

#include "lib/engine/engine.h"

namespace clipembed {

using TowerFactory = std::function<Result<std::unique_ptr<VisionTower>>()>;

// The limit of a batch on each kind of device. A CPU gains nothing past it, and whoever feeds it would wait for all of
// a large batch before the next pictures come: docs/performance.md, "The service".
inline constexpr int kMaxBatchCpu = 8;
inline constexpr int kMaxBatchGpu = 256;

// Blocks until `open_tower` has run on the worker thread, and gives its error if it fails. `info` comes with all but
// device and precision, which are the tower's. `max_batch` 0: as the device demands.
Result<std::shared_ptr<Engine>> open_local_engine(EngineInfo info, TowerFactory open_tower, int max_batch = 0);

}  // namespace clipembed
