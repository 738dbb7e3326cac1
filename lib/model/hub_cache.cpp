#include "lib/model/hub_cache.h"

#include <glib.h>
#include <pwd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <set>
#include <system_error>

#include "lib/model/json.h"

namespace clipembed {
namespace {

namespace fs = std::filesystem;

bool is_file(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

std::string environment(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value ? value : "";
}

std::string home_of(const std::string& user) {
  passwd entry{};
  passwd* found = nullptr;
  std::array<char, 4096> buffer;
  getpwnam_r(user.c_str(), &entry, buffer.data(), buffer.size(), &found);
  return found ? found->pw_dir : "";
}

// os.path.expanduser: what cannot be expanded stays as it is.
std::string expand_user(std::string_view path) {
  if (!path.starts_with('~')) return std::string(path);
  const auto end = std::min(path.find('/'), path.size());
  const std::string user(path.substr(1, end - 1));
  std::string home = user.empty() ? environment("HOME") : home_of(user);
  if (home.empty() && user.empty()) home = g_get_home_dir();
  return home.empty() ? std::string(path) : home.append(path.substr(end));
}

// The variable that `text` starts with, "$NAME" or "${NAME}", and how many characters that takes.
struct Variable {
  std::string name;
  std::size_t length;
};
std::optional<Variable> leading_variable(std::string_view text) {
  if (!text.starts_with('$')) return {};
  if (text.starts_with("${")) {
    const auto close = text.find('}');
    if (close == text.npos) return {};
    return Variable{std::string(text.substr(2, close - 2)), close + 1};
  }
  std::size_t end = 1;
  while (end < text.size() && (g_ascii_isalnum(text[end]) || text[end] == '_')) ++end;
  if (end == 1) return {};
  return Variable{std::string(text.substr(1, end - 1)), end};
}

// os.path.expandvars: an unknown variable stays as it is.
std::string expand_variables(std::string_view path) {
  std::string expanded;
  while (!path.empty()) {
    const auto variable = leading_variable(path);
    if (const char* value = variable ? std::getenv(variable->name.c_str()) : nullptr) {
      expanded += value;
      path.remove_prefix(variable->length);
    } else {
      expanded += path.front();
      path.remove_prefix(1);
    }
  }
  return expanded;
}

fs::path expand(std::string_view path) { return expand_variables(expand_user(path)); }

std::string cache_name(const HubId& id) {
  std::string name = "models--" + id.repo;
  name.replace(name.find('/'), 1, "--");
  return name;
}

std::string remedy(const HubId& id) { return "; run: clipembed model fetch " + to_string(id); }

Result<std::string> cached_commit(const HubId& id) {
  if (is_commit_hash(id.revision)) return id.revision;
  const fs::path ref = hub_repo_directory(id) / "refs" / id.revision;
  std::ifstream file(ref);
  std::string commit;
  if (!is_file(ref) || !file) {
    return Error{Error::Kind::kNotFound,
                 to_string(id) + " is not in the hub cache (looked for " + ref.string() + ")" + remedy(id)};
  }
  file >> commit;
  if (!is_commit_hash(commit)) {
    return Error{Error::Kind::kNotFound, ref.string() + " holds no commit hash" + remedy(id)};
  }
  return commit;
}

// The first file that `snapshot` lacks; empty when it is complete. An index that cannot be read counts as complete:
// Checkpoint::open() says what is wrong with it.
std::string missing_file(const fs::path& snapshot) {
  if (!is_file(snapshot / kConfigFile)) return kConfigFile;
  const auto weights = std::ranges::find_if(kWeightsFiles, [&](auto name) { return is_file(snapshot / name); });
  if (weights == kWeightsFiles.end()) return "weights (" + weights_files() + ")";
  if (!is_index(*weights)) return "";
  const auto shards = read_shard_names(snapshot / *weights);
  if (!shards) return "";
  const auto missing = std::ranges::find_if_not(*shards, [&](const auto& shard) { return is_file(snapshot / shard); });
  return missing == shards->end() ? "" : *missing;
}

}  // namespace

std::string to_string(const HubId& id) { return id.revision == "main" ? id.repo : id.repo + "@" + id.revision; }

fs::path path_from_environment(const char* name) { return expand(environment(name)); }

fs::path hub_home_directory() {
  if (auto home = path_from_environment("HF_HOME"); !home.empty()) return home;
  if (auto cache = path_from_environment("XDG_CACHE_HOME"); !cache.empty()) return cache / "huggingface";
  return expand("~/.cache/huggingface");
}

fs::path hub_cache_directory() {
  for (const char* name : {"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"}) {
    if (auto cache = path_from_environment(name); !cache.empty()) return cache;
  }
  return hub_home_directory() / "hub";
}

fs::path hub_repo_directory(const HubId& id) { return hub_cache_directory() / cache_name(id); }

fs::path hub_lock_directory(const HubId& id) { return hub_cache_directory() / ".locks" / cache_name(id); }

std::string weights_files() {
  std::string list;
  for (const auto name : kWeightsFiles) list.append(list.empty() ? "" : ", ").append(name);
  return list;
}

bool is_commit_hash(std::string_view text) {
  return text.size() == 40 && text.find_first_not_of("0123456789abcdef") == text.npos;
}

bool is_safe_file_name(std::string_view name) {
  if (std::ranges::any_of(name, [](char c) { return g_ascii_iscntrl(c) || c == '\\'; })) return false;
  const fs::path path(name);
  return !name.empty() && path.is_relative() &&
         std::ranges::none_of(path, [](const fs::path& part) { return part.empty() || part == "." || part == ".."; });
}

Result<std::vector<std::string>> read_shard_names(const fs::path& index) {
  const auto root = JsonValue::read(index);
  if (!root) return root.error();
  const auto map = root->find("weight_map");
  if (!map) return map.error();
  if (!*map) return root->error("weight_map is missing");
  const auto members = (*map)->object();
  if (!members) return members.error();
  std::set<std::string> names;
  for (const auto& [tensor, value] : *members) {
    auto name = value.string();
    if (!name) return name.error();
    if (!is_safe_file_name(*name) || name->find('/') != name->npos) {
      return value.unsupported("a shard is a file beside the index");
    }
    names.insert(*std::move(name));
  }
  return std::vector(names.begin(), names.end());
}

Result<ModelLocation> find_cached_model(const HubId& id) {
  const auto commit = cached_commit(id);
  if (!commit) return commit.error();
  const fs::path snapshot = hub_repo_directory(id) / "snapshots" / *commit;
  std::error_code ignored;
  if (!fs::is_directory(snapshot, ignored)) {
    return Error{Error::Kind::kNotFound,
                 to_string(id) + " is not in the hub cache (looked for " + snapshot.string() + ")" + remedy(id)};
  }
  if (const auto missing = missing_file(snapshot); !missing.empty()) {
    return Error{Error::Kind::kNotFound, snapshot.string() + " lacks " + missing + remedy(id)};
  }
  return ModelLocation{id.repo, *commit, snapshot};
}

}  // namespace clipembed
