// The pool and its workers: who is served, what one bad file costs, and how it ends.
#include <dirent.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>

#include "tests/service/pool_bench.h"

using namespace clipembed;
using namespace clipembed::test;
using namespace std::chrono_literals;

namespace {

using Kind = Error::Kind;

// Of the processes there are, those that this one has started and not waited for.
std::set<pid_t> children() {
  std::set<pid_t> found;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    std::ifstream list(task.path() / "children");
    for (pid_t child = 0; list >> child;) found.insert(child);
  }
  return found;
}

float vector_of(const Result<MediaEmbedding>& result) { return expect_value(result).vector.at(0); }

std::vector<int> tags_in_order(TowerScript& tower) {
  std::vector<int> tags;
  for (const Tags& batch : tower.batches()) tags.insert(tags.end(), batch.begin(), batch.end());
  return tags;
}

}  // namespace

// ---- files ----

START_TEST(a_picture_is_embedded) {
  PoolBench bench(one_worker());
  const std::size_t job = bench.submit(png_with(42));
  ck_assert_float_eq(vector_of(bench.outcome(job)), 42);
}
END_TEST

// The pipeline gives a picture's memory back when its embedding has been told already: what that touches has to be
// there still. Seen by the sanitizers.
START_TEST(one_picture_after_the_other_is_embedded) {
  constexpr std::size_t kPictures = 200;
  PoolBench bench(one_worker());
  for (std::size_t i = 0; i < kPictures; ++i) {
    const int tag = static_cast<int>(i);
    ck_assert_float_eq(vector_of(bench.outcome(bench.submit(png_with(tag)))), tag);
  }
  ck_assert_int_eq(bench.pool().status().restarts, 0);
}
END_TEST

START_TEST(a_video_is_embedded_with_its_frames) {
  PoolBench bench(one_worker());
  const auto result = bench.outcome(bench.submit(webm_of(20)));
  const MediaEmbedding video = expect_value(result);
  ck_assert(video.is_video);
  ck_assert_uint_gt(video.frames.size(), 1);
  for (const ChosenFrame& frame : video.frames) ck_assert_uint_eq(frame.embedding.size(), 1);
}
END_TEST

START_TEST(frames_come_without_vectors_where_nobody_wants_them) {
  PoolBench bench(one_worker());
  const auto result = bench.outcome(bench.submit(webm_of(20), [](Job& job) { job.want_frames = false; }));
  const MediaEmbedding video = expect_value(result);
  ck_assert_uint_gt(video.frames.size(), 1);
  for (const ChosenFrame& frame : video.frames) ck_assert(frame.embedding.empty());
}
END_TEST

START_TEST(every_picture_format_is_decoded_in_the_sandbox) {
  PoolBench bench(one_worker());
  const std::string images = std::string(g_getenv("CLIPEMBED_REFERENCE")) + "/images/";
  std::vector<std::string> paths = {images + "../../gradient.avif"};
  for (const char* name : {"HappyFish.jpg", "cmyk.jpg", "progressive.jpg", "alpha.png", "palette.png", "photo.webp"})
    paths.push_back(images + name);
  for (const std::string& path : paths) {
    const auto result = bench.outcome(bench.submit(read_bytes(path)));
    ck_assert_msg(bool(result), "%s: %s", path.c_str(), result ? "" : result.error().message.c_str());
  }
}
END_TEST

START_TEST(what_cannot_be_decoded_is_an_error_that_names_the_upload_and_no_path) {
  PoolBench bench(one_worker());
  auto cut = png_with(1);
  cut.resize(cut.size() / 2);
  const std::string text = "this is no picture and no video, but it is long enough to be looked at by every typefinder";
  for (const auto& [bytes, kind] :
       {std::pair(cut, Kind::kFailed), std::pair(std::vector<std::uint8_t>(text.begin(), text.end()), Kind::kFormat),
        std::pair(std::vector<std::uint8_t>(), Kind::kFormat)}) {
    const std::size_t job = bench.submit(bytes);
    const auto result = bench.outcome(job);
    expect_error(result, kind, {"upload-" + std::to_string(job)});
    ck_assert_ptr_null(strchr(result.error().message.c_str(), '/'));
  }
}
END_TEST

// ---- turns ----

START_TEST(callers_take_turns) {
  PoolBench bench(one_worker());
  bench.wait_for_idle(1);
  bench.tower().hold();
  bench.submit(png_with(1));
  bench.wait_for_batch();
  for (const int tag : {2, 3, 4}) bench.submit(png_with(tag), [](Job& job) { job.caller = "many"; });
  const std::size_t last = bench.submit(png_with(5), [](Job& job) { job.caller = "one"; });
  run_until([&] { return bench.pool().status().busy == 1; });
  bench.tower().release();
  ck_assert(bool(bench.outcome(last)));
  run_until([&] { return bench.done_in_order().size() == 5; });
  ck_assert(tags_in_order(bench.tower()) == std::vector<int>({1, 2, 5, 3, 4}));
}
END_TEST

