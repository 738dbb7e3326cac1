// The input stream that libsoup reads a connection from: what a ByteSource approves of, and no more. Main-loop thread.
#pragma once

#include <gio/gio.h>

namespace clipembed {

// What is behind the stream.
class ByteSource {
 public:
  virtual ~ByteSource() = default;

  // As g_pollable_input_stream_read_nonblocking().
  virtual gssize read(void* to, gsize size, GError** error) = 0;
  // Whether read() would give something at once without new bytes from the socket.
  virtual bool ready() const = 0;
  virtual GSocket* socket() const = 0;
  // Whether somebody else's request is under way, so that it is no time to read as fast as the socket allows.
  virtual bool others_wait() const = 0;
  // libsoup is done with the connection.
  virtual void stream_closed() = 0;
};

// A GPollableInputStream on `source`.
GInputStream* guarded_input_new(ByteSource* source);
// The source goes away before the stream does: from now on the stream is at its end.
void guarded_input_detach(GInputStream* stream);

}  // namespace clipembed
