// ports/http_client over libcurl: one thread on curl_multi_poll. Requests to one host:port run one at a time
// in the order given; different hosts run side by side, as many as there may be connections: others wait for
// their turn, and kept connections that are idle make room, the oldest first. A host keeps one connection at
// most. start() is safe from any thread.
//
// TLS: the peer's key is read and judged after the handshake and before a byte of the request leaves, on new
// and on reused connections alike. A connection made under one trust is never used under another. A request
// that is not idempotent is never sent a second time when a reused connection turns out to be dead: that is
// `dropped`. Redirects are answers: whoever asks decides. Compressed replies are unpacked, whatever was asked
// for. Proxies and netrc of the environment are ignored.
#pragma once

#include <memory>
#include <string>

#include "common/adapters/credential_source.h"
#include "common/base/time.h"
#include "common/ports/http_client.h"
#include "common/ports/sink.h"

namespace metalmesh::adapters {

struct CurlClientOptions {
  std::string ca_file;            // PEM, for TlsTrust::ca; empty: the system's
  bool keep_alive = true;         // false: a new connection for each request
  bool allow_plain_http = false;  // http:// URLs carry no proof of who answers: for tests and labs
  Duration connect_timeout = std::chrono::seconds(10);
  /// Idle connections older than this are not used again: BMCs drop them silently.
  Duration idle_limit = std::chrono::seconds(20);
  std::size_t queued_per_host = 1024;  // more are answered `refused`
  std::size_t connections = 1024;      // in use and kept, to all hosts together
};

class CurlClient final : public HttpClient {
 public:
  CurlClient(CurlClientOptions options, const CredentialSource& credentials, Sink& sink);
  /// Running and queued requests are dropped without an answer; nothing is delivered after it has returned.
  ~CurlClient() override;
  void start(HttpRequest request) override;

 private:
  class Loop;
  std::unique_ptr<Loop> loop_;
};

}  // namespace metalmesh::adapters
