#include "tools/hub/blob.h"

#include <fcntl.h>
#include <sys/file.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <vector>

#include "lib/model/hub_cache.h"
#include "tools/hub/file_descriptor.h"
#include "tools/hub/incomplete_file.h"

namespace clipembed {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

constexpr std::size_t kChunk = 256 << 10;     // bytes read at a time
constexpr std::uint64_t kProgress = 1 << 20;  // bytes after which a dropped connection counts as the first

Error write_error(const fs::path& path, const std::string& reason) {
  return {Error::Kind::kFailed,
          "cannot write " + path.string() + ": " + reason + "; make it writable or set HF_HUB_CACHE"};
}

Status make_directory(const fs::path& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error) return write_error(path, error.message());
  return ok();
}

// Holds the lock as long as the descriptor is open. The file stays: removing it would let two in.
Result<FileDescriptor> lock(const fs::path& path, const std::string& file, const FetchOptions& options) {
  FileDescriptor descriptor(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666));
  if (!descriptor) return write_error(path, g_strerror(errno));
  for (bool told = false; flock(descriptor.get(), LOCK_EX | LOCK_NB) != 0; told = true) {
    if (errno != EWOULDBLOCK && errno != EINTR) return write_error(path, g_strerror(errno));
    if (!told && options.notice) options.notice("waiting for another process that downloads " + file);
    if (const auto status = pause(100ms, options.cancellable); !status) return status.error();
  }
  return descriptor;
}

// A link that is made beside and renamed, so that it is never absent and never half there. lexically_relative() gives
// as many "../" as `link` is deep.
Status make_link(const fs::path& link, const fs::path& target) {
  if (const auto status = make_directory(link.parent_path()); !status) return status;
  const fs::path fresh = link.string() + ".new";
  std::error_code error;
  fs::remove(fresh, error);
  fs::create_symlink(target.lexically_relative(link.parent_path()), fresh, error);
  if (!error) fs::rename(fresh, link, error);
  if (error) return write_error(link, error.message());
  return ok();
}

Status check_space(const fs::path& directory, std::uint64_t bytes) {
  std::error_code error;
  const auto space = fs::space(directory, error);
  if (error || space.available >= bytes) return ok();
  return Error{Error::Kind::kFailed, directory.string() + " has " + std::to_string(space.available >> 20) +
                                         " MB free of the " + std::to_string(bytes >> 20) +
                                         " MB needed; free space or set HF_HUB_CACHE"};
}

// One file's way into the cache, with everything that its steps share.
class Transfer {
 public:
  Transfer(HubClient& hub, const HubId& id, const std::string& commit, const std::string& file,
           const FetchOptions& options)
      : hub_(hub), id_(id), commit_(commit), file_(file), options_(options) {}

  Status run();

 private:
  Status download(const fs::path& blob);
  Status receive(IncompleteFile& incomplete);
  Status receive_once(IncompleteFile& incomplete, Backoff& backoff);
  void report(std::uint64_t done) const {
    if (options_.progress) options_.progress(file_, done, content_.size);
  }

  HubClient& hub_;
  const HubId& id_;
  const std::string& commit_;
  const std::string& file_;
  const FetchOptions& options_;
  HubContent content_;
};

Status Transfer::run() {
  const fs::path repo = hub_repo_directory(id_);
  const fs::path link = repo / "snapshots" / commit_ / file_;
  std::error_code ignored;
  if (fs::is_regular_file(link, ignored)) {
    content_.size = fs::file_size(link, ignored);
    report(content_.size);
    return ok();
  }
  auto content = hub_.content(id_, commit_, file_);
  if (!content) return content.error();
  content_ = *std::move(content);

  const fs::path blobs = repo / "blobs", locks = hub_lock_directory(id_);
  for (const auto& directory : {blobs, locks}) {
    if (const auto status = make_directory(directory); !status) return status;
  }
  const auto held = lock(locks / (content_.etag + ".lock"), file_, options_);
  if (!held) return held.error();
  const fs::path blob = blobs / content_.etag;
  if (!fs::is_regular_file(blob, ignored)) {
    if (const auto status = download(blob); !status) return status;
  }
  report(content_.size);
  return make_link(link, blob);
}

Status Transfer::download(const fs::path& blob) {
  const fs::path path = blob.string() + ".incomplete";
  auto incomplete = IncompleteFile::open(path);
  if (!incomplete) return incomplete.error();
  if (incomplete->size() > content_.size) {
    if (const auto status = incomplete->truncate(0); !status) return status;
  }
  if (const auto status = check_space(blob.parent_path(), content_.size - incomplete->size()); !status) return status;
  if (const auto status = receive(*incomplete); !status) return status;
  std::error_code error;
  if (const auto status = incomplete->verify(content_.etag); !status) {
    if (status.error().kind == Error::Kind::kFormat) fs::remove(path, error);
    return Error{status.error().kind, id_.repo + "'s " + file_ + " arrived damaged and was deleted (" +
                                          status.error().message + "); run the fetch again"};
  }
  fs::rename(path, blob, error);
  if (error) return write_error(blob, error.message());
  return ok();
}

Status Transfer::receive(IncompleteFile& incomplete) {
  Backoff backoff(options_);
  while (incomplete.size() < content_.size) {
    const std::uint64_t before = incomplete.size();
    const auto status = receive_once(incomplete, backoff);
    if (status) break;
    if (incomplete.size() >= before + kProgress) backoff.reset();
    if (const auto again = backoff.wait(status.error()); !again) return again;
  }
  return ok();
}

Status Transfer::receive_once(IncompleteFile& incomplete, Backoff& backoff) {
  auto bytes = hub_.bytes(id_, commit_, file_, content_, incomplete.size(), backoff);
  if (!bytes) return bytes.error();
  if (const auto status = incomplete.truncate(bytes->first); !status) return status;
  std::vector<std::byte> buffer(kChunk);
  while (incomplete.size() < content_.size) {
    report(incomplete.size());
    const auto left = std::min<std::uint64_t>(buffer.size(), content_.size - incomplete.size());
    const auto count = bytes->reply.read(std::span(buffer).first(left));
    if (!count) return count.error();
    if (*count == 0) return Error{Error::Kind::kNetwork, bytes->reply.host() + " ended " + file_ + " early"};
    if (const auto status = incomplete.append(std::span(buffer).first(*count)); !status) return status;
  }
  return ok();
}

}  // namespace

Status fetch_file(HubClient& hub, const HubId& id, const std::string& commit, const std::string& file,
                  const FetchOptions& options) {
  return Transfer(hub, id, commit, file, options).run();
}

}  // namespace clipembed
