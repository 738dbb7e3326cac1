// A local engine on a fake tower, and an inbox for what it completes.
#pragma once

#include <atomic>
#include <functional>
#include <future>
#include <thread>

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

// A submit() in a completion is refused where one elsewhere would wait.
inline void expect_refusal_in_completion(Engine& engine) {
  const auto session = engine.open_session(kSinglePictures);
  std::promise<Status> refused;
  const auto submit_more = [&](Result<Embedding>) {
    Status status = ok();
    while (status) {
      status = session->submit(tagged_picture(1), [](Result<Embedding>) {}, Session::WhenFull::kBlock);
    }
    refused.set_value(status);
  };
  ck_assert(bool(session->submit(tagged_picture(0), submit_more)));
  ck_assert(is(refused.get_future().get(), Error::Kind::kBusy));
}

// Four threads submit to two sessions, which are cancelled, flushed and at last destroyed meanwhile; `trouble` is what
// else happens, again and again.
inline void expect_each_completed_once(std::shared_ptr<Session> a, std::shared_ptr<Session> b,
                                       const std::function<void()>& trouble) {
  std::atomic<int> accepted = 0, completed = 0, submitting = 4;
  {
    const auto submit_many = [&](const std::shared_ptr<Session>& session, Session::WhenFull when_full) {
      for (int i = 0; i < 500; ++i) {
        if (session->submit(tagged_picture(i), [&](Result<Embedding>) { ++completed; }, when_full)) ++accepted;
      }
      --submitting;
    };
    using enum Session::WhenFull;
    std::jthread threads[] = {std::jthread(submit_many, a, kBlock), std::jthread(submit_many, a, kRefuse),
                              std::jthread(submit_many, b, kBlock), std::jthread(submit_many, b, kRefuse)};
    while (submitting > 0) {
      a->cancel();
      a->resume();
      b->flush();
      trouble();
    }
  }
  a.reset();
  b.reset();
  ck_assert_int_gt(completed, 0);
  ck_assert_int_eq(completed, accepted);
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
