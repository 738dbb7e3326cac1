// `model=`: a directory, or a Hugging Face id ("openai/clip-vit-base-patch32", "id@revision") in the hub's cache.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "lib/result.h"

namespace clipembed {

inline constexpr std::string_view kDefaultModel = "openai/clip-vit-base-patch32";

struct ModelLocation {
  std::string id;                   // as embeddings are labelled: the hub id, or the directory as given
  std::string revision;             // the commit in the cache; empty for a directory
  std::filesystem::path directory;  // holds config.json and the weights
};

// A hub id is "owner/name" or "owner/name@revision". Anything that exists as a directory is taken as one.
struct HubId {
  std::string repo;
  std::string revision = "main";
};
Result<HubId> parse_hub_id(std::string_view text);

// Where the hub's clients keep what they download: HF_HUB_CACHE, else HF_HOME/hub, else XDG_CACHE_HOME/huggingface/hub,
// else ~/.cache/huggingface/hub. Source: huggingface_hub 1.x, constants.py.
std::filesystem::path hub_cache_directory();

// Looks in directories and in the cache only: never on the network, so that an element may call it while it starts.
// Errors: kNotFound naming the path looked at and the command that fetches the model.
Result<ModelLocation> find_model(std::string_view model);

}  // namespace clipembed
