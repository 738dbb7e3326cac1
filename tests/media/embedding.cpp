#include "tests/media/embedding.h"

#include <check.h>
#include <gst/gst.h>

#include "lib/engine/engine.h"
#include "tests/cli/program.h"
#include "tools/media/embed_picture.h"
#include "tools/media/embed_video.h"

namespace clipembed {

Result<MediaEmbedding> embed(const std::filesystem::path& path, const MediaOptions& options) {
  gst_init(nullptr, nullptr);
  const EmbedderSettings settings{.model = reference_model("model-a"), .precision = "fp32"};
  // Held, so that the model is loaded once a process.
  static const auto engine =
      shared_engine({.model = settings.model, .tower = {.device = "auto", .precision = Precision::kFp32}});
  ck_assert_msg(static_cast<bool>(engine), "%s", engine ? "" : engine.error().message.c_str());
  const Result<MediaFile> file = MediaFile::open(path);
  if (!file) return file.error();
  Deadline deadline(std::chrono::seconds(60));
  if (is_video(*file)) return embed_video(*file, options, settings, deadline, {});
  PicturePipeline pictures(settings, options.pipelines.still);
  return embed_picture(pictures, *file, options, deadline);
}

MediaEmbedding expect_embedding(const std::filesystem::path& path, const MediaOptions& options) {
  Result<MediaEmbedding> result = embed(path, options);
  ck_assert_msg(static_cast<bool>(result), "%s: %s", path.c_str(), result ? "" : result.error().message.c_str());
  return *std::move(result);
}

}  // namespace clipembed
