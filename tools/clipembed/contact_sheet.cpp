#include "tools/clipembed/contact_sheet.h"

#include <algorithm>
#include <cmath>
#include <format>
#include <map>

#include "tools/clipembed/canvas.h"
#include "tools/clipembed/clock_text.h"
#include "tools/clipembed/reason_style.h"

namespace clipembed {
namespace {

constexpr char kGround[] = "#15181e", kCell[] = "#1f242c", kBright[] = "#f2f4f8", kMuted[] = "#a7b0be";

constexpr TextStyle kTitle = {.size = 22, .bold = true, .colour = kBright};
constexpr TextStyle kSubtitle = {.size = 14, .colour = kMuted};
constexpr TextStyle kTime = {.size = 14, .bold = true, .colour = kBright};
constexpr TextStyle kShot = {.size = 12, .colour = kMuted};
constexpr TextStyle kBadge = {.size = 12, .bold = true, .colour = kGround};
constexpr TextStyle kMeaning = {.size = 12, .colour = kMuted};

constexpr double kMargin = 28, kGap = 14, kPadding = 8, kRadius = 6;
constexpr double kHeader = 72, kCaption = 46, kBadgeHeight = 19, kLegendLine = 30;
constexpr double kNarrowestCell = 168, kNarrowestSheet = 560;

// Of those that have a picture.
std::vector<const ChosenFrame*> pick(const std::vector<ChosenFrame>& frames) {
  std::vector<const ChosenFrame*> pictured, picked;
  for (const ChosenFrame& frame : frames)
    if (!frame.picture.pixels.empty()) pictured.push_back(&frame);
  const std::size_t count = std::min(pictured.size(), kMaxSheetFrames);
  picked.reserve(count);
  for (std::size_t i = 0; i < count; ++i) picked.push_back(pictured[i * pictured.size() / count]);
  return picked;
}

struct Grid {
  std::size_t columns = 1, rows = 1;
  double picture_width = 0, picture_height = 0;
  double cell_width = 0, cell_height = 0;

