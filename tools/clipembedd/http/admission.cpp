#include "tools/clipembedd/http/admission.h"

#include "tools/clipembedd/http/header_parameters.h"
#include "tools/clipembedd/http/page.h"

namespace clipembed {
namespace {

constexpr int kRetryFull = 1, kRetryLoading = 2, kRetryDraining = 5, kRetryFailed = 10;  // seconds

std::string header(SoupMessageHeaders* headers, const char* name) {
  const char* value = soup_message_headers_get_one(headers, name);
  return value ? value : "";
}

MaybeFailure admit_to_service(const ServerState& state) {
  if (state.draining) return Failure{503, "Draining", "the service is about to end", kRetryDraining};
  const ServiceStatus status = state.service.status();
  switch (status.state) {
    case ServiceStatus::State::kLoading:
      return Failure{503, "Loading", "the service is loading its model", kRetryLoading};
    case ServiceStatus::State::kFailed:
      return failure(503, status.trouble, kRetryFailed);
    case ServiceStatus::State::kReady:
      break;
  }
  if (state.active_requests >= static_cast<std::size_t>(state.configuration.max_requests))
    return failure(429, "as many requests as the service takes at once are under way", kRetryFull);
  if (status.pool.queued >= static_cast<std::size_t>(state.configuration.queue))
    return failure(429, "as many files as the service keeps waiting wait for their turn", kRetryFull);
  return std::nullopt;
}

}  // namespace

// Enough of RFC 9110's content negotiation: whoever names the type wants it.
bool RequestHead::wants_events() const { return accept.find("text/event-stream") != std::string::npos; }

RequestHead read_head(SoupServerMessage* message, const BodyFraming& body) {
  SoupMessageHeaders* headers = soup_server_message_get_request_headers(message);
  GUri* uri = soup_server_message_get_uri(message);
  RequestHead head{.method = soup_server_message_get_method(message),
                   .path = g_uri_get_path(uri),
                   .query = g_uri_get_query(uri) ? g_uri_get_query(uri) : "",
                   .content_type = header(headers, "Content-Type"),
                   .content_encoding = header(headers, "Content-Encoding"),
                   .authorization = header(headers, "Authorization"),
                   .accept = header(headers, "Accept"),
                   .if_none_match = header(headers, "If-None-Match"),
                   .request_id = header(headers, "X-Request-ID"),
                   .fetch_site = header(headers, "Sec-Fetch-Site"),
                   .body = body};
  if (head.path.empty()) head.path = "/";
  return head;
}

Route route_of(const std::string& path, const Configuration& configuration) {
  if (path == "/embed") return Route::kEmbed;
  if (path == "/health" || path == "/health/live" || path == "/health/ready") return Route::kHealth;
  if (path == "/metrics") return Route::kMetrics;
  if (path == "/metrics/gpu") return Route::kGpu;
  if (path == "/openapi.json" || (configuration.page && is_page_path(path))) return Route::kPage;
  return Route::kUnknown;
}

std::string_view route_label(Route route, const std::string& path) {
  switch (route) {
    case Route::kEmbed:
      return "/embed";
    case Route::kMetrics:
      return "/metrics";
    case Route::kGpu:
      return "/metrics/gpu";
    case Route::kHealth:
      return path;
    case Route::kPage:
      return path == "/openapi.json" ? "/openapi.json" : "/";
    case Route::kUnknown:
      break;
  }
  return "other";
}

std::string_view allowed_methods(Route route) { return route == Route::kEmbed ? "POST" : "GET, HEAD"; }

MaybeFailure admit(const RequestHead& head, Route route) {
  if (route == Route::kUnknown) return failure(404, "there is no " + head.path);
  const bool allowed = route == Route::kEmbed ? head.method == "POST" : head.method == "GET" || head.method == "HEAD";
  if (!allowed) return failure(405, head.path + " takes " + std::string(allowed_methods(route)) + " only");
  if (route != Route::kEmbed && head.has_body()) return failure(413, head.path + " takes no body");
  return std::nullopt;
}

MaybeFailure admit_embed(const RequestHead& head, const ServerState& state, std::size_t& key) {
  key = 0;
  if (state.keys.required() && (key = state.keys.check(head.authorization)) == 0)
    return failure(401, "this service wants Authorization: Bearer KEY, with one of its keys");
  // Another site's page that a person looks at has no business here.
  if (head.fetch_site == "cross-site" || head.fetch_site == "same-site")
    return failure(403, "a page of another site cannot use this service");
  if (auto refused = admit_to_service(state)) return refused;
  if (!head.content_encoding.empty() && !equals_ignoring_case(head.content_encoding, "identity"))
    return Failure{415, "Unsupported media type", "Content-Encoding " + head.content_encoding + " is not known here"};
  if (!head.body.chunked && head.body.length > state.configuration.max_body)
    return failure(413, "the body has " + std::to_string(head.body.length) + " bytes, more than the " +
                            std::to_string(state.configuration.max_body) + " that this service takes");
  return std::nullopt;
}

}  // namespace clipembed
