// What the service adds to its model, in one run and as ratios, since machines and their speed differ:
//
//   tools/dev bench/run service            or   build/bench/service MODEL_DIR CLIPEMBEDD [ROUNDS [VIDEO]]
//
//   throughput   16 clients that post 640 x 480 JPEGs, beside the engine alone in this process: images/s, p50, p99
//   one 4K JPEG  on an idle service, beside libjpeg-turbo's time to decode it and the tower's for one picture
//   others       a video that is posted again and again, uploads of 1 GB, 500 clients that send a byte now and then:
//   what
//                each does to the latency of one client's photos
//   start        from exec to /health/ready, with the weights in the page cache
//
// The engine and the service are measured in turns, and the medians of the rounds' ratios are printed.
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iterator>
#include <mutex>
#include <thread>
#include <vector>

#include "bench/measure.h"
#include "bench/service/daemon.h"
#include "bench/service/http_client.h"
#include "bench/service/pictures.h"
#include "lib/engine/engine.h"

namespace {

using namespace bench;
using Clock = std::chrono::steady_clock;
using std::chrono::duration;

constexpr int kClients = 16;
constexpr auto kPhase = std::chrono::seconds(8);
constexpr std::string_view kPath = "/embed?encoding=base64";

double milliseconds(Clock::duration time) { return duration<double, std::milli>(time).count(); }

double percentile(std::vector<double> values, double share) {
  std::sort(values.begin(), values.end());
  return values[std::min(values.size() - 1, static_cast<std::size_t>(share * static_cast<double>(values.size())))];
}

std::span<const std::uint8_t> bytes_of(const std::string& text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

// ---- the engine alone ----

// Pictures that are ready, so many under way all the time: what the tower can do.
class RawEngine {
 public:
  explicit RawEngine(const std::string& model) {
    auto engine = clipembed::shared_engine({.model = model, .tower = {}});
    if (!engine) {
      std::fprintf(stderr, "service: %s\n", engine.error().message.c_str());
      std::exit(1);
    }
    engine_ = *std::move(engine);
  }

  const clipembed::EngineInfo& info() const { return engine_->info(); }

  double images_per_second(Clock::duration time) {
    constexpr int kUnderWay = 32;
    const auto session = engine_->open_session({.batch_size = 8});
    std::mutex mutex;
    std::condition_variable changed;
    int under_way = 0, done = 0;
    const auto start = Clock::now();
    while (Clock::now() - start < time) {
      std::unique_lock lock(mutex);
      changed.wait(lock, [&] { return under_way < kUnderWay; });
      ++under_way;
      lock.unlock();
      static_cast<void>(session->submit(picture(), [&](const clipembed::Result<clipembed::Embedding>&) {
        const std::lock_guard guard(mutex);
        --under_way;
        ++done;
        changed.notify_one();
      }));
    }
    session->flush();
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return under_way == 0; });
    return done / duration<double>(Clock::now() - start).count();
  }

  double one_picture_ms() {
    const auto session = engine_->open_session({.batch_size = 1});
    std::mutex mutex;
    std::condition_variable changed;
    bool done = false;
    const auto start = Clock::now();
    static_cast<void>(session->submit(picture(), [&](const clipembed::Result<clipembed::Embedding>&) {
      const std::lock_guard guard(mutex);
      done = true;
      changed.notify_one();
    }));
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return done; });
    return milliseconds(Clock::now() - start);
  }

 private:
  clipembed::Picture picture() const { return clipembed::Picture(engine_->info().input.bytes(), 100); }

  std::shared_ptr<clipembed::Engine> engine_;
};

// ---- the service ----

struct Load {
  double images_per_second = 0;
  std::vector<double> times;  // ms
  int failed = 0;
};

Load load(int port, const std::vector<std::string>& bodies, int clients, Clock::duration time) {
  std::vector<Load> each(static_cast<std::size_t>(clients));
  const auto start = Clock::now();
  {
    std::vector<std::jthread> threads;
    for (int client = 0; client < clients; ++client) {
      threads.emplace_back([&, client] {
        HttpClient http(port);
        Load& own = each[static_cast<std::size_t>(client)];
        for (std::size_t i = static_cast<std::size_t>(client); Clock::now() - start < time; ++i) {
          const Answer answer = http.post(kPath, kMultipart, bytes_of(bodies[i % bodies.size()]));
          if (answer.status != 200 && ++own.failed == 1)
            std::fprintf(stderr, "status %d after %.0f ms: %s\n", answer.status, milliseconds(answer.time),
                         answer.body.c_str());
          own.times.push_back(milliseconds(answer.time));
        }
      });
    }
  }
  Load all;
  for (const Load& own : each) {
    all.times.insert(all.times.end(), own.times.begin(), own.times.end());
    all.failed += own.failed;
  }
  all.images_per_second = static_cast<double>(all.times.size() - static_cast<std::size_t>(all.failed)) /
                          duration<double>(Clock::now() - start).count();
  return all;
}

std::vector<std::string> photos() {
  std::vector<std::string> bodies;
  for (unsigned seed = 0; seed < 16; ++seed) bodies.push_back(in_a_form(make_jpeg(640, 480, seed), "photo.jpg"));
  return bodies;
}

