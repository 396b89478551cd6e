// What was said between this site and one BMC for one job: requests, answers in the BMC's own words, and the agent's notes
// between them. Kept in memory while the job lives, bounded, and written down only when somebody will want to read it.
//
// The beginning and the end are kept, the middle makes room. A reading that repeats one of the last few is counted, not
// repeated. Neither headers nor what is said while logging in is kept; what looks like a secret is masked when it is
// written down. After a restart of the agent it begins anew, and says so.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "common/base/time.h"
#include "common/ports/http_client.h"

namespace metalmesh::agent {

class Transcript {
 public:
  void asked(const HttpRequest& request, const Now& now);
  void answered(const HttpReplied& reply, const Now& now);
  void failed(const HttpFailed& failure, const Now& now);
  void note(std::string words, const Now& now);
  /// What the host's screen shows, in Base64: the last one is kept beside what was said, and makes no room.
  void keep_screen(std::string picture, const Now& now);
  /// Nothing that is said from now on makes room, and bodies are kept whole: somebody wants to play it.
  void keep_whole();
  /// What was said before is not known any more.
  void lost_beginning() { lost_beginning_ = true; }

  [[nodiscard]] bool empty() const { return head_.empty(); }
  [[nodiscard]] bool has_screen() const { return !screen_.empty(); }

  /// JSON, one object in each line; the first one has the fields of `about`. `secrets` are masked wherever they stand,
  /// by stars, and so is what looks like one: the same lines come of inputs whose secrets were masked before.
  [[nodiscard]] std::string lines(const std::map<std::string, std::string>& about,
                                  const std::vector<std::string>& secrets) const;

 private:
  struct Entry {
    WallTime at;
    std::string words;  // a note; else it is an exchange
    std::string method;
    std::string path;
    std::string body;
    int status = 0;  // 0: no answer
    std::string reply;
    std::string failure;
    Duration took{};
    std::uint32_t times = 1;
    WallTime last;
    [[nodiscard]] std::size_t size() const;
    [[nodiscard]] bool repeats(const Entry& other) const;
  };
  struct Open {
    Entry entry;
    MonoTime sent;
    bool logs_in = false;
  };
  void finish(const std::string& id, const Now& now, const std::function<void(Open&)>& how);
  void add(Entry entry);
  [[nodiscard]] std::string shortened(std::string text) const;

  std::map<std::string, Open> open_;  // by request id
  std::vector<Entry> head_;
  std::size_t head_size_ = 0;
  std::deque<Entry> tail_;
  std::size_t tail_size_ = 0;
  std::uint64_t left_out_ = 0;  // entries between head and tail
  std::string screen_;
  WallTime screen_at_;
  bool lost_beginning_ = false;
  bool whole_ = false;
};

}  // namespace metalmesh::agent
