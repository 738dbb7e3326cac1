#include "tools/clipembedd/http/exchange.h"

#include <utility>

#include "tools/clipembedd/http/health.h"
#include "tools/clipembedd/http/page.h"

namespace clipembed {
namespace {

constexpr int kClientClosedRequest = 499;  // nginx's

// The caller's own id, where it is one that can be written anywhere.
std::string choose_request_id(const std::string& given, std::size_t number) {
  const auto harmless = [](char c) { return g_ascii_isalnum(c) || c == '.' || c == '_' || c == ':' || c == '-'; };
  if (!given.empty() && given.size() <= 128 && std::all_of(given.begin(), given.end(), harmless)) return given;
  return new_request_id(number);
}

}  // namespace

Exchange::Exchange(ServerState& state, Connection& connection, SoupServerMessage* message)
    : state_(state),
      connection_(connection),
      message_(message),
      head_(read_head(message, connection.body())),
      route_(route_of(head_.path, state.configuration)),
      request_id_(choose_request_id(head_.request_id, ++state.requests)) {}

Exchange::~Exchange() { ended(false); }

void Exchange::headers_arrived() {
  soup_message_body_set_accumulate(soup_server_message_get_request_body(message_), FALSE);
  if (MaybeFailure failure = admit(head_, route_)) return fail_early(*failure);
  if (route_ == Route::kEmbed) admit_upload();
}

void Exchange::admit_upload() {
  std::size_t key = 0;
  MaybeFailure failure = admit_embed(head_, state_, key);
  if (!failure) failure = prepare_upload(key);
  if (failure) return fail_early(*failure);
  active_ = true;
  ++state_.active_requests;
}

MaybeFailure Exchange::prepare_upload(std::size_t key) {
  const Result<EmbedQuery> query = parse_embed_query(head_.query, state_.configuration.max_frames);
  if (!query) return failure(400, query.error().message);
  auto upload =
      new_upload(head_.content_type, state_.upload_limits(), state_.media_root ? &*state_.media_root : nullptr);
  if (const Failure* refused = std::get_if<Failure>(&upload)) return *refused;
  const auto& configuration = state_.configuration;
  EmbedRequestOptions options{.query = *query,
                              .limits = state_.media_limits(),
                              .deadline = std::chrono::duration_cast<std::chrono::nanoseconds>(configuration.deadline),
                              .comment_interval = std::min<std::chrono::duration<double>>(
                                  std::chrono::seconds(15), configuration.write_timeout / 3),
                              .caller = key > 0 ? "key " + std::to_string(key) : connection_.peer(),
                              .request_id = request_id_};
  embed_ = std::make_unique<EmbedRequest>(std::move(options), std::get<0>(std::move(upload)), state_.service,
                                          state_.metrics, static_cast<EmbedRequest::Client&>(*this));
  return std::nullopt;
}

// A request without a body has arrived in full, and its connection can go on.
void Exchange::fail_early(const Failure& failure) {
  if (head_.has_body()) return refuse(failure);
  state_.metrics.rejected(failure.reason());
  send(make_failure(failure));
}

void Exchange::chunk_arrived(std::string_view bytes) {
  bytes_in_ += bytes.size();
  if (!embed_) return;
  if (bytes_in_ > state_.configuration.max_body)
    return refuse(failure(413, "the body has more than the " + std::to_string(state_.configuration.max_body) +
                                   " bytes that this service takes"));
  if (MaybeFailure failure = embed_->feed(bytes)) refuse(*failure);
}

void Exchange::arrived() {
  if (!embed_) return send(route_reply());
  if (MaybeFailure failure = embed_->finish_upload()) {
    state_.metrics.rejected(failure->reason());
    return send(make_failure(*failure));
  }
  start_embedding();
}

void Exchange::start_embedding() {
  files_ = embed_->files();
  soup_server_message_pause(message_);
  std::unique_ptr<EventStream> stream;
  if (head_.wants_events()) {
    events_ = true;
    soup_message_headers_replace(soup_server_message_get_response_headers(message_), "X-Request-ID",
                                 request_id_.c_str());
    connection_.writing();
    stream = std::make_unique<EventStream>(message_);
  }
  embed_->start(std::move(stream));
}

void Exchange::reply(Reply reply) {
  const std::unique_ptr<EmbedRequest> done = std::move(embed_);
  if (reply.status != 200) {
    const Failure* failure = done->overall_failure();
    error_ = failure->label;
    detail_ = failure->detail;
    if (failure->status == 429) state_.metrics.rejected(failure->reason());
  }
  if (events_) {
    status_ = reply.status;  // the stream's own is 200 in any case
    return;
  }
  send(std::move(reply));
  soup_server_message_unpause(message_);
}

void Exchange::send(Reply reply) {
  status_ = reply.status;
  if (state_.draining) reply.headers.emplace_back("Connection", "close");
  send_reply(message_, std::move(reply));
  connection_.writing();
}

Reply Exchange::route_reply() const {
  switch (route_) {
    case Route::kHealth:
      return health_reply(head_.path, state_.health_facts(), state_.service.status());
    case Route::kMetrics:
      return {.content_type = "text/plain; version=0.0.4; charset=utf-8",
              .body = state_.metrics.text(state_.gauges(), state_.service.status())};
    case Route::kGpu:
      return {.body = gpu_metrics_json(state_.nvml.get())};
    case Route::kPage:
      return page_reply(head_.path, head_.if_none_match);
    default:
      return failure_reply(failure(404, "there is no " + head_.path), metadata());
  }
}

AnswerMetadata Exchange::metadata() const {
  return {.model = state_.service.status().model_label(),
          .augmented = false,
          .request_id = request_id_,
          .processing = Clock::now() - started_};
}

Reply Exchange::make_failure(const Failure& failure) {
  error_ = failure.label;
  detail_ = failure.detail;
  status_ = failure.status;
  Reply reply = failure_reply(failure, metadata());
  if (failure.status == 405) reply.headers.emplace_back("Allow", allowed_methods(route_));
  return reply;
}

std::string Exchange::refusal(const Failure& failure) {
  state_.metrics.rejected(failure.reason());
  const std::string response = raw_response(make_failure(failure));
  ended(true);
  return response;
}

void Exchange::refuse(const Failure& failure) {
  connection_.refuse(refusal(failure));
  take_connection();
}

void Exchange::abandon() {
  ended(false);
  take_connection();
}

// Nothing of this may be used afterwards.
void Exchange::take_connection() {
  g_autoptr(GIOStream) stream = soup_server_message_steal_connection(message_);
  if (stream) g_io_stream_close(stream, nullptr, nullptr);
}

void Exchange::ended(bool complete) {
  if (std::exchange(ended_, true)) return;
  embed_.reset();
  if (active_) --state_.active_requests;
  if (!complete) status_ = kClientClosedRequest;
  if (complete) connection_.answered();
  const auto duration = Clock::now() - started_;
  state_.metrics.request_done(route_label(route_, head_.path), status_, duration, bytes_in_);
  state_.log.request({.request_id = request_id_,
                      .peer = connection_.peer(),
                      .method = head_.method,
                      .path = head_.path,
                      .status = status_,
                      .error = error_,
                      .detail = detail_,
                      .bytes_in = bytes_in_,
                      .files = files_,
                      .duration = duration});
}

}  // namespace clipembed
