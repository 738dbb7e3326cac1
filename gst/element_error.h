// How an Error of lib/ becomes a GStreamer error message: the one table of domains and codes.
//
//   kNotFound   RESOURCE/NOT_FOUND   no such model: the text names the path and the command that fetches it
//   kSettings   RESOURCE/SETTINGS    a property's value that this machine or model cannot serve
//   kFormat     RESOURCE/READ        a malformed or unsupported checkpoint
//   kLibrary    LIBRARY/INIT         LibTorch cannot be loaded
//   kNetwork    RESOURCE/OPEN_READ
//   kUnavailable  RESOURCE/OPEN_READ_WRITE  the engine server has gone
//   kBusy       RESOURCE/BUSY
//   kCancelled, kFailed   STREAM/FAILED   inference failed
#pragma once

#include <gst/gst.h>

#include <string>

#include "lib/result.h"

namespace clipembed {

// Any thread, no lock held: posting runs the application's bus handlers.
void post_error(GstElement* element, const Error& error);

}  // namespace clipembed
