// A stand-in for libclipembed-torch.so: its embeddings say with how many threads it was opened. MODULE_VERSION is what
// it claims to belong to.
#include <algorithm>

#include "lib/model/torch/module.h"

namespace {

using namespace clipembed;

class ThreadsTower final : public VisionTower {
 public:
  explicit ThreadsTower(int threads) : threads_(threads) {}
  Status embed(std::span<const std::uint8_t>, int, std::span<float> embeddings) override {
    std::ranges::fill(embeddings, static_cast<float>(threads_));
    return ok();
  }
  std::string device() const override { return "cpu"; }
  Precision precision() const override { return Precision::kFp32; }

 private:
  const int threads_;
};

}  // namespace

const int clipembed_torch_module_version = MODULE_VERSION;

void clipembed_open_vision_tower(const ModelConfig&, const Checkpoint&, const TowerOptions& options,
                                 Result<std::unique_ptr<VisionTower>>* out) noexcept {
  *out = std::unique_ptr<VisionTower>(std::make_unique<ThreadsTower>(options.threads));
}
