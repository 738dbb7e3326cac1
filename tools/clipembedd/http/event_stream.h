// An answer as server-sent events, for as long as it takes to make it. Main-loop thread.
// Source: https://html.spec.whatwg.org/multipage/server-sent-events.html
#pragma once

#include <libsoup/soup.h>

#include <cstddef>
#include <string_view>

namespace clipembed {

class EventStream {
 public:
  // Sends the response's head. The message is paused; it outlives the stream.
  explicit EventStream(SoupServerMessage* message);
  ~EventStream();
  EventStream(const EventStream&) = delete;
  EventStream& operator=(const EventStream&) = delete;

  // `data` has no line breaks.
  void event(std::string_view name, std::string_view data);
  // Whether what was sent has gone out; progress can be left out until it has.
  bool idle() const { return unsent_ == 0; }
  // Keeps proxies from taking the connection for dead.
  void comment();
  void end();

 private:
  void append(std::string_view text);

  SoupServerMessage* const message_;
  gulong wrote_handler_ = 0;
  std::size_t unsent_ = 0;
};

}  // namespace clipembed
