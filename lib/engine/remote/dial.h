// From an address to a connection that the server has said welcome on. Waits, and so runs on the thread of whoever
// opens an engine or of one that has lost its server; not under a lock.
#pragma once

#include <chrono>
#include <string>

#include "lib/engine/remote/frame_stream.h"
#include "lib/engine/remote/protocol.h"
#include "lib/engine/remote/socket.h"
#include "lib/result.h"

namespace clipembed::remote {

// A server that listens answers at once. Whoever gave a process its connection ("fd:N") may still be loading the model,
// and closes the other end if nothing comes of it.
inline constexpr std::chrono::seconds kWelcomeWithin{5};

struct Connected {
  Fd socket;
  EngineInfo info;
  int max_batch;
};

// `model` is what hello says. Gives up when `stop` rings.
// Errors: those of connect_to(), what the server refuses with, kSettings for a server that is another user's, kLibrary
// for one that speaks another version, kUnavailable for one that closes the connection or is silent.
Result<Connected> dial(const std::string& address, const std::string& model, const Signal& stop);

}  // namespace clipembed::remote
