// What an agent whose data folder was lost may have left behind on a BMC: media of ours in its slots, and a
// boot override for them. Looked for by an inspection, and taken away when a person says so. Ours is a medium
// whose URL is our media server's, or named as media are named by any agent: whoever had this site before may
// have served from another host. The override is ours as far as it boots such a medium once. Nothing else
// is touched. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "agents/bmc/dialogue.h"

namespace metalmesh::agent {

class Leftovers {
 public:
  /// `media_base`: "https://host:port" that BMCs dial; empty while it is not known.
  Leftovers(std::string media_base, bool take_away)
      : media_base_(std::move(media_base)), take_away_(take_away) {}

  /// Once the slots were found. With `take_away` only after the machine was identified.
  bmc::Verdict go_on(bmc::Dialogue& dialogue, bmc::Turn& turn);
  /// Sentences for people: what is there, afterwards.
  [[nodiscard]] const std::vector<std::string>& found() const { return found_; }

 private:
  [[nodiscard]] bool holds_ours(const redfish::Slot& slot) const;
  bmc::Verdict take_out(bmc::Dialogue& dialogue, bmc::Turn& turn, const std::string& uri);
  bmc::Verdict clear_override(bmc::Dialogue& dialogue, bmc::Turn& turn);
  void list(const bmc::Dialogue& dialogue);

  std::string media_base_;
  bool take_away_;
  bool begun_ = false;
  std::vector<std::string> slots_;  // that held media of ours when we came
  std::size_t next_ = 0;
  unsigned posts_ = 0;
  unsigned looks_ = 0;
  bool override_tried_ = false;
  bool override_done_ = false;
  std::vector<std::string> held_;  // found in slots, and not taken out
  std::vector<std::string> found_;
};

}  // namespace metalmesh::agent
