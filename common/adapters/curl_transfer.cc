#include "common/adapters/curl_transfer.h"

#include <netinet/in.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/network_v4.hpp>
#include <boost/asio/ip/network_v6.hpp>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

#include "common/adapters/credential_body.h"
#include "common/adapters/descriptors.h"
#include "common/adapters/openssl_handles.h"
#include "common/base/digest.h"
#include "common/ports/tls_words.h"
#include "common/text/letters.h"

namespace metalmesh::adapters {
namespace {

constexpr std::size_t header_limit = 64U << 10;

bool header_safe(std::string_view text) {
  return text.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos;
}

bool is_token(std::string_view text) {
  return !text.empty() &&
         std::ranges::all_of(text, [](char c) { return is_alnum(c) || c == '-' || c == '_'; });
}

/// Sending it twice is the same as sending it once (RFC 9110 9.2.2), as far as a BMC keeps to that.
bool repeatable(std::string_view method) { return method == "GET" || method == "HEAD"; }

long milliseconds(Duration duration) {
  return std::max<long>(1, static_cast<long>(std::chrono::ceil<std::chrono::milliseconds>(duration).count()));
}

/// SHA-256 (hex) of the public key that the connection of `easy` has shown; empty without TLS.
std::string peer_key(CURL* easy) {
  curl_tlssessioninfo* info = nullptr;
  if (curl_easy_getinfo(easy, CURLINFO_TLS_SSL_PTR, &info) != CURLE_OK || info == nullptr) return {};
  if (info->backend != CURLSSLBACKEND_OPENSSL || info->internals == nullptr) return {};
  const CertificateHandle certificate(SSL_get1_peer_certificate(static_cast<SSL*>(info->internals)));
  if (!certificate) return {};
  const std::string key = spki_der(certificate.get());
  return key.empty() ? std::string() : to_hex(sha256(key));
}

namespace ip = boost::asio::ip;

ip::address address_in(const sockaddr& at) {
  if (at.sa_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(at);
    return ip::address_v4(ntohl(v4.sin_addr.s_addr));
  }
  ip::address_v6::bytes_type bytes{};
  std::memcpy(bytes.data(), &reinterpret_cast<const sockaddr_in6&>(at).sin6_addr, bytes.size());
  const ip::address_v6 v6(bytes);
  if (v6.is_v4_mapped()) return ip::make_address_v4(ip::v4_mapped, v6);
  return v6;
}

bool holds(const std::string& network, const ip::address& address) {
  boost::system::error_code wrong;
  if (address.is_v4()) {
    const auto range = ip::make_network_v4(network, wrong);
    return !wrong && ip::network_v4(address.to_v4(), range.prefix_length()).canonical() == range.canonical();
  }
  const auto range = ip::make_network_v6(network, wrong);
  return !wrong && ip::network_v6(address.to_v6(), range.prefix_length()).canonical() == range.canonical();
}

/// Where there are none, every address is fine.
bool any_holds(const std::vector<std::string>& networks, const ip::address& address) {
  return networks.empty() || std::ranges::any_of(networks, [&](const auto& n) { return holds(n, address); });
}

struct FailureRow {
  CURLcode code;
  HttpFailure failure;
};
constexpr std::array failure_table = {
    FailureRow{CURLE_COULDNT_RESOLVE_HOST, HttpFailure::name_unknown},
    FailureRow{CURLE_COULDNT_CONNECT, HttpFailure::refused},
    FailureRow{CURLE_OPERATION_TIMEDOUT, HttpFailure::timed_out},
    FailureRow{CURLE_FILESIZE_EXCEEDED, HttpFailure::too_large},
    FailureRow{CURLE_PEER_FAILED_VERIFICATION, HttpFailure::tls_refused},
    FailureRow{CURLE_SSL_CONNECT_ERROR, HttpFailure::tls_refused},
    FailureRow{CURLE_SSL_CACERT_BADFILE, HttpFailure::tls_refused},
    FailureRow{CURLE_SSL_CERTPROBLEM, HttpFailure::tls_refused},
    FailureRow{CURLE_SSL_CIPHER, HttpFailure::tls_refused},
};

}  // namespace

CurlTransfer::CurlTransfer(const CurlClientOptions& options, HttpRequest request, Origin origin,
                           EasyHandle easy)
    : options_(options),
      request_(std::move(request)),
      origin_(std::move(origin)),
      easy_(std::move(easy)),
      header_list_(nullptr, curl_slist_free_all) {}

CurlTransfer::EasyHandle CurlTransfer::take_handle() {
  curl_easy_reset(easy_.get());
  return std::move(easy_);
}

std::optional<CurlTransfer::Answer> CurlTransfer::prepare(const CredentialSource& credentials,
                                                          bool fresh_connection) {
  if (!easy_) return failed(HttpFailure::refused, "out of memory");
  if (origin_.scheme == "http" && !options_.allow_plain_http) {
    return failed(HttpFailure::tls_refused, "the URL is not https, so nothing proves who answers");
  }
  if (!is_token(request_.method)) return failed(HttpFailure::refused, "the method is not a word");
  for (const auto& [name, value] : request_.headers) {
    if (!is_token(name) || !header_safe(value)) {
      return failed(HttpFailure::refused, "the value of header " + name + " cannot be sent");
    }
  }
  if (request_.credential || wants_credential(request_.body)) {
    const std::string name = request_.credential.value_or("");
    const auto credential = credentials.lookup(name);
    if (!credential)
      return failed(HttpFailure::no_credential, "this site has no credential named '" + name + "'");
    body_ = fill_credential(request_.body, credential->first, credential->second);
    if (request_.basic) {
      curl_easy_setopt(easy_.get(), CURLOPT_HTTPAUTH, static_cast<long>(CURLAUTH_BASIC));
      curl_easy_setopt(easy_.get(), CURLOPT_USERNAME, credential->first.c_str());
      curl_easy_setopt(easy_.get(), CURLOPT_PASSWORD, std::string(credential->second.reveal()).c_str());
    }
  } else {
    body_ = Secret(std::move(request_.body));
  }
  request_.body.clear();

  CURL* easy = easy_.get();
  curl_easy_setopt(easy, CURLOPT_PRIVATE, this);
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, error_);
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_PROXY, "");
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  curl_easy_setopt(easy, CURLOPT_USERAGENT, "metalmesh");
  curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
  // Some compress whatever they are asked; what is asked for is in the request's own header.
  curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "identity");
  // The default of 64 KiB, taken and given back with each body, makes malloc tidy up its pools every time.
  curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, 16L << 10);
  // What a BMC says has some KiB; hundreds are asked at once.
  curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, 4L << 10);
  // Its cache is searched through for old names after each transfer; a kept connection asks for no name.
  curl_easy_setopt(easy, CURLOPT_DNS_CACHE_TIMEOUT, 0L);
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, milliseconds(request_.timeout));
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
                   milliseconds(std::min(request_.timeout, options_.connect_timeout)));
  curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN,
                   static_cast<long>(std::chrono::ceil<std::chrono::seconds>(options_.idle_limit).count()));
  curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, fresh_connection || !options_.keep_alive ? 1L : 0L);
  curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, closes_afterwards() ? 1L : 0L);
  curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, &CurlTransfer::before_request);
  curl_easy_setopt(easy, CURLOPT_PREREQDATA, this);
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, &CurlTransfer::on_header);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, this);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &CurlTransfer::on_body);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, this);
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, &CurlTransfer::open_socket);
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, this);
  set_trust();
  set_request();
  return std::nullopt;
}

