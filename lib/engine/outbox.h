// The completions of one session on their way to it: each is called exactly once, in the order of post(), by one thread
// at a time and with no lock held. Whoever calls deliver() while another thread delivers leaves the work to that
// thread.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "lib/engine/engine.h"
#include "lib/result.h"

namespace clipembed {

class Outbox {
 public:
  void post(Session::Completion done, Result<Embedding> result);

  // Calls what was posted. A completion may call this again: then the rest is delivered first, inside it.
  void deliver();

  // Returns once nothing is posted and no completion runs; at once when called by a completion of this outbox.
  void wait_until_delivered();

 private:
  struct Letter {
    Session::Completion done;
    Result<Embedding> result;
  };

  std::mutex mutex_;  // guards what follows; taken after the engine's lock where both are held
  std::condition_variable delivered_;
  std::deque<Letter> letters_;
  std::thread::id deliverer_;  // no thread's when none delivers
};

}  // namespace clipembed
