// The virtual media slots of a system, wherever its BMC keeps them, and what one of them shows now.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agents/bmc/discovery.h"
#include "agents/redfish/media_slot.h"

namespace metalmesh::bmc {

class SlotReader {
 public:
  /// All slots of the system; those of its managers, too, unless one that takes a CD from a URL was found.
  /// A hint where they are; if one is not there any more, all are looked for.
  void look_first_at(std::vector<std::string> slots) { hint_ = std::move(slots); }
  Verdict find(Turn& turn, Line& line, Discovery& discovery);
  [[nodiscard]] const std::vector<redfish::Slot>& found() const { return found_; }

  /// The slot as read since `stale` was called; nullptr while it is read, and when it is gone.
  const redfish::Slot* look(Turn& turn, Line& line, const std::string& uri);
  void stale() { fresh_ = false; }
  [[nodiscard]] bool fresh(const std::string& uri) const { return fresh_ && slot_ && slot_->uri == uri; }
  /// The slot looked at last does not exist.
  [[nodiscard]] bool gone() const { return gone_; }
  void forget_gone() { gone_ = false; }
  /// As it was read last.
  [[nodiscard]] const std::optional<redfish::Slot>& last() const { return slot_; }

 private:
  Verdict read_hinted(Turn& turn, Line& line);
  Verdict read_list(Turn& turn, Line& line, const std::string& uri);

  ListReader list_;
  std::size_t next_slot_ = 0;
  std::vector<std::string> read_lists_;
  std::vector<redfish::Slot> found_;
  std::vector<std::string> hint_;
  bool complete_ = false;
  std::optional<redfish::Slot> slot_;
  bool fresh_ = false;
  bool gone_ = false;
};

}  // namespace metalmesh::bmc
