#include "tools/media/embed_media.h"

#include <future>

#include "tools/media/embed_video.h"
#include "tools/media/picture_pipeline.h"
#include "tools/media/still_image.h"

namespace clipembed {
namespace {

Result<MediaEmbedding> embed_still(const MediaFile& file, const MediaOptions& options, const EmbedderSettings& settings,
                                   Deadline& deadline) {
  Result<StillImage> image =
      load_still_image(file, {.auto_orient = options.auto_orient, .max_pixels = options.max_pixels}, nullptr, deadline);
  if (!image) return std::move(image).error();
  deadline.suspend();

  std::promise<Result<MediaEmbedding>> done;
  PicturePipeline pipeline(settings, options.pipelines.still);
  pipeline.embed(*std::move(image), [&](Result<MediaEmbedding> result) { done.set_value(std::move(result)); });
  pipeline.finish();
  return done.get_future().get();
}

}  // namespace

Result<MediaEmbedding> embed_media(const MediaFile& file, const MediaOptions& options, const EmbedderSettings& settings,
                                   Deadline& deadline, const ProgressCallback& progress) {
  deadline.feed();
  Result<MediaEmbedding> result = is_video(file) ? embed_video(file, options, settings, deadline, progress)
                                                 : embed_still(file, options, settings, deadline);
  deadline.suspend();
  return result;
}

}  // namespace clipembed
