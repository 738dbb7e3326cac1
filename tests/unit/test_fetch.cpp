// fetch_model() against a hub on the loopback that behaves: what it leaves in the cache, and what it refuses.
#include "tests/unit/fetch_fixture.h"

namespace clipembed {
namespace {

namespace fs = std::filesystem;

// ---- what a fetch leaves behind ------------------------------------------------------------------------------------

START_TEST(a_fetched_model_is_found) {
  Fixture fixture;
  const auto fetched = assert_fetched(fixture);
  const auto found = find_model(kRepo);
  ck_assert(static_cast<bool>(found));
  ck_assert(found->directory == fetched.directory);
  ck_assert(found->revision == fixture.server.commit());
}
END_TEST

START_TEST(the_cache_is_laid_out_as_huggingface_hub_does) {
  Fixture fixture;
  const auto model = assert_fetched(fixture);
  ck_assert(model.directory == fixture.repo() / "snapshots" / fixture.server.commit());
  ck_assert(fs::read_symlink(model.directory / kWeights) == "../../blobs/" + Fixture::weights_etag());
  ck_assert(fs::is_regular_file(fixture.repo() / "blobs" / Fixture::weights_etag()));
  ck_assert(read_file(fixture.repo() / "refs" / "main") == fixture.server.commit());
  ck_assert(fs::exists(fixture.scratch.path() / "hub/.locks/models--test--clip" / (Fixture::weights_etag() + ".lock")));
}
END_TEST

START_TEST(only_what_clip_needs_is_fetched) {
  Fixture fixture;
  const auto model = assert_fetched(fixture);
  ck_assert(fs::exists(model.directory / "merges.txt"));
  ck_assert(fs::exists(model.directory / "preprocessor_config.json"));
  ck_assert(!fs::exists(model.directory / "README.md"));
}
END_TEST

START_TEST(safetensors_are_preferred_to_pickle) {
  auto files = model_files();
  files["pytorch_model.bin"] = {"pickle"};
  Fixture fixture(files);
  const auto model = assert_fetched(fixture);
  ck_assert(!fs::exists(model.directory / "pytorch_model.bin"));
}
END_TEST

START_TEST(shards_come_with_their_index) {
  auto files = model_files();
  files.erase(kWeights);
  files["model.safetensors.index.json"] = {R"({"weight_map": {"a": "one.safetensors", "b": "two.safetensors"}})"};
  files["one.safetensors"] = {"one", true};
  files["two.safetensors"] = {"two", true};
  Fixture fixture(files);
  const auto model = fetch_model(kId, fixture.options);
  ck_assert_msg(static_cast<bool>(model), "%s", model ? "" : model.error().message.c_str());
  ck_assert(read_file(model->directory / "one.safetensors") == "one");
  ck_assert(read_file(model->directory / "two.safetensors") == "two");
}
END_TEST

START_TEST(an_index_cannot_name_a_file_outside) {
  auto files = model_files();
  files.erase(kWeights);
  files["model.safetensors.index.json"] = {R"({"weight_map": {"a": "../../../../evil"}})"};
  Fixture fixture(files);
  assert_fails(fixture, Error::Kind::kFormat, "weight_map");
}
END_TEST

START_TEST(a_second_fetch_transfers_no_file) {
  Fixture fixture;
  assert_fetched(fixture);
  const auto before = fixture.server.requests().size();
  assert_fetched(fixture);
  ck_assert_uint_eq(fixture.server.requests().size(), before + 1);  // which commit main is at
}
END_TEST

START_TEST(progress_ends_at_the_size_of_each_file) {
  Fixture fixture;
  std::map<std::string, std::uint64_t> done;
  fixture.options.progress = [&](std::string_view file, std::uint64_t bytes, std::uint64_t total) {
    ck_assert_uint_le(bytes, total);
    ck_assert_uint_ge(bytes, done[std::string(file)]);
    done[std::string(file)] = bytes;
  };
  assert_fetched(fixture);
  ck_assert_uint_eq(done[kWeights], some_weights().size());
  ck_assert_uint_eq(done.size(), 4);
}
END_TEST

// ---- revisions -----------------------------------------------------------------------------------------------------

START_TEST(a_branch_with_slashes_is_fetched) {
  Fixture fixture;
  assert_fetched(fixture, {kRepo, "refs/pr/1"});
  ck_assert(read_file(fixture.repo() / "refs/refs/pr/1") == fixture.server.commit());
  ck_assert(static_cast<bool>(find_model(kRepo + "@refs/pr/1")));
}
END_TEST

START_TEST(a_commit_hash_is_fetched_and_needs_no_ref) {
  Fixture fixture;
  assert_fetched(fixture, {kRepo, fixture.server.commit()});
  ck_assert(!fs::exists(fixture.repo() / "refs"));
}
END_TEST

START_TEST(a_cached_commit_needs_no_network) {
  Fixture fixture;
  assert_fetched(fixture, {kRepo, fixture.server.commit()});
  const auto before = fixture.server.requests().size();
  assert_fetched(fixture, {kRepo, fixture.server.commit()});
  ck_assert_uint_eq(fixture.server.requests().size(), before);
}
END_TEST

START_TEST(an_unknown_revision_is_named) {
  Fixture fixture;
  assert_fails(fixture, Error::Kind::kNotFound, "test/clip@v9: the model exists, the revision does not", {kRepo, "v9"});
}
END_TEST

START_TEST(an_id_that_leaves_the_cache_is_refused) {
  Fixture fixture;
  assert_fails(fixture, Error::Kind::kSettings, "no hub id", {"../etc", "main"});
  assert_fails(fixture, Error::Kind::kSettings, "no hub id", {kRepo, "../main"});
  ck_assert(fixture.server.requests().empty());
}
END_TEST

// ---- refusals ------------------------------------------------------------------------------------------------------

START_TEST(an_unknown_model_is_named) {
  Fixture fixture;
  assert_fails(fixture, Error::Kind::kNotFound, "has no test/clap", {"test/clap", "main"});
}
END_TEST

START_TEST(a_private_model_asks_for_a_token) {
  Fixture fixture;
  fixture.server.require_token("hf_secret");
  assert_fails(fixture, Error::Kind::kNotFound, "set HF_TOKEN");
}
END_TEST

START_TEST(a_gated_model_names_its_conditions) {
  Fixture fixture;
  fixture.server.arm("config.json", {.status = 403, .headers = {{"X-Error-Code", "GatedRepo"}}});
  assert_fails(fixture, Error::Kind::kSettings, "accept its conditions");
}
END_TEST

START_TEST(a_repository_without_config_is_no_model) {
  auto files = model_files();
  files.erase("config.json");
  Fixture fixture(files);
  assert_fails(fixture, Error::Kind::kNotFound, "no config.json");
}
END_TEST

START_TEST(a_repository_without_weights_names_the_formats) {
  auto files = model_files();
  files.erase(kWeights);
  Fixture fixture(files);
  assert_fails(fixture, Error::Kind::kNotFound, "has no weights (model.safetensors");
  ck_assert(!find_model(kRepo));
}
END_TEST

START_TEST(an_endpoint_that_is_no_address_is_refused) {
  Fixture fixture;
  for (const char* endpoint : {"huggingface", "ftp://127.0.0.1", "http://", "file:///etc"}) {
    setenv("HF_ENDPOINT", endpoint, 1);
    assert_fails(fixture, Error::Kind::kSettings, "HF_ENDPOINT");
  }
}
END_TEST

START_TEST(an_answer_that_is_no_hubs_is_refused) {
  Fixture fixture;
  const std::string commit(40, 'a');
  for (const std::string& body :
       {std::string(), std::string("<html>Log in to the hotel's network</html>"), std::string("[]"), std::string("{}"),
        std::string(R"({"sha": "../../evil", "siblings": []})"), "{\"sha\": \"" + commit + "\", \"siblings\": {}}",
        "{\"sha\": \"" + commit + "\", \"siblings\": [{\"rfilename\": 1}]}", std::string(5 << 20, ' ')}) {
    fixture.server.arm("", {.status = 200, .body = body});
    assert_fails(fixture, Error::Kind::kFormat, "the hub's answer for test/clip");
  }
}
END_TEST

START_TEST(an_etag_cannot_name_a_file_outside) {
  auto files = model_files();
  files[kWeights].etag = "../../evil";
  Fixture fixture(files);
  assert_fails(fixture, Error::Kind::kFormat, "no usable ETag");
}
END_TEST

// ---- the token -----------------------------------------------------------------------------------------------------

START_TEST(the_token_goes_to_the_endpoint_and_no_further) {
  Fixture fixture;
  fixture.server.require_token("hf_secret");
  setenv("HF_TOKEN", " hf_secret\n", 1);
  assert_fetched(fixture);
  std::size_t at_cdn = 0;
  for (const auto& request : fixture.server.requests()) {
    const bool cdn = request.host.starts_with("localhost");
    ck_assert_str_eq(request.authorization.c_str(), cdn ? "" : "Bearer hf_secret");
    at_cdn += cdn;
  }
  ck_assert_uint_eq(at_cdn, 1);
}
END_TEST

START_TEST(the_token_is_read_from_its_file) {
  Fixture fixture;
  fixture.server.require_token("hf_secret");
  write_file(fixture.scratch.path() / "token", "hf_secret\n");
  assert_fetched(fixture);
}
END_TEST

START_TEST(a_token_cannot_add_headers) {
  Fixture fixture;
  setenv("HF_TOKEN", "hf\r\nX-Evil: 1", 1);
  assert_fails(fixture, Error::Kind::kSettings, "HF_TOKEN");
}
END_TEST

// ---- offline -------------------------------------------------------------------------------------------------------

START_TEST(offline_takes_the_cached_revision) {
  Fixture fixture;
  assert_fetched(fixture);
  const auto before = fixture.server.requests().size();
  setenv("HF_HUB_OFFLINE", "1", 1);
  assert_fetched(fixture);
  ck_assert_uint_eq(fixture.server.requests().size(), before);
}
END_TEST

START_TEST(offline_without_a_cached_revision_is_an_error) {
  Fixture fixture;
  setenv("HF_HUB_OFFLINE", "YES", 1);
  assert_fails(fixture, Error::Kind::kNotFound, "HF_HUB_OFFLINE");
  ck_assert(fixture.server.requests().empty());
}
END_TEST

START_TEST(without_a_network_the_cached_revision_is_used) {
  Fixture fixture;
  assert_fetched(fixture);
  setenv("HF_ENDPOINT", "http://127.0.0.1:1", 1);
  assert_fetched(fixture);
  ck_assert(fixture.notices.find("using the revision in the cache") != std::string::npos);
}
END_TEST

START_TEST(without_a_network_and_a_cache_the_host_is_named) {
  Fixture fixture;
  setenv("HF_ENDPOINT", "http://127.0.0.1:1", 1);
  assert_fails(fixture, Error::Kind::kNetwork, "127.0.0.1");
}
END_TEST

}  // namespace
}  // namespace clipembed

