// One box's image store: what is on its disk, what it fetches, and what rots there. The files outlive the agent; a
// fetch that its agent's end, or a cut, broke off is resumed by the next one.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "common/ports/image_files.h"
#include "common/ports/input.h"
#include "tests/sim/event_queue.h"

namespace metalmesh::sim {

class SimImages {
 public:
  using Deliver = std::function<void(Input)>;
  /// What a source gives to one fetch, and how long all of an image takes.
  struct Source {
    enum class Gives { all, nothing, half, other_bytes } gives = Gives::all;
    Duration takes{};
  };
  using AskSource = std::function<Source(const std::string& url, std::uint64_t from)>;

  SimImages(EventQueue& events, AskSource ask);

  /// For longer answer files.
  void make_room(std::uint64_t room) { room_ = room; }
  void fetch(const ImageFetch& fetch, Deliver deliver);
  void drop(const ImageDrop& drop);
  void verify(const ImageVerify& verify, Deliver deliver);
  /// The agent's process ended: its transfers with it.
  void agent_down();
  /// The disk is another one.
  void lose();
  /// A bit turns over, and nobody knows yet.
  void rot(const std::string& sha256);

 private:
  struct File {
    std::uint64_t bytes = 0;
    bool rotten = false;
    bool verified = false;  // in this life of the agent
  };
  struct Trial;
  void try_next(const std::shared_ptr<Trial>& trial);
  void end(const Trial& trial, Input answer);
  [[nodiscard]] bool whole(const std::string& sha256) const;

  EventQueue& events_;
  std::uint64_t room_;
  AskSource ask_;
  std::map<std::string, File> files_;                      // by digest; a part too
  std::map<std::string, std::shared_ptr<Trial>> running_;  // by digest
};

}  // namespace metalmesh::sim
