// The seam between libclipembed and libclipembed-torch.so: two C symbols that lib/model/tower.cpp looks up after
// dlopen, and that the module defines. Nothing else of the module is visible.
#pragma once

#include <memory>

#include "lib/model/checkpoint.h"
#include "lib/model/config.h"
#include "lib/model/tower.h"
#include "lib/result.h"

namespace clipembed {

// Raise it with any change to this header or to the layout of a type that crosses it (ModelConfig, Checkpoint,
// TowerOptions, VisionTower, Result): a module left over from another build is then refused instead of crashing.
inline constexpr int kTorchModuleVersion = 1;

}  // namespace clipembed

extern "C" {

// The module defines it as kTorchModuleVersion.
[[gnu::visibility("default")]] extern const int clipembed_torch_module_version;

// As open_vision_tower(), but the result is assigned to `*out`, because C linkage has no C++ return values. Called on
// the thread that will use the tower; throws nothing. `checkpoint` need not outlive the call.
[[gnu::visibility("default")]] void clipembed_open_vision_tower(
    const clipembed::ModelConfig& config, const clipembed::Checkpoint& checkpoint,
    const clipembed::TowerOptions& options, clipembed::Result<std::unique_ptr<clipembed::VisionTower>>* out) noexcept;

}  // extern "C"
