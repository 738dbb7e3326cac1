// What the shell is told.
#pragma once

namespace clipembed {

enum ExitStatus {
  kAllGood = 0,
  kSomeFailed = 1,     // some file, or the command as a whole
  kUsage = 2,          // the command line makes no sense
  kInterrupted = 130,  // 128 + SIGINT, as shells expect
};

}  // namespace clipembed
