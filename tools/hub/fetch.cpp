#include "tools/hub/fetch.h"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "lib/model/hub_cache.h"
#include "tools/hub/blob.h"
#include "tools/hub/environment.h"
#include "tools/hub/hub_client.h"

namespace clipembed {
namespace {

namespace fs = std::filesystem;

// Beside the weights; a model has some of them.
constexpr std::array kSmallFiles = {
    kConfigFile,      "preprocessor_config.json", "processor_config.json",
    "tokenizer.json", "tokenizer_config.json",    "vocab.json",
    "merges.txt",     "special_tokens_map.json",
};

// libsoup attaches its sources to the thread's default context: a private one keeps them away from the caller's main
// loop.
class PrivateMainContext {
 public:
  PrivateMainContext() { g_main_context_push_thread_default(context_); }
  ~PrivateMainContext() {
    g_main_context_pop_thread_default(context_);
    g_main_context_unref(context_);
  }
  PrivateMainContext(const PrivateMainContext&) = delete;
  PrivateMainContext& operator=(const PrivateMainContext&) = delete;

 private:
  GMainContext* const context_ = g_main_context_new();
};

// One revision on its way into the cache.
class Fetch {
 public:
  Fetch(HubClient& hub, const HubId& id, HubRevision revision, const FetchOptions& options)
      : hub_(hub), id_(id), revision_(std::move(revision)), options_(options) {}

  Result<ModelLocation> run();

 private:
  bool has(std::string_view file) const { return std::ranges::find(revision_.files, file) != revision_.files.end(); }
  Status fetch(const std::string& file) { return fetch_file(hub_, id_, revision_.commit, file, options_); }
  Status fetch_weights();
  Status write_ref() const;

  HubClient& hub_;
  const HubId& id_;
  const HubRevision revision_;
  const FetchOptions& options_;
};

Result<ModelLocation> Fetch::run() {
  if (!has(kConfigFile)) {
    return Error{Error::Kind::kNotFound,
                 to_string(id_) + " has no config.json: it is not a model in transformers' format"};
  }
  for (const char* file : kSmallFiles) {
    if (!has(file)) continue;
    if (const auto status = fetch(file); !status) return status.error();
  }
  if (const auto status = fetch_weights(); !status) return status.error();
  // Last, so that a branch never points at a snapshot that is half there.
  if (const auto status = write_ref(); !status) return status.error();
  return find_cached_model({id_.repo, revision_.commit});
}

Status Fetch::fetch_weights() {
  const auto weights = std::ranges::find_if(kWeightsFiles, [this](auto name) { return has(name); });
  if (weights == kWeightsFiles.end()) {
    return Error{Error::Kind::kNotFound, to_string(id_) + " has no weights (" + weights_files() + ")"};
  }
  const std::string file(*weights);
  if (const auto status = fetch(file); !status || !is_index(file)) return status;
  const auto shards = read_shard_names(hub_repo_directory(id_) / "snapshots" / revision_.commit / file);
  if (!shards) return shards.error();
  for (const auto& shard : *shards) {
    if (const auto status = fetch(shard); !status) return status;
  }
  return ok();
}

Status Fetch::write_ref() const {
  if (id_.revision == revision_.commit) return ok();
  const fs::path ref = hub_repo_directory(id_) / "refs" / id_.revision;
  g_autoptr(GError) error = nullptr;
  std::error_code failure;
  fs::create_directories(ref.parent_path(), failure);
  if (g_file_set_contents(ref.c_str(), revision_.commit.c_str(), -1, &error)) return ok();
  return Error{Error::Kind::kFailed,
               std::string("cannot write the cache: ") + error->message + "; set HF_HUB_CACHE to a writable folder"};
}

Result<ModelLocation> fetch_online(const HubEnvironment& environment, const HubId& id, bool have_fallback,
                                   const FetchOptions& options) {
  const PrivateMainContext context;
  HubClient hub(environment, options);
  auto revision = hub.revision(id, have_fallback);
  if (!revision) return revision.error();
  return Fetch(hub, id, *std::move(revision), options).run();
}

}  // namespace

Result<ModelLocation> fetch_model(const HubId& id, const FetchOptions& options) {
  if (const auto valid = parse_hub_id(id.repo + "@" + id.revision); !valid) return valid.error();
  auto cached = find_cached_model(id);
  if (cached && is_commit_hash(id.revision)) return cached;  // a commit does not change
  const auto environment = read_hub_environment();
  if (!environment) return environment.error();
  if (environment->offline) {
    if (cached) return cached;
    return Error{Error::Kind::kNotFound,
                 "HF_HUB_OFFLINE is set and " + cached.error().message + " without HF_HUB_OFFLINE"};
  }
  auto fetched = fetch_online(*environment, id, static_cast<bool>(cached), options);
  if (fetched || fetched.error().kind != Error::Kind::kNetwork) return fetched;
  if (!cached) {
    return Error{Error::Kind::kNetwork, fetched.error().message + "; check the network, https_proxy and HF_ENDPOINT"};
  }
  if (options.notice)
    options.notice(fetched.error().message + "; using the revision in the cache, " + cached->revision);
  return cached;
}

}  // namespace clipembed
