// fetch_model() against connections, disks and neighbours that misbehave.
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/resource.h>

#include <atomic>
#include <thread>

#include "tests/unit/fetch_fixture.h"
#include "tools/hub/file_descriptor.h"

namespace clipembed {
namespace {

namespace fs = std::filesystem;

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
  return run_suite("fetch_faults", {a_dropped_connection_is_resumed,
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
                                    a_wait_for_another_process_can_be_cancelled});
}
