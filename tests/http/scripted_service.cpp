// The HTTP side of clipembedd as a program of its own, on a MediaService that does what the files say: tests of HTTP
// need no model and no decoder. Takes clipembedd's flags; prints the address on standard output.
//
// A file's content is its script, words with blanks between:
//   sleep MS     takes so long
//   progress N   reports N times, 10 ms apart, a second of ten each
//   video        has two frames
//   format | failed | timeout | gone     ends with an error of this kind
//
// Anything else is a picture, whose vector is {its size, its number}. Two files are at work at a time, `queue` more
// wait. Lines on standard input say what status() is: loading, failed-model, ready.
#include <glib-unix.h>
#include <glib.h>
#include <unistd.h>

#include <cstdio>
#include <deque>
#include <iostream>
#include <map>
#include <sstream>

#include "tools/clipembedd/http/server.h"
#include "tools/clipembedd/options.h"

namespace clipembed {
namespace {

std::string read_all(int fd) {
  std::string content;
  char buffer[4096];
  for (off_t offset = 0;;) {
    const ssize_t size = pread(fd, buffer, sizeof buffer, offset);
    if (size <= 0 || content.size() > 100'000) return content;
    content.append(buffer, static_cast<std::size_t>(size));
    offset += size;
  }
}

// A timer that calls a function once.
guint call_after(unsigned milliseconds, std::function<void()> function) {
  const auto call = +[](gpointer data) -> gboolean {
    (*static_cast<std::function<void()>*>(data))();
    return G_SOURCE_REMOVE;
  };
  return g_timeout_add_full(G_PRIORITY_DEFAULT, milliseconds, call, new std::function<void()>(std::move(function)),
                            [](gpointer data) { delete static_cast<std::function<void()>*>(data); });
}

std::vector<ChosenFrame> two_frames() {
  std::vector<ChosenFrame> frames(2);
  frames[0].reason = "cut";
  frames[0].score = 0.5;
  frames[0].entropy = 7.5;
  frames[0].embedding = {1, 0};
  frames[1].time = std::chrono::seconds(1);
  frames[1].reason = "coverage";
  frames[1].embedding = {0, 1};
  return frames;
}

class ScriptedService : public MediaService {
 public:
  explicit ScriptedService(const Configuration& configuration) : queue_(static_cast<std::size_t>(configuration.queue)) {
    status_.state = ServiceStatus::State::kReady;
    status_.model = "scripted";
    status_.device = "cpu";
    status_.precision = "fp32";
    status_.pool.workers = 2;
  }

  Result<Ticket> submit(Job job) override {
    if (waiting_.size() >= queue_) return Error{Error::Kind::kBusy, "the queue is full"};
    waiting_.emplace_back(++last_, std::move(job));
    begin();
    return last_;
  }

  void cancel(Ticket ticket) override {
    std::erase_if(waiting_, [&](const auto& entry) { return entry.first == ticket; });
    if (const auto job = busy_.extract(ticket); !job.empty()) {
      g_source_remove(job.mapped().timer);
      std::printf("cancelled\n");
      std::fflush(stdout);
      begin();
    }
  }

  ServiceStatus status() const override {
    ServiceStatus status = status_;
    status.pool.queued = waiting_.size();
    status.pool.busy = static_cast<int>(busy_.size());
    status.pool.idle = 2 - status.pool.busy;
    return status;
  }

  void cancel_all() override {
    while (!waiting_.empty()) {
      busy_.emplace(waiting_.front().first, Busy{std::move(waiting_.front().second), 0});
      waiting_.pop_front();
    }
    while (!busy_.empty()) finish(busy_.begin()->first, Error{Error::Kind::kCancelled, "the service ends"});
  }

  void command(const std::string& word) {
    status_.state = word == "loading"        ? ServiceStatus::State::kLoading
                    : word == "failed-model" ? ServiceStatus::State::kFailed
                                             : ServiceStatus::State::kReady;
    status_.trouble = word == "failed-model" ? "there is no such model" : "";
    std::printf("%s\n", word.c_str());
    std::fflush(stdout);
  }

 private:
  struct Busy {
    Job job;
    guint timer;
  };

  void begin() {
    while (busy_.size() < 2 && !waiting_.empty()) {
      auto [ticket, job] = std::move(waiting_.front());
      waiting_.pop_front();
      run(ticket, std::move(job));
    }
  }

  void run(Ticket ticket, Job job) {
    const std::string script = read_all(job.file.get());
    std::istringstream words(script);
    unsigned milliseconds = 0, count = 0;
    MediaEmbedding embedding;
    embedding.vector = {static_cast<float>(script.size()), static_cast<float>(ticket)};
    embedding.timings.queued = embedding.timings.decode = embedding.timings.preprocess = embedding.timings.inference =
        std::chrono::milliseconds(1);
    Result<MediaEmbedding> result = embedding;
    for (std::string word; words >> word;) {
      if (word == "sleep") words >> milliseconds;
      if (word == "progress") words >> count;
      if (word == "format") result = Error{Error::Kind::kFormat, "no image and no video"};
      if (word == "failed") result = Error{Error::Kind::kFailed, "damaged"};
      if (word == "timeout") result = Error{Error::Kind::kTimedOut, "took too long"};
      if (word == "gone") result = Error{Error::Kind::kUnavailable, "the engine has gone"};
      if (word == "video") {
        embedding.is_video = true;
        embedding.scene_count = 1;
        embedding.decoder = "avdec_h264";
        embedding.frames = two_frames();
        result = embedding;
      }
    }
    for (unsigned i = 0; i < count; ++i) call_after(10 * i, [this, ticket, i] { report(ticket, i); });
    const guint timer = call_after(milliseconds, [this, ticket, result] { finish(ticket, result); });
    busy_.emplace(ticket, Busy{std::move(job), timer});
  }

  void report(Ticket ticket, unsigned second) {
    const auto busy = busy_.find(ticket);
    if (busy == busy_.end() || !busy->second.job.progress) return;
    busy->second.job.progress({.position = std::chrono::seconds(second), .duration = std::chrono::seconds(10)});
  }

  void finish(Ticket ticket, Result<MediaEmbedding> result) {
    const Job job = std::move(busy_.extract(ticket).mapped().job);
    job.done(std::move(result));
    begin();
  }

  const std::size_t queue_;
  ServiceStatus status_;
  std::deque<std::pair<Ticket, Job>> waiting_;
  std::map<Ticket, Busy> busy_;
  Ticket last_ = 0;
};

int run(const Configuration& configuration) {
  ScriptedService service(configuration);
  Metrics metrics;
  AccessLog log(configuration.log_format);
  GMainLoop* loop = g_main_loop_new(nullptr, FALSE);
  Result<std::unique_ptr<HttpServer>> server = HttpServer::open(configuration, service, metrics, log);
  if (!server) {
    std::fprintf(stderr, "%s\n", server.error().message.c_str());
    return 1;
  }
  std::printf("%s\n", (*server)->addresses().front().c_str());
  std::fflush(stdout);

  struct Ends {
    HttpServer& server;
    GMainLoop* loop;
    Configuration::Seconds patience;
  } ends{**server, loop, configuration.drain_timeout};
  const auto end = +[](gpointer data) -> gboolean {
    auto* ends = static_cast<Ends*>(data);
    ends->server.drain(ends->patience, [loop = ends->loop] { g_main_loop_quit(loop); });
    return G_SOURCE_REMOVE;
  };
  g_unix_signal_add(SIGTERM, end, &ends);
  const auto command = +[](gint, GIOCondition, gpointer data) -> gboolean {
    std::string word;
    if (!std::getline(std::cin, word)) return G_SOURCE_REMOVE;
    static_cast<ScriptedService*>(data)->command(word);
    return G_SOURCE_CONTINUE;
  };
  g_unix_fd_add(STDIN_FILENO, G_IO_IN, command, &service);
  g_main_loop_run(loop);
  server->reset();
  g_main_loop_unref(loop);
  return 0;
}

}  // namespace
}  // namespace clipembed

int main(int argc, char** argv) {
  const auto options = clipembed::read_options(argc, argv, environ);
  if (options) return clipembed::run(options->configuration);
  std::fprintf(stderr, "%s\n", options.error().message.c_str());
  return 2;
}
