// Listening sockets. When the process has no descriptor left for a new connection, or is told to pause, connections
// wait in the kernel's queue and are accepted as soon as there is room. Main-loop thread.
#pragma once

#include <gio/gio.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "lib/result.h"
#include "tools/gobject_ptr.h"

namespace clipembed {

class Listener {
 public:
  // `accepted` gets each new connection, non-blocking; `exhausted` is called when accept() fails for want of
  // descriptors or memory, before another attempt a moment later.
  struct Callbacks {
    std::function<void(GObjectPtr<GSocket>)> accepted;
    std::function<void()> exhausted;
  };

  // ADDRESS:PORT, several with commas between; [ADDRESS]:PORT for IPv6; localhost is 127.0.0.1. Port 0: any.
  // Errors: kSettings for what is no address; kFailed for one that cannot be had.
  static Result<std::unique_ptr<Listener>> open(const std::string& addresses, Callbacks callbacks);
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  // As they are, ports filled in.
  const std::vector<std::string>& addresses() const { return addresses_; }

  // Accepts no more until resume().
  void pause();
  void resume();

 private:
  explicit Listener(Callbacks callbacks) : callbacks_(std::move(callbacks)) {}

  Status listen(const std::string& address);
  void watch();
  void stop_watching();
  void accept(GSocket* socket);
  void exhausted();

  const Callbacks callbacks_;
  std::vector<GObjectPtr<GSocket>> sockets_;
  std::vector<std::string> addresses_;
  std::vector<GSource*> watches_;
  guint retry_ = 0;
  bool paused_ = false;
};

}  // namespace clipembed
