// What the daemon and a decode worker say to each other over their control socket (control_socket.h): one record a
// datagram, a GVariant of type (yv) whose byte tells the kind and whose value is of that kind's type. Pure functions;
// what comes in is checked: size, normal form, type, ranges, UTF-8. The daemon takes a worker for hostile.
//
//   daemon -> worker                              worker -> daemon
//   S start    what all files have in common      L locked    the sandbox is closed; warnings
//   J job      one file, with its descriptor      R ready     the engine answers: files may come
//   C cancel   the job is not wanted any more     X unusable  the worker cannot start, and ends
//                                                 P progress  how far the file is
//                                                 F frame     a chosen frame of the video
//                                                 D done      the file's vector, after its frames
//                                                 E failed    the file's error
//
// A worker has one job at a time, and answers it with any number of P and F, then one D or E.
#pragma once

#include <glib.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "lib/result.h"
#include "tools/media/media_embedding.h"

namespace clipembed {

using Record = std::vector<std::uint8_t>;

// No record is larger; a Unix datagram takes so much with any kernel's default settings.
inline constexpr std::size_t kMaxRecordBytes = 128 << 10;
inline constexpr std::size_t kMaxVectorFloats = 16 << 10;
inline constexpr std::size_t kMaxMessageBytes = 1024;  // of an error or a warning; more is cut off by the sender

// ---- daemon -> worker ----

struct StartRecord {
  bool sandbox = true;
  std::uint64_t memory = 0;  // bytes; 0: no limit
  std::vector<std::string> devices;
  PipelineTexts pipelines;
};

struct JobRecord {
  std::uint64_t id = 0;
  std::string name;
  MediaOptions options;  // but for pipelines and picture_side
  bool normalize = true;
  std::string augment = "none";
  bool want_frames = true;  // false: frame records come without vectors
};

struct CancelRecord {
  std::uint64_t id = 0;
};

using ToWorker = std::variant<StartRecord, JobRecord, CancelRecord>;

// ---- worker -> daemon ----

struct LockedRecord {
  std::vector<std::string> warnings;
};

struct ReadyRecord {};

struct UnusableRecord {
  std::string why;
};

struct ProgressRecord {
  std::uint64_t job = 0;
  MediaProgress progress;
};

struct FrameRecord {
  std::uint64_t job = 0;
  ChosenFrame frame;
};

struct DoneRecord {
  std::uint64_t job = 0;
  MediaEmbedding embedding;  // without its frames, which came before
};

struct FailedRecord {
  std::uint64_t job = 0;
  Error error;
};

using FromWorker =
    std::variant<LockedRecord, ReadyRecord, UnusableRecord, ProgressRecord, FrameRecord, DoneRecord, FailedRecord>;

// Precondition: vectors have at most kMaxVectorFloats. Texts that are too long or not UTF-8 are made fit.
Record encode(const ToWorker& record);
Record encode(const FromWorker& record);

// Errors: kFormat.
Result<ToWorker> decode_to_worker(std::span<const std::uint8_t> bytes);
Result<FromWorker> decode_from_worker(std::span<const std::uint8_t> bytes);

}  // namespace clipembed
