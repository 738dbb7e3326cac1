// Where a decode worker finds the sockets that it is started with.
#pragma once

namespace clipembed {

inline constexpr int kWorkerControl = 3;  // control_socket.h
inline constexpr int kWorkerEngine = 4;   // a stream socket that an engine server serves, or will

}  // namespace clipembed
