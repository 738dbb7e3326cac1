#include "tools/media/answer.h"

#include <glib.h>

#include <bit>

namespace clipembed {
namespace {

double milliseconds(std::chrono::nanoseconds time) { return std::chrono::duration<double, std::milli>(time).count(); }
double seconds(std::chrono::nanoseconds time) { return std::chrono::duration<double>(time).count(); }

void add_vector(JsonWriter& object, std::string_view key, const std::vector<float>& values, const AnswerStyle& style) {
  if (!style.base64) return object.add(key, values);
  std::vector<guint32> words;
  words.reserve(values.size());
  for (float value : values) words.push_back(GUINT32_TO_LE(std::bit_cast<guint32>(value)));
  g_autofree char* text =
      g_base64_encode(reinterpret_cast<const guchar*>(words.data()), words.size() * sizeof(guint32));
  object.add(key, text);
}

void add_time(JsonWriter& object, std::string_view key, const std::optional<std::chrono::nanoseconds>& time) {
  if (time) object.add(key, milliseconds(*time));
}

void add_number(JsonWriter& object, std::string_view key, const std::optional<double>& value) {
  value ? object.add(key, *value) : object.add_null(key);
}

JsonWriter common_metadata(const AnswerMetadata& known) {
  g_autoptr(GDateTime) now = g_date_time_new_now_utc();
  g_autofree char* timestamp = g_date_time_format_iso8601(now);
  JsonWriter metadata;
  metadata.add("model", known.model);
  metadata.add("enable_augmentation", known.augmented);
  metadata.add("timestamp", timestamp);
  metadata.add("request_id", known.request_id);
  metadata.add("processing_time_ms", milliseconds(known.processing));
  return metadata;
}

void add_timings(JsonWriter& metadata, const Timings& timings) {
  add_time(metadata, "queue_time_ms", timings.queued);
  add_time(metadata, "decode_time_ms", timings.decode);
  add_time(metadata, "preprocess_time_ms", timings.preprocess);
  add_time(metadata, "inference_time_ms", timings.inference);
}

void add_video_metadata(JsonWriter& metadata, const MediaEmbedding& video) {
  metadata.add("num_frames", std::uint64_t{video.frames.size()});
  metadata.add("method_used", to_string(video.method));
  if (video.scene_count) metadata.add("scene_count", std::uint64_t{*video.scene_count});
  std::vector<double> times, entropies;
  for (const ChosenFrame& frame : video.frames) {
    times.push_back(seconds(frame.time));
    if (frame.entropy) entropies.push_back(*frame.entropy);
  }
  metadata.add("selected_times", times);
  if (entropies.size() == times.size()) metadata.add("entropy_values", entropies);
  if (!video.decoder.empty()) metadata.add("decoder", video.decoder);
}

std::vector<JsonWriter> frame_objects(const MediaEmbedding& video, const AnswerStyle& style) {
  std::vector<JsonWriter> frames;
  for (const ChosenFrame& frame : video.frames) {
    JsonWriter object;
    object.add("time", seconds(frame.time));
    object.add("reason", frame.reason);
    object.add("scene", std::int64_t{frame.scene.value_or(-1)});
    add_number(object, "score", frame.score);
    add_number(object, "entropy", frame.entropy);
    add_vector(object, "embedding", frame.embedding, style);
    frames.push_back(std::move(object));
  }
  return frames;
}

}  // namespace

std::string new_request_id(std::size_t number) {
  return "req-" + std::to_string(number) + "-" + std::to_string(g_get_real_time() / G_USEC_PER_SEC);
}

const char* error_label(Error::Kind kind) {
  switch (kind) {
    case Error::Kind::kNotFound:
      return "File not found";
    case Error::Kind::kSettings:
      return "Not a regular file";
    case Error::Kind::kFormat:
      return "Unsupported file type";
    case Error::Kind::kCancelled:
      return "Timed out";
    default:
      return "Processing failed";
  }
}

void add_answer(JsonWriter& object, const MediaEmbedding& embedding, const AnswerMetadata& known,
                const AnswerStyle& style) {
  add_vector(object, "embedding", embedding.vector, style);
  JsonWriter metadata = common_metadata(known);
  add_timings(metadata, embedding.timings);
  if (embedding.is_video) add_video_metadata(metadata, embedding);
  if (!embedding.warning.empty()) metadata.add("warning", embedding.warning);
  object.add("debugMetadata", metadata);
  object.add_null("error");
  object.add_null("detail");
  if (style.frames && embedding.is_video) object.add("frames", frame_objects(embedding, style));
}

void add_error_answer(JsonWriter& object, std::string_view label, std::string_view detail,
                      const AnswerMetadata& known) {
  object.add_null("embedding");
  object.add("debugMetadata", common_metadata(known));
  object.add("error", label);
  object.add("detail", detail);
}

}  // namespace clipembed
