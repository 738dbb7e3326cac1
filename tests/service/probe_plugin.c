/* clipprobe: an element that misbehaves on purpose, as a decoder that was taken over would. What it does is chosen by
 * its property `act`; it does it with the first buffer.
 *
 *   report   tries what a decode worker must not be able to do, and posts what came of it as an error message:
 *            "open=EACCES fork=EPERM ... thread=done"
 *   crash, hang, allocate   what their names say
 *   babble, close   sends nonsense over the control socket; closes it
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <gst/base/gstbasetransform.h>
#include <gst/gst.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#define CONTROL_SOCKET 3

typedef struct {
  GstBaseTransform parent;
  char* act;
} ClipProbe;

typedef struct {
  GstBaseTransformClass parent;
} ClipProbeClass;

GType clip_probe_get_type(void);
G_DEFINE_TYPE(ClipProbe, clip_probe, GST_TYPE_BASE_TRANSFORM)

static void* return_at_once(void* data) { return data; }

static void note(GString* report, const char* what, long result, int error) {
  g_string_append_printf(report, "%s=%s ", what, result >= 0 ? "done" : strerrorname_np(error));
}

#define TRY(what, call)                \
  do {                                 \
    errno = 0;                         \
    const long result = (long)(call);  \
    note(report, what, result, errno); \
  } while (0)

static void try_files(GString* report) {
  struct stat status;
  char* const nothing[] = {NULL};
  TRY("open", open("/etc/passwd", O_RDONLY));
  TRY("create", open("/tmp/clipprobe", O_RDWR | O_CREAT, 0600));
  TRY("stat", stat("/etc/passwd", &status));
  TRY("unlink", unlink("/tmp/clipprobe"));
  TRY("mkdir", mkdir("/absent/clipprobe", 0700));
  TRY("memfd", memfd_create("clipprobe", 0));
  TRY("exec", execve("/absent", nothing, nothing));
}

static void try_network(GString* report) {
  TRY("inet", socket(AF_INET, SOCK_STREAM, 0));
  TRY("inet6", socket(AF_INET6, SOCK_DGRAM, 0));
  TRY("unix", socket(AF_UNIX, SOCK_STREAM, 0));
  TRY("netlink", socket(AF_NETLINK, SOCK_RAW, 0));
  struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "/tmp/clipprobe"};
  TRY("connect", connect(CONTROL_SOCKET, (struct sockaddr*)&address, sizeof address));
}

static void try_processes(GString* report) {
  /* No libc function: fork() runs handlers. A child must not go on as if it were the worker. */
  const long child = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
  if (child == 0) _exit(0);
  note(report, "fork", child, errno);
  TRY("clone3", syscall(SYS_clone3, NULL, 0));
  TRY("ptrace", ptrace(PTRACE_ATTACH, INT_MAX, 0, 0));
  TRY("kill", kill(getppid(), 0));
  TRY("read_parent", syscall(SYS_process_vm_readv, getppid(), NULL, 0, NULL, 0, 0));
  TRY("dumpable", prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
  TRY("setuid", syscall(SYS_setuid, 0));
  TRY("unshare", unshare(CLONE_NEWUSER));
  const struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};
  TRY("raise_limit", setrlimit(RLIMIT_DATA, &limit));
  TRY("io_uring", syscall(SYS_io_uring_setup, 1, NULL));
  TRY("bpf", syscall(SYS_bpf, 0, NULL, 0));
}

static void try_threads(GString* report) {
  pthread_t thread;
  const int error = pthread_create(&thread, NULL, return_at_once, NULL);
  note(report, "thread", error == 0 ? 0 : -1, error);
  if (error == 0) pthread_join(thread, NULL);
}

static GstFlowReturn report_what_works(ClipProbe* self) {
  GString* report = g_string_new(NULL);
  try_files(report);
  try_network(report);
  try_processes(report);
  try_threads(report);
  GST_ELEMENT_ERROR(self, STREAM, FAILED, ("%s", report->str), (NULL));
  g_string_free(report, TRUE);
  return GST_FLOW_ERROR;
}

static void allocate_for_ever(void) {
  while (TRUE) {
    const gsize size = 64 << 20;
    memset(g_malloc(size), 1, size);
  }
}

static GstFlowReturn transform_ip(GstBaseTransform* transform, GstBuffer* buffer) {
  ClipProbe* self = (ClipProbe*)transform;
  (void)buffer;
  if (g_str_equal(self->act, "report")) return report_what_works(self);
  if (g_str_equal(self->act, "crash")) raise(SIGSEGV);
  if (g_str_equal(self->act, "allocate")) allocate_for_ever();
  if (g_str_equal(self->act, "babble")) send(CONTROL_SOCKET, "nonsense", 8, MSG_NOSIGNAL);
  if (g_str_equal(self->act, "close")) close(CONTROL_SOCKET);
  while (!g_str_equal(self->act, "pass")) pause();
  return GST_FLOW_OK;
}

static void set_property(GObject* object, guint id, const GValue* value, GParamSpec* pspec) {
  (void)id, (void)pspec;
  ClipProbe* self = (ClipProbe*)object;
  g_free(self->act);
  self->act = g_value_dup_string(value);
}

static void finalize(GObject* object) {
  g_free(((ClipProbe*)object)->act);
  G_OBJECT_CLASS(clip_probe_parent_class)->finalize(object);
}

static void clip_probe_init(ClipProbe* self) {
  self->act = g_strdup("pass");
  gst_base_transform_set_in_place(GST_BASE_TRANSFORM(self), TRUE);
}

static void clip_probe_class_init(ClipProbeClass* klass) {
  static GstStaticPadTemplate sink = GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS_ANY);
  static GstStaticPadTemplate src = GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS_ANY);
  GObjectClass* object_class = G_OBJECT_CLASS(klass);
  object_class->set_property = set_property;
  object_class->finalize = finalize;
  g_object_class_install_property(
      object_class, 1,
      g_param_spec_string("act", "Act", "What to do", NULL, G_PARAM_WRITABLE | G_PARAM_STATIC_STRINGS));
  GstElementClass* element_class = GST_ELEMENT_CLASS(klass);
  gst_element_class_set_static_metadata(element_class, "Probe", "Testing", "Misbehaves on purpose", "gst-clipembed");
  gst_element_class_add_static_pad_template(element_class, &sink);
  gst_element_class_add_static_pad_template(element_class, &src);
  GST_BASE_TRANSFORM_CLASS(klass)->transform_ip = transform_ip;
}

static gboolean plugin_init(GstPlugin* plugin) {
  return gst_element_register(plugin, "clipprobe", GST_RANK_NONE, clip_probe_get_type());
}

#define PACKAGE "gst-clipembed-tests"
GST_PLUGIN_DEFINE(GST_VERSION_MAJOR, GST_VERSION_MINOR, clipprobe, "Misbehaves on purpose", plugin_init, "0", "LGPL",
                  PACKAGE, "https://example.org/")
