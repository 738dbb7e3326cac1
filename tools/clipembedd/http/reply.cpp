#include "tools/clipembedd/http/reply.h"

#include <glib.h>

namespace clipembed {
namespace {

constexpr int kRetrySoon = 1, kRetryLater = 5;  // seconds

const char* label_of(int status) {
  switch (status) {
    case 400:
      return "Malformed request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Not allowed";
    case 404:
      return "Not found";
    case 405:
      return "Method not allowed";
    case 408:
      return "Request timeout";
    case 413:
      return "Too large";
    case 415:
      return "Unsupported file type";
    case 417:
      return "Expectation failed";
    case 422:
      return "Processing failed";
    case 429:
      return "Too many requests";
    case 431:
      return "Headers too large";
    case 501:
      return "Not implemented";
    case 503:
      return "Unavailable";
    case 504:
      return "Deadline exceeded";
    case 505:
      return "Version not supported";
    case 507:
      return "Out of storage";
    default:
      return "Internal error";
  }
}

}  // namespace

std::string Failure::reason() const {
  std::string reason = label;
  for (char& c : reason) c = c == ' ' ? '_' : g_ascii_tolower(c);
  return reason;
}

Failure failure(int status, std::string detail, int retry_after) {
  return {status, label_of(status), std::move(detail), retry_after};
}

Failure failure_of(const Error& error) {
  switch (error.kind) {
    case Error::Kind::kNotFound:
      return {404, "File not found", error.message};
    case Error::Kind::kSettings:
      return failure(400, error.message);
    case Error::Kind::kFormat:
      return failure(415, error.message);
    case Error::Kind::kTimedOut:
      return failure(504, error.message);
    case Error::Kind::kBusy:
      return failure(503, error.message, kRetrySoon);
    case Error::Kind::kUnavailable:
      return failure(503, error.message, kRetryLater);
    case Error::Kind::kCancelled:
      return {503, "Draining", error.message, kRetryLater};
    default:
      return failure(422, error.message);
  }
}

Reply failure_reply(const Failure& failure, const AnswerMetadata& metadata) {
  JsonWriter object;
  add_error_answer(object, failure.label, failure.detail, metadata);
  Reply reply{.status = failure.status, .body = object.text()};
  if (failure.retry_after > 0) reply.headers.emplace_back("Retry-After", std::to_string(failure.retry_after));
  if (failure.status == 401) reply.headers.emplace_back("WWW-Authenticate", "Bearer");
  if (!metadata.request_id.empty()) reply.headers.emplace_back("X-Request-ID", metadata.request_id);
  return reply;
}

void send_reply(SoupServerMessage* message, Reply reply) {
  SoupMessageHeaders* headers = soup_server_message_get_response_headers(message);
  soup_message_headers_replace(headers, "X-Content-Type-Options", "nosniff");
  for (const auto& [name, value] : reply.headers) soup_message_headers_replace(headers, name.c_str(), value.c_str());
  soup_server_message_set_status(message, static_cast<guint>(reply.status), nullptr);
  if (reply.body.empty()) return;
  soup_server_message_set_response(message, reply.content_type.c_str(), SOUP_MEMORY_COPY, reply.body.data(),
                                   reply.body.size());
}

std::string raw_response(const Reply& reply) {
  std::string text = "HTTP/1.1 " + std::to_string(reply.status) + " " +
                     soup_status_get_phrase(static_cast<guint>(reply.status)) + "\r\n";
  g_autoptr(GDateTime) now = g_date_time_new_now_utc();
  g_autofree char* date = soup_date_time_to_string(now, SOUP_DATE_HTTP);
  text += std::string("Date: ") + date + "\r\nConnection: close\r\nX-Content-Type-Options: nosniff\r\n";
  for (const auto& [name, value] : reply.headers) text += name + ": " + value + "\r\n";
  text +=
      "Content-Type: " + reply.content_type + "\r\nContent-Length: " + std::to_string(reply.body.size()) + "\r\n\r\n";
  return text + reply.body;
}

}  // namespace clipembed
