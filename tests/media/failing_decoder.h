// A decoder of high rank, as a hardware one is, for image/jpeg, which fails on cue. Registered in this process.
#pragma once

namespace clipembed {

inline constexpr char kFailingDecoder[] = "failingjpegdec";

enum class Failure { kAtStart, kAtFrame };

// After gst_init(). `frame`: of kAtFrame, from 0; those before it come out grey.
void register_failing_decoder(Failure failure, int frame);
void unregister_failing_decoder();

// How often it was started.
int failing_decoder_starts();

}  // namespace clipembed
