// The body of POST /embed on its way to descriptors that workers can read: by what Content-Type says, a form, one raw
// file, or JSON that names files below the media root. Main-loop thread.
//
//   chunks -> Spool of each file -> names(), take()
#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "lib/result.h"
#include "tools/clipembedd/http/media_root.h"
#include "tools/clipembedd/http/reply.h"
#include "tools/clipembedd/spool.h"

namespace clipembed {

struct UploadLimits {
  SpoolOptions spool;
  std::size_t files = 256;
};

// Without a value: all is well.
using MaybeFailure = std::optional<Failure>;

class Upload {
 public:
  virtual ~Upload() = default;
  virtual MaybeFailure feed(std::string_view bytes) = 0;
  // The body is complete.
  virtual MaybeFailure finish() = 0;

  // Once it is complete: the files, none of them twice.
  const std::vector<std::string>& names() const { return names_; }
  // The content of file `index`, once. An error is this file's alone.
  virtual Result<FileDescriptor> take(std::size_t index) = 0;
  // Whether the answer is a map from names, however many there are.
  virtual bool named() const { return names_.size() > 1; }

 protected:
  bool has(const std::string& name) const { return std::find(names_.begin(), names_.end(), name) != names_.end(); }

  std::vector<std::string> names_;
};

// `root` may be nullptr: no paths then. Failures: 400, 403, 415.
std::variant<std::unique_ptr<Upload>, Failure> new_upload(const std::string& content_type, const UploadLimits& limits,
                                                          const MediaRoot* root);

}  // namespace clipembed
