// find_model(): directories and the hub's cache, laid out by hand as huggingface_hub does it.
#include <string>

#include "lib/model/hub_cache.h"
#include "tests/unit/scratch.h"
#include "tests/unit/suite.h"

namespace clipembed {
namespace {

namespace fs = std::filesystem;

const std::string kCommit(40, 'a');
const std::string kId = "openai/clip-vit-base-patch32";
const std::string kFolder = "openai--clip-vit-base-patch32";

// A cached model at `kCommit`, with `revision` pointing at it.
fs::path make_cached_model(const fs::path& repo, std::string_view revision = "main") {
  const auto snapshot = repo / "snapshots" / kCommit;
  write_file(snapshot / "config.json", "{}");
  write_file(snapshot / "model.safetensors", "weights");
  write_file(repo / "refs" / revision, kCommit);
  return snapshot;
}

void assert_found(std::string_view model, const fs::path& directory) {
  const auto found = find_model(model);
  ck_assert_msg(static_cast<bool>(found), "%s", found ? "" : found.error().message.c_str());
  ck_assert_str_eq(found->directory.c_str(), directory.c_str());
}

void assert_not_found(std::string_view model, const std::string& words) {
  const auto found = find_model(model);
  ck_assert(!found);
  ck_assert_int_eq(static_cast<int>(found.error().kind), static_cast<int>(Error::Kind::kNotFound));
  ck_assert_msg(found.error().message.find(words) != std::string::npos, "'%s' is not in: %s", words.c_str(),
                found.error().message.c_str());
}

START_TEST(an_id_has_owner_name_and_revision) {
  const auto id = parse_hub_id("laion/CLIP-ViT-H-14_x.1@refs/pr/1");
  ck_assert(static_cast<bool>(id));
  ck_assert_str_eq(id->repo.c_str(), "laion/CLIP-ViT-H-14_x.1");
  ck_assert_str_eq(id->revision.c_str(), "refs/pr/1");
}
END_TEST

START_TEST(the_revision_defaults_to_main) {
  const auto id = parse_hub_id(kId);
  ck_assert(static_cast<bool>(id));
  ck_assert_str_eq(id->revision.c_str(), "main");
}
END_TEST

START_TEST(what_the_hub_would_refuse_is_no_id) {
  for (const std::string& text :
       {std::string(), std::string("name"), std::string("/name"), std::string("owner/"), std::string("a/b/c"),
        std::string("../name"), std::string("owner/.."), std::string("owner/na..me"), std::string("owner/na--me"),
        std::string("owner/name.git"), std::string("-owner/name"), std::string("owner/name."),
        std::string("owner/na me"), std::string("owner/na\0me", 11), std::string("owner/n\xc3\xa4me"),
        "owner/" + std::string(97, 'x')}) {
    ck_assert_msg(!parse_hub_id(text), "'%s' passed", text.c_str());
  }
}
END_TEST

START_TEST(a_revision_cannot_leave_the_cache) {
  for (const char* revision : {"", "..", "../x", "/etc", "a/../b", "a//b", "a/", "a b", "a\\b", "a?b", "a\nb"}) {
    ck_assert_msg(!parse_hub_id(kId + "@" + revision), "'%s' passed", revision);
  }
}
END_TEST

START_TEST(a_directory_is_taken_as_it_is) {
  Scratch scratch;
  assert_found(scratch.path().string(), scratch.path());
}
END_TEST

START_TEST(a_directory_wins_over_the_cache) {
  Scratch scratch;
  make_cached_model(scratch.repo(kFolder));
  fs::create_directories(scratch.path() / "work" / kId);
  fs::current_path(scratch.path() / "work");
  assert_found(kId, kId);
}
END_TEST

START_TEST(a_branch_is_looked_up_in_refs) {
  Scratch scratch;
  assert_found(kId, make_cached_model(scratch.repo(kFolder)));
  const auto found = find_model(kId);
  ck_assert_str_eq(found->revision.c_str(), kCommit.c_str());
  ck_assert_str_eq(found->id.c_str(), kId.c_str());
}
END_TEST

START_TEST(a_revision_may_have_slashes) {
  Scratch scratch;
  const auto snapshot = make_cached_model(scratch.repo(kFolder), "refs/pr/1");
  assert_found(kId + "@refs/pr/1", snapshot);
}
END_TEST

START_TEST(a_commit_hash_names_its_snapshot) {
  Scratch scratch;
  const auto snapshot = make_cached_model(scratch.repo(kFolder));
  fs::remove_all(scratch.repo(kFolder) / "refs");
  assert_found(kId + "@" + kCommit, snapshot);
}
END_TEST

START_TEST(links_to_blobs_are_followed_and_dangling_ones_are_missing) {
  Scratch scratch;
  const auto snapshot = make_cached_model(scratch.repo(kFolder));
  fs::remove(snapshot / "config.json");
  fs::create_symlink("../../blobs/c0ffee", snapshot / "config.json");
  assert_not_found(kId, "lacks config.json");
  write_file(scratch.repo(kFolder) / "blobs" / "c0ffee", "{}");
  assert_found(kId, snapshot);
}
END_TEST

START_TEST(a_missing_model_names_the_path_and_the_remedy) {
  Scratch scratch;
  assert_not_found(kId, (scratch.repo(kFolder) / "refs" / "main").string());
  assert_not_found(kId, "run: clipembed model fetch openai/clip-vit-base-patch32");
  assert_not_found(kId + "@v2", "run: clipembed model fetch openai/clip-vit-base-patch32@v2");
  assert_not_found(kId + "@" + kCommit, (scratch.repo(kFolder) / "snapshots" / kCommit).string());
}
END_TEST

START_TEST(a_missing_directory_is_named) {
  assert_not_found("/no/such/directory", "no directory '/no/such/directory'");
  assert_not_found("", "no directory ''");
}
END_TEST

START_TEST(a_file_is_no_model) {
  Scratch scratch;
  write_file(scratch.path() / "model.safetensors", "weights");
  assert_not_found((scratch.path() / "model.safetensors").string(), "is a file");
}
END_TEST

START_TEST(a_ref_without_a_commit_hash_is_refused) {
  Scratch scratch;
  make_cached_model(scratch.repo(kFolder));
  write_file(scratch.repo(kFolder) / "refs" / "main", "../../../etc");
  assert_not_found(kId, "no commit hash");
}
END_TEST

START_TEST(a_snapshot_without_config_is_incomplete) {
  Scratch scratch;
  fs::remove(make_cached_model(scratch.repo(kFolder)) / "config.json");
  assert_not_found(kId, "lacks config.json; run: clipembed model fetch");
}
END_TEST

START_TEST(a_snapshot_without_weights_is_incomplete) {
  Scratch scratch;
  const auto snapshot = make_cached_model(scratch.repo(kFolder));
  fs::remove(snapshot / "model.safetensors");
  assert_not_found(kId, "lacks weights");
  write_file(snapshot / "pytorch_model.bin", "weights");
  assert_found(kId, snapshot);
}
END_TEST

START_TEST(a_snapshot_with_an_index_needs_every_shard) {
  Scratch scratch;
  const auto snapshot = make_cached_model(scratch.repo(kFolder));
  fs::remove(snapshot / "model.safetensors");
  write_file(snapshot / "model.safetensors.index.json",
             R"({"weight_map": {"a": "one.safetensors", "b": "two.safetensors"}})");
  write_file(snapshot / "one.safetensors", "weights");
  assert_not_found(kId, "lacks two.safetensors");
  write_file(snapshot / "two.safetensors", "weights");
  assert_found(kId, snapshot);
}
END_TEST

START_TEST(shards_are_listed_once_and_sorted) {
  Scratch scratch;
  write_file(scratch.path() / "index.json",
             R"({"weight_map": {"x": "b.safetensors", "y": "a.safetensors", "z": "b.safetensors"}})");
  const auto names = read_shard_names(scratch.path() / "index.json");
  ck_assert(static_cast<bool>(names));
  ck_assert(*names == std::vector<std::string>({"a.safetensors", "b.safetensors"}));
}
END_TEST

START_TEST(a_malformed_index_is_an_error) {
  Scratch scratch;
  for (const char* content : {"", "[]", "{", "{}", R"({"weight_map": 1})", R"({"weight_map": {"a": 1}})",
                              R"({"weight_map": {"a": {}}})", R"({"weight_map": {"a": "../x"}})",
                              R"({"weight_map": {"a": "/etc/passwd"}})", R"({"weight_map": {"a": null}})"}) {
    write_file(scratch.path() / "index.json", content);
    const auto names = read_shard_names(scratch.path() / "index.json");
    ck_assert_msg(!names, "%s passed", content);
    ck_assert_int_eq(static_cast<int>(names.error().kind), static_cast<int>(Error::Kind::kFormat));
  }
}
END_TEST

START_TEST(the_cache_is_where_the_environment_says) {
  setenv("HOME", "/home/me", 1);
  for (const char* name : {"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME"}) unsetenv(name);
  ck_assert(hub_cache_directory() == "/home/me/.cache/huggingface/hub");
  setenv("XDG_CACHE_HOME", "/xdg", 1);
  ck_assert(hub_cache_directory() == "/xdg/huggingface/hub");
  setenv("HF_HOME", "~/hf", 1);
  ck_assert(hub_cache_directory() == "/home/me/hf/hub");
  setenv("HUGGINGFACE_HUB_CACHE", "/old", 1);
  ck_assert(hub_cache_directory() == "/old");
  setenv("HF_HUB_CACHE", "$HOME/${XDG_CACHE_HOME}/$nothing", 1);
  ck_assert(hub_cache_directory() == "/home/me//xdg/$nothing");
  setenv("HF_HUB_CACHE", "~root/hub", 1);
  ck_assert(hub_cache_directory() == "/root/hub");
}
END_TEST

}  // namespace
}  // namespace clipembed

int main() {
  using namespace clipembed;
  return run_suite("hub_cache", {an_id_has_owner_name_and_revision,
                                 the_revision_defaults_to_main,
                                 what_the_hub_would_refuse_is_no_id,
                                 a_revision_cannot_leave_the_cache,
                                 a_directory_is_taken_as_it_is,
                                 a_directory_wins_over_the_cache,
                                 a_branch_is_looked_up_in_refs,
                                 a_revision_may_have_slashes,
                                 a_commit_hash_names_its_snapshot,
                                 links_to_blobs_are_followed_and_dangling_ones_are_missing,
                                 a_missing_model_names_the_path_and_the_remedy,
                                 a_missing_directory_is_named,
                                 a_file_is_no_model,
                                 a_ref_without_a_commit_hash_is_refused,
                                 a_snapshot_without_config_is_incomplete,
                                 a_snapshot_without_weights_is_incomplete,
                                 a_snapshot_with_an_index_needs_every_shard,
                                 shards_are_listed_once_and_sorted,
                                 a_malformed_index_is_an_error,
                                 the_cache_is_where_the_environment_says});
}