/// libcurl does not tell why there was no socket.
curl_socket_t CurlTransfer::open_socket(void* self, curlsocktype, curl_sockaddr* address) {
  auto& transfer = *static_cast<CurlTransfer*>(self);
  if (const ip::address to = address_in(address->addr); !any_holds(transfer.request_.within, to)) {
    transfer.outside_ = to.to_string();
    return CURL_SOCKET_BAD;
  }
  const int socket = ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
  if (socket < 0 && is_out_of_descriptors(errno)) transfer.no_socket_ = true;
  return socket < 0 ? CURL_SOCKET_BAD : socket;
}

void CurlTransfer::set_trust() {
  CURL* easy = easy_.get();
  const bool chain = request_.trust == TlsTrust::ca;
  // pin and capture judge the key alone, in before_request.
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, chain ? 1L : 0L);
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, chain ? 2L : 0L);
  curl_easy_setopt(easy, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  // A resumed session proves knowledge of the old session, not possession of the key.
  curl_easy_setopt(easy, CURLOPT_SSL_SESSIONID_CACHE, 0L);
  // libcurl parses the system's 140 authorities for every connection, even where nothing is verified.
  if (!chain || !options_.ca_file.empty()) {
    curl_easy_setopt(easy, CURLOPT_CAINFO, chain ? options_.ca_file.c_str() : nullptr);
    curl_easy_setopt(easy, CURLOPT_CAPATH, nullptr);
  }
}

