// What jobs, inspections and whoever decides about them need from the rest of the core; what a job is at a BMC, and how
// it is named in what is told of it.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "agents/core/blob_shelf.h"
#include "agents/core/bmc_desk.h"
#include "agents/core/bmc_maps.h"
#include "agents/core/credential_breaker.h"
#include "agents/core/damage_desk.h"
#include "agents/core/event_journal.h"
#include "agents/core/fence_table.h"
#include "agents/core/job_table.h"
#include "agents/core/mount_desk.h"
#include "agents/core/site_standing.h"
#include "agents/core/stream_link.h"
#include "agents/core/usual_reads.h"

namespace metalmesh::agent {

/// Everything outlives whoever is given this.
struct JobContext {
  const AgentSettings& settings;
  SiteStanding& site;
  StreamLink& link;
  EventJournal& journal;
  FenceTable& fences;
  CredentialBreaker& breaker;
  BmcDesk& bmcs;
  BmcMaps& maps;
  MountDesk& mounts;
  JobTable& jobs;
  UsualReads& reads;
  BlobShelf& shelf;
  const DamageDesk& damage;
  Entropy& entropy;
};

/// Who only reads may talk to a BMC beside one who does not.
BmcDesk::Use use_of(const JobSlot& slot);
/// An event about this job: server, deployment and generation filled in.
wire::Event event_of(const record::Job& job);
std::vector<std::pair<std::string, std::string>> log_fields(const record::Job& job);

}  // namespace metalmesh::agent
