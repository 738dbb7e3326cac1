#include "gst/clipmeta/wire.h"

#include <cmath>

#include "gst/clipmeta/clipmeta.h"

namespace clipmeta {

static_assert(sizeof(float) == 4 && sizeof(double) == 8);

void WireWriter::string(std::string_view text) {
  number(static_cast<std::uint32_t>(text.size()));
  bytes_.insert(bytes_.end(), text.begin(), text.end());
}

void WireWriter::floats(std::span<const float> values) {
  for (float value : values) number(std::bit_cast<std::uint32_t>(value));
}

bool WireWriter::append_to(GstByteArrayInterface* out) const {
  return gst_byte_array_interface_append_data(out, bytes_.data(), bytes_.size());
}

std::span<const std::uint8_t> WireReader::take(std::size_t size) {
  if (spoilt_ || size > rest_.size()) {
    spoilt_ = true;
    return {};
  }
  const auto taken = rest_.first(size);
  rest_ = rest_.subspan(size);
  return taken;
}

std::string WireReader::string() {
  const auto bytes = take(number<std::uint32_t>());
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  // g_utf8_validate() refuses NUL too where it is told the length.
  if (!text.empty() && !g_utf8_validate(text.data(), static_cast<gssize>(text.size()), nullptr)) spoilt_ = true;
  return spoilt_ ? std::string() : std::string(text);
}

std::vector<float> WireReader::floats(std::uint32_t count) {
  const auto bytes = take(std::size_t{count} * sizeof(float));
  std::vector<float> values(bytes.size() / sizeof(float));
  WireReader reader(bytes);
  for (float& value : values) value = std::bit_cast<float>(reader.number<std::uint32_t>());
  return values;
}

bool choice_is_valid(gint scene_index, gdouble score) {
  return scene_index >= GST_CLIP_NO_SCENE && (score == GST_CLIP_NO_SCORE || (std::isfinite(score) && score >= 0));
}

void write_choice(WireWriter& writer, const gchar* reason, gint scene_index, gdouble score) {
  writer.string(reason);
  writer.number(static_cast<std::uint32_t>(scene_index));
  writer.number(std::bit_cast<std::uint64_t>(score));
}

Choice read_choice(WireReader& reader) {
  Choice choice;
  choice.reason = reader.string();
  choice.scene_index = static_cast<gint>(reader.number<std::uint32_t>());
  choice.score = std::bit_cast<double>(reader.number<std::uint64_t>());
  return choice;
}

}  // namespace clipmeta
