#include "agents/core/job_context.h"

namespace metalmesh::agent {

BmcDesk::Use use_of(const JobSlot& slot) {
  return slot.changes() ? BmcDesk::Use::changes : BmcDesk::Use::reads;
}

wire::Event event_of(const record::Job& job) {
  wire::Event event;
  event.set_server(job.agreed().server());
  event.set_deployment_id(job.issue().deployment_id());
  event.set_generation(job.issue().generation());
  event.set_work(std::string(kind_of(job).name));
  return event;
}

std::vector<std::pair<std::string, std::string>> log_fields(const record::Job& job) {
  return {{"deployment", job.issue().deployment_id()},
          {"server", job.agreed().server()},
          {"stage", wire::Stage_Name(job.stage())}};
}

}  // namespace metalmesh::agent
