#include "tools/clipembedd/http/metrics.h"

#include <glib.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "tools/clipembedd/http/reply.h"

namespace clipembed {
namespace {

using Type = PrometheusText::Type;

constexpr double kSeconds[] = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300};
constexpr double kBatchSizes[] = {1, 2, 4, 8, 16, 32, 64, 128, 256};

double seconds(std::chrono::nanoseconds time) { return std::chrono::duration<double>(time).count(); }

void observe(Histogram& histogram, const std::optional<std::chrono::nanoseconds>& time) {
  if (time) histogram.observe(seconds(*time));
}

std::uint64_t resident_bytes() {
  unsigned long long size = 0, resident = 0;
  if (FILE* file = std::fopen("/proc/self/statm", "re")) {
    if (std::fscanf(file, "%llu %llu", &size, &resident) != 2) resident = 0;
    std::fclose(file);
  }
  return resident * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

std::uint64_t open_descriptors() {
  std::uint64_t count = 0;
  if (GDir* folder = g_dir_open("/proc/self/fd", 0, nullptr)) {
    while (g_dir_read_name(folder)) ++count;
    g_dir_close(folder);
    --count;  // the one that listed them
  }
  return count;
}

void add_process(PrometheusText& out, const ServerGauges& gauges) {
  out.family("clipembed_uptime_seconds", Type::kGauge, "Since the service started.");
  out.sample(gauges.uptime.count());
  out.family("process_resident_memory_bytes", Type::kGauge, "Resident memory of the service, without its workers.");
  out.sample(resident_bytes());
  out.family("process_open_fds", Type::kGauge, "Open descriptors of the service.");
  out.sample(open_descriptors());
}

void add_state(PrometheusText& out, const ServerGauges& gauges, const ServiceStatus& service) {
  out.family("clipembed_build_info", Type::kGauge, "Always 1; what is built.");
  out.sample(std::uint64_t{1}, {{"version", CLIPEMBED_VERSION}});
  out.family("clipembed_model_info", Type::kGauge, "1 once the model is loaded; what it is.");
  out.sample(std::uint64_t{service.state == ServiceStatus::State::kReady},
             {{"model", service.model}, {"device", service.device}, {"precision", service.precision}});
  out.family("clipembed_connections", Type::kGauge, "Open connections.");
  out.sample(std::uint64_t{gauges.connections});
  out.family("clipembed_active_requests", Type::kGauge, "POST /embed under way.");
  out.sample(std::uint64_t{gauges.requests});
}

void add_workers(PrometheusText& out, const PoolStatus& pool) {
  out.family("clipembed_queue_depth", Type::kGauge, "Files that wait for a decode worker.");
  out.sample(std::uint64_t{pool.queued});
  out.family("clipembed_workers", Type::kGauge, "Decode workers, by what they do.");
  out.sample(static_cast<std::uint64_t>(pool.idle), {{"state", "idle"}});
  out.sample(static_cast<std::uint64_t>(pool.busy), {{"state", "busy"}});
  out.sample(static_cast<std::uint64_t>(std::max(0, pool.workers - pool.idle - pool.busy)), {{"state", "starting"}});
  out.family("clipembed_worker_restarts_total", Type::kCounter, "Decode workers that took another one's place.");
  out.sample(pool.restarts);
  out.family("clipembed_worker_failures_total", Type::kCounter, "Decode workers that were lost over a file, by how.");
  out.sample(pool.crashes, {{"cause", "crash"}});
  out.sample(pool.timeouts, {{"cause", "timeout"}});
  out.sample(pool.misbehaved, {{"cause", "misbehaviour"}});
}

}  // namespace

Metrics::Metrics()
    : file_seconds_(kSeconds),
      queue_seconds_(kSeconds),
      decode_seconds_(kSeconds),
      preprocess_seconds_(kSeconds),
      engine_queue_seconds_(kSeconds),
      inference_seconds_(kSeconds),
      batch_size_(kBatchSizes) {}

void Metrics::request_done(std::string_view path, int status, Duration duration, std::uint64_t bytes) {
  ++requests_[{std::string(path), status}];
  request_seconds_.try_emplace(std::string(path), kSeconds).first->second.observe(seconds(duration));
  request_bytes_ += bytes;
}

void Metrics::file_done(const Result<MediaEmbedding>& result, Duration duration) {
  file_seconds_.observe(seconds(duration));
  if (!result) {
    ++failed_[failure_of(result.error()).reason()];
    return;
  }
  ++embedded_;
  observe(queue_seconds_, result->timings.queued);
  observe(decode_seconds_, result->timings.decode);
  observe(preprocess_seconds_, result->timings.preprocess);
}

void Metrics::picture_embedded(const Embedding& embedding) {
  std::lock_guard lock(engine_mutex_);
  ++images_;
  engine_queue_seconds_.observe(seconds(embedding.queued));
  inference_seconds_.observe(seconds(embedding.inference));
  batch_size_.observe(embedding.batch);
}

std::string Metrics::text(const ServerGauges& gauges, const ServiceStatus& service) const {
  PrometheusText out;
  add_process(out, gauges);
  add_state(out, gauges, service);
  add_workers(out, service.pool);
  add_requests(out);
  add_files(out);
  add_engine(out);
  return out.text();
}

void Metrics::add_requests(PrometheusText& out) const {
  out.family("clipembed_requests_total", Type::kCounter,
             "Requests answered, by path and status; 499 where the client had gone.");
  for (const auto& [key, count] : requests_)
    out.sample(count, {{"path", key.first}, {"status", std::to_string(key.second)}});
  out.family("clipembed_request_duration_seconds", Type::kHistogram,
             "From a request's header to the last byte of its answer, by path.");
  for (const auto& [path, histogram] : request_seconds_) out.sample(histogram, {{"path", path}});
  out.family("clipembed_request_bytes_total", Type::kCounter, "Bytes of request bodies.");
  out.sample(request_bytes_);
  out.family("clipembed_rejected_requests_total", Type::kCounter,
             "Requests refused before any work was done, by reason.");
  for (const auto& [reason, count] : rejected_) out.sample(count, {{"reason", reason}});
}

void Metrics::add_files(PrometheusText& out) const {
  out.family("clipembed_files_embedded_total", Type::kCounter, "Files that became vectors.");
  out.sample(embedded_);
  out.family("clipembed_files_failed_total", Type::kCounter, "Files that did not, by reason.");
  for (const auto& [reason, count] : failed_) out.sample(count, {{"reason", reason}});
  out.family("clipembed_file_duration_seconds", Type::kHistogram, "From when a file was queued to its vector.");
  out.sample(file_seconds_);
  out.family("clipembed_queue_seconds", Type::kHistogram, "Of a file: waiting, for its worker and for the model.");
  out.sample(queue_seconds_);
  out.family("clipembed_decode_seconds", Type::kHistogram, "Of a file: decoding.");
  out.sample(decode_seconds_);
  out.family("clipembed_preprocess_seconds", Type::kHistogram, "Of a file: resizing and converting its pictures.");
  out.sample(preprocess_seconds_);
}

void Metrics::add_engine(PrometheusText& out) const {
  std::lock_guard lock(engine_mutex_);
  out.family("clipembed_images_total", Type::kCounter, "Pictures that went through the model.");
  out.sample(images_);
  out.family("clipembed_engine_queue_seconds", Type::kHistogram, "Of a picture: waiting for its batch to start.");
  out.sample(engine_queue_seconds_);
  out.family("clipembed_inference_seconds", Type::kHistogram, "Of a picture: inference of the batch that it was in.");
  out.sample(inference_seconds_);
  out.family("clipembed_batch_size", Type::kHistogram, "Of a picture: how many its batch had.");
  out.sample(batch_size_);
}

}  // namespace clipembed
