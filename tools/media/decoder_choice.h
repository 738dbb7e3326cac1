// Which decoder a pipeline uses, and doing without one that failed: decodebin3 takes the decoder of highest rank, which
// is a hardware one where there is one. Any thread.
#pragma once

#include <gst/gst.h>

#include <memory>
#include <string>
#include <vector>

namespace clipembed {

// The factory of a video decoder element, "avdec_h264"; empty for any other element.
std::string decoder_name(GstElement* element);

// The video decoder in a running pipeline; empty where there is none.
std::string find_decoder(GstBin* pipeline);

// Whether another decoder than those takes what this one took.
bool has_alternative(GstElement* decoder, const std::vector<std::string>& failed);

// As long as the object lives, decodebin3 does not choose this decoder, in any pipeline of the process that starts
// meanwhile: ranks belong to the process, and one file that fails is no reason to give a decoder up for good.
class WithoutDecoder {
 public:
  explicit WithoutDecoder(const std::string& factory);
  ~WithoutDecoder();
  WithoutDecoder(const WithoutDecoder&) = delete;
  WithoutDecoder& operator=(const WithoutDecoder&) = delete;

 private:
  std::string factory_;
};

}  // namespace clipembed
