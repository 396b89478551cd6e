// Who follows a stream of the API, on the table.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "tests/unit/controller_api/api_bench.h"

namespace metalmesh::controller {

/// A client: what it was sent, and whether it reads.
class Client {
 public:
  Client(ApiBench& bench, const std::string& target, Headers headers = {},
         const std::string& token = "viewer-token")
      : bench_(bench), id_(bench.next_exchange()) {
    headers.emplace_back("authorization", "Bearer " + token);
    headers.emplace_back("accept", "text/event-stream");
    take(bench.run(ExchangeOpened{id_, "GET", target, std::move(headers), "", ""}));
  }

  void take(const std::vector<Effect>& effects) {
    for (const Effect& effect : effects) {
      if (const auto* reply = std::get_if<ExchangeReply>(&effect); reply != nullptr && reply->id == id_) {
        status = reply->status;
        streaming = reply->stream;
        text += reply->body;
      }
      if (const auto* chunk = std::get_if<ExchangeChunk>(&effect); chunk != nullptr && chunk->id == id_) {
        EXPECT_FALSE(ended);
        ended = chunk->last;
        ++chunks;
        longest_chunk = std::max(longest_chunk, chunk->bytes.size());
        text += chunk->bytes;
      }
    }
  }

  /// Reads until nothing more comes.
  void drain() {
    take(bench_.take_chunks(id_));
    for (int before = -1; before != chunks;) {
      before = chunks;
      take(bench_.run(ExchangeDrained{id_}));
      take(bench_.pass(Duration::zero()));
    }
  }

  /// As they were sent, that of a reset too.
  [[nodiscard]] std::vector<std::string> raw_ids() const {
    std::vector<std::string> found;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) {
      if (line.starts_with("id: ")) found.push_back(line.substr(4));
    }
    return found;
  }
  /// The numbers in them.
  [[nodiscard]] std::vector<std::uint64_t> ids() const {
    std::vector<std::uint64_t> found;
    for (const std::string& id : raw_ids()) found.push_back(std::stoull(id.substr(id.rfind('-') + 1)));
    return found;
  }

  [[nodiscard]] ExchangeId id() const { return id_; }
  bool ended = false;
  int status = 0;
  bool streaming = false;
  std::string text;
  int chunks = 0;
  std::size_t longest_chunk = 0;

 private:
  ApiBench& bench_;
  ExchangeId id_;
};

}  // namespace metalmesh::controller
