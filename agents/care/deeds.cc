#include "agents/care/deeds.h"

#include <algorithm>
#include <array>

#include "agents/care/certificates.h"
#include "agents/redfish/media_slot.h"

namespace metalmesh::care {
namespace {

using wire::Housekeeping;

constexpr Duration close_enough = std::chrono::seconds(30);

std::optional<Against> nothing_against(const Ward&) { return std::nullopt; }

std::vector<Call> jobs_to_clear(const Ward& ward) {
  std::vector<Call> calls;
  for (const redfish::QueuedJob& job : ward.told.jobs)
    calls.push_back({redfish::remove(job.uri), "job " + job.id});
  return calls;
}

/// Those of the account that we log in with; ours of now stays until we leave.
std::vector<Call> sessions_to_end(const Ward& ward) {
  const auto& own = ward.bmc.sessions();
  const std::string user = ward.told.own_user(own);
  std::vector<Call> calls;
  for (const Session& one : ward.told.sessions) {
    const bool in_use = std::ranges::find(own, one.uri) != own.end();
    const bool ours = !user.empty() && one.user == user;
    if (!in_use && (ours || ward.all)) calls.push_back({redfish::remove(one.uri), "session " + one.uri});
  }
  return calls;
}

bool is_taken(const Ward& ward, const redfish::Slot& slot) {
  return redfish::is_inserted(slot) && redfish::insert_style(slot) != redfish::InsertStyle::none &&
         (ward.all || redfish::shows_ours(slot, ward.media_base));
}

/// An installer that nobody here knows of may be reading it: only a host that is off surely reads nothing.
std::optional<Against> host_may_read(const Ward& ward) {
  const redfish::System& system = *ward.bmc.system();
  const bool taken =
      std::ranges::any_of(ward.bmc.slots(), [&](const redfish::Slot& one) { return is_taken(ward, one); });
  if (!taken || system.off()) return std::nullopt;
  return Against{wire::POWERED_ON,
                 "the host is " + (system.power.empty() ? std::string("not known to be off") : system.power) +
                     ", and may be reading it",
                 {}};
}

std::vector<Call> media_to_eject(const Ward& ward) {
  std::vector<Call> calls;
  for (const redfish::Slot& slot : ward.bmc.slots())
    if (is_taken(ward, slot))
      calls.push_back(
          {redfish::eject_media(slot, redfish::if_match_ladder(slot.etag).front(), ward.bmc.eject_form()),
           "medium in slot " + slot.uri});
  return calls;
}

std::vector<Call> clock_to_set(const Ward& ward) {
  const auto shown = redfish::moment_of(ward.told.care.date_time);
  const bool right = shown && (*shown > ward.time ? *shown - ward.time : ward.time - *shown) <= close_enough;
  if (right || ward.told.manager.empty()) return {};
  const std::string time = redfish::date_time_of(ward.time);
  return {
      {redfish::set_date_time(ward.told.manager, time, redfish::if_match_ladder(ward.told.care.etag).front()),
       "clock to " + time}};
}

std::optional<Against> verifies_by_nothing(const Ward& ward) {
  if (ward.media_ca.empty())
    return Against{wire::NOT_OFFERED, "its media come without TLS here", "nothing is to be verified"};
  if (!ward.told.stores.empty()) return std::nullopt;
  return Against{wire::NOT_OFFERED, "no slot of it names certificates of its own",
                 "load the CA by the BMC's web page, where it has a place for it"};
}

/// Whether they are used is the slot's own setting (VerifyCertificate), which stays as people have it.
std::vector<Call> authorities_to_import(const Ward& ward) {
  std::vector<Call> calls;
  for (const TrustStore& store : ward.told.stores) {
    const std::string what = "CA into " + store.uri;
    const bool hides_it = std::ranges::find(store.certificates, "") != store.certificates.end() &&
                          std::ranges::find(ward.done, what) != ward.done.end();
    for (const std::string& pem : certificates_in(ward.media_ca))
      if (!hides_it && !store.holds({pem}))
        calls.push_back({redfish::import_certificate(store.uri, pem), what});
  }
  return calls;
}

const std::vector<Deed>& deeds() {
  static const std::vector<Deed> table = {
      {Housekeeping::CLEAR_JOBS,
       "to clear its jobs",
       bmc::Ask::tidy,
       record::Job::CLEAR_JOB,
       {Topic::jobs},
       false,
       nothing_against,
       jobs_to_clear},
      {Housekeeping::END_SESSIONS,
       "to end sessions",
       bmc::Ask::tidy,
       record::Job::END_SESSION,
       {Topic::sessions},
       false,
       nothing_against,
       sessions_to_end},
      {Housekeeping::EJECT,
       "to let its medium go",
       bmc::Ask::eject,
       record::Job::EJECT,
       {},
       true,
       host_may_read,
       media_to_eject},
      {Housekeeping::SET_CLOCK,
       "to set its clock",
       bmc::Ask::tidy,
       record::Job::SET_CLOCK,
       {Topic::manager},
       false,
       nothing_against,
       clock_to_set},
      {Housekeeping::TRUST_CA,
       "to trust the CA of this site's media",
       bmc::Ask::tidy,
       record::Job::IMPORT_CA,
       {Topic::slots},
       false,
       verifies_by_nothing,
       authorities_to_import},
  };
  return table;
}

}  // namespace

const Deed* find_deed(Housekeeping::Deed deed) {
  const auto found = std::ranges::find(deeds(), deed, &Deed::deed);
  return found == deeds().end() ? nullptr : &*found;
}

}  // namespace metalmesh::care
