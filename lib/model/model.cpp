#include "lib/model/model.h"

#include <algorithm>
#include <system_error>

#include "lib/model/hub_cache.h"

namespace clipembed {
namespace {

namespace fs = std::filesystem;

bool is_alphanumeric(char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); }
bool is_word(char c) { return is_alphanumeric(c) || c == '_'; }

// Owner or name: letters, digits, '-', '_', '.', and no '-' or '.' at either end.
bool is_repo_part(std::string_view part) {
  return !part.empty() && is_word(part.front()) && is_word(part.back()) &&
         std::ranges::all_of(part, [](char c) { return is_word(c) || c == '-' || c == '.'; });
}

// The rules of huggingface_hub's validate_repo_id(), with the owner required: a bare word is more likely a directory
// misspelt than one of the few models that have none.
std::string repo_fault(std::string_view repo) {
  const auto slash = repo.find('/');
  if (slash == repo.npos || repo.find('/', slash + 1) != repo.npos) return "it is not of the form owner/name";
  const auto owner = repo.substr(0, slash), name = repo.substr(slash + 1);
  if (!is_repo_part(owner) || !is_repo_part(name)) {
    return "owner and name are letters, digits, '-', '_' and '.', and neither starts or ends with '-' or '.'";
  }
  if (owner.size() > 96 || name.size() > 96) return "owner and name have at most 96 characters";
  if (repo.find("--") != repo.npos || repo.find("..") != repo.npos) return "'--' and '..' are not allowed";
  if (repo.ends_with(".git")) return "a name does not end in .git";
  return "";
}

// A commit, branch, tag or "refs/pr/1", by the rules of git-check-ref-format(1) that keep it inside a folder and a URL.
bool is_revision(std::string_view revision) {
  constexpr std::string_view kForbidden = " ~^:?*[\\";
  return revision.size() <= 255 && is_safe_file_name(revision) && !revision.ends_with('/') &&
         revision.find("..") == revision.npos && revision.find("//") == revision.npos &&
         revision.find_first_of(kForbidden) == revision.npos;
}

}  // namespace

Result<HubId> parse_hub_id(std::string_view text) {
  const auto at = text.find('@');
  HubId id{std::string(text.substr(0, at))};
  if (at != text.npos) id.revision = text.substr(at + 1);
  const auto not_an_id = "'" + std::string(text) + "' is no hub id: ";
  if (const auto fault = repo_fault(id.repo); !fault.empty()) return Error{Error::Kind::kSettings, not_an_id + fault};
  if (!is_revision(id.revision)) {
    return Error{Error::Kind::kSettings, not_an_id + "after '@' comes a branch, a tag or a commit hash"};
  }
  return id;
}

Result<ModelLocation> find_model(std::string_view model) {
  const fs::path directory(model);
  std::error_code ignored;
  if (fs::is_directory(directory, ignored)) return ModelLocation{std::string(model), "", directory};
  const auto quoted = "'" + std::string(model) + "'";
  if (fs::exists(directory, ignored)) {
    return Error{Error::Kind::kNotFound,
                 quoted + " is a file; a model is the directory that holds config.json and the weights"};
  }
  const auto id = parse_hub_id(model);
  if (!id) {
    return Error{Error::Kind::kNotFound, "no directory " + quoted + ", and " + id.error().message +
                                             "; an id looks like " + std::string(kDefaultModel)};
  }
  return find_cached_model(*id);
}

}  // namespace clipembed
