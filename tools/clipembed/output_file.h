// Where results go: standard output, or a file that appears under its name only when it is complete. Not thread-safe.
#pragma once

#include <string>
#include <string_view>

#include "lib/result.h"

namespace clipembed {

class OutputFile {
 public:
  static OutputFile standard_output();
  // Writes beside `path` and renames in commit(). What is no regular file (/dev/stdout, a FIFO) is written as it is.
  static Result<OutputFile> create(const std::string& path);

  OutputFile(OutputFile&& other) noexcept;
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;
  ~OutputFile();  // without commit(), nothing of the file stays

  Status write(std::string_view bytes);
  // Replaces the first bytes, once the rest is known.
  Status rewrite_start(std::string_view bytes);
  Status commit();

 private:
  OutputFile(std::string name, std::string temporary, int fd)
      : name_(std::move(name)), temporary_(std::move(temporary)), fd_(fd) {}
  Error failure(const char* what) const;

  std::string name_;
  std::string temporary_;  // empty where there is none, or no longer
  int fd_ = -1;
};

}  // namespace clipembed
