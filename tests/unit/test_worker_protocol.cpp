// Records between the daemon and its workers: there and back, and what a hostile worker may send.
#include <chrono>  // before check.h, whose fail() is a macro
#include <cmath>
#include <limits>
#include <random>
#include <string>

#include "tests/unit/expect.h"
#include "tests/unit/suite.h"
#include "tools/clipembedd/control_socket.h"
#include "tools/clipembedd/worker_protocol.h"

using namespace clipembed;
using namespace std::chrono_literals;

namespace {

template <class T>
T from_worker(const FromWorker& record) {
  return std::get<T>(expect_value(decode_from_worker(encode(record))));
}

template <class T>
T to_worker(const ToWorker& record) {
  return std::get<T>(expect_value(decode_to_worker(encode(record))));
}

DoneRecord some_done() {
  DoneRecord done{.job = 7, .embedding = {}};
  done.embedding.vector = {0.5F, -0.25F, 3e-39F};
  done.embedding.is_video = true;
  done.embedding.timings = {.decode = 5ms, .preprocess = 6us, .queued = std::nullopt, .inference = 0ns};
  done.embedding.warning = "the end is missing";
  done.embedding.method = Sampling::kKeyframes;
  done.embedding.scene_count = 3;
  done.embedding.decoder = "avdec_h264";
  return done;
}

FrameRecord some_frame() {
  FrameRecord record{.job = 7, .frame = {}};
  record.frame.time = 1500ms;
  record.frame.reason = "salient";
  record.frame.scene = 2;
  record.frame.score = 0.75;
  record.frame.embedding = {1, 2, 3};
  return record;
}

void expect_refused(const FromWorker& record) {
  expect_error(decode_from_worker(encode(record)), Error::Kind::kFormat, {});
}

Record raw(const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  GVariant* value = g_variant_ref_sink(g_variant_new_va(format, nullptr, &arguments));
  va_end(arguments);
  Record bytes(g_variant_get_size(value));
  g_variant_store(value, bytes.data());
  g_variant_unref(value);
  return bytes;
}

}  // namespace

// ---- there and back ----

START_TEST(a_start_arrives_as_it_was_sent) {
  StartRecord sent{.sandbox = false, .memory = 123, .devices = {"/dev/dri/renderD128"}, .pipelines = {}};
  sent.pipelines.video = "{source} ! mine ! {embed} ! {sink}";
  const auto start = to_worker<StartRecord>(sent);
  ck_assert(!start.sandbox && start.memory == 123 && start.devices == sent.devices);
  ck_assert(start.pipelines.video == sent.pipelines.video && start.pipelines.still == sent.pipelines.still);
}
END_TEST

START_TEST(a_job_arrives_as_it_was_sent) {
  JobRecord sent{
      .id = 9, .name = "Füße.mp4", .options = {}, .normalize = false, .augment = "flip", .want_frames = false};
  sent.options.frames = 12;
  sent.options.sampling = Sampling::kThorough;
  sent.options.auto_orient = false;
  sent.options.max_pixels = 1;
  sent.options.max_frames = 2;
  sent.options.max_duration = 3s;
  const auto job = to_worker<JobRecord>(sent);
  ck_assert(job.id == 9 && job.name == sent.name && !job.normalize && job.augment == "flip" && !job.want_frames);
  ck_assert(job.options.frames == 12 && job.options.sampling == Sampling::kThorough && !job.options.auto_orient);
  ck_assert(job.options.max_pixels == 1 && job.options.max_frames == 2 && job.options.max_duration == 3s);
}
END_TEST

START_TEST(an_embedding_arrives_as_it_was_sent) {
  const DoneRecord sent = some_done();
  const auto done = from_worker<DoneRecord>(sent);
  ck_assert(done.job == 7 && done.embedding.vector == sent.embedding.vector && done.embedding.is_video);
  const Timings& times = done.embedding.timings;
  ck_assert(times.decode == 5ms && times.preprocess == 6us && !times.queued && times.inference == 0ns);
  ck_assert(done.embedding.warning == sent.embedding.warning && done.embedding.method == Sampling::kKeyframes);
  ck_assert(done.embedding.scene_count == 3U && done.embedding.decoder == "avdec_h264");
}
END_TEST

START_TEST(a_frame_arrives_as_it_was_sent) {
  const auto frame = from_worker<FrameRecord>(some_frame()).frame;
  ck_assert(frame.time == 1500ms && frame.reason == "salient" && frame.scene == 2);
  ck_assert(frame.score == 0.75 && !frame.entropy && frame.embedding == std::vector<float>({1, 2, 3}));
}
END_TEST

START_TEST(progress_of_unknown_length_arrives) {
  ck_assert(!from_worker<ProgressRecord>(ProgressRecord{1, {2s, std::nullopt}}).progress.duration);
  ck_assert(from_worker<ProgressRecord>(ProgressRecord{1, {2s, 9s}}).progress.duration == 9s);
}
END_TEST

START_TEST(the_kind_of_an_error_arrives_and_a_strange_one_is_a_failure) {
  const auto kind_of = [](Error::Kind kind) {
    return from_worker<FailedRecord>(FailedRecord{1, {kind, "x"}}).error.kind;
  };
  for (const auto kind :
       {Error::Kind::kFailed, Error::Kind::kFormat, Error::Kind::kSettings, Error::Kind::kUnavailable})
    ck_assert(kind_of(kind) == kind);
  ck_assert(kind_of(Error::Kind::kNotFound) == Error::Kind::kFailed);
}
END_TEST

