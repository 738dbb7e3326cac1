#include "tools/clipembedd/http/event_stream.h"

#include <algorithm>
#include <string>

namespace clipembed {
EventStream::EventStream(SoupServerMessage* message) : message_(message) {
  SoupMessageHeaders* headers = soup_server_message_get_response_headers(message);
  soup_server_message_set_status(message, SOUP_STATUS_OK, nullptr);
  soup_message_headers_set_encoding(headers, SOUP_ENCODING_CHUNKED);
  soup_message_headers_replace(headers, "Content-Type", "text/event-stream");
  soup_message_headers_replace(headers, "Cache-Control", "no-store");
  soup_message_headers_replace(headers, "X-Accel-Buffering", "no");  // nginx passes each event on
  // What has been written is forgotten.
  soup_message_body_set_accumulate(soup_server_message_get_response_body(message), FALSE);
  const auto wrote = +[](SoupServerMessage*, guint size, gpointer self) {
    auto* stream = static_cast<EventStream*>(self);
    stream->unsent_ -= std::min<std::size_t>(size, stream->unsent_);
  };
  wrote_handler_ = g_signal_connect(message, "wrote-body-data", G_CALLBACK(wrote), this);
  soup_server_message_unpause(message);
}

EventStream::~EventStream() { g_signal_handler_disconnect(message_, wrote_handler_); }

void EventStream::append(std::string_view text) {
  unsent_ += text.size();
  soup_message_body_append(soup_server_message_get_response_body(message_), SOUP_MEMORY_COPY, text.data(), text.size());
  soup_server_message_unpause(message_);
}

void EventStream::event(std::string_view name, std::string_view data) {
  std::string text;
  text.reserve(name.size() + data.size() + 16);
  text.append("event: ").append(name).append("\ndata: ").append(data).append("\n\n");
  append(text);
}

void EventStream::comment() { append(":\n\n"); }

void EventStream::end() {
  soup_message_body_complete(soup_server_message_get_response_body(message_));
  soup_server_message_unpause(message_);
}

}  // namespace clipembed
