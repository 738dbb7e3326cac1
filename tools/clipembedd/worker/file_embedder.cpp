#include "tools/clipembedd/worker/file_embedder.h"

#include "tools/media/embed_picture.h"
#include "tools/media/embed_video.h"

namespace clipembed {

Result<MediaEmbedding> FileEmbedder::embed(const MediaFile& file, const JobRecord& job, Deadline& deadline,
                                           const ProgressCallback& progress) {
  MediaOptions options = job.options;
  options.pipelines = pipelines_;
  EmbedderSettings settings{.model = {}, .normalize = job.normalize, .augment = job.augment, .engine = engine_};
  // A photo that comes meanwhile waits for the batch that the tower is in, so these are small: two are held twice.
  settings.batch_size = 2;
  if (is_video(file)) return embed_video(file, options, settings, deadline, progress);
  // The engine gathers a batch of what waits anyhow; nothing is to wait here for a picture that does not come.
  settings.batch_size = 1;
  return embed_picture(picture_pipeline(settings), file, options, deadline);
}

PicturePipeline& FileEmbedder::picture_pipeline(const EmbedderSettings& settings) {
  auto& pipeline = picture_pipelines_[{settings.normalize, settings.augment}];
  if (!pipeline) pipeline = std::make_unique<PicturePipeline>(settings, pipelines_.still);
  return *pipeline;
}

}  // namespace clipembed
