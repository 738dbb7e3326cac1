// The timeline as a document: read by an XML parser, and looked at for what should be where.
#include <expat.h>

#include <algorithm>
#include <chrono>  // before check.h, whose fail() is a macro
#include <cstdlib>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "tests/unit/suite.h"
#include "tools/clipembed/timeline.h"

namespace {

using namespace clipembed;
using std::chrono::milliseconds;

struct Element {
  std::string name, text;
  std::map<std::string, std::string> attributes;
  bool has_class(const std::string& wanted) const {
    const auto found = attributes.find("class");
    return found != attributes.end() && found->second == wanted;
  }
};

// The elements in the order in which they begin; each with the text right inside it.
std::vector<Element> parse(const std::string& document) {
  struct Reading {
    std::vector<Element> elements;
    std::vector<std::size_t> open;
  } reading;
  const XML_Parser parser = XML_ParserCreate(nullptr);
  XML_SetUserData(parser, &reading);
  XML_SetElementHandler(
      parser,
      [](void* data, const char* name, const char** attributes) {
        auto* reading = static_cast<Reading*>(data);
        reading->open.push_back(reading->elements.size());
        Element& element = reading->elements.emplace_back();
        element.name = name;
        for (; *attributes; attributes += 2) element.attributes[attributes[0]] = attributes[1];
      },
      [](void* data, const char*) { static_cast<Reading*>(data)->open.pop_back(); });
  XML_SetCharacterDataHandler(parser, [](void* data, const char* text, int length) {
    auto* reading = static_cast<Reading*>(data);
    reading->elements[reading->open.back()].text.append(text, static_cast<std::size_t>(length));
  });
  const bool parsed = XML_Parse(parser, document.data(), static_cast<int>(document.size()), 1) == XML_STATUS_OK;
  ck_assert_msg(parsed, "line %d: %s\n%s", int(XML_GetCurrentLineNumber64(parser)),
                XML_ErrorString(XML_GetErrorCode(parser)), document.c_str());
  XML_ParserFree(parser);
  return reading.elements;
}

std::vector<Element> where(const std::vector<Element>& elements, const std::function<bool(const Element&)>& wanted) {
  std::vector<Element> found;
  std::ranges::copy_if(elements, std::back_inserter(found), wanted);
  return found;
}

bool says(const std::vector<Element>& elements, const std::string& text) {
  return std::ranges::any_of(elements, [&](const Element& e) { return e.text.find(text) != std::string::npos; });
}

// The x that a path begins at.
double start_of(const Element& path) { return std::strtod(path.attributes.at("d").c_str() + 1, nullptr); }

MediaEmbedding sample() {
  MediaEmbedding video;
  video.is_video = true;
  video.duration = milliseconds(10000);
  video.scene_count = 3;
  const char* reasons[] = {"cut", "salient", "coverage", "interval"};
  for (int i = 0; i < 4; ++i)
    video.frames.push_back({.time = milliseconds(2500 * i), .reason = reasons[i], .scene = i / 2});
  for (int i = 0; i < 100; ++i) video.scores.push_back({.time = milliseconds(100 * i), .change = 0.05});
  video.scores[25] = {.time = milliseconds(2500), .change = 0.9, .begins = FrameScore::Begins::kCut};
  video.scores[75].begins = FrameScore::Begins::kGradual;
  return video;
}

std::string draw(const MediaEmbedding& video) { return draw_timeline("holiday.mp4", video); }

START_TEST(it_is_svg_with_a_title_and_a_description) {
  const std::vector<Element> elements = parse(draw(sample()));
  ck_assert_str_eq(elements[0].name.c_str(), "svg");
  ck_assert_str_eq(elements[0].attributes.at("xmlns").c_str(), "http://www.w3.org/2000/svg");
  ck_assert_str_eq(elements[0].attributes.at("role").c_str(), "img");
  ck_assert_str_eq(elements[1].name.c_str(), "title");
  ck_assert_str_eq(elements[1].text.c_str(), "Chosen frames of holiday.mp4");
  ck_assert_str_eq(elements[2].name.c_str(), "desc");
  ck_assert_str_eq(
      elements[2].text.c_str(),
      "4 frames chosen, 3 shots, 0:10.00. Shots begin at 0:02.50, 0:07.50. cut: 1. salient: 1. coverage: 1. "
      "interval: 1.");
}
END_TEST

START_TEST(both_light_and_dark_grounds_have_colours) {
  const std::string svg = draw(sample());
  const std::size_t dark = svg.find("@media (prefers-color-scheme:dark)");
  ck_assert(dark != std::string::npos);
  for (const char* rule : {".ground{", "text{", ".score{", ".cut{", ".salient{", ".coverage{", ".interval{"}) {
    ck_assert_msg(svg.find(rule) < dark, "%s", rule);
    ck_assert_msg(svg.find(rule, dark) != std::string::npos, "%s", rule);
  }
}
END_TEST

START_TEST(choices_stand_at_their_times_under_their_reasons) {
  const std::vector<Element> elements = parse(draw(sample()));
  const std::vector<Element> stems = where(elements, [](const Element& e) { return e.has_class("stem"); });
  ck_assert_uint_eq(stems.size(), 4);
  const double step = start_of(stems[1]) - start_of(stems[0]);
  ck_assert_double_gt(step, 100);
  for (std::size_t i = 1; i < 4; ++i) ck_assert_double_eq_tol(start_of(stems[i]) - start_of(stems[i - 1]), step, 0.2);
  for (const char* reason : {"cut", "salient", "coverage", "interval"}) {
    const auto of_reason = [&](const Element& e) { return e.name == "g" && e.has_class(reason); };
    ck_assert_uint_eq(where(elements, of_reason).size(), 1);
    ck_assert(says(elements, std::string("1 ") + reason));  // the legend
  }
  ck_assert(says(elements, "0:02.50 salient, shot 1"));
}
END_TEST

START_TEST(cuts_and_gradual_changes_look_different) {
  const std::vector<Element> elements = parse(draw(sample()));
  const auto titled = [&](const char* kind) {
    return where(elements,
                 [&](const Element& e) { return e.has_class(kind) && e.attributes.at("d").starts_with("M"); });
  };
  ck_assert_uint_eq(titled("hard").size(), 2);  // one of them in the legend
  ck_assert_uint_eq(titled("gradual").size(), 2);
  ck_assert(says(elements, "0:02.50 cut"));
  ck_assert(says(elements, "0:07.50 end of a gradual change"));
  ck_assert_uint_eq(where(elements, [](const Element& e) { return e.text.starts_with("shot "); }).size(), 3);
}
END_TEST

START_TEST(the_axis_has_times) {
  const std::vector<Element> elements = parse(draw(sample()));
  for (const char* label : {"0:00", "0:05", "0:10"}) ck_assert_msg(says(elements, label), "%s", label);
  MediaEmbedding film = sample();
  film.duration = std::chrono::hours(2);
  ck_assert(says(parse(draw(film)), "1:40:00"));
}
END_TEST

START_TEST(a_duration_that_is_wrong_loses_no_frame) {
  MediaEmbedding video = sample();
  video.duration = milliseconds(1000);
  const MediaEmbedding unknown = [&] {
    MediaEmbedding copy = video;
    copy.duration = {};
    return copy;
  }();
  for (const MediaEmbedding& any : {video, unknown}) {
    const auto stems = where(parse(draw(any)), [](const Element& e) { return e.has_class("stem"); });
    for (std::size_t i = 1; i < 4; ++i) ck_assert_double_gt(start_of(stems[i]), start_of(stems[i - 1]) + 100);
  }
}
END_TEST

START_TEST(names_are_escaped_and_shortened) {
  const std::vector<Element> elements = parse(draw_timeline("a<b>&\"c\" \x01\x1b\xff.mp4", sample()));
  ck_assert(says(elements, "Chosen frames of a<b>&\"c\" \uFFFD\uFFFD\uFFFD.mp4"));
  const std::string long_name = std::string(500, 'x') + "end.mp4";
  const auto heading =
      where(parse(draw_timeline(long_name, sample())), [](const Element& e) { return e.has_class("name"); });
  ck_assert(heading.at(0).text.size() < 100 && heading[0].text.ends_with("end.mp4"));
}
END_TEST

START_TEST(a_long_video_makes_no_large_document_and_keeps_its_peaks) {
  MediaEmbedding video = sample();
  video.scores.clear();
  for (int i = 0; i < 500'000; ++i)
    video.scores.push_back({.time = milliseconds(i), .change = i == 333'333 ? 1.0 : 0.01});
  const std::string svg = draw(video);
  ck_assert_uint_lt(svg.size(), 100'000);
  const auto curve = where(parse(svg), [](const Element& e) { return e.has_class("score"); });
  const std::string top =
      where(parse(svg), [](const Element& e) { return e.has_class("grid"); }).back().attributes["d"];
  const std::string peak = top.substr(top.find(' '), top.find('H') - top.find(' '));  // the highest line's y
  ck_assert(curve.at(0).attributes.at("d").find(peak) != std::string::npos);
}
END_TEST

START_TEST(what_is_not_known_is_left_out) {
  const std::vector<Element> elements = parse(draw({}));
  ck_assert(!says(elements, "content score"));
  ck_assert(says(elements, "0 frames chosen"));
}
END_TEST

}  // namespace

int main() {
  return run_suite("timeline",
                   {it_is_svg_with_a_title_and_a_description, both_light_and_dark_grounds_have_colours,
                    choices_stand_at_their_times_under_their_reasons, cuts_and_gradual_changes_look_different,
                    the_axis_has_times, a_duration_that_is_wrong_loses_no_frame, names_are_escaped_and_shortened,
                    a_long_video_makes_no_large_document_and_keeps_its_peaks, what_is_not_known_is_left_out});
}
