// Forms in any pieces, and what is none.
#include "tools/clipembedd/http/multipart.h"

#include <glib.h>

#include <string>
#include <vector>

#include "tests/unit/expect.h"
#include "tests/unit/suite.h"

namespace clipembed {
namespace {

struct Part {
  PartHeader header;
  std::string content;
  bool ended = false;
};

class Parts : public PartSink {
 public:
  Status begin(const PartHeader& header) override {
    ck_assert(parts.empty() || parts.back().ended);
    parts.push_back({header, "", false});
    return ok();
  }
  Status data(std::string_view bytes) override {
    ck_assert(!bytes.empty() && !parts.back().ended);
    if (refuse_data) return Error{Error::Kind::kUnavailable, "the disk is full"};
    parts.back().content += bytes;
    return ok();
  }
  Status end() override {
    parts.back().ended = true;
    return ok();
  }

  std::vector<Part> parts;
  bool refuse_data = false;
};

Result<std::vector<Part>> parse(std::string_view body, std::size_t piece = std::string_view::npos,
                                MultipartLimits limits = {}) {
  Parts sink;
  MultipartParser parser("XX", sink, limits);
  for (std::size_t at = 0; at < body.size(); at += std::min(piece, body.size() - at))
    if (Status status = parser.feed(body.substr(at, piece)); !status) return status.error();
  if (Status status = parser.finish(); !status) return status.error();
  return sink.parts;
}

std::string part(const std::string& disposition, const std::string& content) {
  return "--XX\r\nContent-Disposition: " + disposition + "\r\n\r\n" + content + "\r\n";
}
std::string file(const std::string& name, const std::string& content) {
  return part("form-data; name=\"file\"; filename=\"" + name + "\"", content);
}
const std::string kEnd = "--XX--\r\n";

START_TEST(a_form_is_the_same_in_any_pieces) {
  // Contents full of what could be taken for a boundary.
  const std::string first = "\r\n--X\r\n--\r\r\n\r\n--XY\r", second = "--XX--", third;
  const std::string form = file("a", first) + file("b", second) + file("c", third) + kEnd;
  for (std::size_t piece = 1; piece <= form.size(); ++piece) {
    const auto parts = expect_value(parse(form, piece));
    ck_assert_uint_eq(parts.size(), 3);
    ck_assert_str_eq(parts[0].header.filename.c_str(), "a");
    ck_assert(parts[0].content == first && parts[1].content == second && parts[2].content == third);
    ck_assert(parts[2].ended);
  }
}
END_TEST

START_TEST(the_last_line_break_may_be_missing) {
  ck_assert_uint_eq(expect_value(parse(file("a", "1") + "--XX--")).size(), 1);
}
END_TEST

START_TEST(a_form_that_ends_early_is_refused_wherever_it_does) {
  const std::string form = file("a", "content") + "--XX--";
  for (std::size_t size = 0; size < form.size(); ++size) expect_malformed(parse(form.substr(0, size)), {"form"});
}
END_TEST

START_TEST(what_surrounds_the_form_is_refused) {
  for (const std::string& form :
       {"preamble\r\n" + file("a", "1") + kEnd, "\r\n" + file("a", "1") + kEnd, file("a", "1") + kEnd + "x",
        file("a", "1") + "--XX-- ", file("a", "1") + "--XX--\n", file("a", "1") + "--XX--\r\n\r\n"})
    expect_malformed(parse(form), {"form"});
}
END_TEST

START_TEST(a_boundary_is_followed_by_a_line_break_or_two_dashes) {
  for (const char* after : {"\n", " \r\n", "-\r\n", "\r", "XX"})
    expect_malformed(parse("--XX" + std::string(after) + file("a", "1").substr(6) + kEnd), {"form"});
}
END_TEST

START_TEST(names_come_as_they_were_written) {
  const std::pair<const char*, const char*> kNames[] = {{"filename=\"C:\\photos\\a.jpg\"", "C:\\photos\\a.jpg"},
                                                        {"filename=\"a \\\"b\\\" \\\\ c\"", "a \"b\" \\ c"},
                                                        {"filename=\"a%22b%0Ac\"", "a\"b%0Ac"},
                                                        {"filename=token.jpg", "token.jpg"},
                                                        {"filename=\"dir/\xc3\xbc.jpg\"", "dir/\xc3\xbc.jpg"},
                                                        {"filename=\"x\"; filename*=UTF-8''%C3%BC%20a", "\xc3\xbc a"},
                                                        {"FileName=\"a;b\"", "a;b"}};
  for (const auto& [written, name] : kNames) {
    const auto parts = expect_value(parse(part("form-data; name=\"file\"; " + std::string(written), "1") + kEnd));
    ck_assert_str_eq(parts[0].header.filename.c_str(), name);
  }
}
END_TEST

START_TEST(names_that_are_none_are_refused) {
  for (const std::string& rest :
       {std::string("filename=\"\""), std::string("filename=\"a\tb\""), std::string("filename=\"\xff\""),
        std::string("filename=\"a"), std::string("filename=\"a\"; filename=\"b\""), std::string("filename"),
        std::string("filename*=latin-1''a"), std::string("filename*=UTF-8''%ff"), std::string("filename=\"a\0b\"", 14),
        "filename=\"" + std::string(2000, 'a') + "\""})
    expect_malformed(parse(part("form-data; name=\"file\"; " + rest, "1") + kEnd), {"form"});
  expect_malformed(parse(part("form-data; filename=\"a\"", "1") + kEnd), {"name"});
  expect_malformed(parse(part("attachment; name=\"file\"; filename=\"a\"", "1") + kEnd), {"form-data"});
}
END_TEST

START_TEST(a_parts_header_is_checked) {
  const auto with = [](const std::string& fields) { return "--XX\r\n" + fields + "\r\n1\r\n" + kEnd; };
  const std::string good = "Content-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n";
  expect_value(parse(with("Content-Type: image/png\r\ncontent-transfer-encoding: Binary\r\n" + good)));
  for (const std::string& fields :
       {std::string(), std::string("Content-Type: image/png\r\n"), good + good, good + "nonsense\r\n",
        good + " folded\r\n", good + "Content-Transfer-Encoding: base64\r\n",
        good + "Content-Type: multipart/mixed; boundary=Y\r\n", good + "X : y\r\n",
        good + "X: " + std::string(10'000, 'a') + "\r\n"})
    expect_malformed(parse(with(fields)), {"form"});
}
END_TEST

START_TEST(too_many_parts_are_refused) {
  const std::string two = file("a", "1") + file("b", "2") + kEnd;
  expect_value(parse(two, 1000, {.parts = 2}));
  expect_error(parse(two, 1000, {.parts = 1}), Error::Kind::kSettings, {"1"});
}
END_TEST

START_TEST(the_sinks_error_is_passed_on) {
  Parts sink;
  sink.refuse_data = true;
  MultipartParser parser("XX", sink);
  expect_error(parser.feed(file("a", "1") + kEnd), Error::Kind::kUnavailable, {"disk"});
}
END_TEST

START_TEST(boundaries) {
  ck_assert(expect_value(multipart_boundary("multipart/form-data; boundary=a-b")) == "a-b");
  ck_assert(expect_value(multipart_boundary("multipart/form-data; charset=utf-8; Boundary=\"a b:c\"")) == "a b:c");
  for (const std::string& type :
       {std::string("multipart/form-data"), std::string("multipart/form-data; boundary="),
        std::string("multipart/form-data; boundary=\"\""), std::string("multipart/form-data; boundary=\"a \""),
        std::string("multipart/form-data; boundary=\"a\r\""),
        std::string("multipart/form-data; boundary=a; boundary=b"), std::string("multipart/form-data; boundary=\"a"),
        "multipart/form-data; boundary=" + std::string(71, 'a')})
    expect_malformed(multipart_boundary(type), {"boundary"});
}
END_TEST

// Whatever comes: no crash, no part without an end, and the same verdict in other pieces.
START_TEST(mutated_forms_are_taken_or_refused) {
  const std::string good = file("a.jpg", "\r\n--X content") + file("b.jpg", std::string(300, 'x')) + kEnd;
  g_autoptr(GRand) random = g_rand_new_with_seed(1);
  const auto below = [&](std::size_t end) {
    return static_cast<std::size_t>(g_rand_int_range(random, 0, static_cast<gint32>(end)));
  };
  for (int round = 0; round < 5000; ++round) {
    std::string form = good;
    for (std::size_t n = below(4) + 1; n > 0; --n) {
      const std::size_t at = below(form.size());
      switch (below(4)) {
        case 0:
          form[at] = static_cast<char>(below(256));
          break;
        case 1:
          form.erase(at, below(20) + 1);
          break;
        case 2:
          form.insert(at, good.substr(below(good.size()), below(40)));
          break;
        default:
          form.insert(at, 1, "\r\n-X\"; :\0"[below(9)]);
      }
    }
    const auto whole = parse(form), pieces = parse(form, below(9) + 1);
    ck_assert(static_cast<bool>(whole) == static_cast<bool>(pieces));
    if (!whole) continue;
    ck_assert_uint_eq(whole->size(), pieces->size());
    for (std::size_t i = 0; i < whole->size(); ++i)
      ck_assert((*whole)[i].ended && (*whole)[i].content == (*pieces)[i].content);
  }
}
END_TEST

}  // namespace
}  // namespace clipembed

int main() {
  using namespace clipembed;
  return run_suite("multipart", {a_form_is_the_same_in_any_pieces, the_last_line_break_may_be_missing,
                                 a_form_that_ends_early_is_refused_wherever_it_does, what_surrounds_the_form_is_refused,
                                 a_boundary_is_followed_by_a_line_break_or_two_dashes, names_come_as_they_were_written,
                                 names_that_are_none_are_refused, a_parts_header_is_checked, too_many_parts_are_refused,
                                 the_sinks_error_is_passed_on, boundaries, mutated_forms_are_taken_or_refused});
}
