#include "controller/cli/api_client.h"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "common/base/check.h"
#include "controller/cli/curl_setup.h"
#include "controller/cli/json_text.h"
#include "controller/cli/wording.h"
#include "schemas/rest/api.pb.h"

namespace metalmesh::cli {
namespace {

constexpr long connect_seconds = 10;
constexpr std::chrono::seconds patience_for_lines = std::chrono::minutes(10);
constexpr std::size_t reply_limit = std::size_t{64} << 20;

std::size_t take_body(char* data, std::size_t size, std::size_t count, void* target) {
  auto& body = *static_cast<std::string*>(target);
  if (body.size() + size * count > reply_limit) return 0;
  body.append(data, size * count);
  return size * count;
}

constexpr std::string_view socket_scheme = "unix:";

ErrorKind kind_of(long status) {
  switch (status) {
    case 401:
    case 403:
      return ErrorKind::denied;
    case 404:
      return ErrorKind::not_found;
    case 409:
    case 412:
      return ErrorKind::conflict;
    case 507:
      return ErrorKind::exhausted;
    default:
      return status >= 500 ? ErrorKind::internal : ErrorKind::invalid;
  }
}

}  // namespace

bool is_socket(std::string_view server) { return server.starts_with(socket_scheme); }

void append_header(HeaderList& list, const std::string& line) {
  curl_slist* longer = curl_slist_append(list.get(), line.c_str());
  MM_CHECK(longer != nullptr);
  (void)list.release();
  list.reset(longer);
}

void set_up(CURL* handle, const Target& target, const std::string& path, HeaderList& headers) {
  if (!target.token.reveal().empty())
    append_header(headers, fmt::format("Authorization: Bearer {}", target.token.reveal()));
  curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT, connect_seconds);
  curl_easy_setopt(handle, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
  if (is_socket(target.server)) {
    curl_easy_setopt(handle, CURLOPT_UNIX_SOCKET_PATH, target.server.substr(socket_scheme.size()).c_str());
    curl_easy_setopt(handle, CURLOPT_URL, ("http://localhost" + path).c_str());
    curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http");
    return;
  }
  curl_easy_setopt(handle, CURLOPT_URL, (target.server + path).c_str());
  curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "https");
  curl_easy_setopt(handle, CURLOPT_SSL_VERIFYPEER, 1L);
  curl_easy_setopt(handle, CURLOPT_SSL_VERIFYHOST, 2L);
  if (!target.ca.empty()) {
    curl_easy_setopt(handle, CURLOPT_CAINFO, target.ca.c_str());
    curl_easy_setopt(handle, CURLOPT_CAPATH, nullptr);
  }
}

Error transport_error(CURLcode code, const Target& target, const char* detail) {
  const std::string_view seen = *detail != '\0' ? detail : curl_easy_strerror(code);
  const auto unreachable = [&](std::string_view next) {
    return Error{code == CURLE_OPERATION_TIMEDOUT ? ErrorKind::timeout : ErrorKind::unavailable,
                 fmt::format("cannot reach the controller at {}: {}\n  next: {}", target.server, seen, next)};
  };
  if (is_socket(target.server))
    return unreachable(
        "run this on the controller's host, as root or as the controller's user, while it runs");
  switch (code) {
    case CURLE_PEER_FAILED_VERIFICATION:
      return unreachable(
          fmt::format("its certificate is not trusted: check --ca ({}) and that the address is one of "
                      "the certificate's names",
                      target.ca.empty() ? "the system's authorities" : target.ca));
    case CURLE_SSL_CACERT_BADFILE:
      return unreachable(fmt::format("check that {} exists and holds PEM certificates", target.ca));
    case CURLE_UNSUPPORTED_PROTOCOL:
      return unreachable("write the address as https://host:port");
    default:
      return unreachable(
          "check the address (--server), and that metalmesh-controller is running; on its host the admin "
          "socket "
          "answers when the network does not: metalmesh --server unix:DATADIR/admin.sock get rollouts");
  }
}

Error refusal(long status, const std::string& body) {
  rest::Problem problem;
  if (!from_json(body, problem) || (problem.detail().empty() && problem.title().empty())) {
    return {kind_of(status), fmt::format("the controller answered HTTP {}: {}", status, body.substr(0, 200))};
  }
  return {kind_of(status), problem_text(problem)};
}

struct ApiClient::Handle {
  CurlHandle curl{curl_easy_init()};
};

ApiClient::ApiClient(Target target) : target_(std::move(target)), handle_(std::make_unique<Handle>()) {
  MM_CHECK(handle_->curl != nullptr);
  while (target_.server.ends_with('/')) target_.server.pop_back();
}
ApiClient::~ApiClient() = default;

Result<std::string> ApiClient::call(const std::string& method, const std::string& path,
                                    const std::string& body, const std::string& if_match) {
  auto reply = perform({.method = method, .path = path, .body = body, .if_match = if_match});
  if (!reply) return std::unexpected(reply.error());
  if (reply->status < 200 || reply->status > 299) return std::unexpected(refusal(reply->status, reply->body));
  return std::move(reply->body);
}

Result<std::string> ApiClient::post_lines(const std::string& path, const std::string& lines) {
  auto reply = perform({.method = "POST",
                        .path = path,
                        .body = lines,
                        .type = "application/x-ndjson",
                        .patience = patience_for_lines});
  if (!reply) return std::unexpected(reply.error());
  const bool tells = reply->status == 200 || (reply->status == 422 && reply->body.contains("\"results\":"));
  if (!tells) return std::unexpected(refusal(reply->status, reply->body));
  return std::move(reply->body);
}

Result<ApiClient::Reply> ApiClient::perform(const Call& call) {
  CURL* curl = handle_->curl.get();
  // Keeps the connection, forgets the options of the last call.
  curl_easy_reset(curl);
  HeaderList headers;
  if (!call.body.empty()) append_header(headers, fmt::format("Content-Type: {}", call.type));
  append_header(headers, "Accept: application/json, application/problem+json");
  if (!call.if_match.empty()) append_header(headers, "If-Match: " + call.if_match);
  set_up(curl, target_, call.path, headers);
  Reply reply;
  std::array<char, CURL_ERROR_SIZE> detail{};
  curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, call.method.c_str());
  if (call.method == "POST" || call.method == "PUT") {
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(call.body.size()));
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, call.body.empty() ? "" : call.body.data());
  }
  const auto patience = call.patience.count() > 0 ? call.patience : target_.patience;
  curl_easy_setopt(curl, CURLOPT_TIMEOUT, static_cast<long>(patience.count()));
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &take_body);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &reply.body);
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, detail.data());
  const CURLcode code = curl_easy_perform(curl);
  if (code != CURLE_OK) return std::unexpected(transport_error(code, target_, detail.data()));
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &reply.status);
  return reply;
}

Status ApiClient::get(const std::string& path, google::protobuf::Message& into) {
  auto reply = call("GET", path);
  if (!reply) return std::unexpected(reply.error());
  into.Clear();
  return from_json(*reply, into);
}

Status ApiClient::send(const std::string& method, const std::string& path,
                       const google::protobuf::Message& body, google::protobuf::Message& into) {
  auto reply = call(method, path, to_json(body));
  if (!reply) return std::unexpected(reply.error());
  into.Clear();
  if (reply->empty()) return {};
  return from_json(*reply, into);
}

}  // namespace metalmesh::cli
