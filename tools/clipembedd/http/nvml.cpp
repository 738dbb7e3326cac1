#include "tools/clipembedd/http/nvml.h"

#include <dlfcn.h>

#include "tools/media/json_writer.h"

namespace clipembed {
namespace {

// The part of nvml.h that is used, which has been stable since 2012 (the _v2 functions).
// Source: https://docs.nvidia.com/deploy/nvml-api/
using Device = struct NvmlDevice*;
struct Memory {
  unsigned long long total, free, used;
};
struct Utilization {
  unsigned gpu, memory;
};
constexpr int kSuccess = 0;
constexpr unsigned kTextSize = 96;

}  // namespace

struct Nvml::Functions {
  int (*init)();
  int (*shutdown)();
  int (*driver_version)(char*, unsigned);
  int (*count)(unsigned*);
  int (*device)(unsigned, Device*);
  int (*name)(Device, char*, unsigned);
  int (*memory)(Device, Memory*);
  int (*utilization)(Device, Utilization*);

  bool find(void* library) {
    const auto symbol = [library](auto& function, const char* name) {
      function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(dlsym(library, name));
      return function != nullptr;
    };
    return symbol(init, "nvmlInit_v2") && symbol(shutdown, "nvmlShutdown") &&
           symbol(driver_version, "nvmlSystemGetDriverVersion") && symbol(count, "nvmlDeviceGetCount_v2") &&
           symbol(device, "nvmlDeviceGetHandleByIndex_v2") && symbol(name, "nvmlDeviceGetName") &&
           symbol(memory, "nvmlDeviceGetMemoryInfo") && symbol(utilization, "nvmlDeviceGetUtilizationRates");
  }
};

Nvml::Nvml(void* library, std::unique_ptr<Functions> functions) : library_(library), functions_(std::move(functions)) {}

Nvml::~Nvml() {
  functions_->shutdown();
  dlclose(library_);
}

std::unique_ptr<Nvml> Nvml::open() {
  void* library = dlopen("libnvidia-ml.so.1", RTLD_NOW | RTLD_LOCAL);
  if (!library) return nullptr;
  auto functions = std::make_unique<Functions>();
  if (!functions->find(library) || functions->init() != kSuccess) {
    dlclose(library);
    return nullptr;
  }
  std::unique_ptr<Nvml> nvml(new Nvml(library, std::move(functions)));
  unsigned count = 0;
  if (nvml->functions_->count(&count) != kSuccess || count == 0) return nullptr;
  return nvml;
}

std::string Nvml::driver_version() const {
  char text[kTextSize] = "";
  return functions_->driver_version(text, sizeof text) == kSuccess ? text : "unknown";
}

std::vector<GpuState> Nvml::gpus() const {
  std::vector<GpuState> gpus;
  unsigned count = 0;
  if (functions_->count(&count) != kSuccess) return gpus;
  for (unsigned index = 0; index < count; ++index) {
    Device device{};
    Memory memory{};
    char name[kTextSize] = "";
    if (functions_->device(index, &device) != kSuccess || functions_->name(device, name, sizeof name) != kSuccess ||
        functions_->memory(device, &memory) != kSuccess)
      continue;
    GpuState gpu{.index = index,
                 .name = name,
                 .memory_total = memory.total,
                 .memory_used = memory.used,
                 .memory_free = memory.free,
                 .utilization = {},
                 .memory_utilization = {}};
    Utilization utilization{};
    if (functions_->utilization(device, &utilization) == kSuccess) {
      gpu.utilization = utilization.gpu;
      gpu.memory_utilization = utilization.memory;
    }
    gpus.push_back(std::move(gpu));
  }
  return gpus;
}

namespace {

void add_percent(JsonWriter& object, std::string_view key, const std::optional<unsigned>& value) {
  value ? object.add(key, std::uint64_t{*value}) : object.add_null(key);
}

}  // namespace

std::string gpu_metrics_json(const Nvml* nvml) {
  const std::vector<GpuState> gpus = nvml ? nvml->gpus() : std::vector<GpuState>();
  JsonWriter answer;
  if (!nvml || gpus.empty()) {
    answer.add("error", "CUDA not available");
    return answer.text();
  }
  std::vector<JsonWriter> objects;
  for (const GpuState& gpu : gpus) {
    JsonWriter object;
    object.add("index", std::uint64_t{gpu.index});
    object.add("name", gpu.name);
    object.add("memory_total_bytes", gpu.memory_total);
    object.add("memory_used_bytes", gpu.memory_used);
    object.add("memory_free_bytes", gpu.memory_free);
    add_percent(object, "utilization_percent", gpu.utilization);
    add_percent(object, "memory_utilization_percent", gpu.memory_utilization);
    objects.push_back(std::move(object));
  }
  answer.add("driver_version", nvml->driver_version());
  answer.add("gpus", objects);
  return answer.text();
}

}  // namespace clipembed
