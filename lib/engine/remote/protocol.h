// What an engine's client and its server say to each other over a Unix stream socket, and the bytes of it. Pure
// functions: no socket, no lock, no thread; what comes in is not trusted.
//
// A frame is a header and a body; all numbers are little-endian.
//
//   header   u32 size of the body, u32 type
//   text     u32 size, that many bytes (at most kMaxTextBytes)
//   kind     u32, Error::Kind as kWireKinds in protocol.cpp numbers them
//
//   client -> server                                   server -> client
//   1 hello    u32 magic, u32 version, text model      2 welcome  u32 magic, u32 version, text model, revision,
//              (empty: whatever you serve)                        device and precision, u32 dim, shortest edge,
//                                                                 crop width, crop height, largest batch
//                                                      3 refusal  kind, text; then the connection is closed
//   4 open     u64 session, u32 batch size,            9 answer   u64 session, u64 request, u64 queued,
//              u64 batch timeout (ns)                             u64 inference (ns), u32 batch, dim x f32
//   5 close    u64 session                            10 failure  u64 session, u64 request, kind, text
//   6 submit   u64 session, u64 request, picture
//   7 flush    u64 session
//   8 cancel   u64 session
//
// The client begins with hello and waits for welcome. It numbers its sessions and each session's requests as it likes
// and never uses a number twice; every submit is answered once, by 9 or 10, those of a session in order. Cancel makes
// the server answer what it has of a session at once (kCancelled); the session goes on. Close is cancel for good.
//
// The first eight bytes of hello, welcome and every header, and the whole refusal, are the same in all versions.
// Anything that is malformed, too large, truncated or out of turn ends the connection.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "lib/engine/engine.h"
#include "lib/result.h"

namespace clipembed::remote {

inline constexpr std::uint32_t kMagic = 0x504c4345;  // "ECLP"
inline constexpr std::uint32_t kVersion = 1;
inline constexpr std::size_t kHeaderBytes = 8;
inline constexpr std::size_t kMaxTextBytes = 4096;

// What a welcome may say of the model: more is no CLIP, and would make the client allocate it.
inline constexpr int kMaxDim = 1 << 16;
inline constexpr int kMaxEdge = 1 << 12;
inline constexpr int kMaxBatch = 1 << 12;

using Bytes = std::vector<std::uint8_t>;

enum class MessageType : std::uint32_t {
  kHello = 1,
  kWelcome,
  kRefusal,
  kOpenSession,
  kCloseSession,
  kSubmit,
  kFlush,
  kCancel,
  kAnswer,
  kFailure,
};

// ---- messages ----

struct Hello {
  std::uint32_t version = kVersion;  // of another one only this is known
  std::string model;                 // a label or a canonical directory, or empty
};

struct Welcome {
  std::uint32_t version = kVersion;  // of another one only this is known
  EngineInfo info{};
  int max_batch = 1;
};

struct Refusal {
  Error error;
};

struct OpenSession {
  std::uint64_t session;
  std::uint32_t batch_size;
  std::chrono::nanoseconds batch_timeout;
};

struct CloseSession {
  std::uint64_t session;
};

struct Submit {
  std::uint64_t session;
  std::uint64_t request;
  std::span<const std::uint8_t> picture;  // of the frame it was decoded from
};

struct Flush {
  std::uint64_t session;
};

struct Cancel {
  std::uint64_t session;
};

struct Answer {  // and failure
  std::uint64_t session;
  std::uint64_t request;
  Result<Embedding> result;
};

using FromClient = std::variant<Hello, OpenSession, CloseSession, Submit, Flush, Cancel>;
using FromServer = std::variant<Welcome, Refusal, Answer>;

// ---- frames ----

Bytes encode(const Hello& message);
Bytes encode(const Welcome& message);
Bytes encode(const Refusal& message);
Bytes encode(const OpenSession& message);
Bytes encode(const CloseSession& message);
Bytes encode(const Submit& message);
Bytes encode(const Flush& message);
Bytes encode(const Cancel& message);
Bytes encode(const Answer& message);

// A type that may come now, and how large its body may be.
struct Expected {
  MessageType type;
  std::size_t smallest;
  std::size_t largest;
};
using Expectation = std::vector<Expected>;

Expectation expect_hello();
Expectation expect_welcome();
Expectation expect_requests(const EngineInfo& info);  // by the server, after welcome
Expectation expect_answers(const EngineInfo& info);   // by the client, after welcome

struct Header {
  MessageType type;
  std::size_t body_bytes;
};

// The decoders' errors: kFormat.
Result<Header> decode_header(std::span<const std::uint8_t, kHeaderBytes> bytes, const Expectation& expectation);
Result<FromClient> decode_from_client(MessageType type, std::span<const std::uint8_t> body);
Result<FromServer> decode_from_server(MessageType type, std::span<const std::uint8_t> body);

}  // namespace clipembed::remote
