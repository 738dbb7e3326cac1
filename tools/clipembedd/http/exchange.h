// One request and its answer, as HTTP has it: between a SoupServerMessage and what serves it. The message owns its
// exchange. Main-loop thread.
//
//   headers_arrived() -> chunk_arrived()... -> arrived() -> reply() -> ended()
//
// and, at any point, refuse() or ended() for a client that has gone.
#pragma once

#include <libsoup/soup.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "tools/clipembedd/http/admission.h"
#include "tools/clipembedd/http/connection.h"
#include "tools/clipembedd/http/embed_request.h"
#include "tools/clipembedd/http/server_state.h"

namespace clipembed {

class Exchange : EmbedRequest::Client {
 public:
  Exchange(ServerState& state, Connection& connection, SoupServerMessage* message);
  ~Exchange() override;
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  SoupServerMessage* message() const { return message_; }

  void headers_arrived();
  void chunk_arrived(std::string_view bytes);
  void arrived();

  // Answers past libsoup and closes the connection: for a request that has not arrived in full. Takes the connection
  // from libsoup, which usually frees the message and with it this.
  void refuse(const Failure& failure);
  // The answer that refuse() would give, for a connection that sends it itself.
  std::string refusal(const Failure& failure);

  // Some of the answer has gone.
  void wrote() { connection_.writing(); }

  // The client has gone, or does not read its answer: takes the connection from libsoup, as refuse() does.
  void abandon();

  // The last byte has gone, or none will: counts and logs, once. Cancels what is still under way.
  void ended(bool complete);

 private:
  using Clock = std::chrono::steady_clock;

  void admit_upload();
  MaybeFailure prepare_upload(std::size_t key);
  void fail_early(const Failure& failure);
  void start_embedding();
  void reply(Reply reply) override;
  void send(Reply reply);
  Reply route_reply() const;
  Reply make_failure(const Failure& failure);
  void take_connection();
  AnswerMetadata metadata() const;

  ServerState& state_;
  Connection& connection_;
  SoupServerMessage* const message_;
  const RequestHead head_;
  const Route route_;
  const std::string request_id_;
  const Clock::time_point started_ = Clock::now();

  std::unique_ptr<EmbedRequest> embed_;
  bool active_ = false;  // counts in active_requests
  bool events_ = false;  // the answer is a stream
  bool ended_ = false;
  std::uint64_t bytes_in_ = 0;
  std::size_t files_ = 0;
  int status_ = 0;  // of the answer; 0: none yet
  std::string error_, detail_;
};

}  // namespace clipembed
