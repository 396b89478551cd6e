#include "agents/media/server/image_download.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <memory>
#include <optional>
#include <string_view>

#include "agents/media/server/image_transfer.h"

namespace metalmesh::media {
namespace {

constexpr std::size_t header_limit = 1024;  // longer fields are none of ours

struct EasyFree {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
using Easy = std::unique_ptr<CURL, EasyFree>;

struct ListFree {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

/// State of one attempt over HTTP, shared with libcurl's callbacks.
struct HttpTransfer {
  Transfer& transfer;
  CURL* easy = nullptr;
  bool discard = false;  // the body of an error answer
  std::string etag;
  std::string modified;
  std::optional<std::uint64_t> range_start;  // of Content-Range
  std::optional<std::uint64_t> range_total;
  Status verdict;       // why a callback stopped the transfer
  std::string outside;  // why one of its addresses is none to fetch from
};

/// First bytes of a body.
Status begin_body(HttpTransfer& http, std::string_view first) {
  Transfer& transfer = http.transfer;
  long status = 0;  // NOLINT(google-runtime-int): libcurl's type
  curl_off_t length = -1;
  const char* type = nullptr;
  curl_easy_getinfo(http.easy, CURLINFO_RESPONSE_CODE, &status);
  curl_easy_getinfo(http.easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
  curl_easy_getinfo(http.easy, CURLINFO_CONTENT_TYPE, &type);
  if (status >= 300) {
    transfer.began = http.discard = true;
    return {};
  }
  if (status == 206 && http.range_start.value_or(transfer.at) != transfer.at) {
    return fail(ErrorKind::unavailable, "the source answers with another range than it was asked for");
  }
  if (type != nullptr) transfer.type = type;
  transfer.validator = http.etag.empty() ? http.modified : http.etag;
  Offer offer{status == 206, http.range_total};
  if (!offer.total && length >= 0)
    offer.total = (offer.ranged ? transfer.at : 0) + static_cast<std::uint64_t>(length);
  return begin_content(transfer, offer, first);
}

Status take_body(HttpTransfer& http, std::string_view bytes) {
  if (!http.transfer.began) {
    if (auto begun = begin_body(http, bytes); !begun) return begun;
  }
  return http.discard ? Status() : store_content(http.transfer, bytes);
}

std::size_t on_body(char* bytes, std::size_t one, std::size_t count, void* user) {
  auto& http = *static_cast<HttpTransfer*>(user);
  http.verdict = take_body(http, {bytes, one * count});
  return http.verdict ? one * count : 0;
}

/// "bytes 1000-1999/2000" -> 1000 and 2000; a total of "*" is none.
void read_content_range(std::string_view value, HttpTransfer& http) {
  const auto number = [](std::string_view text) -> std::optional<std::uint64_t> {
    std::uint64_t parsed = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), parsed);
    return error == std::errc() && end != text.data() ? std::optional(parsed) : std::nullopt;
  };
  constexpr std::string_view unit = "bytes ";
  if (!value.starts_with(unit)) return;
  value.remove_prefix(unit.size());
  http.range_start = number(value);
  if (const auto slash = value.find('/'); slash != std::string_view::npos)
    http.range_total = number(value.substr(slash + 1));
}

std::size_t on_header(char* bytes, std::size_t one, std::size_t count, void* user) {
  auto& http = *static_cast<HttpTransfer*>(user);
  std::string_view line(bytes, one * count);
  while (!line.empty() && (line.back() == '\r' || line.back() == '\n')) line.remove_suffix(1);
  if (line.starts_with("HTTP/")) {  // a redirect's fields do not count
    http.etag.clear();
    http.modified.clear();
    http.range_start.reset();
    http.range_total.reset();
  }
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos || line.size() > header_limit) return one * count;
  const std::string name(line.substr(0, colon));
  std::string_view value = line.substr(colon + 1);
  value.remove_prefix(std::min(value.find_first_not_of(" \t"), value.size()));
  // If-Range needs a strong validator: no W/"...".
  if (curl_strequal(name.c_str(), "ETag") != 0 && value.starts_with('"')) http.etag = value;
  if (curl_strequal(name.c_str(), "Last-Modified") != 0) http.modified = value;
  if (curl_strequal(name.c_str(), "Content-Range") != 0) read_content_range(value, http);
  return one * count;
}

int on_progress(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  auto& http = *static_cast<HttpTransfer*>(user);
  return !http.transfer.watch.cancelled && (http.discard || go_on(http.transfer)) ? 0 : 1;
}

/// The address itself is judged, whatever name or redirect led to it.
curl_socket_t on_socket(void* user, curlsocktype, curl_sockaddr* address) {
  auto& http = *static_cast<HttpTransfer*>(user);
  std::array<char, INET6_ADDRSTRLEN> text{};
  const void* bytes =
      address->family == AF_INET6
          ? static_cast<const void*>(&reinterpret_cast<sockaddr_in6*>(&address->addr)->sin6_addr)
          : static_cast<const void*>(&reinterpret_cast<sockaddr_in*>(&address->addr)->sin_addr);
  const char* shown = ::inet_ntop(address->family, bytes, text.data(), text.size());
  const Transfer& transfer = http.transfer;
  if (auto why = transfer.options.sources.why_not(shown == nullptr ? "" : shown)) {
    http.outside = std::move(*why);
    return CURL_SOCKET_BAD;
  }
  return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/// What a certificate is judged by, besides what the system trusts.
CURLcode add_ca(CURL*, void* context, void* file) {
  const bool added = SSL_CTX_load_verify_locations(static_cast<SSL_CTX*>(context),
                                                   static_cast<const char*>(file), nullptr) == 1;
  return added ? CURLE_OK : CURLE_SSL_CACERT_BADFILE;
}

Status judge(const HttpTransfer& http, CURLcode code, const char* text) {
  const Transfer& transfer = http.transfer;
  if (!http.verdict) return http.verdict;
  if (transfer.watch.cancelled) return fail(ErrorKind::unavailable, "stopped");
  if (code == CURLE_COULDNT_CONNECT && !http.outside.empty())
    return fail(ErrorKind::unavailable, "nothing is fetched from there: " + http.outside);
  if (code == CURLE_TOO_MANY_REDIRECTS)
    return fail(ErrorKind::unavailable, "the source redirects without an end");
  long status = 0;  // NOLINT(google-runtime-int): libcurl's type
  curl_easy_getinfo(http.easy, CURLINFO_RESPONSE_CODE, &status);
  if (status >= 300) {
    return fail(status == 404 || status == 410 ? ErrorKind::not_found : ErrorKind::unavailable,
                "the source answered HTTP " + std::to_string(status));
  }
  if (code == CURLE_OPERATION_TIMEDOUT && transfer.began)
    return fail(
        ErrorKind::unavailable,
        "the source gives less than " + std::to_string(transfer.options.least_rate) + " bytes per second");
  if (code == CURLE_PEER_FAILED_VERIFICATION)
    return fail(ErrorKind::unavailable,
                (text[0] != '\0' ? text : curl_easy_strerror(code)) +
                    (transfer.options.ca_file.empty()
                         ? std::string("; a CA of your own is named as imageCa in the agent's configuration")
                         : "; trusted are the system's CAs and " + transfer.options.ca_file));
  if (code != CURLE_OK)
    return fail(ErrorKind::unavailable, text[0] != '\0' ? text : curl_easy_strerror(code));
  if (transfer.size > 0 && transfer.at < transfer.size) {
    return fail(ErrorKind::unavailable, "the source ended after " + std::to_string(transfer.at) + " of " +
                                            std::to_string(transfer.size) + " bytes");
  }
  return {};
}

Status fetch_over_http(Transfer& transfer) {
  const Easy easy(curl_easy_init());
  if (!easy) return fail(ErrorKind::internal, "libcurl cannot start");
  HttpTransfer http{transfer, easy.get()};
  std::array<char, CURL_ERROR_SIZE> text{};
  std::unique_ptr<curl_slist, ListFree> fields;
  const auto set = [&](CURLoption option, auto value) { curl_easy_setopt(easy.get(), option, value); };
  set(CURLOPT_URL, transfer.order.url.c_str());
  set(CURLOPT_OPENSOCKETFUNCTION, &on_socket);
  set(CURLOPT_OPENSOCKETDATA, &http);
  set(CURLOPT_PROTOCOLS_STR, "https,http");
  set(CURLOPT_REDIR_PROTOCOLS_STR, "https,http");
  set(CURLOPT_FOLLOWLOCATION, 1L);
  set(CURLOPT_MAXREDIRS, 5L);
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_CONNECTTIMEOUT, transfer.options.connect_seconds);
  set(CURLOPT_LOW_SPEED_LIMIT, transfer.options.least_rate);
  set(CURLOPT_LOW_SPEED_TIME, transfer.options.silence_seconds);
  set(CURLOPT_USERAGENT, "metalmesh");
  set(CURLOPT_ERRORBUFFER, text.data());
  set(CURLOPT_WRITEFUNCTION, &on_body);
  set(CURLOPT_WRITEDATA, &http);
  set(CURLOPT_HEADERFUNCTION, &on_header);
  set(CURLOPT_HEADERDATA, &http);
  set(CURLOPT_NOPROGRESS, 0L);
  set(CURLOPT_XFERINFOFUNCTION, &on_progress);
  set(CURLOPT_XFERINFODATA, &http);
  if (!transfer.options.ca_file.empty()) {
    set(CURLOPT_SSL_CTX_FUNCTION, &add_ca);
    set(CURLOPT_SSL_CTX_DATA, transfer.options.ca_file.c_str());
  }
  const std::string range = std::to_string(transfer.at) + "-";
  if (transfer.at > 0) {
    set(CURLOPT_RANGE, range.c_str());
    if (transfer.can_prove()) {
      fields.reset(curl_slist_append(nullptr, ("If-Range: " + transfer.before->validator).c_str()));
      set(CURLOPT_HTTPHEADER, fields.get());
    }
  }
  const CURLcode code = curl_easy_perform(easy.get());
  long status = 0;  // NOLINT(google-runtime-int): libcurl's type
  curl_easy_getinfo(easy.get(), CURLINFO_RESPONSE_CODE, &status);
  transfer.range_refused = status == 416 || code == CURLE_RANGE_ERROR || code == CURLE_BAD_DOWNLOAD_RESUME;
  transfer.slow = code == CURLE_OPERATION_TIMEDOUT;
  return judge(http, code, text.data());
}

Status fetch_from_file(Transfer& transfer) {
  auto path = path_of_file_url(transfer.order.url);
  if (!path) return std::unexpected(std::move(path.error()));
  const DownloadWatch& watch = transfer.watch;
  const Duration silence = std::chrono::seconds(transfer.options.silence_seconds);
  auto source = watch.files.open(*path, transfer.options.sources, transfer.at,
                                 std::chrono::seconds(transfer.options.connect_seconds), watch.cancelled);
  if (!source) return std::unexpected(std::move(source.error()));
  transfer.range_refused = transfer.at > source->size();
  if (transfer.range_refused)
    return fail(ErrorKind::corrupt,
                "the file has " + std::to_string(source->size()) +
                    " bytes, less than what came from it: " + std::to_string(transfer.at));
  while (go_on(transfer)) {
    auto bytes = source->next(silence, watch.cancelled);
    if (!bytes) {
      transfer.slow = true;
      return std::unexpected(std::move(bytes.error()));
    }
    if (!transfer.began) {
      if (auto begun = begin_content(transfer, {true, source->size()}, *bytes); !begun) return begun;
    }
    if (bytes->empty()) break;
    if (auto stored = store_content(transfer, *bytes); !stored) return stored;
  }
  if (watch.cancelled) return fail(ErrorKind::unavailable, "stopped");
  if (transfer.at < transfer.size) {
    return fail(ErrorKind::unavailable, "the file ended after " + std::to_string(transfer.at) + " of " +
                                            std::to_string(transfer.size) + " bytes");
  }
  return {};
}

Status attempt(Transfer& transfer) {
  if (auto opened = open_part(transfer); !opened) return opened;
  return transfer.order.url.starts_with("file:") ? fetch_from_file(transfer) : fetch_over_http(transfer);
}

}  // namespace

std::string printable_url(const std::string& url) {
  const std::size_t scheme = url.find("://");
  const std::size_t start = scheme == std::string::npos ? 0 : scheme + 3;
  const std::size_t path = std::min(url.find('/', start), url.size());
  const std::size_t user = url.rfind('@', path);
  std::string out = url.substr(0, start);
  out += url.substr(user == std::string::npos || user < start ? start : user + 1);
  return out.substr(0, out.find('?'));
}

DownloadEnd download_image(ImageFolder& folder, const DownloadOrder& order, const DownloadOptions& options,
                           const DownloadWatch& watch) {
  if (!order.url.starts_with("https://") && !order.url.starts_with("http://") &&
      !order.url.starts_with("file:")) {
    return {fail(ErrorKind::invalid, "only https:, http: and file: sources are supported")};
  }
  const auto begin = [&]() -> Transfer {
    Transfer transfer{
        folder, order, options, watch, folder.origin(order.sha256), folder.part_size(order.sha256)};
    transfer.size = order.size;
    const bool strange = order.alone && (!transfer.can_prove() || transfer.before->mixed);
    const bool too_long = order.size > 0 && transfer.resumed_from > order.size;
    if (transfer.resumed_from > 0 && !strange && !too_long) return transfer;
    folder.remove_part(order.sha256);
    transfer.before.reset();
    transfer.resumed_from = 0;
    return transfer;
  };
  Transfer transfer = begin();
  const std::uint64_t have = transfer.resumed_from;
  if (order.size > 0 && have == order.size) return {};  // complete, not verified yet
  DownloadEnd end;
  end.status = attempt(transfer);
  end.slow = transfer.slow;
  end.size = transfer.size;
  if (transfer.began) end.came = transfer.came(transfer.at);
  // A source that refuses the range (416, or a file that shrank) is asked once more from the start, unless
  // the size is known: then it is the source that is wrong, not what is there.
  if (!end.status && have > 0 && transfer.range_refused && order.size == 0 && !watch.cancelled) {
    folder.remove_part(order.sha256);
    Transfer again = begin();
    end.status = attempt(again);
    end.slow = again.slow;
    end.size = again.size;
    if (again.began) end.came = again.came(again.at);
  }
  const std::uint64_t now = folder.part_size(order.sha256);
  end.gained = now > have ? now - have : 0;
  return end;
}

}  // namespace metalmesh::media
