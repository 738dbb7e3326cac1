// A folder of a test's own that is gone with it, and the environment that points Hugging Face's variables into it.
#pragma once

#include <glib.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "lib/model/model.h"

namespace clipembed {

class Scratch {
 public:
  // Only HF_HOME is set afterwards; the user's own token, cache, endpoint and proxy are out of reach.
  Scratch() {
    for (const char* name : {"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_ENDPOINT", "HF_TOKEN", "HF_TOKEN_PATH",
                             "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"}) {
      unsetenv(name);
    }
    setenv("HF_HOME", path_.c_str(), 1);
    setenv("GIO_USE_PROXY_RESOLVER", "dummy", 1);
  }
  ~Scratch() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  const std::filesystem::path& path() const { return path_; }

  // <HF_HOME>/hub/models--owner--name
  std::filesystem::path repo(std::string_view owner_and_name) const {
    return path_ / "hub" / ("models--" + std::string(owner_and_name));
  }

 private:
  static std::filesystem::path make() {
    g_autofree char* path = g_dir_make_tmp("clipembed-test-XXXXXX", nullptr);
    return path;
  }
  const std::filesystem::path path_ = make();
};

inline void write_file(const std::filesystem::path& path, std::string_view content) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << content;
}

inline std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace clipembed
