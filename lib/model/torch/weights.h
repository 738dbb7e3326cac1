// Checkpoint tensors as LibTorch tensors, one at a time, so that loading never holds two copies of the model.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>

#include "lib/model/checkpoint.h"

namespace clipembed {

class Weights {
 public:
  explicit Weights(const Checkpoint& checkpoint) : checkpoint_(checkpoint) {}

  // An fp32 copy; the pages of the mapped file behind it are given back. Throws c10::Error for a name that is not
  // there, which Checkpoint::check() has ruled out.
  at::Tensor fp32(const std::string& name) const;

 private:
  const Checkpoint& checkpoint_;
};

}  // namespace clipembed
