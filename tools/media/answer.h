// The answer for one file as JSON: the one object that the command line prints a line of and that the daemon sends.
//
//   {"embedding": [...] | "base64" | null, "debugMetadata": {...}, "error": null | "label", "detail": null | "cause"}
//
// and with AnswerStyle::frames, of a video, "frames": [{"time", "reason", "scene", "score", "entropy", "embedding"}].
// Times end in _ms, and are seconds elsewhere. Stateless; any thread.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "lib/result.h"
#include "tools/media/json_writer.h"
#include "tools/media/media_embedding.h"

namespace clipembed {

struct AnswerStyle {
  bool frames = false;  // of a video, each chosen frame too
  bool base64 = false;  // vectors as base64 of little-endian 32-bit floats instead of arrays of numbers
};

// What debugMetadata says besides what is known of the file.
struct AnswerMetadata {
  std::string model;  // "openai/clip-vit-base-patch32 - cpu"
  bool augmented = false;
  std::string request_id;
  std::chrono::nanoseconds processing{};
};

// "req-<number>-<unix time>"
std::string new_request_id(std::size_t number);

// The few words that programs may compare with; Error::message holds cause and remedy.
const char* error_label(Error::Kind kind);

// Adds the members to `object`, which may have others.
void add_answer(JsonWriter& object, const MediaEmbedding& embedding, const AnswerMetadata& metadata,
                const AnswerStyle& style);
void add_error_answer(JsonWriter& object, std::string_view label, std::string_view detail,
                      const AnswerMetadata& metadata);

}  // namespace clipembed
