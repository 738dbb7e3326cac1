#include "tests/service/pool_bench.h"

#include <gdk-pixbuf/gdk-pixbuf.h>
#include <gst/gst.h>

#include "tools/gobject_ptr.h"

namespace clipembed::test {

FileDescriptor upload_of(std::span<const std::uint8_t> bytes) {
  Spool spool({.memory = 64 << 20});
  expect_value(spool.write(bytes));
  return expect_value(spool.finish());
}

std::vector<std::uint8_t> png_with(int tag) {
  const GObjectPtr<GdkPixbuf> pixels(gdk_pixbuf_new(GDK_COLORSPACE_RGB, FALSE, 8, 8, 8));
  gdk_pixbuf_fill(pixels.get(), static_cast<guint32>(tag) << 24);
  g_autofree gchar* data = nullptr;
  gsize size = 0;
  ck_assert(gdk_pixbuf_save_to_buffer(pixels.get(), &data, &size, "png", nullptr, nullptr));
  return {data, data + size};
}

std::vector<std::uint8_t> read_bytes(const std::string& path) {
  g_autofree gchar* data = nullptr;
  gsize size = 0;
  ck_assert_msg(g_file_get_contents(path.c_str(), &data, &size, nullptr), "%s", path.c_str());
  return {data, data + size};
}

std::vector<std::uint8_t> webm_of(int frames) {
  const Scratch scratch;
  const std::string path = scratch.path() / "video.webm";
  gst_init(nullptr, nullptr);
  const std::string line = "videotestsrc pattern=ball num-buffers=" + std::to_string(frames) +
                           " ! video/x-raw,width=320,height=240,framerate=10/1 ! vp8enc deadline=1 ! webmmux "
                           "! filesink location=" +
                           path;
  const GObjectPtr<GstElement> pipeline(gst_parse_launch(line.c_str(), nullptr));
  gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
  const GObjectPtr<GstBus> bus(gst_element_get_bus(pipeline.get()));
  GstMessage* end = gst_bus_timed_pop_filtered(bus.get(), GST_CLOCK_TIME_NONE,
                                               static_cast<GstMessageType>(GST_MESSAGE_EOS | GST_MESSAGE_ERROR));
  ck_assert_int_eq(GST_MESSAGE_TYPE(end), GST_MESSAGE_EOS);
  gst_message_unref(end);
  gst_element_set_state(pipeline.get(), GST_STATE_NULL);
  return read_bytes(path);
}

PoolBench::PoolBench(PoolOptions options) {
  if (options.program.empty()) options.program = g_getenv("CLIPEMBEDD_WORKER");
  if (!options.connect_engine) {
    options.connect_engine = [this]() -> Result<FileDescriptor> {
      remote::SocketPair pair = expect_value(remote::connected_pair());
      server_.add_client(std::move(pair.server));
      return FileDescriptor(pair.client.release());
    };
  }
  pool_ = std::make_unique<WorkerPool>(std::move(options));
}

void PoolBench::wait_for_idle(int workers) {
  run_until([&] { return pool_->status().idle >= workers; });
}

std::size_t PoolBench::submit(std::span<const std::uint8_t> bytes, const std::function<void(Job&)>& change) {
  const std::size_t number = tickets_.size();
  Job job;
  job.file = upload_of(bytes);
  job.name = "upload-" + std::to_string(number);
  job.caller = "caller";
  job.normalize = false;
  job.done = [this, number](Result<MediaEmbedding> result) {
    ck_assert_msg(!outcomes_[number], "completed twice");
    outcomes_[number] = std::move(result);
    order_.push_back(number);
  };
  if (change) change(job);
  tickets_[number] = expect_value(pool_->submit(std::move(job)));
  return number;
}

Result<MediaEmbedding> PoolBench::outcome(std::size_t job) {
  run_until([&] { return is_done(job); });
  return *outcomes_[job];
}

}  // namespace clipembed::test
