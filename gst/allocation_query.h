// How an element that holds frames and looks at their pixels amends the answer to an ALLOCATION query. A plain function
// of its arguments; any thread.
#pragma once

#include <gst/gst.h>

namespace clipembed {

// Asks for `held` buffers more than downstream does, and for cropped pictures. Upstream reads what the query says even
// where nobody downstream has answered it.
void amend_allocation(GstQuery* query, guint held);

}  // namespace clipembed
