#include "tools/clipembed/timeline.h"

#include <glib.h>

#include <algorithm>
#include <cmath>
#include <format>
#include <map>
#include <span>

#include "tools/clipembed/clock_text.h"
#include "tools/clipembed/presentable.h"
#include "tools/clipembed/reason_style.h"

namespace clipembed {
namespace {

// Where things are, in user units.
constexpr double kWidth = 1200, kHeight = 412;
constexpr double kLeft = 68, kRight = 1168;
constexpr double kMarkers = 96, kPlotTop = 122, kPlotBottom = 282, kShots = 288, kShotsHeight = 18, kAxis = 306;
constexpr double kLegend = 380;
constexpr double kLeastTop = 0.4;  // of the score axis: what moves in a shot should not look like cuts
constexpr std::size_t kTitleLength = 72, kCutsTold = 20;

// Reasons take their colours from reason_styles().
constexpr char kStyle[] = R"(
    .ground{fill:#fff}text{fill:#1d2430;font:13px system-ui,'DejaVu Sans',sans-serif}.name{font-size:21px;font-weight:600}
    .muted{fill:#5f6672}.middle{text-anchor:middle}.end{text-anchor:end}.grid{stroke:#dfe3ea}.tick{stroke:#8b93a1}
    .shot{fill:#e6eaf1}.odd{fill:#cfd6e2}.score{fill:none;stroke:#39424f;stroke-width:1.4;stroke-linejoin:round}
    .under{fill:#39424f;fill-opacity:.12}.hard{stroke:#c62828;stroke-width:1.6}.gradual{stroke:#c62828;stroke-width:1.6;stroke-dasharray:5 4}
    .stem{stroke-opacity:.3})";
constexpr char kDarkStyle[] = R"(
      .ground{fill:#15181e}text{fill:#f0f2f6}.muted{fill:#a7b0be}.grid{stroke:#2b313b}.tick{stroke:#737c8a}
      .shot{fill:#2a303a}.odd{fill:#3a424f}.score{stroke:#c9d1dc}.under{fill:#c9d1dc}.hard,.gradual{stroke:#ff7b72})";

std::string escaped(std::string_view text) {
  g_autofree char* markup = g_markup_escape_text(presentable(text).c_str(), -1);
  return markup;
}

// The end of a name is where names differ.
std::string shortened(const std::string& text) {
  std::string shown = presentable(text);
  const auto length = static_cast<std::size_t>(g_utf8_strlen(shown.c_str(), -1));
  if (length <= kTitleLength) return shown;
  return "\u2026" + std::string(g_utf8_offset_to_pointer(shown.c_str(), glong(length - kTitleLength + 1)));
}

std::string plural(std::size_t count, const char* noun) {
  return std::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

double seconds(std::chrono::nanoseconds time) { return std::chrono::duration<double>(time).count(); }

// The smallest of the steps times a power of ten that is at least this. The last step is 10.
double round_up(double value, std::initializer_list<double> steps) {
  const double power = std::pow(10, std::floor(std::log10(value)));
  for (const double step : steps)
    if (value <= step * power * (1 + 1e-9)) return step * power;
  return 10 * power;
}

constexpr std::initializer_list<double> kTimeSteps = {1, 2, 5, 10};
constexpr std::initializer_list<double> kScoreSteps = {1, 1.2, 1.6, 2, 2.4, 3.2, 4, 6, 8, 10};  // quarters are short

// Seconds between ticks: what a clock has, and at least this.
double tick_step(double at_least) {
  if (at_least <= 1) return round_up(at_least, kTimeSteps);
  for (const double step : {2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600})
    if (at_least <= step) return step;
  return 3600 * round_up(at_least / 3600, kTimeSteps);
}

struct CountedReason {
  const ReasonStyle* style;
  std::size_t count;
};

std::vector<CountedReason> reasons_of(const MediaEmbedding& video) {
  std::map<std::string_view, std::size_t> counts;
  for (const ChosenFrame& frame : video.frames) ++counts[reason_style(frame.reason).name];
  std::vector<CountedReason> reasons;
  for (const ReasonStyle& style : reason_styles())
    if (counts.contains(style.name)) reasons.push_back({&style, counts[style.name]});
  if (const ReasonStyle& other = reason_style(""); counts.contains(other.name))
    reasons.push_back({&other, counts[other.name]});
  return reasons;
}

std::string caption_of(const ChosenFrame& frame) {
  std::string text = clock_text(frame.time, 2) + " " + frame.reason;
  if (frame.scene) text += std::format(", shot {}", *frame.scene + 1);
  if (frame.score) text += std::format(", score {:.2f}", *frame.score);
  if (frame.entropy) text += std::format(", entropy {:.2f} bits", *frame.entropy);
  return text;
}

bool is_gradual(const FrameScore& boundary) { return boundary.begins == FrameScore::Begins::kGradual; }

std::vector<FrameScore> boundaries_of(const MediaEmbedding& video) {
  std::vector<FrameScore> boundaries;
  std::ranges::copy_if(video.scores, std::back_inserter(boundaries),
                       [](const FrameScore& frame) { return frame.begins != FrameScore::Begins::kNothing; });
  return boundaries;
}

class Timeline {
 public:
  Timeline(const std::string& name, const MediaEmbedding& video)
      : name_(name), video_(video), reasons_(reasons_of(video)), boundaries_(boundaries_of(video)) {
    // What is known to be there fits, whatever the container says.
    end_ = seconds(video.duration.value_or(std::chrono::nanoseconds(0)));
    if (!video.frames.empty()) end_ = std::max(end_, seconds(video.frames.back().time));
    if (!video.scores.empty()) end_ = std::max(end_, seconds(video.scores.back().time));
    if (end_ <= 0) end_ = 1;
    double highest = kLeastTop;
    for (const FrameScore& point : video.scores) highest = std::max(highest, point.change);
    top_ = round_up(highest, kScoreSteps);
  }

  std::string document();

 private:
  double x_of(std::chrono::nanoseconds time) const {
    return kLeft + std::clamp(seconds(time) / end_, 0.0, 1.0) * (kRight - kLeft);
  }
  double y_of(double score) const {
    return kPlotBottom - std::clamp(score / top_, 0.0, 1.0) * (kPlotBottom - kPlotTop);
  }
  template <class... Args>
  void add(std::format_string<Args...> format, Args&&... args) {
    svg_ += std::format(format, std::forward<Args>(args)...);
  }

  std::string counts() const;
  std::string description() const;
  void add_head();
  void add_style();
  void add_score_axis();
  void add_time_axis();
  void add_shots();
  void add_scores();
  void add_boundaries();
  void add_choices();
  void add_legend();

  const std::string& name_;
  const MediaEmbedding& video_;
  const std::vector<CountedReason> reasons_;
  const std::vector<FrameScore> boundaries_;  // the first frame of each shot but the first
  double end_ = 0;                            // of the time axis, in seconds
  double top_ = 0;                            // of the score axis
  std::string svg_;
};

std::string Timeline::counts() const {
  std::string text = plural(video_.frames.size(), "frame") + " chosen";
  if (video_.scene_count) text += ", " + plural(*video_.scene_count, "shot");
  if (video_.duration) text += ", " + clock_text(*video_.duration, 2);
  return text;
}

std::string Timeline::description() const {
  std::string text = counts() + ".";
  if (!boundaries_.empty()) text += " Shots begin at";
  for (std::size_t i = 0; i < std::min(boundaries_.size(), kCutsTold); ++i)
    text += (i > 0 ? ", " : " ") + clock_text(boundaries_[i].time, 2);
  if (boundaries_.size() > kCutsTold) text += std::format(" and {} more", boundaries_.size() - kCutsTold);
  if (!boundaries_.empty()) text += ".";
  for (const auto& [style, count] : reasons_) text += std::format(" {}: {}.", style->name, count);
  return text;
}

void Timeline::add_head() {
  add("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" viewBox=\"0 0 {0} {1}\" role=\"img\" "
      "aria-labelledby=\"title description\">\n",
      kWidth, kHeight);
  add("  <title id=\"title\">Chosen frames of {}</title>\n", escaped(name_));
  add("  <desc id=\"description\">{}</desc>\n", escaped(description()));
  add_style();
  add("  <rect class=\"ground\" width=\"{}\" height=\"{}\" rx=\"8\"/>\n", kWidth, kHeight);
  add("  <text class=\"name\" x=\"24\" y=\"38\">{}</text>\n", escaped(shortened(name_)));
  add("  <text class=\"muted\" x=\"24\" y=\"62\">{}</text>\n", escaped(counts() + ", " + to_string(video_.method)));
}

void Timeline::add_style() {
  std::string light = kStyle, dark = kDarkStyle;
  for (const auto& [style, count] : reasons_) {
    light += std::format(".{0}{{fill:{1};stroke:{1}}}", style->name, style->on_light);
    dark += std::format(".{0}{{fill:{1};stroke:{1}}}", style->name, style->on_dark);
  }
  add("  <style>{}\n    @media (prefers-color-scheme:dark){{{}}}\n  </style>\n", light, dark);
}

void Timeline::add_score_axis() {
  const double middle = (kPlotTop + kPlotBottom) / 2;
  if (video_.scores.empty()) {
    add("  <text class=\"muted middle\" x=\"{}\" y=\"{}\">no scores: not every frame was looked at</text>\n",
        (kLeft + kRight) / 2, middle);
    return;
  }
  for (int i = 0; i <= 4; ++i) {
    const double score = top_ * i / 4, y = y_of(score);
    add("  <path class=\"grid\" d=\"M{} {:.1f}H{}\"/><text class=\"muted end\" x=\"{}\" y=\"{:.1f}\">{:.4g}</text>\n",
        kLeft, y, kRight, kLeft - 8, y + 4.5, score);
  }
  add("  <text class=\"muted middle\" transform=\"translate(15 {}) rotate(-90)\">content score</text>\n", middle);
}

void Timeline::add_time_axis() {
  const double step = tick_step(end_ / 14);
  const int decimals = step >= 1 ? 0 : step >= 0.1 ? 1 : step >= 0.01 ? 2 : 3;
  add("  <path class=\"tick\" d=\"M{} {}H{}\"/>\n", kLeft, kAxis, kRight);
  for (int i = 0; i * step <= end_ * (1 + 1e-9); ++i) {
    const std::chrono::nanoseconds time(std::llround(i * step * 1e9));
    add("  <path class=\"tick\" d=\"M{0:.1f} {1}v6\"/><text class=\"muted middle\" x=\"{0:.1f}\" "
        "y=\"{2}\">{3}</text>\n",
        x_of(time), kAxis, kAxis + 21, clock_text(time, decimals));
  }
  add("  <text class=\"muted middle\" x=\"{}\" y=\"{}\">time, {}</text>\n", (kLeft + kRight) / 2, kAxis + 41,
      end_ >= 3600 ? "h:min:s" : "min:s");
}

void Timeline::add_shots() {
  if (!video_.scene_count) return;
  add("  <text class=\"muted end\" x=\"{}\" y=\"{}\">shots</text>\n", kLeft - 8, kShots + 13.5);
  double start = kLeft;
  for (std::size_t i = 0; i <= boundaries_.size(); ++i) {
    const double end = i < boundaries_.size() ? x_of(boundaries_[i].time) : kRight;
    add("  <rect class=\"shot{}\" x=\"{:.1f}\" y=\"{}\" width=\"{:.1f}\" height=\"{}\"><title>shot {}</title></rect>",
        i % 2 ? " odd" : "", start, kShots, end - start, kShotsHeight, i + 1);
    if (end - start > 24)
      add("<text class=\"muted middle\" x=\"{:.1f}\" y=\"{}\">{}</text>", (start + end) / 2, kShots + 13.5, i + 1);
    svg_ += '\n';
    start = end;
  }
}

// No more than one point for each half unit: the highest score there, so that no cut is lost.
void Timeline::add_scores() {
  if (video_.scores.empty()) return;
  std::map<int, double> highest;
  for (const FrameScore& point : video_.scores) {
    const int column = static_cast<int>(std::lround(2 * x_of(point.time)));
    const auto [place, added] = highest.try_emplace(column, point.change);
    if (!added) place->second = std::max(place->second, point.change);
  }
  std::string line;
  for (const auto& [column, score] : highest)
    line += std::format("{}{:.1f} {:.1f}", line.empty() ? "M" : "L", column / 2.0, y_of(score));
  add("  <path class=\"under\" d=\"{}V{}H{:.1f}z\"/>\n", line, kPlotBottom, highest.begin()->first / 2.0);
  add("  <path class=\"score\" d=\"{}\"/>\n", line);
}

void Timeline::add_boundaries() {
  for (const FrameScore& boundary : boundaries_)
    add("  <path class=\"{}\" d=\"M{:.1f} {}V{}\"><title>{} {}</title></path>\n",
        is_gradual(boundary) ? "gradual" : "hard", x_of(boundary.time), kPlotTop - 8, kAxis,
        clock_text(boundary.time, 2), is_gradual(boundary) ? "end of a gradual change" : "cut");
}

void Timeline::add_choices() {
  const double room = (kRight - kLeft) / double(std::max<std::size_t>(video_.frames.size(), 1));
  const double scale = std::clamp(room / 14, 0.35, 1.0);
  // Many would hide the score; and where there is none, they would be all there is.
  const double stem_end = room < 6 || video_.scores.empty() ? kPlotTop : kPlotBottom;
  add("  <text class=\"muted end\" x=\"{}\" y=\"{}\">chosen</text>\n", kLeft - 14, kMarkers + 4.5);
  for (const ChosenFrame& frame : video_.frames) {
    const ReasonStyle& style = reason_style(frame.reason);
    const double x = x_of(frame.time);
    add("  <g class=\"{}\"><title>{}</title>", style.name, escaped(caption_of(frame)));
    add("<path class=\"stem\" d=\"M{0:.1f} {1}V{2}\"/><path stroke=\"none\" transform=\"translate({0:.1f} {1}) "
        "scale({3:.2f})\" d=\"{4}\"/></g>\n",
        x, kMarkers, stem_end, scale, style.marker);
  }
}

void Timeline::add_legend() {
  double x = kLeft + 10;
  const auto entry = [&](const std::string& symbol, const std::string& text) {
    add("  <g transform=\"translate({:.1f} {})\">{}<text x=\"16\" y=\"4.5\">{}</text></g>\n", x, kLegend, symbol,
        escaped(text));
    x += 46 + 7.2 * double(text.size());
  };
  if (!video_.scores.empty()) entry("<path class=\"score\" d=\"M-10 4L-4 1 1-5 6 3 10 1\"/>", "content score");
  const auto gradual = static_cast<std::size_t>(std::ranges::count_if(boundaries_, is_gradual));
  if (gradual < boundaries_.size())
    entry("<path class=\"hard\" d=\"M0-8V8\"/>", plural(boundaries_.size() - gradual, "cut"));
  if (gradual > 0) entry("<path class=\"gradual\" d=\"M0-9V9\"/>", plural(gradual, "gradual change"));
  if (!reasons_.empty()) {
    add("  <text class=\"muted\" x=\"{:.1f}\" y=\"{}\">chosen as</text>\n", x - 6, kLegend + 4.5);
    x += 76;
  }
  for (const auto& [style, count] : reasons_)
    entry(std::format("<path class=\"{}\" stroke=\"none\" d=\"{}\"/>", style->name, style->marker),
          std::format("{} {}", count, style->name));
}

std::string Timeline::document() {
  add_head();
  add_score_axis();
  add_shots();
  add_scores();
  add_boundaries();
  add_choices();
  add_time_axis();
  add_legend();
  svg_ += "</svg>\n";
  return std::move(svg_);
}

}  // namespace

std::string draw_timeline(const std::string& name, const MediaEmbedding& video) {
  return Timeline(name, video).document();
}

}  // namespace clipembed
