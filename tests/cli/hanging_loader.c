/* A gdk-pixbuf loader that never comes back: for tests of what happens then. */
#define GDK_PIXBUF_ENABLE_BACKEND
#include <gdk-pixbuf/gdk-pixbuf.h>
#include <unistd.h>

G_MODULE_EXPORT void fill_vtable(GdkPixbufModule* module);

static gpointer begin_load(GdkPixbufModuleSizeFunc size, GdkPixbufModulePreparedFunc prepared,
                           GdkPixbufModuleUpdatedFunc updated, gpointer data, GError** error) {
  (void)size, (void)prepared, (void)updated, (void)data, (void)error;
  static int context;
  return &context;
}

static gboolean load_increment(gpointer context, const guchar* bytes, guint size, GError** error) {
  (void)context, (void)bytes, (void)size, (void)error;
  while (pause() == -1) { /* as it always is */
  }
  return FALSE;
}

static gboolean stop_load(gpointer context, GError** error) {
  (void)context, (void)error;
  return TRUE;
}

void fill_vtable(GdkPixbufModule* module) {
  module->begin_load = begin_load;
  module->load_increment = load_increment;
  module->stop_load = stop_load;
}
