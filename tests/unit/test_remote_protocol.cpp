// The bytes between an engine's client and its server: what is written is read again, and whatever else comes ends in
// a value or an error.
#include <algorithm>
#include <random>
#include <string>

#include "lib/engine/remote/protocol.h"
#include "tests/unit/expect.h"
#include "tests/unit/suite.h"

using namespace clipembed;
using namespace clipembed::remote;
using namespace std::chrono_literals;

namespace {

const EngineInfo kInfo{.model = "openai/clip-vit-base-patch32",
                       .revision = "3d74acf9a28c67741b2f4f2ea7635f0aaf6f0268",
                       .device = "cuda:1",
                       .precision = Precision::kBf16,
                       .dim = 3,
                       .input = {4, 2, 3}};

using Body = std::span<const std::uint8_t>;

Header header_of(const Bytes& frame, const Expectation& expectation) {
  ck_assert_uint_ge(frame.size(), kHeaderBytes);
  const Header header = expect_value(decode_header(Body(frame).first<kHeaderBytes>(), expectation));
  ck_assert_uint_eq(header.body_bytes, frame.size() - kHeaderBytes);
  return header;
}

template <class Message>
Message from_client(const Bytes& frame, const Expectation& expectation = expect_requests(kInfo)) {
  const Header header = header_of(frame, expectation);
  return std::get<Message>(expect_value(decode_from_client(header.type, Body(frame).subspan(kHeaderBytes))));
}

template <class Message>
Message from_server(const Bytes& frame, const Expectation& expectation) {
  const Header header = header_of(frame, expectation);
  return std::get<Message>(expect_value(decode_from_server(header.type, Body(frame).subspan(kHeaderBytes))));
}

Bytes with_number(Bytes bytes, std::size_t at, std::uint32_t number) {
  for (std::size_t i = 0; i < sizeof number; ++i) bytes[at + i] = static_cast<std::uint8_t>(number >> (8 * i));
  return bytes;
}

const Bytes kPicture(kInfo.input.bytes(), 7);

Embedding embedding() {
  return {.values = {1.5f, -2.f, 0.25f}, .queued = 5ms, .inference = std::chrono::hours(1), .batch = 32};
}

}  // namespace

// ---- round trips ----

START_TEST(hello_comes_back) {
  const auto hello = from_client<Hello>(encode(Hello{.model = "owner/name"}), expect_hello());
  ck_assert_uint_eq(hello.version, kVersion);
  ck_assert_str_eq(hello.model.c_str(), "owner/name");
}
END_TEST

START_TEST(welcome_comes_back) {
  const auto welcome = from_server<Welcome>(encode(Welcome{.info = kInfo, .max_batch = 256}), expect_welcome());
  ck_assert_str_eq(welcome.info.model.c_str(), kInfo.model.c_str());
  ck_assert_str_eq(welcome.info.revision.c_str(), kInfo.revision.c_str());
  ck_assert_str_eq(welcome.info.device.c_str(), kInfo.device.c_str());
  ck_assert(welcome.info.precision == kInfo.precision);
  ck_assert_int_eq(welcome.info.dim, kInfo.dim);
  ck_assert(welcome.info.input == kInfo.input);
  ck_assert_int_eq(welcome.max_batch, 256);
}
END_TEST

START_TEST(every_kind_of_error_comes_back) {
  using Kind = Error::Kind;
  for (const Kind kind : {Kind::kNotFound, Kind::kSettings, Kind::kFormat, Kind::kLibrary, Kind::kNetwork, Kind::kBusy,
                          Kind::kUnavailable, Kind::kCancelled, Kind::kFailed}) {
    const auto refusal = from_server<Refusal>(encode(Refusal{{kind, "why"}}), expect_welcome());
    ck_assert(refusal.error.kind == kind);
    ck_assert_str_eq(refusal.error.message.c_str(), "why");
  }
}
END_TEST

START_TEST(open_comes_back) {
  const auto open = from_client<OpenSession>(encode(OpenSession{1ull << 40, 8, std::chrono::nanoseconds::max()}));
  ck_assert_uint_eq(open.session, 1ull << 40);
  ck_assert_uint_eq(open.batch_size, 8);
  ck_assert(open.batch_timeout == std::chrono::nanoseconds::max());
}
END_TEST

