#include "tools/clipembedd/http/embed_request.h"

#include <fcntl.h>
#include <glib.h>

#include <utility>

#include "tools/media/json_writer.h"

namespace clipembed {
namespace {

// Files of one request that are handed in at once: enough to keep workers and batches busy.
constexpr std::size_t kWindow = 16;
constexpr guint kRetryMilliseconds = 100;

void stop_timer(guint& timer) {
  if (timer != 0) g_source_remove(std::exchange(timer, 0));
}

}  // namespace

EmbedRequest::EmbedRequest(EmbedRequestOptions options, std::unique_ptr<Upload> upload, MediaService& service,
                           Metrics& metrics, Client& client)
    : options_(std::move(options)), upload_(std::move(upload)), service_(service), metrics_(metrics), client_(client) {}

EmbedRequest::~EmbedRequest() {
  for (guint* timer : {&retry_timer_, &comment_timer_, &answer_idle_}) stop_timer(*timer);
  for (const Item& item : items_)
    if (item.ticket) service_.cancel(*item.ticket);
}

void EmbedRequest::start(std::unique_ptr<EventStream> events) {
  events_ = std::move(events);
  items_.resize(files());
  if (events_) {
    const auto comment = +[](gpointer self) -> gboolean {
      static_cast<EmbedRequest*>(self)->events_->comment();
      return G_SOURCE_CONTINUE;
    };
    comment_timer_ = g_timeout_add(static_cast<guint>(options_.comment_interval.count() * 1000), comment, this);
    send_progress(0, nullptr);
  }
  submit_more();
}

void EmbedRequest::submit_more() {
  while (next_ < items_.size() && in_flight_ < kWindow && submit(next_)) ++next_;
  if (done_ < items_.size() || answer_idle_ != 0) return;
  // From the main loop, as everything else: submit_more() may be called from deep within.
  const auto answer = +[](gpointer self) -> gboolean {
    auto* request = static_cast<EmbedRequest*>(self);
    request->answer_idle_ = 0;
    request->answer_all();
    return G_SOURCE_REMOVE;
  };
  answer_idle_ = g_idle_add_full(G_PRIORITY_DEFAULT, answer, this, nullptr);
}

// Whether the next file can be tried.
bool EmbedRequest::submit(std::size_t index) {
  Item& item = items_[index];
  item.submitted = Clock::now();
  if (!item.file) {
    Result<FileDescriptor> file = upload_->take(index);
    if (!file) {
      fail(index, failure_of(file.error()));
      return true;
    }
    item.file = *std::move(file);
  }
  Result<MediaService::Ticket> ticket = service_.submit(make_job(index));
  if (ticket) {
    item.ticket = *ticket;
    item.file.reset();
    ++in_flight_;
    return true;
  }
  const bool queue_full = ticket.error().kind == Error::Kind::kBusy;
  // The first file of a request tells its client to come back; the others wait for a place.
  if (queue_full && index > 0) {
    if (in_flight_ == 0) retry_later();
    return false;
  }
  const Failure why = queue_full ? failure(429, ticket.error().message, 1) : failure_of(ticket.error());
  for (std::size_t i = index; i < items_.size(); ++i) fail(i, why);
  next_ = items_.size();
  return false;
}

void EmbedRequest::retry_later() {
  const auto retry = +[](gpointer self) -> gboolean {
    auto* request = static_cast<EmbedRequest*>(self);
    request->retry_timer_ = 0;
    request->submit_more();
    return G_SOURCE_REMOVE;
  };
  retry_timer_ = g_timeout_add(kRetryMilliseconds, retry, this);
}

Job EmbedRequest::make_job(std::size_t index) {
  Job job;
  // A refused job takes its descriptor with it.
  job.file = FileDescriptor(fcntl(items_[index].file->get(), F_DUPFD_CLOEXEC, 3));
  job.name = upload_->names()[index];
  job.caller = options_.caller;
  job.options = options_.limits;
  job.options.frames = options_.query.frames;
  job.options.sampling = options_.query.sampling;
  job.normalize = options_.query.normalize;
  job.augment = options_.query.augment;
  job.deadline = options_.deadline;
  job.want_frames = options_.query.style.frames;
  if (events_) job.progress = [this, index](const JobProgress& progress) { progressed(index, progress); };
  job.done = [this, index](Result<MediaEmbedding> result) { done(index, std::move(result)); };
  return job;
}

void EmbedRequest::done(std::size_t index, Result<MediaEmbedding> result) {
  Item& item = items_[index];
  item.ticket.reset();
  --in_flight_;
  metrics_.file_done(result, Clock::now() - item.submitted);
  if (!result) {
    fail(index, failure_of(result.error()));
  } else {
    JsonWriter object;
    add_answer(object, *result, metadata(item.submitted), options_.query.style);
    finish_item(index, std::move(object));
  }
  submit_more();
}

void EmbedRequest::fail(std::size_t index, const Failure& failure) {
  items_[index].failure = failure;
  JsonWriter object;
  add_error_answer(object, failure.label, failure.detail, metadata(items_[index].submitted));
  finish_item(index, std::move(object));
}

void EmbedRequest::finish_item(std::size_t index, JsonWriter answer) {
  items_[index].answer = std::move(answer);
  ++done_;
  if (events_) send_progress(index, nullptr);
}

void EmbedRequest::progressed(std::size_t index, const JobProgress& progress) {
  if (events_->idle()) send_progress(index, &progress);
}

void EmbedRequest::send_progress(std::size_t index, const JobProgress* progress) {
  const auto seconds = [](std::chrono::nanoseconds time) { return std::chrono::duration<double>(time).count(); };
  JsonWriter data;
  data.add("processed", std::uint64_t{done_});
  data.add("total", std::uint64_t{items_.size()});
  data.add("current", upload_->names()[index]);
  if (progress) data.add("position", seconds(progress->position));
  if (progress && progress->duration) data.add("duration", seconds(*progress->duration));
  events_->event("progress", data.text());
}

void EmbedRequest::answer_all() {
  Reply reply = make_reply();
  if (events_) {
    events_->event("result", reply.body);
    events_->end();
  }
  client_.reply(std::move(reply));
}

const Failure* EmbedRequest::overall_failure() const {
  const std::optional<Failure>& first = items_.front().failure;
  if (!first) return nullptr;
  // A request that was not taken at all is refused as a whole, so that its client comes back with all of it.
  const bool refused = first->status == 429 || first->label == "Draining";
  return !upload_->named() || refused ? &*first : nullptr;
}

Reply EmbedRequest::make_reply() const {
  const Item& first = items_.front();
  if (const Failure* why = overall_failure()) return failure_reply(*why, metadata(first.submitted));
  Reply reply;
  reply.headers.emplace_back("X-Request-ID", options_.request_id);
  if (!upload_->named()) {
    reply.body = first.answer.text();
    return reply;
  }
  JsonWriter map;
  for (std::size_t i = 0; i < items_.size(); ++i) map.add(upload_->names()[i], items_[i].answer);
  reply.body = map.text();
  return reply;
}

AnswerMetadata EmbedRequest::metadata(Clock::time_point since) const {
  return {.model = service_.status().model_label(),
          .augmented = options_.query.augment != "none",
          .request_id = options_.request_id,
          .processing = Clock::now() - since};
}

}  // namespace clipembed
