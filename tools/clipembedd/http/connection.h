// A client's connection, from accept() to the last byte: what stands between the socket and libsoup.
//
//   socket -> RequestFraming -> GuardedInput -> libsoup -> socket
//
// libsoup gets the connection once the first request's header has arrived in full, so that clients who dawdle cost a
// socket and a small buffer. Each phase of a request has its deadline. A request that is refused while it arrives is
// answered past libsoup, which could only answer after the whole body; then the rest is read and thrown away for a
// moment, as closing at once would reset the connection and take the answer with it. Main-loop thread.
#pragma once

#include <gio/gio.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "tools/clipembedd/http/guarded_input.h"
#include "tools/clipembedd/http/http_framing.h"
#include "tools/gobject_ptr.h"

namespace clipembed {

struct ConnectionLimits {
  using Seconds = std::chrono::duration<double>;
  FramingLimits framing;
  Seconds header_timeout{10}, body_timeout{300}, idle_timeout{60}, write_timeout{60};
  std::uint64_t min_rate = 1024;  // bytes a second of a body; 0: any
};

class Connection : public ByteSource {
 public:
  using Clock = std::chrono::steady_clock;

  enum class Phase {
    kHeader,      // a request's header is arriving, or the first one is waited for
    kBody,        // its body is
    kProcessing,  // it has arrived; its answer is being made
    kWriting,     // its answer is on the way
    kIdle,        // another request is waited for
    kLingering,   // what the client still sends is thrown away
    kClosed,      // the socket is closed
  };

  // Who serves it. Calls come from the main loop, or from within a call of the connection.
  class Server {
   public:
    virtual ~Server() = default;
    // The first request's header is there: hand stream() to libsoup.
    virtual void serve(Connection& connection) = 0;
    // What has arrived is refused, and libsoup is told no more than that the connection is at its end. The bytes of the
    // answer; in phase kBody, to a request that libsoup is in the middle of.
    virtual std::string refusal(Connection& connection, int status, const std::string& detail) = 0;
    // The request that libsoup is in the middle of takes too long to arrive: take the connection from it and refuse().
    virtual void body_late(Connection& connection, const std::string& detail) = 0;
    // Whether more requests are under way than the one of the connection that asks.
    virtual bool others_wait() const = 0;
    // The client went away before it had its answer, or leaves it unread: take the connection from libsoup.
    virtual void client_gone(Connection& connection) = 0;
  };

  Connection(GObjectPtr<GSocket> socket, Server& server, const ConnectionLimits& limits);
  ~Connection() override;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  Phase phase() const { return phase_; }
  Clock::time_point since() const { return since_; }  // of the phase, or of the last sign of life in it
  const std::string& peer() const { return peer_; }   // address without port
  GSocketAddress* local_address() const { return local_.get(); }
  GSocketAddress* remote_address() const { return remote_.get(); }  // of this connection only, to know it again by
  const BodyFraming& body() const { return framing_.body(); }       // of the request that arrives or has arrived

  // For soup_server_accept_iostream(). Transfer none.
  GIOStream* stream();

  // The phases that the connection cannot see.
  void writing();   // there is something to write, or more of it has gone
  void answered();  // all of it has

  // Sends the bytes and closes, however much of the request there is still to come. Where libsoup is in the middle of
  // the request, the connection is to be taken from it next (soup_server_message_steal_connection).
  void refuse(std::string_view answer);
  // Ends a connection that no request is under way on: phases kHeader and kIdle.
  void drop();

  // Looks at the deadlines, and whether the client is still there; some times a second.
  void check(Clock::time_point now);

 private:
  gssize read(void* to, gsize size, GError** error) override;
  bool ready() const override;
  bool others_wait() const override { return server_.others_wait(); }
  GSocket* socket() const override { return socket_.get(); }
  void stream_closed() override;

  void close();
  void enter(Phase phase);
  void watch_socket();
  void stop_watching();
  void readable();
  void receive_header();
  bool approve();
  gssize receive(GError** error);
  void cut_short();
  void reject(int status, const std::string& detail);
  void linger();
  void drain();
  void check_body(Clock::time_point now);
  void check_client();
  std::string_view pending() const { return std::string_view(buffer_).substr(approved_); }

  const GObjectPtr<GSocket> socket_;
  const GObjectPtr<GSocketConnection> socket_stream_;  // lends its output
  const GObjectPtr<GSocketAddress> local_, remote_;
  const std::string peer_;
  Server& server_;
  const ConnectionLimits limits_;

  GObjectPtr<GInputStream> input_;
  GObjectPtr<GIOStream> stream_;
  GSource* watch_ = nullptr;  // while libsoup does not read

  RequestFraming framing_;
  std::string buffer_;        // what has arrived and libsoup has not taken
  std::size_t approved_ = 0;  // of it
  bool at_end_ = false;       // the client has sent its last byte
  bool refused_ = false;
  bool served_ = false;     // libsoup has it, or had it
  bool answering_ = false;  // of the request's answer, something has been given to libsoup
  bool probed_ = false;

  Phase phase_ = Phase::kHeader;
  Clock::time_point since_ = Clock::now();
  Clock::time_point body_began_{}, rate_from_{};
  std::uint64_t rate_bytes_ = 0;  // since rate_from_
  std::uint64_t drained_ = 0;
};

}  // namespace clipembed
