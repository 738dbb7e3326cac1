// Where the model of a command comes from: a directory, the hub's cache, or else the hub itself, with a progress bar.
#pragma once

#include <string>

#include "lib/model/model.h"
#include "lib/result.h"

namespace clipembed {

// Downloads what is not cached yet; asks the hub which commit a branch is at.
Result<ModelLocation> fetch_with_progress(const HubId& id);

// find_model(), and for a hub id that is not in the cache a download.
Result<ModelLocation> find_or_fetch_model(const std::string& model);

}  // namespace clipembed
