// Server-Sent Events, incrementally: bytes in as they come, whole messages out. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace metalmesh::cli {

struct SseMessage {
  std::string id;     // empty: unnumbered
  std::string event;  // "message" when the stream does not say
  std::string data;
  bool operator==(const SseMessage&) const = default;
};

class SseParser {
 public:
  std::vector<SseMessage> feed(std::string_view bytes);
  /// Of the newest whole message that had one, also where it had no data: what a reader comes back with.
  [[nodiscard]] const std::string& last_id() const { return last_id_; }

 private:
  void take_line(std::string_view line, std::vector<SseMessage>& out);
  std::string pending_;  // an unfinished line
  SseMessage message_;
  std::string last_id_;
  bool has_data_ = false;
};

}  // namespace metalmesh::cli
