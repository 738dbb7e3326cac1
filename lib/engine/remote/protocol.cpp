#include "lib/engine/remote/protocol.h"

#include <algorithm>
#include <bit>
#include <string_view>
#include <type_traits>
#include <utility>

#include "lib/model/byte_reader.h"

namespace clipembed::remote {
namespace {

using Kind = Error::Kind;

// The number of a kind on the wire is its place here. Append only.
constexpr Kind kWireKinds[] = {Kind::kFailed,  Kind::kNotFound, Kind::kSettings,    Kind::kFormat,    Kind::kLibrary,
                               Kind::kNetwork, Kind::kBusy,     Kind::kUnavailable, Kind::kCancelled, Kind::kTimedOut};

constexpr std::size_t kTextSmallest = 4, kTextLargest = 4 + kMaxTextBytes;

Error malformed(const std::string& what) { return {Kind::kFormat, what}; }

// ---- writing ----

class Writer {
 public:
  explicit Writer(MessageType type) {
    number<std::uint32_t>(0);
    number(static_cast<std::uint32_t>(type));
  }

  template <class T>
  void number(T value) {
    static_assert(std::is_unsigned_v<T>);
    for (std::size_t i = 0; i < sizeof value; ++i) bytes_.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
  }
  void count(int value) { number(static_cast<std::uint32_t>(value)); }
  void time(std::chrono::nanoseconds value) { number(static_cast<std::uint64_t>(value.count())); }
  void raw(std::span<const std::uint8_t> bytes) {
    const std::size_t end = bytes_.size();
    bytes_.resize(end + bytes.size());
    std::ranges::copy(bytes, bytes_.data() + end);
  }
  void text(std::string_view value) {
    value = value.substr(0, kMaxTextBytes);
    number(static_cast<std::uint32_t>(value.size()));
    bytes_.insert(bytes_.end(), value.begin(), value.end());
  }
  void error(const Error& value) {
    number(static_cast<std::uint32_t>(std::ranges::find(kWireKinds, value.kind) - kWireKinds));
    text(value.message);
  }

  Bytes frame() && {
    const auto size = static_cast<std::uint32_t>(bytes_.size() - kHeaderBytes);
    for (std::size_t i = 0; i < sizeof size; ++i) bytes_[i] = static_cast<std::uint8_t>(size >> (8 * i));
    return std::move(bytes_);
  }

 private:
  Bytes bytes_;
};

Bytes session_frame(MessageType type, std::uint64_t session) {
  Writer out(type);
  out.number(session);
  return std::move(out).frame();
}

// ---- reading ----

// Past the end everything is zero or empty, and fits() false.
class Reader {
 public:
  explicit Reader(std::span<const std::uint8_t> bytes) : in_(std::as_bytes(bytes)) {}

  std::uint32_t u32() { return in_.u32(); }
  std::uint64_t u64() { return in_.u64(); }
  std::chrono::nanoseconds time() { return std::chrono::nanoseconds(static_cast<std::int64_t>(in_.u64())); }
  std::span<const std::uint8_t> rest() {
    const auto bytes = in_.take(in_.rest().size());
    return {reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()};
  }
  std::string text() {
    const std::uint32_t size = in_.u32();
    if (size > kMaxTextBytes) out_of_range_ = true;
    return out_of_range_ ? std::string() : std::string(in_.text(size));
  }
  // 1..largest, or else the message does not fit.
  int count(int largest) {
    const std::uint32_t value = in_.u32();
    if (value < 1 || value > static_cast<std::uint32_t>(largest)) out_of_range_ = true;
    return out_of_range_ ? 1 : static_cast<int>(value);
  }
  Error error() {
    const std::uint32_t kind = in_.u32();
    return {kind < std::size(kWireKinds) ? kWireKinds[kind] : Kind::kFailed, text()};
  }

  // Everything was there and in range, and nothing is left.
  bool fits() const { return in_.ok() && !out_of_range_ && in_.rest().empty(); }

