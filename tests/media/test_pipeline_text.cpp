// The lines that a configuration may replace: which placeholders there are, and what is refused.
#include "tests/unit/expect.h"
#include "tests/unit/suite.h"
#include "tools/media/pipeline_text.h"

namespace {

using namespace clipembed;

const Placeholders kKnown = {
    {"source", "appsrc"}, {"embed", "clipembed"}, {"sink", "fakesink"}, {"select", "identity"}};

START_TEST(placeholders_are_replaced) {
  const std::string line = expect_value(expand_pipeline("{source} ! {select} ! {embed} ! {sink}", kKnown));
  ck_assert_str_eq(line.c_str(), "appsrc ! identity ! clipembed ! fakesink");
}
END_TEST

START_TEST(a_list_of_caps_is_no_placeholder) {
  const std::string line =
      expect_value(expand_pipeline("{source} ! video/x-raw,format={I420,NV12} ! {embed} ! {sink}", kKnown));
  ck_assert_str_eq(line.c_str(), "appsrc ! video/x-raw,format={I420,NV12} ! clipembed ! fakesink");
}
END_TEST

START_TEST(an_unknown_placeholder_is_refused) {
  expect_error(expand_pipeline("{source} ! {scale} ! {embed} ! {sink}", kKnown), Error::Kind::kSettings, {"{scale}"});
}
END_TEST

START_TEST(what_a_line_cannot_do_without_must_be_there_once) {
  expect_error(expand_pipeline("{source} ! {sink}", kKnown), Error::Kind::kSettings, {"{embed} once"});
  expect_error(expand_pipeline("{source} ! {embed} ! {embed} ! {sink}", kKnown), Error::Kind::kSettings,
               {"{embed} once"});
}
END_TEST

}  // namespace

int main() {
  return run_suite("pipeline_text",
                   {placeholders_are_replaced, a_list_of_caps_is_no_placeholder, an_unknown_placeholder_is_refused,
                    what_a_line_cannot_do_without_must_be_there_once});
}
