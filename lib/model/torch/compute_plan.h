// Where and how a tower computes: the device and precision that were asked for, and the matrix kernel that a short
// probe finds fastest on this machine.
#pragma once

#include "lib/model/config.h"
#include "lib/model/torch/encoder_layer.h"
#include "lib/model/tower.h"
#include "lib/result.h"

namespace clipembed {

struct PlannedTower {
  ComputePlan plan;
  Precision precision = Precision::kFp32;  // never kAuto
  int micro_batch = 1;                     // pictures a pass
};

// Errors: kSettings for a device that this machine or this LibTorch lacks, or a precision that the device cannot run.
Result<PlannedTower> plan_tower(const ModelConfig& config, const TowerOptions& options);

}  // namespace clipembed
