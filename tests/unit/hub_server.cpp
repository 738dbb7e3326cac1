#include "tests/unit/hub_server.h"

#include <algorithm>
#include <cstdlib>

namespace clipembed {
namespace {

std::string checksum(GChecksumType type, const std::string& content) {
  g_autofree char* digits =
      g_compute_checksum_for_data(type, reinterpret_cast<const guchar*>(content.data()), content.size());
  return digits;
}

std::string etag_of(const HubFile& file) {
  if (file.etag) return *file.etag;
  if (file.lfs) return checksum(G_CHECKSUM_SHA256, file.content);
  return checksum(G_CHECKSUM_SHA1, "blob " + std::to_string(file.content.size()) + '\0' + file.content);
}

// Hashes each file once, not for every request.
std::map<std::string, HubFile> with_etags(std::map<std::string, HubFile> files) {
  for (auto& [name, file] : files) file.etag = etag_of(file);
  return files;
}

std::string commit_of(const std::map<std::string, HubFile>& files) {
  std::string tree;
  for (const auto& [name, file] : files) tree += name + " " + *file.etag + "\n";
  return checksum(G_CHECKSUM_SHA1, tree);
}

void set_header(SoupServerMessage* message, const char* name, const std::string& value) {
  soup_message_headers_replace(soup_server_message_get_response_headers(message), name, value.c_str());
}

std::string request_header(SoupServerMessage* message, const char* name) {
  const char* value = soup_message_headers_get_one(soup_server_message_get_request_headers(message), name);
  return value ? value : "";
}

void close_connection(SoupServerMessage* message, gpointer) {
  g_socket_close(soup_server_message_get_socket(message), nullptr);
}

}  // namespace

HubServer::HubServer(std::string repo, std::map<std::string, HubFile> files)
    : repo_(std::move(repo)),
      files_(with_etags(std::move(files))),
      commit_(commit_of(files_)),
      context_(g_main_context_new()) {
  thread_ = std::jthread([this](std::stop_token stop) { run(stop); });
  std::unique_lock lock(mutex_);
  started_.wait(lock, [this] { return port_ != 0; });
}

HubServer::~HubServer() {
  thread_.request_stop();
  g_main_context_wakeup(context_);
  thread_.join();
  g_main_context_unref(context_);
}

std::string HubServer::url() const { return "http://127.0.0.1:" + std::to_string(port_); }

void HubServer::arm(const std::string& file, HubFault fault, int times) {
  const std::lock_guard lock(mutex_);
  for (int i = 0; i < times; ++i) faults_.emplace(file, fault);
}

void HubServer::set_ranges(bool supported) {
  const std::lock_guard lock(mutex_);
  ranges_ = supported;
}

void HubServer::require_token(std::string token) {
  const std::lock_guard lock(mutex_);
  token_ = std::move(token);
}

std::vector<HubRequest> HubServer::requests() const {
  const std::lock_guard lock(mutex_);
  return requests_;
}

std::size_t HubServer::count(const std::string& method, const std::string& file) const {
  const std::lock_guard lock(mutex_);
  const auto path = "/" + repo_ + "/resolve/" + commit_ + "/" + file;
  return std::ranges::count_if(requests_, [&](const auto& r) { return r.method == method && r.path == path; });
}

std::optional<HubFault> HubServer::take_fault(const std::string& file) {
  const auto found = faults_.find(file);
  if (found == faults_.end()) return {};
  auto fault = found->second;
  faults_.erase(found);
  return fault;
}

void HubServer::run(std::stop_token stop) {
  g_main_context_push_thread_default(context_);
  {
    const GObjectPtr<SoupServer> server(soup_server_new(nullptr, nullptr));
    const auto on_request = [](SoupServer*, SoupServerMessage* message, const char* path, GHashTable*, gpointer self) {
      static_cast<HubServer*>(self)->handle(message, path);
    };
    soup_server_add_handler(server.get(), nullptr, on_request, this, nullptr);
    if (!soup_server_listen_local(server.get(), 0, SOUP_SERVER_LISTEN_IPV4_ONLY, nullptr)) std::abort();
    GSList* uris = soup_server_get_uris(server.get());
    {
      const std::lock_guard lock(mutex_);
      port_ = g_uri_get_port(static_cast<GUri*>(uris->data));
    }
    started_.notify_one();
    g_slist_free_full(uris, reinterpret_cast<GDestroyNotify>(g_uri_unref));
    while (!stop.stop_requested()) g_main_context_iteration(context_, true);
    soup_server_disconnect(server.get());
  }
  g_main_context_pop_thread_default(context_);
}

void HubServer::handle(SoupServerMessage* message, const std::string& path) {
  const std::lock_guard lock(mutex_);
  const std::string api = "/api/models/" + repo_ + "/revision/";
  const std::string resolve = "/" + repo_ + "/resolve/" + commit_ + "/";
  const std::string cdn = "/cdn/";
  const auto authorization = request_header(message, "Authorization");
  requests_.push_back({soup_server_message_get_method(message), request_header(message, "Host"), path, authorization,
                       request_header(message, "Range")});
  if (path.starts_with(cdn)) return answer_file(message, path.substr(cdn.size()), true);
  if (!token_.empty() && authorization != "Bearer " + token_) {
    set_header(message, "X-Error-Code", "RepoNotFound");
    return soup_server_message_set_status(message, SOUP_STATUS_UNAUTHORIZED, nullptr);
  }
  if (path.starts_with(api)) return answer_api(message, path.substr(api.size()));
  if (path.starts_with(resolve)) return answer_file(message, path.substr(resolve.size()), false);
  set_header(message, "X-Error-Code", "RepoNotFound");
  soup_server_message_set_status(message, SOUP_STATUS_NOT_FOUND, nullptr);
}

void HubServer::answer_api(SoupServerMessage* message, const std::string& revision) {
  const bool known = revision == "main" || revision == "refs/pr/1" || revision == commit_;
  if (const auto fault = take_fault("")) return send_body(message, "", *fault);
  if (!known) {
    set_header(message, "X-Error-Code", "RevisionNotFound");
    return soup_server_message_set_status(message, SOUP_STATUS_NOT_FOUND, nullptr);
  }
  std::string json = "{\"id\": \"" + repo_ + "\", \"sha\": \"" + commit_ + "\", \"siblings\": [";
  for (const char* separator = ""; const auto& [name, file] : files_) {
    json += separator + ("{\"rfilename\": \"" + name + "\"}");
    separator = ", ";
  }
  send_body(message, json + "]}", {});
}

void HubServer::answer_file(SoupServerMessage* message, const std::string& name, bool at_cdn) {
  const auto found = files_.find(name);
  if (found == files_.end()) {
    set_header(message, "X-Error-Code", "EntryNotFound");
    return soup_server_message_set_status(message, SOUP_STATUS_NOT_FOUND, nullptr);
  }
  const HubFile& file = found->second;
  const bool head = soup_server_message_get_method(message) == SOUP_METHOD_HEAD;
  if (!at_cdn) {
    set_header(message, "X-Repo-Commit", commit_);
    set_header(message, file.lfs ? "X-Linked-Etag" : "ETag", "\"" + *file.etag + "\"");
    if (file.lfs) {
      set_header(message, "X-Linked-Size", std::to_string(file.size.value_or(file.content.size())));
      set_header(message, "Location", "http://localhost:" + std::to_string(port_) + "/cdn/" + name);
      return soup_server_message_set_status(message, SOUP_STATUS_FOUND, nullptr);
    }
  }
  send_body(message, file.content, head ? HubFault{} : take_fault(name).value_or(HubFault{}));
}

void HubServer::send_body(SoupServerMessage* message, const std::string& content, const HubFault& fault) {
  SoupMessageHeaders* request = soup_server_message_get_request_headers(message);
  for (const auto& [name, value] : fault.headers) set_header(message, name.c_str(), value);
  if (fault.status != 0) {
    soup_server_message_set_response(message, "application/json", SOUP_MEMORY_COPY, fault.body.data(),
                                     fault.body.size());
    return soup_server_message_set_status(message, fault.status, nullptr);
  }

  const auto size = static_cast<goffset>(content.size());
  goffset first = 0;
  SoupRange* ranges = nullptr;
  int count = 0;
  if (ranges_ && soup_message_headers_get_ranges(request, size, &ranges, &count)) {
    first = ranges[0].start;
    soup_message_headers_free_ranges(request, ranges);
    soup_message_headers_set_content_range(soup_server_message_get_response_headers(message), first, size - 1, size);
  }
  // libsoup would cut the range out by itself, also where this server is to know none.
  soup_message_headers_remove(request, "Range");
  soup_server_message_set_status(message, first > 0 ? SOUP_STATUS_PARTIAL_CONTENT : SOUP_STATUS_OK, nullptr);

  SoupMessageHeaders* headers = soup_server_message_get_response_headers(message);
  SoupMessageBody* body = soup_server_message_get_response_body(message);
  soup_message_headers_set_content_length(headers, size - first);
  const auto rest = static_cast<std::size_t>(size - first);
  const auto sent = std::min(rest, fault.stop_after.value_or(rest));
  soup_message_body_append(body, SOUP_MEMORY_COPY, content.data() + first, sent);
  if (sent == rest) return soup_message_body_complete(body);
  // Left incomplete, the body makes libsoup wait for more.
  const char* moment = sent > 0 ? "wrote-chunk" : "wrote-headers";
  if (!fault.stall) g_signal_connect(message, moment, G_CALLBACK(close_connection), nullptr);
}

}  // namespace clipembed
