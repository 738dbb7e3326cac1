// NVIDIA's management library, loaded at run time where there is one: names, memory and load of the GPUs. Nothing of it
// is needed to build. Calls take some milliseconds at most once it is open; one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace clipembed {

struct GpuState {
  unsigned index = 0;
  std::string name;
  std::uint64_t memory_total = 0, memory_used = 0, memory_free = 0;  // bytes
  std::optional<unsigned> utilization, memory_utilization;           // per cent; none where the GPU does not tell
};

class Nvml {
 public:
  // Loads libnvidia-ml.so.1. nullptr where there is none, it has no driver, or no GPU.
  static std::unique_ptr<Nvml> open();
  ~Nvml();
  Nvml(const Nvml&) = delete;
  Nvml& operator=(const Nvml&) = delete;

  std::string driver_version() const;
  // Those that answer; a GPU may have fallen off its bus.
  std::vector<GpuState> gpus() const;

 private:
  struct Functions;
  Nvml(void* library, std::unique_ptr<Functions> functions);

  void* library_;
  std::unique_ptr<Functions> functions_;
};

// The answer of GET /metrics/gpu; `nvml` may be nullptr.
std::string gpu_metrics_json(const Nvml* nvml);

}  // namespace clipembed
