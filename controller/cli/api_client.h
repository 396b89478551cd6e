// The controller's REST API over HTTPS, one blocking request at a time. The peer's certificate and host name
// are always verified. For one thread.
#pragma once

#include <google/protobuf/message.h>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/base/secret.h"

namespace metalmesh::cli {

/// Where the controller is and how to speak to it.
struct Target {
  std::string server;  // https://host:port, or unix:/path of the admin socket on its host
  std::string ca;      // PEM file; empty: the system's authorities
  Secret token;
  std::chrono::seconds patience{60};  // for one request, answer included
};

bool is_socket(std::string_view server);

/// An error of kind `unavailable` or `timeout` means the controller was not reached; every other kind is its
/// refusal, in the words of its problem+json.
class ApiClient {
 public:
  explicit ApiClient(Target target);
  ~ApiClient();
  ApiClient(const ApiClient&) = delete;
  ApiClient& operator=(const ApiClient&) = delete;

  /// `path` begins with "/". The reply's body on success.
  Result<std::string> call(const std::string& method, const std::string& path, const std::string& body = {},
                           const std::string& if_match = {});
  /// POST a body of lines, which may take long. A reply that tells of each line is a reply, also when the controller
  /// took none of them (422).
  Result<std::string> post_lines(const std::string& path, const std::string& lines);
  /// GET into a message.
  Status get(const std::string& path, google::protobuf::Message& into);
  /// POST or PUT a message, the reply into another.
  Status send(const std::string& method, const std::string& path, const google::protobuf::Message& body,
              google::protobuf::Message& into);

  [[nodiscard]] const Target& target() const { return target_; }

 private:
  struct Handle;
  struct Reply {
    long status = 0;
    std::string body;
  };
  struct Call {
    std::string method;
    std::string path;
    std::string_view body = {};
    std::string_view type = "application/json";
    std::string if_match = {};
    std::chrono::seconds patience{0};  // 0: as for any other
  };
  Result<Reply> perform(const Call& call);
  Target target_;
  std::unique_ptr<Handle> handle_;
};

}  // namespace metalmesh::cli
