#include "tools/clipembed/progress_line.h"

#include <glib.h>

#include <algorithm>
#include <format>

#include "tools/clipembed/clock_text.h"

namespace clipembed {
namespace {

constexpr double kBarWidth = 20;

double seconds(std::chrono::nanoseconds time) { return std::chrono::duration<double>(time).count(); }

std::string size_text(double bytes) {
  g_autofree char* text = g_format_size(static_cast<guint64>(bytes));
  return text;
}

// Three digits, and no exponent where there are more.
std::string short_number(double value) {
  return value < 999.5 ? std::format("{:.3g}", value) : std::format("{:.0f}", value);
}

// How much of the current file is done, 0 to 1.
double part_of_place(const ProgressState& state) {
  if (!state.place || !state.place->duration || state.place->duration->count() <= 0) return 0;
  return std::clamp(seconds(state.place->position) / seconds(*state.place->duration), 0.0, 1.0);
}

std::string left_text(double left) {
  return "  " + clock_text(std::chrono::nanoseconds(static_cast<std::int64_t>(left * 1e9)), 0) + " left";
}

std::string place_text(const MediaProgress& place) {
  std::string text = clock_text(place.position, 0);
  if (place.duration) text += " of " + clock_text(std::max(*place.duration, place.position), 0);
  return text;
}

// Of a video that is all there is to do.
std::string place_line(const ProgressState& state) {
  const MediaProgress& place = *state.place;
  std::string text = place_text(place);
  if (place.position.count() > 0 && state.place_elapsed.count() > 0) {
    const double speed = seconds(place.position) / seconds(state.place_elapsed);
    text += "  " + short_number(speed) + "x";
    if (place.duration) text += left_text(std::max(0.0, seconds(*place.duration - place.position)) / speed);
  }
  return text;
}

std::string count_line(const ProgressState& state, double done) {
  const double rate = done / std::max(seconds(state.elapsed), 1e-3);
  const bool files = state.unit == ProgressUnit::kFiles;
  const auto total = static_cast<double>(state.total);
  std::string text = files ? std::format("{}/{}", state.done, state.total)
                           : size_text(static_cast<double>(state.done)) + " of " + size_text(total);
  if (done > 0) {
    text += "  " + (files ? short_number(rate) : size_text(rate)) + "/s";
    text += left_text(std::max(0.0, total - done) / rate);
  }
  return text;
}

}  // namespace

std::string progress_line(const ProgressState& state) {
  const double done = static_cast<double>(state.done) + part_of_place(state);
  const double part = state.total > 0 ? std::min(1.0, done / static_cast<double>(state.total)) : 0;
  const auto filled = static_cast<std::size_t>(part * kBarWidth);
  std::string text =
      "[" + std::string(filled, '=') + std::string(static_cast<std::size_t>(kBarWidth) - filled, ' ') + "] ";
  const bool alone = state.place && state.total == 1;
  text += (alone ? place_line(state) : count_line(state, done)) + "  " + state.current;
  if (state.place && !alone) text += " " + place_text(*state.place);
  return text;
}

}  // namespace clipembed