 private:
  ByteReader in_;
  bool out_of_range_ = false;
};

template <class Message, class Variant>
Result<Variant> checked(const Reader& in, Message message, const char* name) {
  if (!in.fits()) return malformed(std::string("a malformed ") + name + " message");
  return Variant(std::move(message));
}

Result<FromClient> decode_hello(Reader in) {
  if (in.u32() != kMagic) return malformed("what speaks there is no client of an engine");
  Hello hello{.version = in.u32(), .model = {}};
  if (hello.version != kVersion) return FromClient(std::move(hello));
  hello.model = in.text();
  return checked<Hello, FromClient>(in, std::move(hello), "hello");
}

Result<FromServer> decode_welcome(Reader in) {
  if (in.u32() != kMagic) return malformed("what answers there is no engine server");
  Welcome welcome{.version = in.u32()};
  if (welcome.version != kVersion) return FromServer(std::move(welcome));
  EngineInfo& info = welcome.info;
  info.model = in.text();
  info.revision = in.text();
  info.device = in.text();
  const Result<Precision> precision = parse_precision(in.text());
  info.dim = in.count(kMaxDim);
  info.input.shortest_edge = in.count(kMaxEdge);
  info.input.crop_width = in.count(kMaxEdge);
  info.input.crop_height = in.count(kMaxEdge);
  welcome.max_batch = in.count(kMaxBatch);
  if (!precision || *precision == Precision::kAuto ||
      info.input.shortest_edge < std::max(info.input.crop_width, info.input.crop_height))
    return malformed("a malformed welcome message");
  info.precision = *precision;
  return checked<Welcome, FromServer>(in, std::move(welcome), "welcome");
}

Result<FromServer> decode_answer(Reader in) {
  const auto session = in.u64(), request = in.u64();
  Embedding embedding{.values = {}, .queued = in.time(), .inference = in.time()};
  embedding.batch = in.count(kMaxBatch);
  const auto floats = in.rest();
  if (floats.size() % sizeof(float) != 0) return malformed("a malformed answer message");
  embedding.values.reserve(floats.size() / sizeof(float));
  for (Reader value(floats); !value.fits();) {
    embedding.values.push_back(std::bit_cast<float>(value.u32()));
  }
  return checked<Answer, FromServer>(in, {session, request, std::move(embedding)}, "answer");
}

Result<FromServer> decode_failure(Reader in) {
  const auto session = in.u64(), request = in.u64();
  return checked<Answer, FromServer>(in, {session, request, in.error()}, "failure");
}

}  // namespace

// ---- encoders ----

Bytes encode(const Hello& message) {
  Writer out(MessageType::kHello);
  out.number(kMagic);
  out.number(message.version);
  out.text(message.model);
  return std::move(out).frame();
}

Bytes encode(const Welcome& message) {
  const EngineInfo& info = message.info;
  Writer out(MessageType::kWelcome);
  out.number(kMagic);
  out.number(message.version);
  out.text(info.model);
  out.text(info.revision);
  out.text(info.device);
  out.text(to_string(info.precision));
  out.count(info.dim);
  out.count(info.input.shortest_edge);
  out.count(info.input.crop_width);
  out.count(info.input.crop_height);
  out.count(message.max_batch);
  return std::move(out).frame();
}

Bytes encode(const Refusal& message) {
  Writer out(MessageType::kRefusal);
  out.error(message.error);
  return std::move(out).frame();
}

Bytes encode(const OpenSession& message) {
  Writer out(MessageType::kOpenSession);
  out.number(message.session);
  out.number(message.batch_size);
  out.time(message.batch_timeout);
  return std::move(out).frame();
}

Bytes encode(const Submit& message) {
  Writer out(MessageType::kSubmit);
  out.number(message.session);
  out.number(message.request);
  out.raw(message.picture);
  return std::move(out).frame();
}

Bytes encode(const CloseSession& message) { return session_frame(MessageType::kCloseSession, message.session); }
Bytes encode(const Flush& message) { return session_frame(MessageType::kFlush, message.session); }
Bytes encode(const Cancel& message) { return session_frame(MessageType::kCancel, message.session); }

Bytes encode(const Answer& message) {
  Writer out(message.result ? MessageType::kAnswer : MessageType::kFailure);
  out.number(message.session);
  out.number(message.request);
  if (message.result) {
    out.time(message.result->queued);
    out.time(message.result->inference);
    out.count(message.result->batch);
    for (const float value : message.result->values) out.number(std::bit_cast<std::uint32_t>(value));
  } else {
    out.error(message.result.error());
  }
  return std::move(out).frame();
}

// ---- what may come ----

Expectation expect_hello() {
  // Any size of text: another version may say more.
  return {{MessageType::kHello, 8, 8 + 4 * kTextLargest}};
}

Expectation expect_welcome() {
  return {{MessageType::kWelcome, 8, 28 + 8 * kTextLargest},
          {MessageType::kRefusal, 4 + kTextSmallest, 4 + kTextLargest}};
}

Expectation expect_requests(const EngineInfo& info) {
  const std::size_t submit = 16 + info.input.bytes();
  return {{MessageType::kSubmit, submit, submit},
          {MessageType::kFlush, 8, 8},
          {MessageType::kCancel, 8, 8},
          {MessageType::kOpenSession, 20, 20},
          {MessageType::kCloseSession, 8, 8}};
}

Expectation expect_answers(const EngineInfo& info) {
  const std::size_t answer = 36 + sizeof(float) * static_cast<std::size_t>(info.dim);
  return {{MessageType::kAnswer, answer, answer}, {MessageType::kFailure, 20 + kTextSmallest, 20 + kTextLargest}};
}

// ---- decoders ----

Result<Header> decode_header(std::span<const std::uint8_t, kHeaderBytes> bytes, const Expectation& expectation) {
  Reader in(bytes);
  const std::size_t size = in.u32();
  const auto type = in.u32();
  const auto expected =
      std::ranges::find_if(expectation, [&](const Expected& e) { return static_cast<std::uint32_t>(e.type) == type; });
  if (expected == expectation.end()) return malformed("a message of type " + std::to_string(type) + " out of turn");
  if (size < expected->smallest || size > expected->largest)
    return malformed("a message of type " + std::to_string(type) + " with " + std::to_string(size) + " bytes");
  return Header{expected->type, size};
}

Result<FromClient> decode_from_client(MessageType type, std::span<const std::uint8_t> body) {
  Reader in(body);
  if (type == MessageType::kHello) return decode_hello(in);
  const auto session = in.u64();
  switch (type) {
    case MessageType::kOpenSession: {
      const auto batch_size = in.u32();
      return checked<OpenSession, FromClient>(in, {session, batch_size, in.time()}, "open");
    }
    case MessageType::kCloseSession:
      return checked<CloseSession, FromClient>(in, {session}, "close");
    case MessageType::kSubmit: {
      const auto request = in.u64();
      return checked<Submit, FromClient>(in, {session, request, in.rest()}, "submit");
    }
    case MessageType::kFlush:
      return checked<Flush, FromClient>(in, {session}, "flush");
    case MessageType::kCancel:
      return checked<Cancel, FromClient>(in, {session}, "cancel");
    default:
      return malformed("a message that only a server sends");
  }
}

Result<FromServer> decode_from_server(MessageType type, std::span<const std::uint8_t> body) {
  Reader in(body);
  switch (type) {
    case MessageType::kWelcome:
      return decode_welcome(in);
    case MessageType::kRefusal:
      return checked<Refusal, FromServer>(in, {in.error()}, "refusal");
    case MessageType::kAnswer:
      return decode_answer(in);
    case MessageType::kFailure:
      return decode_failure(in);
    default:
      return malformed("a message that only a client sends");
  }
}

}  // namespace clipembed::remote
