#include "tools/clipembed/drawings.h"

#include <filesystem>
#include <utility>

#include "tools/clipembed/contact_sheet.h"
#include "tools/clipembed/timeline.h"

namespace clipembed {
namespace {

Status open_one(const std::string& path, std::optional<OutputFile>& file) {
  if (path.empty()) return ok();
  Result<OutputFile> created = OutputFile::create(path);
  if (!created) return std::move(created).error();
  file.emplace(*std::move(created));
  return ok();
}

Status finish(OutputFile& file, const std::string& content) {
  if (Status written = file.write(content); !written) return written;
  return file.commit();
}

}  // namespace

void DrawingPaths::ask(MediaOptions& media) const {
  if (!contact_sheet.empty()) media.picture_side = kSheetPictureSide;
  media.scores = !timeline.empty();
  if (media.scores && media.sampling == Sampling::kAuto) media.sampling = Sampling::kThorough;
}

Result<Drawings> Drawings::open(const DrawingPaths& paths) {
  Drawings drawings;
  if (Status opened = open_one(paths.contact_sheet, drawings.contact_sheet_); !opened) return opened.error();
  if (Status opened = open_one(paths.timeline, drawings.timeline_); !opened) return opened.error();
  return drawings;
}

void Drawings::discard() {
  contact_sheet_.reset();
  timeline_.reset();
}

Status Drawings::draw(const FileResult& result) {
  if ((!contact_sheet_ && !timeline_) || !result.outcome) return ok();
  const MediaEmbedding& video = *result.outcome;
  if (!video.is_video)
    return Error{Error::Kind::kFailed,
                 result.path + " is no video: there is nothing for --contact-sheet or --timeline to draw"};
  const std::string name = std::filesystem::path(result.path).filename();
  if (contact_sheet_) {
    Result<std::string> sheet = draw_contact_sheet(name, video);
    if (!sheet) return std::move(sheet).error();
    if (Status finished = finish(*contact_sheet_, *sheet); !finished) return finished;
  }
  return timeline_ ? finish(*timeline_, draw_timeline(name, video)) : ok();
}

}  // namespace clipembed
