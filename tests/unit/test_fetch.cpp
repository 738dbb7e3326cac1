// fetch_model() against a hub on the loopback that behaves, and misbehaves, as the real one can.
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/resource.h>

#include <atomic>
#include <thread>

#include "lib/model/hub_cache.h"
#include "tests/unit/hub_server.h"
#include "tests/unit/scratch.h"
#include "tests/unit/suite.h"
#include "tools/hub/fetch.h"
#include "tools/hub/file_descriptor.h"

namespace clipembed {
namespace {

namespace fs = std::filesystem;

const std::string kRepo = "test/clip";
const std::string kWeights = "model.safetensors";
const HubId kId{kRepo, "main"};

// Three MB in which no two megabytes are alike.
std::string some_weights() {
  std::string bytes(3 << 20, '\0');
  std::uint32_t state = 1;
  for (char& byte : bytes) byte = static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
  return bytes;
}

std::map<std::string, HubFile> model_files() {
  return {{"config.json", {"{\"model_type\": \"clip\"}"}},
          {"merges.txt", {"#version: 0.2\n"}},
          {"README.md", {"not for us"}},
          {"preprocessor_config.json", {"{}"}},
          {kWeights, {some_weights(), true}}};
}

// A hub with one model, an empty cache, and options that lose no time.
struct Fixture {
  explicit Fixture(std::map<std::string, HubFile> files = model_files()) : server(kRepo, std::move(files)) {
    setenv("HF_ENDPOINT", server.url().c_str(), 1);
    options.first_delay = std::chrono::milliseconds(1);
    options.notice = [this](std::string_view message) { notices.append(message).append("\n"); };
  }

  fs::path repo() const { return scratch.repo("test--clip"); }
  fs::path incomplete() const { return repo() / "blobs" / (weights_etag() + ".incomplete"); }
  static std::string weights_etag() {
    const std::string content = some_weights();
    g_autofree char* digits = g_compute_checksum_for_string(G_CHECKSUM_SHA256, content.data(), content.size());
    return digits;
  }
  std::vector<std::string> cdn_ranges() const {
    std::vector<std::string> ranges;
    for (const auto& request : server.requests()) {
      if (request.path == "/cdn/" + kWeights) ranges.push_back(request.range);
    }
    return ranges;
  }

