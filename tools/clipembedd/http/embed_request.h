// One POST /embed from its headers to its answer: the body becomes files, the files become jobs, some at a time, and
// what comes of them becomes one object or a map, at once or at the end of a stream of events. Main-loop thread.
//
//   feed()... -> start() -> MediaService -> Client::reply()  |  EventStream
//
// Destroying it cancels what is still under way.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tools/clipembedd/http/embed_query.h"
#include "tools/clipembedd/http/event_stream.h"
#include "tools/clipembedd/http/media_service.h"
#include "tools/clipembedd/http/metrics.h"
#include "tools/clipembedd/http/reply.h"
#include "tools/clipembedd/http/upload.h"

namespace clipembed {

struct EmbedRequestOptions {
  EmbedQuery query;
  MediaOptions limits;  // what a file may be at most; `query` adds the rest
  std::chrono::nanoseconds deadline{};
  std::chrono::duration<double> comment_interval{15};  // of an event stream in which nothing else happens
  std::string caller;                                  // who takes turns with others
  std::string request_id;                              // as answers have it
};

class EmbedRequest {
 public:
  // Where the answer goes. Called from the main loop, or from within start().
  class Client {
   public:
    virtual ~Client() = default;
    // Once, and the last thing that is called; may destroy the request.
    virtual void reply(Reply reply) = 0;
  };

  EmbedRequest(EmbedRequestOptions options, std::unique_ptr<Upload> upload, MediaService& service, Metrics& metrics,
               Client& client);
  ~EmbedRequest();
  EmbedRequest(const EmbedRequest&) = delete;
  EmbedRequest& operator=(const EmbedRequest&) = delete;

  MaybeFailure feed(std::string_view bytes) { return upload_->feed(bytes); }
  MaybeFailure finish_upload() { return upload_->finish(); }

  // After finish_upload(). With `events` it writes to them, and replies with what the last event had.
  void start(std::unique_ptr<EventStream> events);

  // Why the request as a whole came to nothing; nullptr where it did not.
  const Failure* overall_failure() const;

  std::size_t files() const { return upload_->names().size(); }

 private:
  using Clock = std::chrono::steady_clock;
  struct Item {
    std::optional<MediaService::Ticket> ticket;
    std::optional<FileDescriptor> file;  // taken, and not accepted yet
    Clock::time_point submitted{};
    JsonWriter answer;  // once done
    std::optional<Failure> failure;
  };

  void submit_more();
  bool submit(std::size_t index);
  Job make_job(std::size_t index);
  void done(std::size_t index, Result<MediaEmbedding> result);
  void fail(std::size_t index, const Failure& failure);
  void finish_item(std::size_t index, JsonWriter answer);
  void answer_all();
  Reply make_reply() const;
  void progressed(std::size_t index, const JobProgress& progress);
  void send_progress(std::size_t index, const JobProgress* progress);
  void retry_later();
  AnswerMetadata metadata(Clock::time_point since) const;

  const EmbedRequestOptions options_;
  const std::unique_ptr<Upload> upload_;
  MediaService& service_;
  Metrics& metrics_;
  Client& client_;
  std::unique_ptr<EventStream> events_;
  std::vector<Item> items_;
  std::size_t next_ = 0;  // to submit
  std::size_t in_flight_ = 0, done_ = 0;
  guint retry_timer_ = 0, comment_timer_ = 0, answer_idle_ = 0;
};

}  // namespace clipembed
