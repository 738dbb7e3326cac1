// The MediaService of the daemon: the loaded model and the decode workers. Main-loop thread.
#pragma once

#include <memory>

#include "tools/clipembedd/configuration.h"
#include "tools/clipembedd/engine_host.h"
#include "tools/clipembedd/http/media_service.h"
#include "tools/clipembedd/http/metrics.h"
#include "tools/clipembedd/worker_pool.h"

namespace clipembed {

class LocalMediaService : public MediaService {
 public:
  // Begins to load the model and to start workers; `changed` is called whenever status() may have. Errors: kSettings.
  static Result<std::unique_ptr<LocalMediaService>> open(const Configuration& configuration, Metrics& metrics,
                                                         std::function<void()> changed);

  Result<Ticket> submit(Job job) override { return pool_.submit(std::move(job)); }
  void cancel(Ticket ticket) override { pool_.cancel(ticket); }
  ServiceStatus status() const override;
  void cancel_all() override;

 private:
  LocalMediaService(EngineHostOptions engine, PoolOptions pool, std::string model, std::function<void()> changed);

  const std::string model_;
  EngineHost engine_;
  WorkerPool pool_;
  bool cancelled_ = false;
};

}  // namespace clipembed
