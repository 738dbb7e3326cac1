// What the daemon can be told, once, at its start. Values only; where they come from is settings.h's.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "tools/media/media_embedding.h"

namespace clipembed {

struct Configuration {
  using Seconds = std::chrono::duration<double>;

  // [server]
  std::string listen = "127.0.0.1:3456";  // ADDRESS:PORT, several with commas; port 0: any
  std::string api_key_file;               // empty: no key is asked for
  std::string media_root;                 // empty: no imagePaths
  std::string log_format = "auto";        // auto, json, plain
  bool page = true;
  Seconds drain_timeout{30};

  // [model]
  std::string model = "openai/clip-vit-base-patch32";
  std::string device = "auto";
  std::string precision = "auto";
  int threads = 0;  // 0: the CPU quota

  // [limits]
  std::uint64_t max_body = std::uint64_t{1} << 30;
  int max_files = 256;  // of a request
  std::uint64_t max_pixels = 100'000'000;
  int max_frames = 300;
  Seconds max_duration{7200};
  Seconds deadline{300};  // of a file, from when a worker takes it
  int queue = 256;        // files that wait for a worker
  int max_requests = 512;
  int max_connections = 1024;
  std::uint64_t max_header = 16 << 10;
  Seconds header_timeout{10};
  Seconds body_timeout{300};
  Seconds idle_timeout{60};
  Seconds write_timeout{60};
  std::uint64_t min_rate = 1 << 10;  // bytes a second

  // [workers]
  int workers = 0;        // for pictures; 0: as the pool sees fit
  int video_workers = 0;  // for videos and large files
  std::uint64_t worker_memory = std::uint64_t{2} << 30;
  bool sandbox = true;
  std::string worker_devices;  // paths with commas between
  std::string spool_dir = "/var/tmp";
  std::uint64_t spool_memory = 4 << 20;  // an upload beyond goes to spool_dir
  std::string engine_socket;             // empty: none for others
  PipelineTexts pipelines;
};

}  // namespace clipembed
