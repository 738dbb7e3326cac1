// Where a request begins and ends. What is refused, and with which status, tests/http/test_framing.py tells at the
// socket; here are the pieces that bytes come in.
#include "tools/clipembedd/http/http_framing.h"

#include <glib.h>

#include <string>

#include "tests/unit/suite.h"

namespace clipembed {
namespace {

const std::string kHead = "POST /embed HTTP/1.1\r\nHost: a\r\n";

struct Outcome {
  RequestFraming::Stage stage;
  std::string approved;
  int status = 0;
};

// Shows the bytes as a connection does: what was not approved again, with `piece` bytes more.
Outcome read(const std::string& bytes, std::size_t piece) {
  RequestFraming framing;
  std::string pending, approved;
  for (std::size_t at = 0; at < bytes.size() && framing.stage() != RequestFraming::Stage::kDone; at += piece) {
    pending += bytes.substr(at, piece);
    for (;;) {
      const std::size_t taken = framing.advance(pending);
      ck_assert_uint_le(taken, pending.size());
      approved += pending.substr(0, taken);
      pending.erase(0, taken + framing.skip());
      if (framing.stage() == RequestFraming::Stage::kRejected)
        return {framing.stage(), approved, framing.rejection().status};
      if (taken == 0 && framing.skip() == 0) break;
    }
  }
  return {framing.stage(), approved};
}

START_TEST(a_request_ends_where_its_framing_says_in_any_pieces) {
  const std::string next = "GET / HTTP/1.1\r\n";
  for (const std::string& request :
       {"GET / HTTP/1.1\r\nHost: a\r\n\r\n" + std::string(), kHead + "Content-Length: 0\r\n\r\n",
        kHead + "Content-Length: 5\r\n\r\nhello",
        kHead + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nA\r\n0\r\n\r\n67890\r\n000\r\n\r\n"}) {
    for (std::size_t piece = 1; piece <= request.size(); ++piece) {
      const Outcome outcome = read(request + next, piece);
      ck_assert(outcome.stage == RequestFraming::Stage::kDone);
      ck_assert_str_eq(outcome.approved.c_str(), request.c_str());
    }
  }
}
END_TEST

START_TEST(nothing_of_a_header_is_approved_before_all_of_it_is) {
  const std::string head = kHead + "Content-Length: 5\r\n\r\n";
  RequestFraming framing;
  for (std::size_t size = 1; size < head.size(); ++size) ck_assert_uint_eq(framing.advance(head.substr(0, size)), 0);
  ck_assert_uint_eq(framing.advance(head), head.size());
  ck_assert_uint_eq(framing.body().length, 5);
}
END_TEST

START_TEST(line_breaks_before_a_request_are_dropped) {
  const Outcome outcome = read("\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 3);
  ck_assert(outcome.stage == RequestFraming::Stage::kDone);
  ck_assert(outcome.approved.starts_with("GET"));
}
END_TEST

START_TEST(a_header_has_a_limit) {
  RequestFraming framing({.header_bytes = 100, .header_fields = 10});
  const std::string long_line(101, 'a');
  ck_assert_uint_eq(framing.advance(long_line), 0);
  ck_assert(framing.stage() == RequestFraming::Stage::kRejected);
  ck_assert_int_eq(framing.rejection().status, 431);
}
END_TEST

START_TEST(requests_follow_each_other) {
  RequestFraming framing;
  const std::string request = kHead + "Content-Length: 2\r\n\r\n";
  for (int i = 0; i < 3; ++i) {
    ck_assert_uint_eq(framing.advance(request + "hi"), request.size());
    ck_assert_uint_eq(framing.advance("hi" + request), 2);
    ck_assert(framing.stage() == RequestFraming::Stage::kDone);
    ck_assert_uint_eq(framing.advance(request), 0);
    framing.start_over();
  }
}
END_TEST

START_TEST(mutated_requests_have_one_reading) {
  const std::string good = kHead + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
  g_autoptr(GRand) random = g_rand_new_with_seed(1);
  const auto below = [&](std::size_t end) {
    return static_cast<std::size_t>(g_rand_int_range(random, 0, static_cast<gint32>(end)));
  };
  for (int round = 0; round < 5000; ++round) {
    std::string request = good;
    for (std::size_t n = below(3) + 1; n > 0; --n) {
      const std::size_t at = below(request.size());
      switch (below(3)) {
        case 0:
          request[at] = static_cast<char>(below(256));
          break;
        case 1:
          request.erase(at, below(5) + 1);
          break;
        default:
          request.insert(at, 1, "\r\n :0af;\t"[below(9)]);
      }
    }
    const Outcome whole = read(request, request.size()), pieces = read(request, below(7) + 1);
    ck_assert(whole.stage == pieces.stage && whole.status == pieces.status);
    if (whole.stage != RequestFraming::Stage::kRejected) ck_assert(whole.approved == pieces.approved);
  }
}
END_TEST

}  // namespace
}  // namespace clipembed

int main() {
  using namespace clipembed;
  return run_suite("request framing",
                   {a_request_ends_where_its_framing_says_in_any_pieces,
                    nothing_of_a_header_is_approved_before_all_of_it_is, line_breaks_before_a_request_are_dropped,
                    a_header_has_a_limit, requests_follow_each_other, mutated_requests_have_one_reading});
}
