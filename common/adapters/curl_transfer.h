// One request on one curl easy handle: set up, judged after the handshake, its reply bounded, its end
// translated into HttpReplied or HttpFailed. Used by curl_client's thread only.
#pragma once

#include <curl/curl.h>

#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "common/adapters/credential_source.h"
#include "common/adapters/curl_client.h"
#include "common/adapters/curl_url.h"

namespace metalmesh::adapters {

class CurlTransfer {
 public:
  using Answer = std::variant<HttpReplied, HttpFailed>;

  using EasyHandle = std::unique_ptr<CURL, decltype(&curl_easy_cleanup)>;

  /// `easy` is fresh, or was reset since its last use.
  CurlTransfer(const CurlClientOptions& options, HttpRequest request, Origin origin, EasyHandle easy);
  CurlTransfer(const CurlTransfer&) = delete;
  CurlTransfer& operator=(const CurlTransfer&) = delete;

  /// Fills in the credential and prepares the handle. An answer when the request cannot be sent at all.
  std::optional<Answer> prepare(const CredentialSource& credentials, bool fresh_connection);
  /// What the finished handle amounts to.
  Answer finish(CURLcode code);

  [[nodiscard]] CURL* handle() const { return easy_.get(); }
  /// Reset, for the next transfer. This one is over.
  EasyHandle take_handle();
  [[nodiscard]] const Origin& origin() const { return origin_; }

 private:
  enum class Stop { none, elsewhere, key_changed, no_key, repeated, too_large };

  static int before_request(void* self, char* peer, char*, int, int);
  static std::size_t on_header(const char* bytes, std::size_t size, std::size_t count, void* self);
  static curl_socket_t open_socket(void* self, curlsocktype, curl_sockaddr* address);
  static std::size_t on_body(const char* bytes, std::size_t size, std::size_t count, void* self);

  [[nodiscard]] bool closes_afterwards() const { return request_.last || !options_.keep_alive; }
  void set_request();
  void set_trust();
  bool judge_peer();
  [[nodiscard]] HttpFailed failed(HttpFailure failure, std::string detail) const;
  [[nodiscard]] HttpFailed failed(CURLcode code) const;
  [[nodiscard]] HttpFailed led_outside() const;

  const CurlClientOptions& options_;
  HttpRequest request_;
  Origin origin_;
  EasyHandle easy_;
  std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> header_list_;
  Secret body_;
  char error_[CURL_ERROR_SIZE] = {};
  HttpReplied reply_;
  std::size_t header_bytes_ = 0;
  bool no_socket_ = false;  // this process had no descriptor for it
  std::string outside_;     // an address that it would have led to, and must not
  int sends_ = 0;           // how often this request was about to leave
  Stop stop_ = Stop::none;
};

}  // namespace metalmesh::adapters
