#include "tools/clipembedd/http/guarded_input.h"

#include <utility>

namespace clipembed {
namespace {

// libsoup reads a body until the socket has no more, which a fast client's has for as long as the body is: without an
// end to its turn nobody else would be served meanwhile.
constexpr gsize kBytesATurn = 256 << 10;

// A large body that comes as fast as memory allows would also take the processors from the model, which the others wait
// for. So while there are others its turns are two milliseconds apart, 128 MB/s, what a gigabit network carries; but
// for the first ones, which a photo needs.
constexpr gint64 kBetweenTurns = 2 * G_USEC_PER_SEC / 1000;
constexpr gint64 kTurnsAtOnce = 32;  // 8 MB

struct GuardedInput {
  GInputStream parent;
  ByteSource* source;  // nullptr once detached
  gsize turn;          // bytes read since others had theirs
  gint64 next_turn;    // when it may come: monotonic time, microseconds
};
struct GuardedInputClass {
  GInputStreamClass parent;
};

GType guarded_input_get_type();

GuardedInput* guarded(void* stream) {
  return G_TYPE_CHECK_INSTANCE_CAST(stream, guarded_input_get_type(), GuardedInput);
}

ByteSource* source_of(void* stream) { return guarded(stream)->source; }

void end_turn(GuardedInput* self) {
  self->turn = 0;
  if (!self->source->others_wait()) return;
  const gint64 now = g_get_monotonic_time();
  self->next_turn = MAX(self->next_turn, now - kTurnsAtOnce * kBetweenTurns) + kBetweenTurns;
}

// In milliseconds, rounded up.
guint until_next_turn(const GuardedInput* self) {
  const gint64 wait = self->next_turn - g_get_monotonic_time();
  return wait <= 0 ? 0 : static_cast<guint>((wait + 999) / 1000);
}

gssize read_nonblocking(GPollableInputStream* stream, void* to, gsize size, GError** error) {
  GuardedInput* self = guarded(stream);
  if (!self->source) return 0;
  if (self->turn >= kBytesATurn) {
    end_turn(self);
    g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK, "others have their turn");
    return -1;
  }
  const gssize got = self->source->read(to, size, error);
  if (got > 0) self->turn += static_cast<gsize>(got);
  return got;
}

// libsoup's servers never block; this is for the sake of GInputStream's contract.
gssize read_blocking(GInputStream* stream, void* to, gsize size, GCancellable* cancellable, GError** error) {
  ByteSource* source = source_of(stream);
  if (!source) return 0;
  if (!source->ready() && !g_socket_condition_wait(source->socket(), G_IO_IN, cancellable, error)) return -1;
  return source->read(to, size, error);
}

gboolean is_readable(GPollableInputStream* stream) {
  ByteSource* source = source_of(stream);
  return !source || source->ready() || (g_socket_condition_check(source->socket(), G_IO_IN) & (G_IO_IN | G_IO_HUP));
}

GSource* create_source(GPollableInputStream* stream, GCancellable* cancellable) {
  ByteSource* source = source_of(stream);
  const guint wait = until_next_turn(guarded(stream));
  GSource* base = source && !source->ready() && wait == 0
                      ? g_socket_create_source(source->socket(), G_IO_IN, cancellable)
                      : g_timeout_source_new(wait);
  GSource* pollable = g_pollable_source_new_full(stream, base, nullptr);
  g_source_unref(base);
  return pollable;
}

gboolean close_stream(GInputStream* stream, GCancellable*, GError**) {
  if (ByteSource* source = std::exchange(guarded(stream)->source, nullptr)) source->stream_closed();
  return TRUE;
}

void init_pollable(void* interface, void*) {
  auto* pollable = static_cast<GPollableInputStreamInterface*>(interface);
  pollable->is_readable = is_readable;
  pollable->create_source = create_source;
  pollable->read_nonblocking = read_nonblocking;
}

void init_class(void* klass, void*) {
  auto* input = static_cast<GInputStreamClass*>(klass);
  input->read_fn = read_blocking;
  input->close_fn = close_stream;
}

GType guarded_input_get_type() {
  static const GType type = [] {
    const GType registered =
        g_type_register_static_simple(G_TYPE_INPUT_STREAM, "ClipembedGuardedInput", sizeof(GuardedInputClass),
                                      init_class, sizeof(GuardedInput), nullptr, G_TYPE_FLAG_FINAL);
    const GInterfaceInfo pollable{init_pollable, nullptr, nullptr};
    g_type_add_interface_static(registered, G_TYPE_POLLABLE_INPUT_STREAM, &pollable);
    return registered;
  }();
  return type;
}

}  // namespace

GInputStream* guarded_input_new(ByteSource* source) {
  auto* stream = static_cast<GInputStream*>(g_object_new(guarded_input_get_type(), nullptr));
  guarded(stream)->source = source;
  return stream;
}

void guarded_input_detach(GInputStream* stream) { guarded(stream)->source = nullptr; }

}  // namespace clipembed