int main() {
  using namespace clipembed;
  return run_suite("fetch", {a_fetched_model_is_found,
                             the_cache_is_laid_out_as_huggingface_hub_does,
                             only_what_clip_needs_is_fetched,
                             safetensors_are_preferred_to_pickle,
                             shards_come_with_their_index,
                             an_index_cannot_name_a_file_outside,
                             a_second_fetch_transfers_no_file,
                             progress_ends_at_the_size_of_each_file,
                             a_branch_with_slashes_is_fetched,
                             a_commit_hash_is_fetched_and_needs_no_ref,
                             a_cached_commit_needs_no_network,
                             an_unknown_revision_is_named,
                             an_id_that_leaves_the_cache_is_refused,
                             an_unknown_model_is_named,
                             a_private_model_asks_for_a_token,
                             a_gated_model_names_its_conditions,
                             a_repository_without_config_is_no_model,
                             a_repository_without_weights_names_the_formats,
                             an_endpoint_that_is_no_address_is_refused,
                             an_answer_that_is_no_hubs_is_refused,
                             an_etag_cannot_name_a_file_outside,
                             the_token_goes_to_the_endpoint_and_no_further,
                             the_token_is_read_from_its_file,
                             a_token_cannot_add_headers,
                             offline_takes_the_cached_revision,
                             offline_without_a_cached_revision_is_an_error,
                             without_a_network_the_cached_revision_is_used,
                             without_a_network_and_a_cache_the_host_is_named});
}
