#include "tools/media/embed_picture.h"

#include <future>

namespace clipembed {

Result<MediaEmbedding> embed_picture(PicturePipeline& pipeline, const MediaFile& file, const MediaOptions& options,
                                     Deadline& deadline) {
  Result<StillImage> image =
      load_still_image(file, {.auto_orient = options.auto_orient, .max_pixels = options.max_pixels}, nullptr, deadline);
  if (!image) return std::move(image).error();
  deadline.suspend();
  std::promise<Result<MediaEmbedding>> done;
  pipeline.embed(*std::move(image), [&](Result<MediaEmbedding> result) { done.set_value(std::move(result)); });
  return done.get_future().get();
}

}  // namespace clipembed