void CurlTransfer::set_request() {
  CURL* easy = easy_.get();
  reply_ = HttpReplied{request_.id, 0, {}, {}, {}};
  header_bytes_ = 0;
  sends_ = 0;
  stop_ = Stop::none;
  curl_slist* list = nullptr;
  bool content_type = false;
  for (const auto& [name, value] : request_.headers) {
    content_type = content_type || to_lower(name) == "content-type";
    // "Name;" is curl's way to send a header with no value.
    list = curl_slist_append(list, (value.empty() ? name + ";" : name + ": " + value).c_str());
  }
  if (closes_afterwards()) list = curl_slist_append(list, "Connection: close");
  list = curl_slist_append(list, "Expect:");  // BMCs do not know 100-continue
  if (!content_type)
    list = curl_slist_append(list, body_.empty() ? "Content-Type:" : "Content-Type: application/json");
  header_list_.reset(list);
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, list);
  curl_easy_setopt(easy, CURLOPT_URL, request_.url.c_str());

  const bool sends_body =
      !body_.empty() || request_.method == "POST" || request_.method == "PUT" || request_.method == "PATCH";
  if (sends_body) {
    curl_easy_setopt(easy, CURLOPT_POST, 1L);
    const std::string_view body = body_.reveal();  // not copied: body_ outlives the transfer
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body.data());  // NOLINT: its size is set
  } else {
    curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
    curl_easy_setopt(easy, CURLOPT_NOBODY, request_.method == "HEAD" ? 1L : 0L);
  }
  curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST,
                   request_.method == "HEAD" ? nullptr : request_.method.c_str());
}

int CurlTransfer::before_request(void* self, char* peer, char*, int, int) {
  auto& transfer = *static_cast<CurlTransfer*>(self);
  // A connection that was kept may be older than the networks.
  boost::system::error_code wrong;
  if (const auto to = ip::make_address(peer, wrong); wrong || !any_holds(transfer.request_.within, to)) {
    transfer.outside_ = peer;
    transfer.stop_ = Stop::elsewhere;
    return CURL_PREREQFUNC_ABORT;
  }
  // libcurl repeats a request by itself when a reused connection dies before a byte of the reply came. The
  // BMC may have acted on it, so only what is harmless to repeat may be.
  if (++transfer.sends_ > 1 && !repeatable(transfer.request_.method)) {
    transfer.stop_ = Stop::repeated;
    return CURL_PREREQFUNC_ABORT;
  }
  return transfer.judge_peer() ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT;
}

bool CurlTransfer::judge_peer() {
  if (origin_.scheme == "http") return true;
  reply_.peer_key_sha256 = peer_key(easy_.get());
  if (reply_.peer_key_sha256.empty())
    stop_ = Stop::no_key;
  else if (request_.trust == TlsTrust::pin && reply_.peer_key_sha256 != to_lower(request_.pin_sha256))
    stop_ = Stop::key_changed;
  return stop_ == Stop::none;
}

std::size_t CurlTransfer::on_header(const char* bytes, std::size_t size, std::size_t count, void* self) {
  auto& transfer = *static_cast<CurlTransfer*>(self);
  const std::string_view line(bytes, size * count);
  transfer.header_bytes_ += line.size();
  if (transfer.header_bytes_ > header_limit) {
    transfer.stop_ = Stop::too_large;
    return 0;
  }
  // Each status line starts over: 100 Continue comes with a header of its own.
  if (line.starts_with("HTTP/"))
    transfer.reply_.headers.clear();
  else if (const auto colon = line.find(':'); colon != std::string_view::npos) {
    transfer.reply_.headers.emplace_back(to_lower(trimmed(line.substr(0, colon))),
                                         trimmed(line.substr(colon + 1)));
  }
  return line.size();
}

