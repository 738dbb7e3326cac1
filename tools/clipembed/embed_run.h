// Embeds a list of files, a few at a time, and hands the results back in the order of the list.
//
//   workers:  open -> still image: decode -> PicturePipeline (batches across files)   -> result
//                  -> otherwise:   a pipeline of its own, run to its end              -> result
//   caller:   next() -> the result of the next file in order, as soon as it is there
//
// A worker is a thread that takes one file after the other. What is decoded is bounded in bytes, and how far the
// workers run ahead of next() in files. A decoder that shows no sign of life is given up: its file becomes an error and
// its thread is replaced; nothing can end a thread that hangs in a library, so the program then leaves by _exit() (see
// abandoned()).
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "tools/clipembed/file_result.h"
#include "tools/media/byte_budget.h"
#include "tools/media/media_embedding.h"
#include "tools/media/media_file.h"
#include "tools/media/picture_pipeline.h"

namespace clipembed {

struct RunOptions {
  EmbedderSettings embedder;
  MediaOptions media;
  std::chrono::seconds timeout{60};  // without a sign of life from a decoder
};

class EmbedRun {
 public:
  // Starts at once.
  EmbedRun(std::vector<std::string> paths, RunOptions options);
  // Gives up what is under way. Precondition: !abandoned().
  ~EmbedRun();

  // The next result in order; nullopt after the last one, or once `stop` says so, which is asked, on the calling
  // thread, some times a second.
  std::optional<FileResult> next(const std::function<bool()>& stop);

  // How far the file is that next() waits for; nullopt where that is no video, or not begun.
  std::optional<MediaProgress> progress();

  // Whether a thread may hang in a decoder, so that this object must not be destroyed.
  bool abandoned() const { return abandoned_; }

 private:
  struct Job;
  struct Worker {
    std::thread thread;
    std::shared_ptr<Job> job;  // what it works on
  };

  void start_worker();
  void work(Worker& worker);
  std::shared_ptr<Job> take(Worker& worker);
  void process(const std::shared_ptr<Job>& job);
  void process_still(const std::shared_ptr<Job>& job, const MediaFile& file);
  void complete(Job& job, Result<MediaEmbedding> outcome);
  FileResult file_result(const Job& job, Result<MediaEmbedding> outcome) const;
  void give_up_hanging();

  const std::vector<std::string> paths_;
  const RunOptions options_;
  ByteBudget budget_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::list<Worker> workers_;                         // the threads' handles belong to the caller's thread
  std::map<std::size_t, std::shared_ptr<Job>> jobs_;  // taken and not handed back yet, by place in the list
  std::size_t next_to_take_ = 0;
  std::size_t next_to_return_ = 0;
  std::size_t working_ = 0;  // workers that may still take a file
  bool stopping_ = false;    // all of these guarded by mutex_

  bool abandoned_ = false;  // the caller's thread only

  PicturePipeline pictures_;  // last: it goes first, and its completions use the members above
};

}  // namespace clipembed
