#include "tools/media/embed_video.h"

#include <gst/gst.h>

#include <memory>
#include <string>
#include <vector>

#include "tools/media/animation.h"
#include "tools/media/decoder_choice.h"
#include "tools/media/video_run.h"

namespace clipembed {
namespace {

GstDebugCategory* debug_category() {
  static GstDebugCategory* category = _gst_debug_category_new("clipmedia", 0, "files on their way to an embedding");
  return category;
}

}  // namespace

bool is_video(const MediaFile& file) { return file.type() == MediaType::kStream || is_animation(file); }

Result<MediaEmbedding> embed_video(const MediaFile& file, const MediaOptions& options, const EmbedderSettings& settings,
                                   Deadline& deadline, const ProgressCallback& progress) {
  MediaOptions attempt = options;
  std::vector<std::string> failed;
  std::vector<std::unique_ptr<WithoutDecoder>> avoiding;
  std::string told;
  while (true) {
    VideoOutcome outcome = VideoRun(file, attempt, settings, deadline, failed).run(progress);
    if (!outcome.failed_decoder.empty()) {
      if (!told.empty()) told += "; ";
      told += "the decoder " + outcome.failed_decoder + " failed (" + outcome.failure + "), another one was used";
      GST_CAT_WARNING(debug_category(), "%s: %s", file.name().c_str(), told.c_str());
      avoiding.push_back(std::make_unique<WithoutDecoder>(outcome.failed_decoder));
      failed.push_back(std::move(outcome.failed_decoder));
    } else if (outcome.keyframes_failed) {
      GST_CAT_INFO(debug_category(), "%s: key frames alone do not do: %s", file.name().c_str(),
                   outcome.result.error().message.c_str());
      attempt.sampling = Sampling::kThorough;
    } else {
      if (!outcome.result || told.empty()) return std::move(outcome.result);
      std::string& warning = outcome.result->warning;
      if (!warning.empty()) told.append("; ").append(warning);
      warning = told;
      return std::move(outcome.result);
    }
  }
}

}  // namespace clipembed
