#include "lib/engine/remote/server_link.h"

#include <poll.h>

#include <algorithm>
#include <utility>
#include <variant>

#include "lib/engine/threaded_engine.h"

namespace clipembed::remote {
namespace {

using Kind = Error::Kind;
using Clock = std::chrono::steady_clock;

// As many as keep the tower busy while callers catch up; 5 MB of 224 x 224 pictures with batches of 8.
constexpr std::size_t kBatchesUnanswered = 4;

constexpr auto kFirstWait = std::chrono::milliseconds(100);
constexpr auto kLongestWait = std::chrono::milliseconds(2000);

}  // namespace

ServerLink::ServerLink(std::string address, std::string model, Connected connected)
    : address_(std::move(address)),
      model_(std::move(model)),
      info_(std::move(connected.info)),
      socket_(std::move(connected.socket)),
      reader_(expect_answers(info_)),
      max_batch_(static_cast<std::size_t>(connected.max_batch)) {}

// ---- callers ----

std::shared_ptr<RemoteLane> ServerLink::open_lane(const SessionOptions& options) {
  const std::lock_guard lock(mutex_);
  auto lane = std::make_shared<RemoteLane>(next_lane_++, options);
  lanes_.push_back(lane);
  wake_.ring();
  return lane;
}

// One batch of its own always, so that no session keeps another one out.
bool ServerLink::has_room(const RemoteLane& lane) const {
  const auto batch = std::min(static_cast<std::size_t>(std::max(lane.options.batch_size, 1)), max_batch_);
  return lane.pictures.size() < batch || unanswered_ < kBatchesUnanswered * max_batch_;
}

Status ServerLink::submit(const std::shared_ptr<RemoteLane>& session, Picture picture, Session::Completion done,
                          Session::WhenFull when_full) {
  RemoteLane& lane = *session;
  if (Status fits = check_picture(info_, picture); !fits) return fits;
  std::unique_lock lock(mutex_);
  const std::uint64_t cancellations = lane.cancellations;
  const auto was_cancelled = [&] { return lane.cancelled || lane.cancellations != cancellations; };
  const auto failed = [&] { return !available_ && gives_up(lane); };
  if (when_full == Session::WhenFull::kBlock && link_thread_ != std::this_thread::get_id())
    room_.wait(lock, [&] { return was_cancelled() || failed() || has_room(lane); });
  if (was_cancelled()) return cancelled();
  if (failed()) return available_;
  if (!has_room(lane)) return queue_is_full();
  lane.pictures.push_back({std::move(picture), std::move(done), Clock::now()});
  ++lane.next_request;
  ++unanswered_;
  wake_.ring();
  return ok();
}

void ServerLink::flush(RemoteLane& lane) {
  const std::lock_guard lock(mutex_);
  lane.flushed = lane.next_request;
  lane.flush_due = !lane.pictures.empty();
  wake_.ring();
}

// Posts the lane's pictures as ended by `why`.
void ServerLink::withdraw(RemoteLane& lane, const Error& why) {
  for (RemoteLane::Unanswered& picture : lane.pictures) lane.outbox.post(std::move(picture.done), why);
  unanswered_ -= lane.pictures.size();
  lane.pictures.clear();
  lane.sent = 0;
  lane.flush_due = false;
}

void ServerLink::cancel_locked(RemoteLane& lane) {
  lane.cancelled = true;
  ++lane.cancellations;
  lane.cancel_due = lane.cancel_due || lane.sent > 0;
  withdraw(lane, cancelled());
  wake_.ring();
}

void ServerLink::cancel(RemoteLane& lane) {
  {
    const std::lock_guard lock(mutex_);
    cancel_locked(lane);
  }
  room_.notify_all();
  lane.outbox.deliver();
  lane.outbox.wait_until_delivered();
}

void ServerLink::resume(RemoteLane& lane) {
  const std::lock_guard lock(mutex_);
  lane.cancelled = false;
}

// From here on nothing is posted to the lane, and what was is delivered.
void ServerLink::close_lane(RemoteLane& lane) {
  {
    const std::lock_guard lock(mutex_);
    cancel_locked(lane);
    std::erase_if(lanes_, [&](const auto& open) { return open.get() == &lane; });
    if (lane.opened) closed_.push_back(lane.id);
  }
  room_.notify_all();
  lane.outbox.deliver();
  lane.outbox.wait_until_delivered();
}

// ---- link thread ----

void ServerLink::run() {
  {
    const std::lock_guard lock(mutex_);
    link_thread_ = std::this_thread::get_id();
  }
  do {
    const Error lost = talk();
    socket_ = Fd();
    if (stopped()) return;
    change_availability(Error{Kind::kUnavailable, "the engine server at " + address_ + " has gone: " + lost.message});
  } while (find_server());
}

// Until the connection ends, and why it did, or until stop().
Error ServerLink::talk() {
  while (true) {
    write();
    pollfd fds[] = {
        {.fd = socket_.get(), .events = static_cast<short>(POLLIN | (writer_.empty() ? 0 : POLLOUT)), .revents = 0},
        {.fd = wake_.fd(), .events = POLLIN, .revents = 0},
        {.fd = stop_.fd(), .events = POLLIN, .revents = 0}};
    poll(fds, std::size(fds), -1);
    if (fds[2].revents) return {Kind::kCancelled, "the engine was closed"};
    if (fds[1].revents) wake_.clear();
    if (Status answered = read(); !answered) return answered.error();
  }
}

// What the socket takes. When it breaks, what the server has answered may still be read; the end of that is the end.
void ServerLink::write() {
  while (!write_failed_ && (!writer_.empty() || choose_frame())) {
    if (!writer_.write(socket_.get())) {
      write_failed_ = true;
      writer_ = {};
    } else if (!writer_.empty()) {
      return;
    }
  }
}

bool ServerLink::choose_frame() {
  const std::lock_guard lock(mutex_);
  if (!closed_.empty()) {
    writer_.add(encode(CloseSession{closed_.back()}));
    closed_.pop_back();
    return true;
  }
  for (std::size_t turns = lanes_.size(); turns > 0; --turns) {
    std::rotate(lanes_.begin(), lanes_.begin() + 1, lanes_.end());
    if (std::optional<Bytes> frame = lanes_.back()->next_frame()) {
      writer_.add(*std::move(frame));
      return true;
    }
  }
  return false;
}

std::optional<Bytes> RemoteLane::next_frame() {
  if (!std::exchange(opened, true))
    return encode(OpenSession{id, static_cast<std::uint32_t>(std::max(options.batch_size, 1)), options.batch_timeout});
  if (std::exchange(cancel_due, false)) return encode(Cancel{id});
  if (flush_due && first_request() + sent >= flushed) {
    flush_due = false;
    return encode(Flush{id});
  }
  if (sent == pictures.size()) return std::nullopt;
  const std::uint64_t request = first_request() + sent;
  return encode(Submit{id, request, pictures[sent++].picture});
}

Status ServerLink::read() {
  while (true) {
    const Result<bool> complete = reader_.read(socket_.get());
    if (!complete) return complete.error();
    if (!*complete) return ok();
    Result<FromServer> message = decode_from_server(reader_.type(), reader_.body());
    if (!message) return std::move(message).error();
    reader_.next();
    if (Status taken = take(std::get<Answer>(*std::move(message))); !taken) return taken;
  }
}

Status ServerLink::take(Answer answer) {
  std::shared_ptr<RemoteLane> lane;
  {
    const std::lock_guard lock(mutex_);
    const auto found = std::ranges::find_if(lanes_, [&](const auto& open) { return open->id == answer.session; });
    const bool is_known = found != lanes_.end();
    if (is_known ? answer.request < (*found)->first_request() : answer.session < next_lane_)
      return ok();  // cancelled meanwhile
    if (!is_known || (*found)->sent == 0 || answer.request != (*found)->first_request())
      return Error{Kind::kFormat, "an answer to nothing that was asked"};
    lane = *found;
    RemoteLane::Unanswered picture = std::move(lane->pictures.front());
    lane->pictures.pop_front();
    --lane->sent;
    --unanswered_;
    if (answer.result) {  // the way there and back counts as the wait for the batch
      answer.result->queued =
          std::max(answer.result->queued, Clock::now() - picture.submitted - answer.result->inference);
    }
    lane->outbox.post(std::move(picture.done), std::move(answer.result));
  }
  room_.notify_all();
  lane->outbox.deliver();
  return ok();
}

// ---- outages ----

bool ServerLink::gives_up(const RemoteLane& lane) const {
  return lane.options.outage == SessionOptions::Outage::kFail || !can_reconnect(address_);
}

// False when stop() came first.
bool ServerLink::find_server() {
  if (!can_reconnect(address_)) {
    wait_readable(stop_.fd(), -1, Clock::time_point::max());
    return false;
  }
  for (auto wait = kFirstWait;; wait = std::min(2 * wait, kLongestWait)) {
    if (wait_readable(stop_.fd(), -1, Clock::now() + wait)) return false;
    Result<Connected> connected = dial(address_, model_, stop_);
    const Status usable = connected ? same_engine(connected->info) : Status(connected.error());
    if (usable) {
      socket_ = std::move(connected->socket);
      reader_ = FrameReader(expect_answers(info_));
      writer_ = {};
      write_failed_ = false;
      {
        const std::lock_guard lock(mutex_);
        max_batch_ = static_cast<std::size_t>(connected->max_batch);
      }
      change_availability(ok());
      return true;
    }
    // That there is still nobody is no news; that it is the wrong one is.
    const Kind kind = usable.error().kind;
    if ((kind == Kind::kSettings || kind == Kind::kLibrary) && usable.error().message != available_.error().message)
      change_availability(Error{Kind::kUnavailable, usable.error().message});
  }
}

// What an embedding means has to stay; the device may be another.
Status ServerLink::same_engine(const EngineInfo& info) const {
  if (info.model == info_.model && info.revision == info_.revision && info.precision == info_.precision &&
      info.dim == info_.dim && info.input == info_.input)
    return ok();
  const auto describe = [](const EngineInfo& engine) {
    return engine.model + (engine.revision.empty() ? "" : " (" + engine.revision + ")") + " in " +
           to_string(engine.precision) + ", " + std::to_string(engine.dim) + " floats, " +
           std::to_string(engine.input.crop_width) + " x " + std::to_string(engine.input.crop_height) + " pixels";
  };
  return Error{Kind::kSettings, "the engine server at " + address_ + " now serves " + describe(info) +
                                    "; this engine was opened on " + describe(info_)};
}

// With an error the server is gone: what it knew has to be said again to the next one, or is given up. The news goes
// the way of completions, so that it comes in order with them and a session that is destroyed waits for it.
void ServerLink::change_availability(const Status& status) {
  std::vector<std::shared_ptr<RemoteLane>> lanes;
  {
    const std::lock_guard lock(mutex_);
    available_ = status;
    lanes.assign(lanes_.begin(), lanes_.end());
    for (const auto& lane : lanes) {
      if (!status) lose_server(*lane, status.error());
      if (!lane->options.availability_changed) continue;
      lane->outbox.post([changed = lane->options.availability_changed](
                            const Result<Embedding>& news) { changed(news ? ok() : Status(news.error())); },
                        status ? Result<Embedding>(Embedding{}) : status.error());
    }
    if (!status) closed_.clear();
  }
  room_.notify_all();
  for (const auto& lane : lanes) lane->outbox.deliver();
}

void ServerLink::lose_server(RemoteLane& lane, const Error& why) {
  lane.opened = false;
  lane.cancel_due = false;
  lane.sent = 0;
  lane.flush_due = lane.first_request() < lane.flushed;
  if (gives_up(lane)) withdraw(lane, why);
}

}  // namespace clipembed::remote
