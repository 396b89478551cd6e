// HTTP towards BMCs, and towards nothing else. Effects go out with `start`; exactly one HttpReplied or
// HttpFailed input comes back per request (unless the process dies first).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/base/time.h"

namespace metalmesh {

using Headers = std::vector<std::pair<std::string, std::string>>;

/// How the peer proves who it is. `pin` compares the SHA-256 of the peer's public key (SPKI, DER) and
/// nothing else; `ca` verifies chain and host name against the configured CA; `capture` accepts any key
/// and reports it, for the first read-only contact only.
enum class TlsTrust { pin, ca, capture };

struct HttpRequest {
  /// Chosen by the core, unique among running requests; names the job so that logs and traces read well.
  std::string id;
  std::string method;  // GET POST PATCH DELETE PUT
  std::string url;     // https://address[:port]/path
  Headers headers;
  std::string body;
  TlsTrust trust = TlsTrust::pin;
  std::string pin_sha256;  // hex, with trust == pin
  /// Name of a site credential. The adapter (never the core) replaces the two placeholders below in `body`
  /// by the JSON-escaped values. So no secret is in a core, a row, a message or a log.
  std::optional<std::string> credential;
  /// The credential goes into an Authorization header (HTTP Basic) instead: for BMCs without sessions.
  bool basic = false;
  Duration timeout = std::chrono::seconds(30);
  std::uint32_t reply_limit = 1U << 20;  // bytes; a longer reply is HttpFailed{too_large}
  /// Nothing more is asked over its connection, which is closed after the reply: BMCs have few of them.
  bool last = false;
  /// Networks (CIDR) one of which must hold the address that is dialled; none: anywhere.
  std::vector<std::string> within;
  bool operator==(const HttpRequest&) const = default;
};
inline constexpr char credential_user_placeholder[] = "@@METALMESH-USER@@";
inline constexpr char credential_password_placeholder[] = "@@METALMESH-PASSWORD@@";

struct HttpReplied {
  std::string id;
  int status = 0;
  Headers headers;  // names in lower case
  std::string body;
  std::string peer_key_sha256;  // hex of the SPKI digest that the connection showed
  bool operator==(const HttpReplied&) const = default;
};

enum class HttpFailure {
  refused,        // nothing listens, or no route
  timed_out,      // no (complete) answer in time; the effect is unknown
  dropped,        // connection closed or reset mid-way; the effect is unknown
  name_unknown,   // the host name does not resolve
  tls_refused,    // handshake failed: chain, host name, protocol
  key_changed,    // the pinned key does not match; `detail` holds the key that was shown (hex)
  too_large,      // reply longer than reply_limit
  no_credential,  // the named credential does not exist at this site
  local,          // nothing was sent: this process could not (no descriptor left, ...), whoever was asked
  elsewhere,      // nothing was sent: the name leads to an address outside of HttpRequest::within
};

struct HttpFailed {
  std::string id;
  HttpFailure failure = HttpFailure::refused;
  std::string detail;
  bool operator==(const HttpFailed&) const = default;
};

/// Redirects are answers like others: whoever asks decides whether to follow, and remembers.
class HttpClient {
 public:
  virtual ~HttpClient() = default;
  /// Requests to one BMC run in the order given; different BMCs run side by side.
  virtual void start(HttpRequest request) = 0;
};

}  // namespace metalmesh