START_TEST(a_video_does_not_keep_pictures_waiting) {
  PoolBench bench(one_worker());
  bench.wait_for_idle(2);
  bench.tower().hold();
  const std::size_t video = bench.submit(webm_of(20));
  bench.wait_for_batch();
  // The tower holds a frame of the video; the picture reaches the engine all the same.
  const std::size_t picture = bench.submit(png_with(7));
  run_until([&] { return bench.pool().status().busy == 2; });
  bench.tower().release();
  ck_assert_float_eq(vector_of(bench.outcome(picture)), 7);
  ck_assert(bool(bench.outcome(video)));
}
END_TEST

START_TEST(videos_have_the_processor_time_that_others_leave) {
  PoolBench bench(one_worker());
  bench.wait_for_idle(2);
  std::multiset<int> policies;
  for (const pid_t child : children()) policies.insert(sched_getscheduler(child));
  ck_assert(policies == std::multiset<int>({SCHED_OTHER, SCHED_IDLE}));
}
END_TEST

START_TEST(a_full_queue_refuses) {
  PoolOptions options = one_worker();
  options.queue = 2;
  PoolBench bench(options);
  bench.wait_for_idle(1);
  bench.tower().hold();
  const std::size_t first = bench.submit(png_with(1));
  run_until([&] { return bench.pool().status().busy == 1; });
  bench.submit(png_with(2));
  bench.submit(png_with(3));
  expect_error(bench.pool().submit(Job{}), Kind::kBusy, {"wait already"});
  bench.tower().release();
  ck_assert(bool(bench.outcome(first)));
  run_until([&] { return bench.pool().status().queued == 0; });
  ck_assert(bool(bench.outcome(bench.submit(png_with(4)))));
}
END_TEST

// ---- cancel ----

START_TEST(a_cancelled_file_in_the_queue_is_never_decoded) {
  PoolBench bench(one_worker());
  bench.wait_for_idle(1);
  bench.tower().hold();
  bench.submit(png_with(1));
  run_until([&] { return bench.pool().status().busy == 1; });
  const std::size_t unwanted = bench.submit(png_with(2));
  const std::size_t last = bench.submit(png_with(3));
  bench.pool().cancel(bench.ticket(unwanted));
  bench.tower().release();
  ck_assert(bool(bench.outcome(last)));
  ck_assert(!bench.is_done(unwanted));
  ck_assert(tags_in_order(bench.tower()) == std::vector<int>({1, 3}));
}
END_TEST

START_TEST(a_worker_that_does_not_heed_a_cancel_is_replaced) {
  PoolBench bench(one_probe("hang"));
  const std::size_t unwanted = bench.submit(png_with(1));
  run_until([&] { return bench.pool().status().busy == 1; });
  bench.pool().cancel(bench.ticket(unwanted));
  run_until([&] { return bench.pool().status().restarts == 1 && bench.pool().status().idle >= 1; });
  ck_assert(!bench.is_done(unwanted));
}
END_TEST

// ---- workers that fail ----

START_TEST(a_crash_costs_one_file) {
  PoolBench bench(one_probe("crash"));
  const std::size_t bad = bench.submit(png_with(1));
  expect_error(bench.outcome(bad), Kind::kFailed, {"upload-0", "crashed", "killed by SIG"});
  ck_assert(bool(bench.outcome(bench.submit(webm_of(3)))));
  expect_error(bench.outcome(bench.submit(png_with(1))), Kind::kFailed, {"crashed"});
  ck_assert_uint_eq(bench.pool().status().crashes, 2);
}
END_TEST

START_TEST(a_worker_that_is_killed_costs_the_file_it_had) {
  PoolBench bench(one_worker());
  bench.wait_for_idle(2);
  bench.tower().hold();
  const std::size_t job = bench.submit(png_with(1));
  bench.wait_for_batch();
  for (const pid_t worker : children()) kill(worker, SIGKILL);
  expect_error(bench.outcome(job), Kind::kFailed, {"crashed", "KILL"});
  bench.tower().release();
  ck_assert_float_eq(vector_of(bench.outcome(bench.submit(png_with(9)))), 9);
}
END_TEST

START_TEST(a_hang_ends_at_the_deadline) {
  PoolBench bench(one_probe("hang"));
  const std::size_t job = bench.submit(png_with(1), [](Job& job) { job.deadline = 200ms; });
  expect_error(bench.outcome(job), Kind::kTimedOut, {"upload-0", "0.2 s"});
  ck_assert_uint_eq(bench.pool().status().timeouts, 1);
  run_until([&] { return bench.pool().status().restarts == 1; });
}
END_TEST

START_TEST(a_bomb_ends_at_the_memory_limit) {
#if defined(__SANITIZE_ADDRESS__)
  std::puts("SKIP: sanitizers have terabytes of address space, so workers have no memory limit with them");
  return;
#endif
  PoolOptions options = one_probe("allocate");
  options.memory = 512 << 20;
  PoolBench bench(options);
  expect_error(bench.outcome(bench.submit(png_with(1))), Kind::kFailed, {"crashed", "memory"});
}
END_TEST