  Scratch scratch;
  HubServer server;
  FetchOptions options;
  std::string notices;
};

ModelLocation assert_fetched(Fixture& fixture, const HubId& id = kId) {
  auto model = fetch_model(id, fixture.options);
  ck_assert_msg(static_cast<bool>(model), "%s", model ? "" : model.error().message.c_str());
  ck_assert(read_file(model->directory / kWeights) == some_weights());
  return *model;
}

void assert_fails(Fixture& fixture, Error::Kind kind, const std::string& words, const HubId& id = kId) {
  const auto model = fetch_model(id, fixture.options);
  ck_assert(!model);
  const auto& error = model.error();
  ck_assert_msg(error.message.find(words) != std::string::npos, "'%s' is not in: %s", words.c_str(),
                error.message.c_str());
  ck_assert_msg(error.kind == kind, "kind %d: %s", static_cast<int>(error.kind), error.message.c_str());
}

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

// ---- faults on the way ---------------------------------------------------------------------------------------------

START_TEST(a_dropped_connection_is_resumed) {
  Fixture fixture;
  fixture.server.arm(kWeights, {.stop_after = 1 << 20});
  assert_fetched(fixture);
  const auto ranges = fixture.cdn_ranges();
  ck_assert_uint_eq(ranges.size(), 2);
  ck_assert_str_eq(ranges[0].c_str(), "");
  ck_assert_msg(ranges[1].starts_with("bytes=") && ranges[1] != "bytes=0-", "%s", ranges[1].c_str());
}
END_TEST

START_TEST(progress_earns_new_tries) {
  Fixture fixture;
  fixture.options.tries = 2;
  fixture.server.arm(kWeights, {.stop_after = (1 << 20) + 1}, 2);
  assert_fetched(fixture);
  ck_assert_uint_eq(fixture.cdn_ranges().size(), 3);
}
END_TEST

START_TEST(tries_are_bounded) {
  Fixture fixture;
  fixture.options.tries = 3;
  fixture.server.arm(kWeights, {.stop_after = 0}, 100);
  assert_fails(fixture, Error::Kind::kNetwork, "localhost");
  ck_assert_uint_eq(fixture.cdn_ranges().size(), 3);
  ck_assert(!find_model(kRepo));
}
END_TEST

START_TEST(a_silent_server_is_given_up_and_asked_again) {
  Fixture fixture;
  fixture.options.stall_timeout = std::chrono::seconds(1);
  fixture.server.arm(kWeights, {.stop_after = 1000, .stall = true});
  assert_fetched(fixture);
  ck_assert_uint_eq(fixture.cdn_ranges().size(), 2);
}
END_TEST

START_TEST(a_second_call_resumes_what_was_cancelled) {
  Fixture fixture;
  const GObjectPtr<GCancellable> cancellable(g_cancellable_new());
  fixture.options.cancellable = cancellable.get();
  fixture.options.progress = [&](std::string_view file, std::uint64_t done, std::uint64_t) {
    if (file == kWeights && done > 0) g_cancellable_cancel(cancellable.get());
  };
  assert_fails(fixture, Error::Kind::kCancelled, "cancelled");
  const auto kept = fs::file_size(fixture.incomplete());
  ck_assert_uint_gt(kept, 0);
  ck_assert(!find_model(kRepo));

  fixture.options.cancellable = nullptr;
  fixture.options.progress = {};
  assert_fetched(fixture);
  ck_assert(fixture.cdn_ranges().back() == "bytes=" + std::to_string(kept) + "-");
  ck_assert(!fs::exists(fixture.incomplete()));
}
END_TEST

START_TEST(a_server_without_ranges_starts_over) {
  Fixture fixture;
  fixture.server.set_ranges(false);
  fixture.server.arm(kWeights, {.stop_after = 1 << 20});
  assert_fetched(fixture);
  ck_assert(fixture.cdn_ranges().back() != "");
}
END_TEST

START_TEST(a_range_that_cannot_be_had_starts_over) {
  Fixture fixture;
  write_file(fixture.incomplete(), "some bytes of an older try");
  fixture.server.arm(kWeights, {.status = 416});
  assert_fetched(fixture);
  ck_assert(fixture.cdn_ranges() == std::vector<std::string>({"bytes=26-", ""}));
}
END_TEST

START_TEST(a_longer_leftover_starts_over) {
  Fixture fixture;
  write_file(fixture.incomplete(), std::string(4 << 20, 'x'));
  assert_fetched(fixture);
}
END_TEST

START_TEST(a_whole_leftover_is_verified_and_kept) {
  Fixture fixture;
  write_file(fixture.incomplete(), some_weights());
  assert_fetched(fixture);
  ck_assert(fixture.cdn_ranges().empty());
}
END_TEST

START_TEST(a_wrong_sha256_is_deleted) {
  auto files = model_files();
  files[kWeights].etag = std::string(64, 'f');
  Fixture fixture(files);
  assert_fails(fixture, Error::Kind::kFormat, "arrived damaged");
  ck_assert(fs::is_empty(fixture.repo() / "blobs") ||
            !fs::exists(fixture.repo() / "blobs" / (std::string(64, 'f') + ".incomplete")));
  ck_assert(!find_model(kRepo));
}
END_TEST

START_TEST(a_wrong_git_sha1_is_deleted) {
  auto files = model_files();
  files["config.json"].etag = std::string(40, 'f');
  Fixture fixture(files);
  assert_fails(fixture, Error::Kind::kFormat, "config.json arrived damaged");
  ck_assert(fs::is_empty(fixture.repo() / "blobs"));
}
END_TEST

START_TEST(a_busy_hub_is_asked_again) {
  Fixture fixture;
  fixture.server.arm("", {.status = 503});
  fixture.server.arm("config.json", {.status = 503}, 2);
  fixture.server.arm(kWeights, {.status = 500});
  assert_fetched(fixture);
  ck_assert_uint_eq(fixture.server.count("GET", "config.json"), 3);
}
END_TEST

START_TEST(retry_after_is_honoured) {
  Fixture fixture;
  fixture.server.arm("", {.status = 429, .headers = {{"Retry-After", "1"}}});
  assert_fetched(fixture);
  ck_assert(fixture.notices.find("trying again in 1.0 s") != std::string::npos);
}
END_TEST

START_TEST(a_wait_too_long_is_reported_at_once) {
  Fixture fixture;
  fixture.server.arm("", {.status = 429, .headers = {{"Retry-After", "86400"}}});
  assert_fails(fixture, Error::Kind::kNetwork, "asks to wait 86400 s");
  ck_assert_uint_eq(fixture.server.requests().size(), 1);
}
END_TEST

START_TEST(redirects_in_a_circle_end) {
  Fixture fixture;
  fixture.server.arm("", {.status = 302, .headers = {{"Location", "?again"}}}, 100);
  assert_fails(fixture, Error::Kind::kFormat, "redirects more than");
}
END_TEST

START_TEST(a_redirect_out_of_the_web_is_refused) {
  Fixture fixture;
  fixture.server.arm("", {.status = 302, .headers = {{"Location", "file:///etc/passwd"}}});
  assert_fails(fixture, Error::Kind::kFormat, "file:///etc/passwd");
}
END_TEST

// ---- the disk ------------------------------------------------------------------------------------------------------

START_TEST(a_disk_too_small_is_told_before_the_transfer) {
  auto files = model_files();
  files[kWeights].size = std::uint64_t{1} << 60;
  Fixture fixture(files);
  assert_fails(fixture, Error::Kind::kFailed, "MB free");
  ck_assert(fixture.cdn_ranges().empty());
}
END_TEST

START_TEST(a_failed_write_names_the_file) {
  Fixture fixture;
  signal(SIGXFSZ, SIG_IGN);
  const rlimit small{1 << 20, 1 << 20};
  ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
  assert_fails(fixture, Error::Kind::kFailed, fixture.incomplete().string());
}
END_TEST

START_TEST(a_cache_that_cannot_be_written_is_named) {
  Fixture fixture;
  write_file(fixture.scratch.path() / "hub", "a file where the cache should be");
  assert_fails(fixture, Error::Kind::kFailed, (fixture.scratch.path() / "hub").string());
}
END_TEST

// ---- several at once -----------------------------------------------------------------------------------------------

START_TEST(two_at_once_download_each_file_once) {
  Fixture fixture;
  fixture.options.notice = {};
  std::atomic<int> fetched = 0;
  {
    const auto fetch = [&] { fetched += static_cast<bool>(fetch_model(kId, fixture.options)); };
    const std::jthread one(fetch), two(fetch);
  }
  ck_assert_int_eq(fetched, 2);
  ck_assert_uint_eq(fixture.cdn_ranges().size(), 1);
  ck_assert(read_file(find_model(kRepo)->directory / kWeights) == some_weights());
}
END_TEST

START_TEST(a_wait_for_another_process_can_be_cancelled) {
  Fixture fixture;
  const auto lock = fixture.scratch.path() / "hub/.locks/models--test--clip" / (Fixture::weights_etag() + ".lock");
  write_file(lock, "");
  const FileDescriptor other(open(lock.c_str(), O_RDWR));
  ck_assert_int_eq(flock(other.get(), LOCK_EX), 0);
  const GObjectPtr<GCancellable> cancellable(g_cancellable_new());
  fixture.options.cancellable = cancellable.get();
  fixture.options.notice = [&](std::string_view message) {
    if (message.starts_with("waiting for another process")) g_cancellable_cancel(cancellable.get());
  };
  assert_fails(fixture, Error::Kind::kCancelled, "cancelled");
}
END_TEST

}  // namespace
}  // namespace clipembed

int main() {
  using namespace clipembed;
  return run_suite("fetch", {
                                a_fetched_model_is_found,
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
                                without_a_network_and_a_cache_the_host_is_named,
                                a_dropped_connection_is_resumed,
                                progress_earns_new_tries,
                                tries_are_bounded,
                                a_silent_server_is_given_up_and_asked_again,
                                a_second_call_resumes_what_was_cancelled,
                                a_server_without_ranges_starts_over,
                                a_range_that_cannot_be_had_starts_over,
                                a_longer_leftover_starts_over,
                                a_whole_leftover_is_verified_and_kept,
                                a_wrong_sha256_is_deleted,
                                a_wrong_git_sha1_is_deleted,
                                a_busy_hub_is_asked_again,
                                retry_after_is_honoured,
                                a_wait_too_long_is_reported_at_once,
                                redirects_in_a_circle_end,
                                a_redirect_out_of_the_web_is_refused,
                                a_disk_too_small_is_told_before_the_transfer,
                                a_failed_write_names_the_file,
                                a_cache_that_cannot_be_written_is_named,
                                two_at_once_download_each_file_once,
                                a_wait_for_another_process_can_be_cancelled,
                            });
}
