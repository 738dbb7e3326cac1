// A decode worker that says what its `still` pipeline tells it to, instead of decoding: what one that was taken over
// could say. Without sandbox, decoders and engine.
#include <unistd.h>

#include <map>
#include <string>

#include "tools/clipembedd/control_socket.h"
#include "tools/clipembedd/worker_descriptors.h"

using namespace clipembed;

namespace {

void say(const FromWorker& record) { static_cast<void>(send_record(kWorkerControl, encode(record))); }

ToWorker hear() {
  const Result<std::optional<Received>> received = receive_record(kWorkerControl, true);
  if (!received || !*received) _exit(0);
  const Result<ToWorker> record = decode_to_worker((*received)->bytes);
  if (!record) _exit(1);
  return *record;
}

DoneRecord done(std::uint64_t job) {
  DoneRecord record{.job = job, .embedding = {}};
  record.embedding.vector = {1, 2};
  return record;
}

FrameRecord frame(std::uint64_t job, std::size_t floats) {
  FrameRecord record{.job = job, .frame = {}};
  record.frame.embedding.resize(floats);
  return record;
}

using Answer = void (*)(std::uint64_t job);
const std::map<std::string, Answer> kAnswers = {
    {"well", [](std::uint64_t job) { say(done(job)); }},
    {"for-another-job", [](std::uint64_t job) { say(done(job + 1)); }},
    {"more-frames-than-it-may",
     [](std::uint64_t job) {
       for (int i = 0; i < 11; ++i) say(frame(job, 2));
       say(done(job));
     }},
    {"vectors-of-other-lengths",
     [](std::uint64_t job) {
       say(frame(job, 3));
       say(done(job));
     }},
    {"progress-without-end",
     [](std::uint64_t job) {
       for (int i = 0; i < 100'000; ++i) say(ProgressRecord{job, {}});
     }},
    {"ready-again", [](std::uint64_t) { say(ReadyRecord{}); }},
    {"locked-again", [](std::uint64_t) { say(LockedRecord{}); }},
    {"twice",
     [](std::uint64_t job) {
       say(done(job));
       say(done(job));
     }},
};

}  // namespace

int main() {
  const ToWorker first = hear();
  const std::string act = std::get<StartRecord>(first).pipelines.still;
  if (act == "ready-before-it-is-locked") say(ReadyRecord{});
  if (act == "an-end-at-once") return 3;
  say(LockedRecord{});
  say(ReadyRecord{});
  while (true) {
    const ToWorker record = hear();
    if (const auto* job = std::get_if<JobRecord>(&record)) kAnswers.at(act)(job->id);
  }
}
