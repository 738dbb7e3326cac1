#include <glib.h>

#include <algorithm>
#include <format>
#include <utility>

#include "tools/clipembed/clock_text.h"
#include "tools/clipembed/output.h"
#include "tools/media/answer.h"

namespace clipembed {
namespace {

constexpr std::size_t kValuesShown = 4;

// Fills up to `width` columns; what is longer keeps its end, where file names differ.
std::string column(const std::string& text, glong width) {
  g_autofree char* valid = g_utf8_make_valid(text.data(), static_cast<gssize>(text.size()));
  const glong length = g_utf8_strlen(valid, -1);
  if (length <= width) return valid + std::string(static_cast<std::size_t>(width - length), ' ');
  return std::string("\u2026") + g_utf8_offset_to_pointer(valid, length - width + 1);
}

std::string values_shown(const std::vector<float>& vector) {
  std::string text;
  for (std::size_t i = 0; i < std::min(kValuesShown, vector.size()); ++i) {
    g_autofree char* value = g_strdup_printf("%8.4f ", static_cast<double>(vector[i]));
    text += value;
  }
  return text + "\u2026";
}

std::string frame_place(const ChosenFrame& frame) {
  return std::format("  {:>11}  {:<8}{}", clock_text(frame.time, 2), frame.reason,
                     frame.scene ? std::format("  shot {}", *frame.scene + 1) : "");
}

std::string frame_scores(const ChosenFrame& frame) {
  std::string text;
  if (frame.score) text += std::format("score {:.2f}  ", *frame.score);
  if (frame.entropy) text += std::format("{:.2f} bits", *frame.entropy);
  return text;
}

class TableOutput : public Output {
 public:
  TableOutput(OutputFile file, bool frames) : file_(std::move(file)), frames_(frames) {}

  Status write(const FileResult& result) override {
    if (result.number == 1) {
      if (Status written = row("path", "dim", "first values", "ms", "frames"); !written) return written;
    }
    if (!result.outcome) {
      const Error& error = result.outcome.error();
      return row(result.path, "-", std::string(error_label(error.kind)) + ": " + error.message, "", "");
    }
    const MediaEmbedding& embedding = *result.outcome;
    g_autofree char* ms = g_strdup_printf("%.1f", std::chrono::duration<double, std::milli>(result.processing).count());
    Status written = row(result.path, std::to_string(embedding.vector.size()), values_shown(embedding.vector), ms,
                         embedding.is_video ? std::to_string(embedding.frames.size()) : "");
    if (!frames_) return written;
    for (const ChosenFrame& frame : embedding.frames) {
      if (!written) break;
      written = row(frame_place(frame), "", values_shown(frame.embedding), "", frame_scores(frame));
    }
    return written;
  }

  Status finish() override { return file_.commit(); }

 private:
  Status row(const std::string& path, const std::string& dim, const std::string& values, const std::string& ms,
             const std::string& frames) {
    std::string line = column(path, 40) + "  " + column(dim, 5) + " ";
    if (ms.empty() && frames.empty()) {
      line += values;  // an error is shown in full
    } else {
      line += column(values, 40) + column(ms, 10) + frames;
    }
    line.erase(line.find_last_not_of(' ') + 1);
    return file_.write(line + "\n");
  }

  OutputFile file_;
  const bool frames_;
};

}  // namespace

std::unique_ptr<Output> new_table_output(OutputFile file, const OutputStyle& style) {
  return std::make_unique<TableOutput>(std::move(file), style.frames);
}

}  // namespace clipembed
