// An answer before it is sent: by libsoup, or past it to a request that is refused while it arrives.
#pragma once

#include <libsoup/soup.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/result.h"
#include "tools/media/answer.h"

namespace clipembed {

struct Reply {
  int status = 200;
  std::string content_type = "application/json";
  std::string body = {};
  std::vector<std::pair<std::string, std::string>> headers = {};
};

// Why there is no vector.
struct Failure {
  int status;
  std::string label;  // "Too large"; one of openapi.json's
  std::string detail;
  int retry_after = 0;  // seconds; 0: none

  // The label as /metrics has it: "too_large".
  std::string reason() const;
};

// With the label that goes with the status.
Failure failure(int status, std::string detail, int retry_after = 0);
// What a worker, the spool, the media root or the multipart parser says.
Failure failure_of(const Error& error);

Reply failure_reply(const Failure& failure, const AnswerMetadata& metadata);

// The method is HEAD: no body follows, and libsoup sees to it.
void send_reply(SoupServerMessage* message, Reply reply);
// A whole response, after which the connection closes.
std::string raw_response(const Reply& reply);

}  // namespace clipembed