void measure_throughput(RawEngine& engine, const Daemon& daemon, int rounds) {
  const std::vector<std::string> bodies = photos();
  std::vector<double> ratios, raw, served, p50, p99;
  int failed = 0;
  load(daemon.port(), bodies, kClients, std::chrono::seconds(2));
  for (int round = 0; round < rounds; ++round) {
    raw.push_back(engine.images_per_second(kPhase));
    const Load service = load(daemon.port(), bodies, kClients, kPhase);
    served.push_back(service.images_per_second);
    ratios.push_back(served.back() / raw.back());
    p50.push_back(percentile(service.times, 0.5));
    p99.push_back(percentile(service.times, 0.99));
    failed += service.failed;
  }
  std::printf("%d clients, 640 x 480 JPEG of %zu KB: %.1f images/s, the engine alone %.1f: ratio %.3f (bar 0.90)\n",
              kClients, bodies[0].size() >> 10, median(served), median(raw), median(ratios));
  std::printf("  p50 %.0f ms, p99 %.0f ms: ratio %.2f (bar 3); failed %d\n", median(p50), median(p99),
              median(p99) / median(p50), failed);
}

void measure_one_large(RawEngine& engine, const Daemon& daemon) {
  const Jpeg file = make_jpeg(3840, 2160, 1);
  const std::string body = in_a_form(file, "large.jpg");
  HttpClient http(daemon.port());
  std::vector<double> service, decode, tower;
  for (int round = 0; round < 25; ++round) {
    service.push_back(milliseconds(http.post(kPath, kMultipart, bytes_of(body)).time));
    const auto start = Clock::now();
    decode_jpeg(file);
    decode.push_back(milliseconds(Clock::now() - start));
    tower.push_back(engine.one_picture_ms());
  }
  const double bar = 1.25 * median(decode) + median(tower) + 10;
  std::printf("one 3840 x 2160 JPEG of %.1f MB, idle: %.1f ms; libjpeg-turbo %.1f ms, tower %.1f ms: bar %.1f ms\n",
              static_cast<double>(file.size()) / 1e6, median(service), median(decode), median(tower), bar);
}

// One client's photos, alone and while something else goes on.
void measure_disturbance(const char* what, const Daemon& daemon, double bar,
                         const std::function<void(std::stop_token)>& disturb) {
  const std::vector<std::string> bodies = photos();
  std::vector<double> ratios, alone, together;
  for (int round = 0; round < 3; ++round) {
    alone.push_back(percentile(load(daemon.port(), bodies, 1, kPhase / 2).times, 0.5));
    std::jthread disturbing(disturb);
    std::this_thread::sleep_for(std::chrono::seconds(1));
    together.push_back(percentile(load(daemon.port(), bodies, 1, kPhase / 2).times, 0.5));
    ratios.push_back(together.back() / alone.back());
  }
  std::printf("one client's photos while %s: p50 %.1f ms, alone %.1f ms: ratio %.2f (bar %.1f)\n", what,
              median(together), median(alone), median(ratios), bar);
}

void post_video(const Daemon& daemon, const std::string& body, const std::stop_token& stop) {
  while (!stop.stop_requested()) HttpClient(daemon.port()).post("/embed?sampling=thorough", kMultipart, bytes_of(body));
}

void upload_much(const Daemon& daemon, const std::stop_token& stop) {
  const std::vector<std::uint8_t> zeros(std::size_t{1000} << 20);
  while (!stop.stop_requested()) HttpClient(daemon.port()).post("/embed", "application/octet-stream", zeros);
}

void hold_slow_connections(const Daemon& daemon, const std::stop_token& stop) {
  constexpr std::string_view kHead = "POST /embed HTTP/1.1\r\nHost: localhost\r\nX-Slow: ";
  std::vector<int> sockets;
  for (int i = 0; i < 500; ++i) {
    sockets.push_back(HttpClient::connect_to(daemon.port()));
    static_cast<void>(write(sockets.back(), kHead.data(), kHead.size()));
  }
  while (!stop.stop_requested()) {
    for (const int slow : sockets) static_cast<void>(send(slow, "x", 1, MSG_NOSIGNAL));
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
  }
  for (const int slow : sockets) close(slow);
}

void measure_start(const std::string& program, const std::string& model) {
  std::vector<double> seconds;
  for (int round = 0; round < 5; ++round)
    seconds.push_back(duration<double>(Daemon(program, model).time_to_ready()).count());
  std::printf("start to ready: %.2f s (bar 1.5)\n", median(seconds));
}

std::string read_file(const char* path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3 || argc > 5) {
    std::fprintf(stderr, "usage: service MODEL_DIR CLIPEMBEDD [ROUNDS [VIDEO]]\n");
    return 2;
  }
  const std::string model = argv[1], program = argv[2];
  const int rounds = argc > 3 ? std::max(1, std::atoi(argv[3])) : 5;
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  measure_start(program, model);
  RawEngine engine(model);
  {
    const Daemon daemon(program, model);
    measure_throughput(engine, daemon, rounds);
    std::printf("  memory: daemon %.0f MB, its workers %.0f MB beyond what they share\n", daemon.megabytes(),
                daemon.megabytes_of_workers());
    measure_one_large(engine, daemon);
    if (argc > 4) {
      const std::string file = read_file(argv[4]);
      const std::string body = in_a_form(bytes_of(file), "video.mp4");
      measure_disturbance("a video is decoded", daemon, 2,
                          [&](const std::stop_token& stop) { post_video(daemon, body, stop); });
    }
    measure_disturbance("1 GB is uploaded", daemon, 2, [&](const std::stop_token& stop) { upload_much(daemon, stop); });
    measure_disturbance("500 slow clients hold connections", daemon, 1.5,
                        [&](const std::stop_token& stop) { hold_slow_connections(daemon, stop); });
  }
}
