// The keys that POST /embed asks for, and who a request comes from. Read once; main-loop thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lib/result.h"

namespace clipembed {

class ApiKeys {
 public:
  ApiKeys() = default;  // none: everybody may

  // One key a line; blank lines and those that begin with # count for nothing. Errors: kSettings for a file that cannot
  // be read, that others than its owner and group may read, or that holds no key or a short one.
  static Result<ApiKeys> read(const std::string& path);

  bool required() const { return !digests_.empty(); }

  // The number of the key that "Bearer KEY" has, from 1; 0: none of them. Takes the same time whichever it is.
  std::size_t check(std::string_view authorization) const;

 private:
  std::vector<std::string> digests_;  // SHA-256
};

}  // namespace clipembed