std::size_t CurlTransfer::on_body(const char* bytes, std::size_t size, std::size_t count, void* self) {
  auto& transfer = *static_cast<CurlTransfer*>(self);
  if (transfer.reply_.body.size() + size * count > transfer.request_.reply_limit) {
    transfer.stop_ = Stop::too_large;
    return 0;
  }
  transfer.reply_.body.append(bytes, size * count);
  return size * count;
}

CurlTransfer::Answer CurlTransfer::finish(CURLcode code) {
  switch (stop_) {
    case Stop::none:
      break;
    case Stop::key_changed:
      return failed(HttpFailure::key_changed, reply_.peer_key_sha256);
    case Stop::no_key:
      return failed(HttpFailure::tls_refused, "the peer showed no certificate");
    case Stop::elsewhere:
      return led_outside();
    case Stop::repeated:
      return failed(HttpFailure::dropped, "the connection closed before a reply came");
    case Stop::too_large:
      return failed(HttpFailure::too_large,
                    "the reply is longer than " + std::to_string(request_.reply_limit) + " bytes");
  }
  if (code != CURLE_OK) return failed(code);
  long status = 0;
  curl_easy_getinfo(easy_.get(), CURLINFO_RESPONSE_CODE, &status);
  reply_.status = static_cast<int>(status);
  return std::move(reply_);
}

HttpFailed CurlTransfer::failed(HttpFailure failure, std::string detail) const {
  return HttpFailed{request_.id, failure, std::move(detail)};
}

HttpFailed CurlTransfer::led_outside() const {
  return failed(HttpFailure::elsewhere,
                "its name leads to " + outside_ + ", which is in none of the networks that its site allows");
}

HttpFailed CurlTransfer::failed(CURLcode code) const {
  const bool no_connection = code == CURLE_COULDNT_CONNECT || code == CURLE_COULDNT_RESOLVE_HOST ||
                             code == CURLE_OUT_OF_MEMORY || code == CURLE_FAILED_INIT;
  if (sends_ == 0 && no_connection && !outside_.empty()) return led_outside();
  if (sends_ == 0 && no_connection && (no_socket_ || out_of_descriptors()))
    return failed(HttpFailure::local, no_descriptor_left());
  const std::string detail = error_[0] != '\0' ? error_ : curl_easy_strerror(code);
  // Nothing has left yet, so nothing can have happened at the other end: say `refused`, not "effect unknown".
  const bool sent = sends_ > 0;
  if (!sent && code == CURLE_OPERATION_TIMEDOUT)
    return failed(HttpFailure::refused, "no connection in time: " + detail);
  if (code == CURLE_SSL_CONNECT_ERROR) {
    // Did TLS say why, or did the line break? Not by CURLINFO_OS_ERRNO: a handle that is used again keeps the number
    // of a connection that was refused long before.
    const bool tls_spoke =
        detail.find("error:") != std::string::npos && detail.find("unexpected eof") == std::string::npos;
    // `sent`: an earlier, kept connection took the request and died with it.
    if (!tls_spoke)
      return failed(sent ? HttpFailure::dropped : HttpFailure::refused,
                    "the connection closed during the TLS handshake: " + detail);
    // We offer 1.2 and 1.3; it says that it has neither, or answers with an older one.
    const bool old = detail.find("protocol version") != std::string::npos ||
                     detail.find("unsupported protocol") != std::string::npos;
    if (old) return failed(HttpFailure::tls_refused, std::string(only_old_tls) + " (" + detail + ")");
  }
  const auto row = std::ranges::find(failure_table, code, &FailureRow::code);
  if (row != failure_table.end()) return failed(row->failure, detail);
  return failed(sent ? HttpFailure::dropped : HttpFailure::refused, detail);
}

}  // namespace metalmesh::adapters
