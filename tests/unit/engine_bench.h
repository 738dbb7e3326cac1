// A local engine on a fake tower, and an inbox for what it completes.
#pragma once

#include "tests/unit/fake_tower.h"
#include "tests/unit/suite.h"

namespace clipembed::test {

inline constexpr int kMaxBatch = 4;
inline constexpr std::chrono::nanoseconds kForEver = std::chrono::nanoseconds::max();
inline const SessionOptions kFullBatches{.batch_size = kMaxBatch, .batch_timeout = kForEver};
inline const SessionOptions kSinglePictures{.batch_size = 1, .batch_timeout = kForEver};

// Destroyed from the bottom up: the inbox outlives every completion.
struct Bench {
  const std::shared_ptr<TowerScript> script = std::make_shared<TowerScript>();
  Inbox inbox;
  std::shared_ptr<Engine> engine;

  explicit Bench(std::function<Status(const Tags&)> outcome = {}) {
    if (outcome) script->outcome = std::move(outcome);
    auto opened = open_fake_engine(script, kMaxBatch);
    ck_assert(bool(opened));
    engine = *std::move(opened);
  }
  // A test that ends with the tower held would never end.
  ~Bench() { script->release(); }

  // The tower stops in a batch of one picture of this session, tagged 99.
  void hold_a_batch(Session& session) {
    const std::size_t before = script->batches().size();
    script->hold();
    submit(session, {99});
    session.flush();
    script->wait_until_batch_has_begun(before + 1);
  }
  void submit(Session& session, const Tags& tags) {
    for (const int tag : tags) ck_assert(bool(session.submit(tagged_picture(tag), inbox.slot(tag))));
  }
};

inline bool is(const Status& status, Error::Kind kind) { return !status && status.error().kind == kind; }

// Until a picture is refused; gives how many were not.
inline int submit_until_refused(Bench& bench, Session& session, Error::Kind why) {
  for (int accepted = 0;; ++accepted) {
    const Status status =
        session.submit(tagged_picture(accepted), bench.inbox.slot(accepted), Session::WhenFull::kRefuse);
    if (is(status, why)) return accepted;
    ck_assert(bool(status));
  }
}

// Until a cancel() of another thread has got far enough to refuse pictures.
inline void submit_until_cancelled(Session& session) {
  while (!is(session.submit(
                 tagged_picture(0), [](Result<Embedding>) {}, Session::WhenFull::kRefuse),
             Error::Kind::kCancelled)) {
    std::this_thread::yield();
  }
}

}  // namespace clipembed::test
