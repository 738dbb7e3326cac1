// Pipelines whose model is in another process, `clipembed serve-engine`: two of them, and what they do when it dies.
#include <gst/gst.h>

#include <fstream>
#include <sstream>
#include <string>

#include "tests/cli/engine_server.h"
#include "tests/unit/suite.h"

namespace clipembed {
namespace {

constexpr GstClockTime kPatience = 120 * GST_SECOND;

struct Pipeline {
  explicit Pipeline(const std::string& line) : element(gst_parse_launch(line.c_str(), nullptr)) {
    ck_assert_ptr_nonnull(element);
    bus = gst_element_get_bus(element);
    gst_element_set_state(element, GST_STATE_PLAYING);
  }
  ~Pipeline() {
    gst_element_set_state(element, GST_STATE_NULL);
    gst_object_unref(bus);
    gst_object_unref(element);
  }

  // The next message of this type, or the next element message of this name. An error fails the test. Transfer full.
  GstMessage* next(GstMessageType type, const char* name = nullptr) {
    while (GstMessage* message =
               gst_bus_timed_pop_filtered(bus, kPatience, static_cast<GstMessageType>(type | GST_MESSAGE_ERROR))) {
      if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR) {
        GError* error = nullptr;
        gst_message_parse_error(message, &error, nullptr);
        ck_abort_msg("%s", error->message);
      }
      if (!name || gst_structure_has_name(gst_message_get_structure(message), name)) return message;
      gst_message_unref(message);
    }
    ck_abort_msg("no %s message", name ? name : gst_message_type_get_name(type));
    return nullptr;
  }
  void expect(GstMessageType type, const char* name = nullptr) { gst_message_unref(next(type, name)); }

  guint64 stat(const char* field) {
    GstElement* embed = gst_bin_get_by_name(GST_BIN(element), "embed");
    GstStructure* stats = nullptr;
    g_object_get(embed, "stats", &stats, nullptr);
    guint64 value = 0;
    gst_structure_get_uint64(stats, field, &value);
    gst_structure_free(stats);
    gst_object_unref(embed);
    return value;
  }

  GstElement* element;
  GstBus* bus;
};

std::string line(const Place& place, const std::string& source, const std::string& settings) {
  return "videotestsrc " + source +
         " ! video/x-raw,width=64,height=48,framerate=30/1 ! clipembed name=embed engine=" + place.address + " " +
         settings + " ! fakesink sync=true";
}

guint64 count_of(GstMessage* summary) {
  guint64 count = 0;
  gst_structure_get_uint64(gst_message_get_structure(summary), "count", &count);
  gst_message_unref(summary);
  return count;
}

START_TEST(two_processes_share_a_model_and_load_no_libtorch) {
  const Place place;
  Server server(place.address);
  const std::string launch = "gst-launch-1.0 -m " + line(place, "num-buffers=20", "");
  std::vector<GObjectPtr<GSubprocess>> processes;
  for (int i = 0; i < 2; ++i) {
    gint argc = 0;
    g_auto(GStrv) argv = nullptr;
    ck_assert(g_shell_parse_argv(launch.c_str(), &argc, &argv, nullptr));
    processes.emplace_back(g_subprocess_newv(argv, G_SUBPROCESS_FLAGS_STDOUT_PIPE, nullptr));
    ck_assert(processes.back().get() != nullptr);
  }
  for (auto& process : processes) {
    g_autofree char* out = nullptr;
    ck_assert(g_subprocess_communicate_utf8(process.get(), nullptr, nullptr, &out, nullptr, nullptr));
    ck_assert_int_eq(g_subprocess_get_exit_status(process.get()), 0);
    ck_assert_msg(std::string(out).find("clip-summary, count=(guint64)20") != std::string::npos, "%s", out);
  }

  Pipeline here(line(place, "num-buffers=2", ""));
  here.expect(GST_MESSAGE_EOS);
  std::stringstream maps;
  maps << std::ifstream("/proc/self/maps").rdbuf();
  ck_assert(maps.str().find("libgstclipembed") != std::string::npos);
  ck_assert(maps.str().find("libtorch") == std::string::npos);
}
END_TEST

START_TEST(with_skip_a_stream_goes_on_while_the_server_is_away) {
  const Place place;
  auto server = std::make_unique<Server>(place.address);
  Pipeline stream(line(place, "is-live=true", "overload=skip"));
  stream.expect(GST_MESSAGE_ELEMENT, "clip-embedding");
  server->end_by(SIGKILL);
  stream.expect(GST_MESSAGE_WARNING);
  for (int i = 0; i < 5; ++i) stream.expect(GST_MESSAGE_QOS);  // frames flow, without embeddings
  ck_assert_uint_ge(stream.stat("skipped"), 5);
  server = std::make_unique<Server>(place.address);
  stream.expect(GST_MESSAGE_INFO);
  stream.expect(GST_MESSAGE_ELEMENT, "clip-embedding");
}
END_TEST

START_TEST(with_block_no_frame_is_lost_when_the_server_is_killed_and_restarted) {
  const Place place;
  auto server = std::make_unique<Server>(place.address);
  Pipeline stream(line(place, "num-buffers=90", "overload=block"));
  stream.expect(GST_MESSAGE_ELEMENT, "clip-embedding");
  server->end_by(SIGKILL);
  stream.expect(GST_MESSAGE_WARNING);
  server = std::make_unique<Server>(place.address);
  ck_assert_uint_eq(count_of(stream.next(GST_MESSAGE_ELEMENT, "clip-summary")), 90);
}
END_TEST

START_TEST(no_server_is_an_error_that_says_how_to_start_one) {
  const Place place;
  GstElement* pipeline = gst_parse_launch(line(place, "", "").c_str(), nullptr);
  ck_assert_int_eq(gst_element_set_state(pipeline, GST_STATE_PAUSED), GST_STATE_CHANGE_FAILURE);
  GstBus* bus = gst_element_get_bus(pipeline);
  GstMessage* message = gst_bus_pop_filtered(bus, GST_MESSAGE_ERROR);
  ck_assert_ptr_nonnull(message);
  GError* error = nullptr;
  gst_message_parse_error(message, &error, nullptr);
  ck_assert(g_error_matches(error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_FOUND));
  ck_assert_msg(strstr(error->message, "clipembed serve-engine --listen") != nullptr, "%s", error->message);
  g_error_free(error);
  gst_message_unref(message);
  gst_object_unref(bus);
  gst_element_set_state(pipeline, GST_STATE_NULL);
  gst_object_unref(pipeline);
}
END_TEST

}  // namespace
}  // namespace clipembed

int main(int argc, char** argv) {
  using namespace clipembed;
  gst_init(&argc, &argv);
  return run_suite("served_pipelines", {two_processes_share_a_model_and_load_no_libtorch,
                                        with_skip_a_stream_goes_on_while_the_server_is_away,
                                        with_block_no_frame_is_lost_when_the_server_is_killed_and_restarted,
                                        no_server_is_an_error_that_says_how_to_start_one});
}
