// The folder that Hugging Face's clients share, as find_model() reads it and fetch_model() writes it:
//
//   <cache>/models--owner--name/refs/<revision>              text: the commit that a branch or tag was at
//                              /snapshots/<commit>/<file>    symbolic links to
//                              /blobs/<etag>                 the content: git's SHA-1, or SHA-256 of an LFS file
//   <cache>/.locks/models--owner--name/<etag>.lock           held (flock) while a blob is written
//
// Source: huggingface_hub 1.x, file_download.py, constants.py and utils/_validators.py. Nothing here writes; every
// function may be called from any thread.
#pragma once

#include <array>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "lib/model/model.h"
#include "lib/result.h"

namespace clipembed {

inline constexpr char kConfigFile[] = "config.json";
// In the order of preference; an index stands for itself and the shards that it names.
inline constexpr std::array<std::string_view, 4> kWeightsFiles = {"model.safetensors", "model.safetensors.index.json",
                                                                  "pytorch_model.bin", "pytorch_model.bin.index.json"};
std::string weights_files();  // the names above, as a sentence lists them
inline bool is_index(std::string_view weights) { return weights.ends_with(".index.json"); }

std::string to_string(const HubId& id);  // "owner/name", with "@revision" where it is not main

// An environment variable that holds a path, "~" and "$NAME" in it expanded as Python's os.path does; empty where
// unset.
std::filesystem::path path_from_environment(const char* name);

std::filesystem::path hub_home_directory();                 // HF_HOME, which also holds the token
std::filesystem::path hub_repo_directory(const HubId& id);  // <cache>/models--owner--name
std::filesystem::path hub_lock_directory(const HubId& id);  // <cache>/.locks/models--owner--name

bool is_commit_hash(std::string_view text);  // 40 lower-case hexadecimal digits

// True for a relative path of plain components, which cannot leave the folder it is used in.
bool is_safe_file_name(std::string_view name);

// The files that an index says the tensors lie in, sorted, each once, all beside it. kFormat for anything else.
Result<std::vector<std::string>> read_shard_names(const std::filesystem::path& index);

// The snapshot of `id` in the cache. Errors: kNotFound naming the path looked at or the file that it lacks.
Result<ModelLocation> find_cached_model(const HubId& id);

}  // namespace clipembed
