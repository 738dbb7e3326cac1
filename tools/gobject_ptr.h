// A reference to a GObject as a value: unref'ed when it goes out of scope. For members and return values; inside a
// function g_autoptr() does the same.
#pragma once

#include <glib-object.h>

#include <memory>

namespace clipembed {

struct GObjectUnref {
  void operator()(void* object) const { g_object_unref(object); }
};
template <class T>
using GObjectPtr = std::unique_ptr<T, GObjectUnref>;

}  // namespace clipembed
