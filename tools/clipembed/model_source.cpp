#include "tools/clipembed/model_source.h"

#include <cstdio>
#include <optional>
#include <string_view>

#include "tools/clipembed/progress.h"
#include "tools/hub/fetch.h"

namespace clipembed {

Result<ModelLocation> fetch_with_progress(const HubId& id) {
  std::optional<Progress> progress;  // one for each file, so that the rate is that file's
  std::string current;
  FetchOptions options;
  options.progress = [&](std::string_view file, std::uint64_t done, std::uint64_t total) {
    if (!progress || file != current) {
      current = file;
      progress.reset();
      progress.emplace(ProgressUnit::kBytes);
    }
    progress->show(done, total, file);
  };
  options.notice = [&](std::string_view message) {
    if (progress) progress->clear();
    std::fprintf(stderr, "clipembed: %.*s\n", static_cast<int>(message.size()), message.data());
  };
  return fetch_model(id, options);
}

Result<ModelLocation> find_or_fetch_model(const std::string& model) {
  Result<ModelLocation> found = find_model(model);
  if (found || found.error().kind != Error::Kind::kNotFound) return found;
  const Result<HubId> id = parse_hub_id(model);
  if (!id) return found;
  std::fprintf(stderr, "clipembed: %s is not in the cache %s yet: fetching it\n", model.c_str(),
               hub_cache_directory().c_str());
  return fetch_with_progress(*id);
}

}  // namespace clipembed