START_TEST(the_largest_vector_fits_into_a_datagram) {
  const ControlPair pair = expect_value(open_control_pair());
  DoneRecord done = some_done();
  done.embedding.vector.assign(kMaxVectorFloats, 1);
  expect_value(send_record(pair.worker.get(), encode(FromWorker(done))));
  const auto received = expect_value(receive_record(pair.daemon.get(), false));
  ck_assert(std::get<DoneRecord>(expect_value(decode_from_worker(received->bytes))).embedding.vector ==
            done.embedding.vector);
}
END_TEST

// ---- what decoders make up, and hostile workers send ----

START_TEST(long_and_broken_texts_are_made_fit) {
  const std::string accents = [] {
    std::string text;
    while (text.size() < 3000) text += "é";
    return text;
  }();
  const auto message = [](const std::string& text) {
    return from_worker<FailedRecord>(FailedRecord{1, {Error::Kind::kFailed, text}}).error.message;
  };
  ck_assert_uint_eq(message(accents).size(), kMaxMessageBytes);
  ck_assert(g_utf8_validate(message("\xff\xfe bad").c_str(), -1, nullptr));
}
END_TEST

START_TEST(numbers_out_of_range_are_refused) {
  DoneRecord infinite = some_done(), empty = some_done(), long_ago = some_done(), large = some_done();
  infinite.embedding.vector[1] = std::numeric_limits<float>::infinity();
  empty.embedding.vector.clear();
  long_ago.embedding.timings.decode = -5s;
  large.embedding.vector.assign(kMaxVectorFloats + 1, 0);
  for (const DoneRecord& done : {infinite, empty, long_ago, large}) expect_refused(done);
  FrameRecord early = some_frame(), unscored = some_frame(), lost = some_frame();
  early.frame.time = -1ns;
  unscored.frame.score = std::nan("");
  lost.frame.scene = -2;
  for (const FrameRecord& frame : {early, unscored, lost}) expect_refused(frame);
}
END_TEST

START_TEST(other_types_are_refused) {
  for (const Record& bytes :
       {Record{}, Record{'D'}, Record(kMaxRecordBytes + 1), raw("(yv)", 'Z', g_variant_new("()")),
        raw("(yv)", 'D', g_variant_new("()")), raw("(yv)", 'E', g_variant_new("(ts)", guint64{1}, "text")),
        raw("(yv)", 'E', g_variant_new("(tys)", guint64{1}, 200, "text")),
        raw("(yv)", 'J', g_variant_new("(t)", guint64{1})), raw("(ys)", 'R', "text")})
    expect_error(decode_from_worker(bytes), Error::Kind::kFormat, {});
}
END_TEST

START_TEST(damaged_records_are_refused_or_in_range) {
  std::minstd_rand random(20261124);
  for (const FromWorker& record : {FromWorker(some_done()), FromWorker(some_frame()),
                                   FromWorker(LockedRecord{{"one", "two"}}), FromWorker(ProgressRecord{1, {2s, 9s}})}) {
    const Record whole = encode(record);
    for (int round = 0; round < 20000; ++round) {
      Record damaged = whole;
      for (std::size_t changes = 1 + random() % 4; changes > 0; --changes)
        damaged[random() % damaged.size()] = static_cast<std::uint8_t>(random());
      if (random() % 4 == 0) damaged.resize(random() % (damaged.size() + 1));
      const Result<FromWorker> decoded = decode_from_worker(damaged);
      if (!decoded) continue;
      if (const auto* done = std::get_if<DoneRecord>(&*decoded)) {
        ck_assert(!done->embedding.vector.empty());
        for (const float value : done->embedding.vector) ck_assert(std::isfinite(value));
        ck_assert(g_utf8_validate(done->embedding.warning.c_str(), -1, nullptr));
      }
    }
  }
}
END_TEST

// ---- the socket ----

START_TEST(a_descriptor_arrives_with_its_record_where_one_is_expected) {
  const ControlPair pair = expect_value(open_control_pair());
  expect_value(send_record(pair.daemon.get(), encode(ToWorker(CancelRecord{1})), STDIN_FILENO));
  ck_assert(bool(expect_value(receive_record(pair.worker.get(), true))->file));
  expect_value(send_record(pair.worker.get(), encode(FromWorker(ReadyRecord{})), STDIN_FILENO));
  ck_assert(!expect_value(receive_record(pair.daemon.get(), false))->file);
}
END_TEST

START_TEST(a_record_that_is_too_large_is_an_error) {
  const ControlPair pair = expect_value(open_control_pair());
  expect_value(send_record(pair.worker.get(), Record(kMaxRecordBytes + 1)));
  expect_error(receive_record(pair.daemon.get(), false), Error::Kind::kFormat, {"too large"});
}
END_TEST

START_TEST(the_end_of_the_other_side_is_noticed) {
  ControlPair pair = expect_value(open_control_pair());
  ck_assert(!expect_value(receive_record(pair.daemon.get(), false)));
  pair.worker = FileDescriptor(-1);
  expect_error(receive_record(pair.daemon.get(), false), Error::Kind::kUnavailable, {});
  expect_error(send_record(pair.daemon.get(), Record{1}), Error::Kind::kUnavailable, {});
}
END_TEST

int main() {
  return run_suite(
      "worker_protocol",
      {a_start_arrives_as_it_was_sent, a_job_arrives_as_it_was_sent, an_embedding_arrives_as_it_was_sent,
       a_frame_arrives_as_it_was_sent, progress_of_unknown_length_arrives,
       the_kind_of_an_error_arrives_and_a_strange_one_is_a_failure, the_largest_vector_fits_into_a_datagram,
       long_and_broken_texts_are_made_fit, numbers_out_of_range_are_refused, other_types_are_refused,
       damaged_records_are_refused_or_in_range, a_descriptor_arrives_with_its_record_where_one_is_expected,
       a_record_that_is_too_large_is_an_error, the_end_of_the_other_side_is_noticed});
}
