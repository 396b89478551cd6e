// All that a BMC shows of one machine and of itself, read resource by resource: for people who are to see what we saw.
#pragma once

#include <deque>
#include <set>
#include <string>

#include "agents/bmc/dialogue.h"

namespace metalmesh::agent {

class TreeWalk {
 public:
  /// What it links to is read later. Logs, accounts, registries and sensors are not.
  void saw(const HttpReplied& reply);
  /// Done when nothing is left to read, or enough was read.
  bmc::Verdict go_on(bmc::Dialogue& dialogue, bmc::Turn& turn);

 private:
  std::deque<std::string> left_;
  std::set<std::string> known_;  // read, or left to be
  unsigned read_ = 0;
};

}  // namespace metalmesh::agent