START_TEST(a_picture_comes_back) {
  const Bytes frame = encode(Submit{5, 1ull << 50, kPicture});
  const auto submit = from_client<Submit>(frame);
  ck_assert_uint_eq(submit.session, 5);
  ck_assert_uint_eq(submit.request, 1ull << 50);
  ck_assert(std::ranges::equal(submit.picture, kPicture));
}
END_TEST

START_TEST(what_is_said_of_a_session_comes_back) {
  ck_assert_uint_eq(from_client<Flush>(encode(Flush{3})).session, 3);
  ck_assert_uint_eq(from_client<Cancel>(encode(Cancel{4})).session, 4);
  ck_assert_uint_eq(from_client<CloseSession>(encode(CloseSession{5})).session, 5);
}
END_TEST

START_TEST(an_answer_comes_back) {
  const auto answer = from_server<Answer>(encode(Answer{1, 2, embedding()}), expect_answers(kInfo));
  ck_assert_uint_eq(answer.session, 1);
  ck_assert_uint_eq(answer.request, 2);
  ck_assert(bool(answer.result));
  ck_assert(answer.result->values == embedding().values);
  ck_assert(answer.result->queued == 5ms && answer.result->inference == std::chrono::hours(1));
  ck_assert_int_eq(answer.result->batch, 32);
}
END_TEST

START_TEST(a_failure_comes_back) {
  const Answer sent{1, 2, Error{Error::Kind::kFailed, "out of memory"}};
  const auto answer = from_server<Answer>(encode(sent), expect_answers(kInfo));
  expect_error(answer.result, Error::Kind::kFailed, {"out of memory"});
}
END_TEST

START_TEST(a_long_text_is_cut) {
  const Refusal sent{{Error::Kind::kFailed, std::string(3 * kMaxTextBytes, 'x')}};
  ck_assert_uint_eq(from_server<Refusal>(encode(sent), expect_welcome()).error.message.size(), kMaxTextBytes);
}
END_TEST

START_TEST(of_another_version_only_the_version_is_read) {
  for (const std::size_t more : {0, 100}) {
    Bytes hello = with_number(encode(Hello{.version = 2, .model = {}}), 0, static_cast<std::uint32_t>(8 + more));
    hello.resize(kHeaderBytes + 8 + more);
    ck_assert_uint_eq(from_client<Hello>(hello, expect_hello()).version, 2);
  }
}
END_TEST

// ---- what is refused ----

START_TEST(a_message_out_of_turn_is_refused) {
  const Bytes flush = encode(Flush{1}), hello = encode(Hello{}), answer = encode(Answer{1, 2, embedding()});
  expect_malformed(decode_header(Body(flush).first<kHeaderBytes>(), expect_hello()), {"type 7", "out of turn"});
  expect_malformed(decode_header(Body(hello).first<kHeaderBytes>(), expect_requests(kInfo)), {"out of turn"});
  expect_malformed(decode_header(Body(answer).first<kHeaderBytes>(), expect_requests(kInfo)), {"out of turn"});
  expect_malformed(decode_header(Body(answer).first<kHeaderBytes>(), expect_welcome()), {"out of turn"});
}
END_TEST

START_TEST(a_picture_of_another_size_is_refused_by_its_header) {
  for (const std::size_t size : {kPicture.size() - 1, kPicture.size() + 1}) {
    const Bytes frame = encode(Submit{1, 2, Bytes(size)});
    expect_malformed(decode_header(Body(frame).first<kHeaderBytes>(), expect_requests(kInfo)),
                     {std::to_string(16 + size) + " bytes"});
  }
}
END_TEST

START_TEST(an_embedding_of_another_size_is_refused_by_its_header) {
  Embedding longer = embedding();
  longer.values.push_back(0);
  const Bytes frame = encode(Answer{1, 2, longer});
  expect_malformed(decode_header(Body(frame).first<kHeaderBytes>(), expect_answers(kInfo)), {"52 bytes"});
}
END_TEST