START_TEST(nonsense_from_a_worker_ends_it) {
  PoolBench bench(one_probe("babble"));
  expect_error(bench.outcome(bench.submit(png_with(1))), Kind::kFailed, {"taken over"});
  ck_assert_uint_eq(bench.pool().status().misbehaved, 1);
}
END_TEST

START_TEST(a_worker_that_hangs_up_is_replaced) {
  PoolBench bench(one_probe("close"));
  expect_error(bench.outcome(bench.submit(png_with(1))), Kind::kFailed, {"crashed"});
  run_until([&] { return bench.pool().status().restarts == 1 && bench.pool().status().idle >= 1; });
}
END_TEST

START_TEST(workers_that_do_not_start_are_tried_again_and_the_reason_is_told) {
  PoolOptions options = one_worker();
  options.pipelines.video = "{source} ! nosuchelement ! {embed} ! {sink}";
  PoolBench bench(options);
  run_until([&] { return bench.pool().status().restarts >= 2; });
  const PoolStatus status = bench.pool().status();
  ck_assert(!status.ready);
  ck_assert_msg(status.trouble.find("nosuchelement") != std::string::npos, "%s", status.trouble.c_str());
}
END_TEST

START_TEST(without_descriptors_workers_come_once_there_are_some) {
  PoolOptions options = one_worker();
  bool scarce = true;
  std::function<Result<FileDescriptor>()> connect;
  ServerThread* server = nullptr;
  Bench local;
  ServerThread serving(local.engine, "");
  server = &serving;
  options.connect_engine = [&]() -> Result<FileDescriptor> {
    if (scarce) return Error{Kind::kBusy, "no descriptor is left"};
    remote::SocketPair pair = expect_value(remote::connected_pair());
    server->add_client(std::move(pair.server));
    return FileDescriptor(pair.client.release());
  };
  PoolBench bench(options);
  run_until([&] { return bench.pool().status().restarts >= 1; });
  ck_assert(bench.pool().status().trouble == "no descriptor is left");
  scarce = false;
  ck_assert(bool(bench.outcome(bench.submit(png_with(1)))));
  ck_assert(bench.pool().status().trouble.empty());
}
END_TEST

// ---- the end ----

START_TEST(a_drain_finishes_what_was_accepted_and_takes_nothing_more) {
  PoolBench bench(one_worker());
  const std::size_t first = bench.submit(png_with(1)), second = bench.submit(png_with(2));
  bool drained = false;
  bench.pool().drain(1min, [&] { drained = true; });
  expect_error(bench.pool().submit(Job{}), Kind::kUnavailable, {"ending"});
  run_until([&] { return drained; });
  ck_assert(bench.is_done(first) && bool(bench.outcome(first)));
  ck_assert(bench.is_done(second) && bool(bench.outcome(second)));
}
END_TEST

START_TEST(a_drain_gives_up_at_its_deadline) {
  PoolBench bench(one_probe("hang"));
  bench.wait_for_idle(1);
  const std::size_t running = bench.submit(png_with(1));
  run_until([&] { return bench.pool().status().busy == 1; });
  const std::size_t waiting = bench.submit(png_with(2));
  bool drained = false;
  bench.pool().drain(100ms, [&] { drained = true; });
  run_until([&] { return drained; });
  expect_error(bench.outcome(running), Kind::kCancelled, {"ended"});
  expect_error(bench.outcome(waiting), Kind::kCancelled, {"ended"});
}
END_TEST

START_TEST(no_process_is_left_of_a_pool) {
  {
    PoolBench bench(one_worker());
    bench.wait_for_idle(2);
    ck_assert_uint_eq(children().size(), 2);
  }
  ck_assert(children().empty());
}
END_TEST

int main() {
  return run_suite("worker_pool", {a_picture_is_embedded,
                                   one_picture_after_the_other_is_embedded,
                                   a_video_is_embedded_with_its_frames,
                                   frames_come_without_vectors_where_nobody_wants_them,
                                   every_picture_format_is_decoded_in_the_sandbox,
                                   what_cannot_be_decoded_is_an_error_that_names_the_upload_and_no_path,
                                   callers_take_turns,
                                   a_video_does_not_keep_pictures_waiting,
                                   videos_have_the_processor_time_that_others_leave,
                                   a_full_queue_refuses,
                                   a_cancelled_file_in_the_queue_is_never_decoded,
                                   a_worker_that_does_not_heed_a_cancel_is_replaced,
                                   a_crash_costs_one_file,
                                   a_worker_that_is_killed_costs_the_file_it_had,
                                   a_hang_ends_at_the_deadline,
                                   a_bomb_ends_at_the_memory_limit,
                                   nonsense_from_a_worker_ends_it,
                                   a_worker_that_hangs_up_is_replaced,
                                   workers_that_do_not_start_are_tried_again_and_the_reason_is_told,
                                   without_descriptors_workers_come_once_there_are_some,
                                   a_drain_finishes_what_was_accepted_and_takes_nothing_more,
                                   a_drain_gives_up_at_its_deadline,
                                   no_process_is_left_of_a_pool});
}
