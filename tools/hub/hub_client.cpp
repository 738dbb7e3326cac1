#include "tools/hub/hub_client.h"

#include <algorithm>
#include <array>

#include "lib/model/hub_cache.h"
#include "lib/model/json.h"

namespace clipembed {
namespace {

constexpr int kTooManyRequests = 429;  // libsoup has no name for it

Error malformed(const std::string& subject, const std::string& fault) {
  return {Error::Kind::kFormat, "the hub's answer for " + subject + " " + fault + "; check HF_ENDPOINT"};
}

std::string escaped(const std::string& text, const char* also_allowed) {
  g_autofree char* result = g_uri_escape_string(text.c_str(), also_allowed, false);
  return result;
}

Result<std::vector<std::string>> file_names(const JsonValue& siblings) {
  const auto files = siblings.array();
  if (!files) return files.error();
  std::vector<std::string> names;
  for (const auto& file : *files) {
    const auto member = file.find("rfilename");
    if (!member) return member.error();
    auto name = *member ? (*member)->string() : file.error("rfilename is missing");
    if (!name) return name.error();
    names.push_back(*std::move(name));
  }
  return names;
}

// {"sha": "...", "siblings": [{"rfilename": "..."}, ...], ...}
Result<HubRevision> parse_revision(const std::string& text, const std::string& subject) {
  HubRevision revision;
  const auto root = JsonValue::parse("the hub's answer for " + subject, text);
  if (!root) return root.error();
  if (!root->is_object()) return malformed(subject, "is no object");
  const auto status = JsonFields(*root)
                          .parsed("sha", revision.commit, [](const JsonValue& sha) { return sha.string(); })
                          .parsed("siblings", revision.files, file_names)
                          .status();
  if (!status) return status.error();
  if (!is_commit_hash(revision.commit)) return malformed(subject, "names no commit");
  return revision;
}

// W/"abc" -> abc; empty for what cannot name a file in the cache.
std::string normalized_etag(std::string_view etag) {
  if (etag.starts_with("W/")) etag.remove_prefix(2);
  if (etag.size() >= 2 && etag.starts_with('"') && etag.ends_with('"')) etag = etag.substr(1, etag.size() - 2);
  const bool plain = std::ranges::all_of(etag, [](char c) { return g_ascii_isalnum(c) || c == '-' || c == '_'; });
  return plain && etag.size() <= 128 ? std::string(etag) : "";
}

// The hub's first answer carries these, which is why the redirect to its CDN need not be followed.
bool says_what_is_linked(const HttpReply& reply) {
  return reply.header("X-Linked-Etag") && reply.number("X-Linked-Size");
}

bool is_worth_another_try(int status) {
  return status == SOUP_STATUS_REQUEST_TIMEOUT || status == kTooManyRequests || status >= 500;
}

}  // namespace

HubClient::HubClient(const HubEnvironment& environment, const FetchOptions& options)
    : environment_(environment),
      options_(options),
      http_({environment.endpoint, environment.token, options.stall_timeout, options.cancellable}) {}

std::string HubClient::file_url(const HubId& id, const std::string& commit, const std::string& file) const {
  return environment_.endpoint + "/" + id.repo + "/resolve/" + commit + "/" + escaped(file, "/");
}

Error HubClient::refusal(const HttpReply& reply, const std::string& subject) const {
  const auto code = reply.header("X-Error-Code").value_or("");
  const int status = reply.status();
  const std::string account = environment_.token.empty() ? "set HF_TOKEN to a token of an account that may read it"
                                                         : "check that HF_TOKEN is valid and its account may read it";
  if (code == "GatedRepo" || status == SOUP_STATUS_FORBIDDEN) {
    return {Error::Kind::kSettings,
            subject + " is gated: accept its conditions on its page at " + environment_.endpoint + " and " + account};
  }
  if (code == "RevisionNotFound") {
    return {Error::Kind::kNotFound,
            subject + ": the model exists, the revision does not; check the spelling after '@'"};
  }
  if (status == SOUP_STATUS_UNAUTHORIZED) {
    return {Error::Kind::kNotFound, environment_.endpoint + " does not show " + subject +
                                        ": check the spelling, and where it is private or gated, " + account};
  }
  if (status == SOUP_STATUS_NOT_FOUND) {
    return {Error::Kind::kNotFound,
            environment_.endpoint + " has no " + subject + ": check the spelling of model and revision"};
  }
  const auto kind = is_worth_another_try(status) ? Error::Kind::kNetwork : Error::Kind::kFormat;
  return {kind, reply.host() + " answers " + std::to_string(status) + " for " + subject};
}

Status HubClient::check(const HttpReply& reply, const std::string& subject, Backoff& backoff) const {
  if (SOUP_STATUS_IS_SUCCESSFUL(reply.status())) return ok();
  if (const auto seconds = reply.number("Retry-After")) {
    backoff.ask(std::chrono::seconds(std::min<std::uint64_t>(*seconds, G_MAXINT32)));
  }
  return refusal(reply, subject);
}

Result<std::string> HubClient::read_text(const std::string& url, const std::string& subject, Backoff& backoff) {
  auto reply = http_.send("GET", url);
  if (!reply) return reply.error();
  if (const auto status = check(*reply, subject, backoff); !status) return status.error();
  std::string text;
  std::array<std::byte, 65536> buffer;
  while (text.size() <= kMaxJsonBytes) {
    const auto count = reply->read(buffer);
    if (!count) return count.error();
    if (*count == 0) return text;
    text.append(reinterpret_cast<const char*>(buffer.data()), *count);
  }
  return malformed(subject, "is larger than " + std::to_string(kMaxJsonBytes) + " bytes");
}

Result<HubRevision> HubClient::revision(const HubId& id, bool have_fallback) {
  const auto url = environment_.endpoint + "/api/models/" + id.repo + "/revision/" + escaped(id.revision, nullptr);
  const auto subject = to_string(id);
  for (Backoff backoff(options_);;) {
    const auto text = read_text(url, subject, backoff);
    if (text) return parse_revision(*text, subject);
    if (have_fallback) return text.error();
    if (const auto again = backoff.wait(text.error()); !again) return again.error();
  }
}

Result<HubContent> HubClient::content(const HubId& id, const std::string& commit, const std::string& file) {
  const auto url = file_url(id, commit, file);
  const auto subject = id.repo + "'s " + file;
  for (Backoff backoff(options_);;) {
    const auto reply = http_.send("HEAD", url, 0, says_what_is_linked);
    const bool linked = reply && says_what_is_linked(*reply);
    const Status status = !reply ? Status(reply.error()) : linked ? ok() : check(*reply, subject, backoff);
    if (status) {
      const auto etag = normalized_etag(reply->header(linked ? "X-Linked-Etag" : "ETag").value_or(""));
      const auto size = reply->number(linked ? "X-Linked-Size" : "Content-Length");
      if (etag.empty() || !size) return malformed(subject, "has no usable ETag or size");
      if (reply->header("X-Repo-Commit").value_or(commit) != commit) return malformed(subject, "is of another commit");
      return HubContent{etag, *size};
    }
    if (const auto again = backoff.wait(status.error()); !again) return again.error();
  }
}

Result<HubClient::Bytes> HubClient::bytes(const HubId& id, const std::string& commit, const std::string& file,
                                          const HubContent& content, std::uint64_t offset, Backoff& backoff) {
  const auto url = file_url(id, commit, file);
  const auto subject = id.repo + "'s " + file;
  auto reply = http_.send("GET", url, offset);
  if (reply && reply->status() == SOUP_STATUS_REQUESTED_RANGE_NOT_SATISFIABLE) {
    offset = 0;
    reply = http_.send("GET", url);
  }
  if (!reply) return reply.error();
  if (const auto status = check(*reply, subject, backoff); !status) return status.error();
  if (reply->status() != SOUP_STATUS_PARTIAL_CONTENT) return Bytes{*std::move(reply), 0};
  const auto range = reply->content_range();
  if (!range || range->first != offset || range->total != content.size) {
    return malformed(subject, "is not the range that was asked for");
  }
  return Bytes{*std::move(reply), offset};
}

}  // namespace clipembed
