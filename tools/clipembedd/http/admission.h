// Whether a request may come in, by what its header says: the table of routes, and everything that can be refused
// before a byte of the body is read. Main-loop thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "tools/clipembedd/http/http_framing.h"
#include "tools/clipembedd/http/reply.h"
#include "tools/clipembedd/http/server_state.h"

namespace clipembed {

enum class Route { kEmbed, kHealth, kMetrics, kGpu, kPage, kUnknown };

struct RequestHead {
  std::string method, path, query;
  std::string content_type, content_encoding, authorization, accept, if_none_match, request_id, fetch_site;
  BodyFraming body;

  bool has_body() const { return body.chunked || body.length > 0; }
  bool wants_events() const;
};
RequestHead read_head(SoupServerMessage* message, const BodyFraming& body);

Route route_of(const std::string& path, const Configuration& configuration);
// As /metrics names it; all that are unknown have one name.
std::string_view route_label(Route route, const std::string& path);
std::string_view allowed_methods(Route route);

// 404, 405, and 413 for a body where none belongs.
MaybeFailure admit(const RequestHead& head, Route route);

// For POST /embed: 401, 403, 413, 415, 429, 503. `key` becomes the number of the API key, 0 where none is asked for.
MaybeFailure admit_embed(const RequestHead& head, const ServerState& state, std::size_t& key);

}  // namespace clipembed