START_TEST(a_model_of_absurd_size_is_refused) {
  const Bytes good = encode(Welcome{.info = kInfo, .max_batch = 32});
  const std::size_t numbers = good.size() - 5 * 4;  // dim, edge, width, height, batch
  for (std::size_t number = 0; number < 5; ++number) {
    for (const std::uint32_t absurd : {0u, 1u << 17, 0x80000000u, 0xffffffffu}) {
      const Bytes bad = with_number(good, numbers + 4 * number, absurd);
      expect_malformed(decode_from_server(MessageType::kWelcome, Body(bad).subspan(kHeaderBytes)), {"welcome"});
    }
  }
}
END_TEST

START_TEST(a_stranger_is_refused) {
  const Bytes http = with_number(encode(Hello{}), kHeaderBytes, 0x20544547);  // "GET "
  expect_malformed(decode_from_client(MessageType::kHello, Body(http).subspan(kHeaderBytes)), {"no client"});
}
END_TEST

// ---- damage ----

START_TEST(damaged_messages_are_survived) {
  constexpr int kRounds = 20000;
  const Bytes good[] = {encode(Hello{.model = "owner/name"}),
                        encode(Welcome{.info = kInfo, .max_batch = 32}),
                        encode(Refusal{{Error::Kind::kSettings, "another model"}}),
                        encode(OpenSession{1, 8, 40ms}),
                        encode(CloseSession{1}),
                        encode(Submit{1, 2, kPicture}),
                        encode(Flush{1}),
                        encode(Cancel{1}),
                        encode(Answer{1, 2, embedding()}),
                        encode(Answer{1, 2, Error{Error::Kind::kFailed, "out of memory"}})};
  constexpr std::uint32_t kEdges[] = {0, 1, 0x7f, 0xff, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff};
  std::minstd_rand random(20260301);
  const auto below = [&](std::size_t limit) { return random() % limit; };
  int read = 0, refused = 0;
  for (int round = 0; round < kRounds; ++round) {
    Bytes frame = good[below(std::size(good))];
    for (std::size_t changes = 1 + below(3); changes > 0 && frame.size() > kHeaderBytes; --changes) {
      const std::size_t at = below(frame.size() - 3);
      if (const auto way = below(4); way == 0) {
        frame[at] ^= static_cast<std::uint8_t>(1 << below(8));
      } else if (way == 1) {
        frame = with_number(frame, at, kEdges[below(std::size(kEdges))]);
      } else if (way == 2) {
        frame.resize(std::max(at, kHeaderBytes));
      } else {
        frame.insert(frame.end(), 1 + below(8), static_cast<std::uint8_t>(random()));
      }
    }
    for (const auto& expectation : {expect_hello(), expect_welcome(), expect_requests(kInfo), expect_answers(kInfo)}) {
      const auto header = decode_header(Body(frame).first<kHeaderBytes>(), expectation);
      if (header) ck_assert_uint_le(header->body_bytes, 100000);
      // The body that came, whatever size the header says and whatever type it has.
      for (std::uint32_t type = 0; type <= 11; ++type) {
        const Body body = Body(frame).subspan(kHeaderBytes);
        ++(decode_from_client(static_cast<MessageType>(type), body) ? read : refused);
        ++(decode_from_server(static_cast<MessageType>(type), body) ? read : refused);
      }
    }
  }
  ck_assert_int_gt(read, 0);
  ck_assert_int_gt(refused, kRounds);
}
END_TEST

int main() {
  return run_suite(
      "remote_protocol",
      {hello_comes_back, welcome_comes_back, every_kind_of_error_comes_back, open_comes_back, a_picture_comes_back,
       what_is_said_of_a_session_comes_back, an_answer_comes_back, a_failure_comes_back, a_long_text_is_cut,
       of_another_version_only_the_version_is_read, a_message_out_of_turn_is_refused,
       a_picture_of_another_size_is_refused_by_its_header, an_embedding_of_another_size_is_refused_by_its_header,
       a_model_of_absurd_size_is_refused, a_stranger_is_refused, damaged_messages_are_survived});
}
