// Opens libclipembed-torch.so, once for the process, and asks it for towers. Any thread.
#include "lib/model/tower.h"

#include <dlfcn.h>
#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include "lib/model/cpu_quota.h"
#include "lib/model/torch/module.h"

namespace clipembed {
namespace {

namespace fs = std::filesystem;

using NamedPrecision = std::pair<Precision, const char*>;
constexpr NamedPrecision kPrecisions[] = {{Precision::kAuto, "auto"},
                                          {Precision::kFp32, "fp32"},
                                          {Precision::kFp16, "fp16"},
                                          {Precision::kBf16, "bf16"},
                                          {Precision::kInt8, "int8"}};

using OpenTower = decltype(&clipembed_open_vision_tower);

// Beside this library, as installed; or where the build leaves it, below the folder of this library.
constexpr std::string_view kPlaces[] = {"libclipembed-torch.so", "model/torch/libclipembed-torch.so"};

// Of the file that this code was loaded from. A private object, because a function's address may be the program's PLT.
fs::path library_directory() {
  static const char here = 0;
  Dl_info info{};
  if (dladdr(&here, &info) == 0 || info.dli_fname == nullptr) return {};
  return fs::path(info.dli_fname).parent_path();
}

fs::path module_path() {
  if (const char* chosen = secure_getenv("CLIPEMBED_TORCH_MODULE"); chosen && *chosen) return chosen;
  const fs::path directory = library_directory();
  std::error_code unreadable;
  const auto place = std::ranges::find_if(kPlaces, [&](auto p) { return fs::exists(directory / p, unreadable); });
  return directory / (place == std::end(kPlaces) ? kPlaces[0] : *place);
}

Error cannot_load(const fs::path& path, const std::string& reason) {
  return {Error::Kind::kLibrary,
          "cannot load '" + path.string() + "': " + reason +
              ". It is the part of gst-clipembed that needs LibTorch: install LibTorch (Debian: libtorch2.6), or name "
              "the module in CLIPEMBED_TORCH_MODULE"};
}

// GNU OpenMP reads its settings when it is loaded, with LibTorch. Its threads then spin for milliseconds wherever one
// waits for another, which on a machine that decodes too takes the processor from whoever is waited for: 282 ms a
// picture instead of 75 beside a busy compiler, and nothing gained on an idle one. Measured with ViT-B/32 on two cores.
void limit_spinning() {
  if (getenv("OMP_WAIT_POLICY") == nullptr) setenv("GOMP_SPINCOUNT", "10000", /*overwrite=*/0);
}

// RTLD_LOCAL keeps LibTorch's thousands of symbols out of the way of other plugins. Never closed, not even when
// refused: LibTorch has threads and thread-local destructors that would outlive its code.
Result<OpenTower> load_module() {
  const fs::path path = module_path();
  limit_spinning();
  void* const module = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (module == nullptr) return cannot_load(path, dlerror());
  const auto* version = static_cast<const int*>(dlsym(module, "clipembed_torch_module_version"));
  const auto open = reinterpret_cast<OpenTower>(dlsym(module, "clipembed_open_vision_tower"));
  if (version == nullptr || *version != kTorchModuleVersion || open == nullptr) {
    return cannot_load(path, "it does not belong to this version of libclipembed");
  }
  return open;
}

// A module that could not be loaded is tried again by the next call: LibTorch may have been installed meanwhile.
Result<OpenTower> loaded_module() {
  static std::mutex mutex;
  static OpenTower loaded = nullptr;
  const std::lock_guard lock(mutex);
  if (loaded != nullptr) return loaded;
  Result<OpenTower> module = load_module();
  if (module) loaded = *module;
  return module;
}

}  // namespace

const char* to_string(Precision precision) {
  return std::ranges::find(kPrecisions, precision, &NamedPrecision::first)->second;
}

Result<Precision> parse_precision(std::string_view text) {
  const auto* named = std::ranges::find(kPrecisions, text, &NamedPrecision::second);
  if (named != std::end(kPrecisions)) return named->first;
  std::string choices;
  for (const auto& [precision, name] : kPrecisions) choices += (choices.empty() ? "" : ", ") + std::string(name);
  return Error{Error::Kind::kSettings, "precision '" + std::string(text) + "' is not one of " + choices};
}

Result<std::unique_ptr<VisionTower>> open_vision_tower(const ModelConfig& config, const Checkpoint& checkpoint,
                                                       const TowerOptions& options) {
  const Result<OpenTower> open = loaded_module();
  if (!open) return open.error();
  TowerOptions resolved = options;
  if (resolved.threads <= 0) resolved.threads = usable_cpus();
  Result<std::unique_ptr<VisionTower>> tower = Error{Error::Kind::kLibrary, "the LibTorch module gave no answer"};
  (*open)(config, checkpoint, resolved, &tower);
  return tower;
}

}  // namespace clipembed
