#include "gst/element_error.h"

namespace clipembed {
namespace {

struct ErrorCode {
  GQuark domain;
  gint code;
};

ErrorCode code_of(Error::Kind kind) {
  switch (kind) {
    case Error::Kind::kNotFound:
      return {GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_FOUND};
    case Error::Kind::kSettings:
      return {GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS};
    case Error::Kind::kFormat:
      return {GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_READ};
    case Error::Kind::kLibrary:
      return {GST_LIBRARY_ERROR, GST_LIBRARY_ERROR_INIT};
    case Error::Kind::kNetwork:
      return {GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_OPEN_READ};
    case Error::Kind::kUnavailable:
      return {GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_OPEN_READ_WRITE};
    case Error::Kind::kBusy:
      return {GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_BUSY};
    case Error::Kind::kCancelled:
    case Error::Kind::kTimedOut:
    case Error::Kind::kFailed:
      break;
  }
  return {GST_STREAM_ERROR, GST_STREAM_ERROR_FAILED};
}

}  // namespace

void post_error(GstElement* element, const Error& error) {
  const auto [domain, code] = code_of(error.kind);
  gst_element_message_full(element, GST_MESSAGE_ERROR, domain, code, g_strdup(error.message.c_str()), nullptr, __FILE__,
                           G_STRFUNC, __LINE__);
}

}  // namespace clipembed
