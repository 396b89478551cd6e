// The agent looks at itself, because a person asked: its clock, its disk, its standing with the controller, the port at
// which BMCs find their media, and the way to where images come from. What must be tried is tried with a connection that
// carries nothing; the answer is one event. The newest question counts, and one that a restart cut off is asked anew.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "agents/core/event_journal.h"
#include "agents/core/image_desk.h"
#include "agents/core/site_standing.h"
#include "agents/core/stream_link.h"
#include "common/ports/prober.h"
#include "schemas/wire/command.pb.h"

namespace metalmesh::agent {

class SiteDoctor {
 public:
  /// References must outlive it.
  SiteDoctor(const AgentSettings& settings, const SiteStanding& site, const StreamLink& link,
             const ImageDesk& images, EventJournal& journal)
      : settings_(settings), site_(site), link_(link), images_(images), journal_(journal) {}

  void ask(const wire::DiagnoseSite& question, const Now& now, Outcome& out);
  /// Of a probe whose id begins with `probe_prefix`.
  void on_answer(const ProbeAnswered& answer, const Now& now, Outcome& out);
  static constexpr char probe_prefix[] = "doctor/";

 private:
  struct Way {
    std::string check;
    std::string where;  // host:port
    bool answered = false;
    bool open = false;
    std::string detail;
  };
  void look(const std::string& check, const std::string& host, std::uint16_t port, Outcome& out);
  void conclude(const Now& now, Outcome& out);

  const AgentSettings& settings_;
  const SiteStanding& site_;
  const StreamLink& link_;
  const ImageDesk& images_;
  EventJournal& journal_;
  std::string request_id_;           // empty: nobody waits
  std::map<std::string, Way> ways_;  // by probe id
};

}  // namespace metalmesh::agent
