// A pool of real decode workers on an engine whose tower the test holds by the hand. A picture is known by its tag, the
// red of all its pixels, which is also its vector.
#pragma once

#include <glib.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/unit/remote_bench.h"
#include "tools/clipembedd/spool.h"
#include "tools/clipembedd/worker_pool.h"

namespace clipembed::test {

// Runs the main loop until it is so; what other threads do counts too, so it looks again and again.
inline void run_until(const std::function<bool()>& condition) {
  const guint tick = g_timeout_add(5, [](gpointer) -> gboolean { return G_SOURCE_CONTINUE; }, nullptr);
  while (!condition()) g_main_context_iteration(nullptr, TRUE);
  g_source_remove(tick);
}

FileDescriptor upload_of(std::span<const std::uint8_t> bytes);
std::vector<std::uint8_t> png_with(int tag);
std::vector<std::uint8_t> read_bytes(const std::string& path);
std::vector<std::uint8_t> webm_of(int frames);  // 320 x 240, 10 frames a second

using Outcome = std::optional<Result<MediaEmbedding>>;

class PoolBench {
 public:
  explicit PoolBench(PoolOptions options = {});
  ~PoolBench() { local_.script->release(); }

  WorkerPool& pool() { return *pool_; }
  TowerScript& tower() { return *local_.script; }

  // Until the tower holds a batch.
  void wait_for_batch() {
    run_until([&] { return !tower().batches().empty(); });
  }
  // Until the pool has so many workers that wait for a file.
  void wait_for_idle(int workers);

  // The job's number, by which its outcome is known.
  std::size_t submit(std::span<const std::uint8_t> bytes, const std::function<void(Job&)>& change = {});
  WorkerPool::Ticket ticket(std::size_t job) const { return tickets_.at(job); }
  bool is_done(std::size_t job) { return outcomes_[job].has_value(); }
  Result<MediaEmbedding> outcome(std::size_t job);
  const std::vector<std::size_t>& done_in_order() const { return order_; }

 private:
  Bench local_;
  ServerThread server_{local_.engine, ""};
  std::map<std::size_t, Outcome> outcomes_;
  std::map<std::size_t, WorkerPool::Ticket> tickets_;
  std::vector<std::size_t> order_;
  std::unique_ptr<WorkerPool> pool_;  // goes first
};

// One worker of each kind.
inline PoolOptions one_worker() {
  PoolOptions options;
  options.workers = options.video_workers = 1;
  return options;
}

// One whose pictures pass through the misbehaving element of probe_plugin.c.
inline PoolOptions one_probe(const std::string& act) {
  PoolOptions options = one_worker();
  options.pipelines.still = "{source} ! clipprobe act=" + act + " ! {embed} ! {sink}";
  return options;
}

}  // namespace clipembed::test