  double width() const { return double(columns) * (cell_width + kGap) - kGap; }
  double height() const { return double(rows) * (cell_height + kGap) - kGap; }
  Box cell(std::size_t i) const {
    const std::size_t row = i / columns, column = i % columns;
    return {double(column) * (cell_width + kGap), double(row) * (cell_height + kGap), cell_width, cell_height};
  }
};

// Pictures of the same area whatever their shape, smaller where there are many.
Grid grid_of(std::size_t count, double aspect, std::size_t columns) {
  const double area_side = count <= 6 ? 270 : count <= 12 ? 220 : count <= 60 ? 180 : 135;
  Grid grid{.columns = columns, .rows = (count + columns - 1) / columns};
  grid.picture_width = std::min<double>(area_side * std::sqrt(aspect), kSheetPictureSide);
  grid.picture_height = std::max(1.0, std::round(grid.picture_width / aspect));
  if (grid.picture_height > kSheetPictureSide) {
    grid.picture_height = kSheetPictureSide;
    grid.picture_width = kSheetPictureSide * aspect;
  }
  grid.picture_width = std::max(1.0, std::round(grid.picture_width));
  grid.cell_width = std::max(grid.picture_width + 2 * kPadding, kNarrowestCell);
  grid.cell_height = grid.picture_height + kPadding + kCaption;
  return grid;
}

// The number of columns that makes the sheet about as wide as a screen, and its last row about full.
Grid best_grid(std::size_t count, double aspect) {
  constexpr double kShape = 1.45;
  Grid best;
  double least = HUGE_VAL;
  for (std::size_t columns = 1; columns <= count; ++columns) {
    const Grid grid = grid_of(count, aspect, columns);
    const double empty = double(columns * grid.rows - count) / double(columns);
    const double cost = std::abs(std::log(grid.width() / (grid.height() + kHeader) / kShape)) + 0.4 * empty;
    if (cost < least) {
      least = cost;
      best = grid;
    }
  }
  return best;
}

std::string plural(std::size_t count, const char* noun) {
  return std::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

std::string subtitle_of(const MediaEmbedding& video, std::size_t shown) {
  std::string text = plural(video.frames.size(), "frame");
  if (shown < video.frames.size()) text += std::format(" ({} of them here)", shown);
  if (video.scene_count) text += "  \u00b7  " + plural(*video.scene_count, "shot");
  if (video.duration) text += "  \u00b7  " + clock_text(*video.duration, 2);
  if (video.width > 0) text += std::format("  \u00b7  {} \u00d7 {}", video.width, video.height);
  return text + "  \u00b7  " + to_string(video.method);
}

double badge_width(Canvas& canvas, const std::string& reason) { return canvas.text_width(reason, kBadge) + 16; }

void draw_badge(Canvas& canvas, double x, double y, const std::string& reason) {
  const double width = badge_width(canvas, reason);
  canvas.fill({x, y, width, kBadgeHeight}, kBadgeHeight / 2, reason_style(reason).on_dark);
  canvas.text({x + 8, y, width - 8, kBadgeHeight}, reason, kBadge);
}

void draw_cell(Canvas& canvas, const Box& cell, const Grid& grid, const ChosenFrame& frame) {
  canvas.fill(cell, kRadius, kCell);
  // Fitted in, for the size of a stream may change.
  const double width_ratio = grid.picture_width / frame.picture.width;
  const double scale = std::min(width_ratio, grid.picture_height / frame.picture.height);
  Box picture = {.y = cell.y + kPadding,
                 .width = std::round(scale * frame.picture.width),
                 .height = std::round(scale * frame.picture.height)};
  picture.x = std::floor(cell.x + (cell.width - picture.width) / 2);
  picture.y += std::floor((grid.picture_height - picture.height) / 2);
  canvas.picture(picture, 3, frame.picture);

  const double x = cell.x + kPadding + 2, top = cell.y + kPadding + grid.picture_height,
               width = cell.width - 2 * kPadding - 2;
  const double badge = badge_width(canvas, frame.reason);
  canvas.text({x, top + 3, width, 20}, clock_text(frame.time, 2), kTime);
  if (frame.scene) canvas.text({x, top + 21, width - badge - 4, 18}, std::format("shot {}", *frame.scene + 1), kShot);
  draw_badge(canvas, x + width - badge, top + 20, frame.reason);
}

struct LegendEntry {
  std::string reason, text;
  double x = 0, y = 0;
};

// The reasons that occur, in lines no longer than the sheet is wide.
std::vector<LegendEntry> legend_of(Canvas& canvas, const MediaEmbedding& video, double width) {
  std::map<std::string, std::size_t> counts;
  for (const ChosenFrame& frame : video.frames) ++counts[frame.reason];
  std::vector<LegendEntry> entries;
  double x = 0, y = 0;
  for (const ReasonStyle& style : reason_styles()) {
    if (!counts.contains(style.name)) continue;
    LegendEntry entry{.reason = style.name, .text = std::format("{} \u00d7 {}", counts[style.name], style.meaning)};
    const double needed = badge_width(canvas, entry.reason) + 8 + canvas.text_width(entry.text, kMeaning);
    if (x > 0 && x + needed > width) {
      x = 0;
      y += kLegendLine;
    }
    entry.x = x;
    entry.y = y;
    x += needed + 28;
    entries.push_back(std::move(entry));
  }
  return entries;
}

void draw_legend(Canvas& canvas, const Box& box, const std::vector<LegendEntry>& legend) {
  for (const LegendEntry& entry : legend) {
    draw_badge(canvas, box.x + entry.x, box.y + entry.y, entry.reason);
    const double x = entry.x + badge_width(canvas, entry.reason) + 8;
    canvas.text({box.x + x, box.y + entry.y, box.width - x, kBadgeHeight}, entry.text, kMeaning);
  }
}

}  // namespace

Result<std::string> draw_contact_sheet(const std::string& name, const MediaEmbedding& video) {
  const std::vector<const ChosenFrame*> frames = pick(video.frames);
  if (frames.empty())
    return Error{Error::Kind::kFailed, name + ": there are no pictures of frames to make a contact sheet of"};
  const FramePicture& first = frames[0]->picture;
  const Grid grid = best_grid(frames.size(), double(first.width) / double(first.height));
  const double width = std::max(grid.width(), kNarrowestSheet);

  Result<Canvas> ruler = Canvas::create(1, 1);
  if (!ruler) return std::move(ruler).error();
  const std::vector<LegendEntry> legend = legend_of(*ruler, video, width);
  const double legend_height = legend.empty() ? 0 : legend.back().y + kLegendLine;
  const double height = kMargin + kHeader + grid.height() + kMargin / 2 + legend_height + kMargin / 2;

  Result<Canvas> canvas =
      Canvas::create(static_cast<int>(std::ceil(width + 2 * kMargin)), static_cast<int>(std::ceil(height)));
  if (!canvas) return std::move(canvas).error();
  canvas->fill({0, 0, width + 2 * kMargin + 1, height + 1}, 0, kGround);
  canvas->text({kMargin, kMargin - 4, width, 30}, name, kTitle);
  canvas->text({kMargin, kMargin + 28, width, 22}, subtitle_of(video, frames.size()), kSubtitle);
  const double left = kMargin + (width - grid.width()) / 2, top = kMargin + kHeader;
  for (std::size_t i = 0; i < frames.size(); ++i) {
    Box cell = grid.cell(i);
    cell.x += std::floor(left);
    cell.y += top;
    draw_cell(*canvas, cell, grid, *frames[i]);
  }
  draw_legend(*canvas, {kMargin, top + grid.height() + kMargin / 2 + 4, width, legend_height}, legend);
  return canvas->png();
}

}  // namespace clipembed
