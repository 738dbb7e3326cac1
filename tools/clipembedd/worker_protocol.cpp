#include "tools/clipembedd/worker_protocol.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>

namespace clipembed {
namespace {

using Kind = Error::Kind;
using std::chrono::nanoseconds;

constexpr std::int64_t kUnknownTime = -1;
constexpr std::int64_t kLongestTime = std::int64_t{1'000'000'000} * 1'000'000'000;  // 30 years
constexpr std::size_t kMaxTexts = 64;
constexpr std::size_t kMaxNameBytes = 4096;  // of a file, a path or a pipeline
constexpr std::size_t kMaxWordBytes = 64;    // a reason, a factory
constexpr int kUnknownScene = -1;
constexpr int kMaxScenes = 10'000'000;

// The kinds of error that a worker may report, by their place here.
constexpr Kind kErrorKinds[] = {Kind::kFailed, Kind::kFormat, Kind::kSettings, Kind::kUnavailable, Kind::kCancelled};

constexpr char kStartType[] = "(btas(sss))";
constexpr char kJobType[] = "(tsusbttxbsb)";
constexpr char kCancelType[] = "(t)";
constexpr char kLockedType[] = "(as)";
constexpr char kReadyType[] = "()";
constexpr char kUnusableType[] = "(s)";
constexpr char kProgressType[] = "(txx)";
constexpr char kFrameType[] = "(txsimdmday)";
constexpr char kDoneType[] = "(taybxxxxssmus)";
constexpr char kFailedType[] = "(tys)";

struct VariantUnref {
  void operator()(GVariant* variant) const { g_variant_unref(variant); }
};
using VariantPtr = std::unique_ptr<GVariant, VariantUnref>;

Error malformed(const std::string& what) { return {Kind::kFormat, what}; }

// ---- writing ----

// Valid UTF-8 of at most `most` bytes, without NUL.
std::string fit(std::string_view text, std::size_t most) {
  text = text.substr(0, text.find('\0'));
  g_autofree char* valid = g_utf8_make_valid(text.data(), static_cast<gssize>(text.size()));
  std::string_view whole = valid;
  if (whole.size() > most) {
    const char* end = g_utf8_find_prev_char(whole.data(), whole.data() + most + 1);
    whole = whole.substr(0, static_cast<std::size_t>(end - whole.data()));
  }
  return std::string(whole);
}

GVariant* texts(const std::vector<std::string>& list) {
  GVariantBuilder builder;
  g_variant_builder_init(&builder, G_VARIANT_TYPE_STRING_ARRAY);
  for (std::size_t i = 0; i < std::min(list.size(), kMaxTexts); ++i)
    g_variant_builder_add(&builder, "s", fit(list[i], kMaxMessageBytes).c_str());
  return g_variant_builder_end(&builder);
}

GVariant* floats(std::span<const float> values) {
  return g_variant_new_fixed_array(G_VARIANT_TYPE_BYTE, values.data(), values.size_bytes(), 1);
}

gint64 time_of(const std::optional<nanoseconds>& time) { return time ? time->count() : kUnknownTime; }

GVariant* maybe_double(const std::optional<double>& value) {
  return g_variant_new_maybe(G_VARIANT_TYPE_DOUBLE, value ? g_variant_new_double(*value) : nullptr);
}

Record serialise(char kind, GVariant* value) {
  const VariantPtr record(g_variant_ref_sink(g_variant_new("(yv)", static_cast<guchar>(kind), value)));
  Record bytes(g_variant_get_size(record.get()));
  g_variant_store(record.get(), bytes.data());
  return bytes;
}

Record write(const StartRecord& start) {
  return serialise('S', g_variant_new("(bt@as(sss))", gboolean{start.sandbox}, guint64{start.memory},
                                      texts(start.devices), start.pipelines.still.c_str(),
                                      start.pipelines.animation.c_str(), start.pipelines.video.c_str()));
}

Record write(const JobRecord& job) {
  const MediaOptions& options = job.options;
  return serialise(
      'J', g_variant_new(kJobType, guint64{job.id}, fit(job.name, kMaxNameBytes).c_str(), guint32{options.frames},
                         to_string(options.sampling), gboolean{options.auto_orient}, guint64{options.max_pixels},
                         guint64{options.max_frames}, gint64{options.max_duration.count()}, gboolean{job.normalize},
                         job.augment.c_str(), gboolean{job.want_frames}));
}

Record write(const CancelRecord& cancel) { return serialise('C', g_variant_new(kCancelType, guint64{cancel.id})); }

Record write(const LockedRecord& locked) { return serialise('L', g_variant_new("(@as)", texts(locked.warnings))); }

Record write(const ReadyRecord&) { return serialise('R', g_variant_new(kReadyType)); }

Record write(const UnusableRecord& unusable) {
  return serialise('X', g_variant_new(kUnusableType, fit(unusable.why, kMaxMessageBytes).c_str()));
}

Record write(const ProgressRecord& progress) {
  return serialise('P', g_variant_new(kProgressType, guint64{progress.job}, gint64{progress.progress.position.count()},
                                      time_of(progress.progress.duration)));
}

Record write(const FrameRecord& record) {
  const ChosenFrame& frame = record.frame;
  return serialise('F',
                   g_variant_new("(txsi@md@md@ay)", guint64{record.job}, gint64{frame.time.count()},
                                 fit(frame.reason, kMaxWordBytes).c_str(), gint{frame.scene.value_or(kUnknownScene)},
                                 maybe_double(frame.score), maybe_double(frame.entropy), floats(frame.embedding)));
}

Record write(const DoneRecord& done) {
  const MediaEmbedding& file = done.embedding;
  const Timings& times = file.timings;
  GVariant* scenes =
      g_variant_new_maybe(G_VARIANT_TYPE_UINT32, file.scene_count ? g_variant_new_uint32(*file.scene_count) : nullptr);
  return serialise(
      'D', g_variant_new("(t@aybxxxxss@mus)", guint64{done.job}, floats(file.vector), gboolean{file.is_video},
                         time_of(times.decode), time_of(times.preprocess), time_of(times.queued),
                         time_of(times.inference), fit(file.warning, kMaxMessageBytes).c_str(), to_string(file.method),
                         scenes, fit(file.decoder, kMaxWordBytes).c_str()));
}

Record write(const FailedRecord& failed) {
  const auto* kind = std::ranges::find(kErrorKinds, failed.error.kind);
  const auto number = kind == std::end(kErrorKinds) ? 0 : kind - kErrorKinds;
  return serialise('E', g_variant_new(kFailedType, guint64{failed.job}, static_cast<guchar>(number),
                                      fit(failed.error.message, kMaxMessageBytes).c_str()));
}

// ---- reading ----

// Takes the members of a tuple one by one; one that is not as it must be makes the whole record malformed.
class Reader {
 public:
  explicit Reader(GVariant* tuple) : tuple_(tuple) {}

  bool ok() const { return ok_; }
  void require(bool condition) { ok_ = ok_ && condition; }

  bool boolean() { return g_variant_get_boolean(next().get()); }
  std::uint8_t byte() { return g_variant_get_byte(next().get()); }
  std::uint32_t u32() { return g_variant_get_uint32(next().get()); }
  std::uint64_t u64() { return g_variant_get_uint64(next().get()); }
  std::optional<int> maybe_scene() {
    const int value = g_variant_get_int32(next().get());
    require(value >= kUnknownScene && value < kMaxScenes);
    return value < 0 ? std::nullopt : std::optional(value);
  }

  std::string text(std::size_t most) { return text_of(next().get(), most); }

  std::vector<std::string> texts(std::size_t most) {
    const VariantPtr list = next();
    const gsize count = g_variant_n_children(list.get());
    require(count <= kMaxTexts);
    std::vector<std::string> result;
    for (gsize i = 0; i < count && ok_; ++i)
      result.push_back(text_of(VariantPtr(g_variant_get_child_value(list.get(), i)).get(), most));
    return result;
  }

  nanoseconds time() {
    const gint64 value = g_variant_get_int64(next().get());
    require(value >= 0 && value <= kLongestTime);
    return nanoseconds(value);
  }
  std::optional<nanoseconds> maybe_time() {
    const gint64 value = g_variant_get_int64(next().get());
    require(value >= kUnknownTime && value <= kLongestTime);
    return value < 0 ? std::nullopt : std::optional<nanoseconds>(value);
  }

  std::optional<double> maybe_number() {
    const VariantPtr maybe = next();
    const VariantPtr value(g_variant_get_maybe(maybe.get()));
    if (!value) return std::nullopt;
    require(std::isfinite(g_variant_get_double(value.get())));
    return g_variant_get_double(value.get());
  }

  std::optional<unsigned> maybe_count() {
    const VariantPtr maybe = next();
    const VariantPtr value(g_variant_get_maybe(maybe.get()));
    if (!value) return std::nullopt;
    return g_variant_get_uint32(value.get());
  }

  std::vector<float> floats() {
    const VariantPtr array = next();
    gsize size = 0;
    const void* data = g_variant_get_fixed_array(array.get(), &size, 1);
    require(size % sizeof(float) == 0 && size / sizeof(float) <= kMaxVectorFloats);
    if (!ok_) return {};
    std::vector<float> values(size / sizeof(float));
    if (size > 0) std::memcpy(values.data(), data, size);
    require(std::ranges::all_of(values, [](float value) { return std::isfinite(value); }));
    return values;
  }

  // The pipelines, a tuple of their own.
  PipelineTexts pipelines() {
    const VariantPtr tuple = next();
    Reader in(tuple.get());
    PipelineTexts texts{.still = in.text(kMaxNameBytes), .animation = in.text(kMaxNameBytes), .video = {}};
    texts.video = in.text(kMaxNameBytes);
    require(in.ok());
    return texts;
  }

 private:
  VariantPtr next() { return VariantPtr(g_variant_get_child_value(tuple_, at_++)); }
  std::string text_of(GVariant* value, std::size_t most) {
    gsize size = 0;
    const char* text = g_variant_get_string(value, &size);
    require(size <= most);
    return ok_ ? std::string(text, size) : std::string();
  }

  GVariant* const tuple_;
  gsize at_ = 0;
  bool ok_ = true;
};

struct Parsed {
  char kind;
  VariantPtr value;
};

Result<Parsed> parse(std::span<const std::uint8_t> bytes) {
  if (bytes.size() > kMaxRecordBytes) return malformed("a record that is too large");
  const VariantPtr record(g_variant_ref_sink(g_variant_new_from_bytes(
      G_VARIANT_TYPE("(yv)"),
      std::unique_ptr<GBytes, decltype(&g_bytes_unref)>(g_bytes_new(bytes.data(), bytes.size()), g_bytes_unref).get(),
      FALSE)));
  if (!g_variant_is_normal_form(record.get())) return malformed("a record that is not in normal form");
  const VariantPtr kind(g_variant_get_child_value(record.get(), 0));
  const VariantPtr boxed(g_variant_get_child_value(record.get(), 1));
  return Parsed{static_cast<char>(g_variant_get_byte(kind.get())), VariantPtr(g_variant_get_variant(boxed.get()))};
}

bool has_type(const Parsed& record, const char* type) {
  return g_variant_is_of_type(record.value.get(), G_VARIANT_TYPE(type));
}

Sampling sampling_of(Reader& in) {
  const Result<Sampling> sampling = parse_sampling(in.text(kMaxWordBytes));
  in.require(static_cast<bool>(sampling));
  return sampling ? *sampling : Sampling::kAuto;
}

StartRecord read_start(Reader& in) {
  StartRecord start;
  start.sandbox = in.boolean();
  start.memory = in.u64();
  start.devices = in.texts(kMaxNameBytes);
  start.pipelines = in.pipelines();
  return start;
}

JobRecord read_job(Reader& in) {
  JobRecord job;
  job.id = in.u64();
  job.name = in.text(kMaxNameBytes);
  job.options.frames = in.u32();
  job.options.sampling = sampling_of(in);
  job.options.auto_orient = in.boolean();
  job.options.max_pixels = in.u64();
  job.options.max_frames = in.u64();
  job.options.max_duration = in.time();
  job.normalize = in.boolean();
  job.augment = in.text(kMaxWordBytes);
  job.want_frames = in.boolean();
  return job;
}

ProgressRecord read_progress(Reader& in) {
  ProgressRecord progress{.job = in.u64(), .progress = {}};
  progress.progress.position = in.time();
  progress.progress.duration = in.maybe_time();
  return progress;
}

FrameRecord read_frame(Reader& in) {
  FrameRecord record{.job = in.u64(), .frame = {}};
  ChosenFrame& frame = record.frame;
  frame.time = in.time();
  frame.reason = in.text(kMaxWordBytes);
  frame.scene = in.maybe_scene();
  frame.score = in.maybe_number();
  frame.entropy = in.maybe_number();
  frame.embedding = in.floats();
  return record;
}

DoneRecord read_done(Reader& in) {
  DoneRecord done{.job = in.u64(), .embedding = {}};
  MediaEmbedding& file = done.embedding;
  file.vector = in.floats();
  in.require(!file.vector.empty());
  file.is_video = in.boolean();
  file.timings.decode = in.maybe_time();
  file.timings.preprocess = in.maybe_time();
  file.timings.queued = in.maybe_time();
  file.timings.inference = in.maybe_time();
  file.warning = in.text(kMaxMessageBytes);
  file.method = sampling_of(in);
  file.scene_count = in.maybe_count();
  file.decoder = in.text(kMaxWordBytes);
  return done;
}

FailedRecord read_failed(Reader& in) {
  FailedRecord failed{.job = in.u64(), .error = {Kind::kFailed, {}}};
  const std::uint8_t kind = in.byte();
  in.require(kind < std::size(kErrorKinds));
  if (in.ok()) failed.error.kind = kErrorKinds[kind];
  failed.error.message = in.text(kMaxMessageBytes);
  return failed;
}

LockedRecord read_locked(Reader& in) { return {.warnings = in.texts(kMaxMessageBytes)}; }
ReadyRecord read_ready(Reader&) { return {}; }
UnusableRecord read_unusable(Reader& in) { return {.why = in.text(kMaxMessageBytes)}; }
CancelRecord read_cancel(Reader& in) { return {.id = in.u64()}; }

template <class Variant, class Read>
Result<Variant> read_as(const Parsed& record, const char* type, Read read) {
  if (!has_type(record, type)) return malformed("a record of the wrong type");
  Reader in(record.value.get());
  auto message = read(in);
  if (!in.ok()) return malformed(std::string("a record '") + record.kind + "' with a value out of range");
  return Variant(std::move(message));
}

}  // namespace

Record encode(const ToWorker& record) {
  return std::visit([](const auto& message) { return write(message); }, record);
}

Record encode(const FromWorker& record) {
  return std::visit([](const auto& message) { return write(message); }, record);
}

Result<ToWorker> decode_to_worker(std::span<const std::uint8_t> bytes) {
  const Result<Parsed> record = parse(bytes);
  if (!record) return record.error();
  switch (record->kind) {
    case 'S':
      return read_as<ToWorker>(*record, kStartType, read_start);
    case 'J':
      return read_as<ToWorker>(*record, kJobType, read_job);
    case 'C':
      return read_as<ToWorker>(*record, kCancelType, read_cancel);
    default:
      return malformed("a record of an unknown kind");
  }
}

Result<FromWorker> decode_from_worker(std::span<const std::uint8_t> bytes) {
  const Result<Parsed> record = parse(bytes);
  if (!record) return record.error();
  switch (record->kind) {
    case 'L':
      return read_as<FromWorker>(*record, kLockedType, read_locked);
    case 'R':
      return read_as<FromWorker>(*record, kReadyType, read_ready);
    case 'X':
      return read_as<FromWorker>(*record, kUnusableType, read_unusable);
    case 'P':
      return read_as<FromWorker>(*record, kProgressType, read_progress);
    case 'F':
      return read_as<FromWorker>(*record, kFrameType, read_frame);
    case 'D':
      return read_as<FromWorker>(*record, kDoneType, read_done);
    case 'E':
      return read_as<FromWorker>(*record, kFailedType, read_failed);
    default:
      return malformed("a record of an unknown kind");
  }
}

}  // namespace clipembed
