// The pictures that `clipembed embed` draws of one video. Main thread only.
#pragma once

#include <optional>
#include <string>

#include "lib/result.h"
#include "tools/clipembed/file_result.h"
#include "tools/clipembed/output_file.h"

namespace clipembed {

struct DrawingPaths {
  std::string contact_sheet, timeline;  // empty: none

  bool any() const { return !contact_sheet.empty() || !timeline.empty(); }
  // Asks for what they are drawn from. A content score is nothing that key frames have, so a timeline makes
  // Sampling::kAuto thorough.
  void ask(MediaOptions& media) const;
};

class Drawings {
 public:
  // Creates the files, which appear under their names when they are complete.
  static Result<Drawings> open(const DrawingPaths& paths);

  // Draws and finishes what was asked for. Errors: kFailed for what is no video, or cannot be drawn or written.
  Status draw(const FileResult& result);
  // Removes what was not finished.
  void discard();

 private:
  Drawings() = default;

  std::optional<OutputFile> contact_sheet_, timeline_;
};

}  // namespace clipembed
