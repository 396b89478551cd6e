#include "agents/care/survey.h"

#include <algorithm>
#include <utility>

#include "agents/care/certificates.h"
#include "agents/redfish/media_slot.h"
#include "agents/work/exchange.h"

namespace metalmesh::care {
namespace {

constexpr std::size_t most_members = 16;
constexpr int ok = 200;
constexpr int denied = 403;

bool has(const std::vector<Topic>& topics, Topic topic) {
  return std::ranges::find(topics, topic) != topics.end();
}

}  // namespace

bool TrustStore::holds(const std::vector<std::string>& wanted) const {
  const auto is_here = [&](const std::string& one) {
    return std::ranges::any_of(certificates,
                               [&](const std::string& here) { return same_certificate(here, one); });
  };
  return std::ranges::all_of(wanted, is_here);
}

std::string Told::own_user(const std::vector<std::string>& own_sessions) const {
  for (const Session& one : sessions)
    if (std::ranges::find(own_sessions, one.uri) != own_sessions.end()) return one.user;
  return {};
}

void Survey::want(std::string path, std::function<void(const HttpReplied&)> take) {
  if (!path.empty()) steps_.push_back({std::move(path), std::move(take)});
}

void Survey::want_members(const std::string& collection, std::size_t most,
                          const std::function<void(const HttpReplied&, const std::string&)>& take) {
  want(collection, [this, most, take](const HttpReplied& reply) {
    auto list = redfish::parse_list(reply);
    if (!list || reply.status != ok) return;
    for (std::size_t i = 0; i < std::min(most, list->members.size()); ++i)
      want(list->members[i], [take, uri = list->members[i]](const HttpReplied& member) {
        if (member.status == ok) take(member, uri);
      });
  });
}

void Survey::want_behind(const std::string& service, std::size_t most,
                         const std::function<void(const HttpReplied&, const std::string&)>& take) {
  want(service, [this, most, take](const HttpReplied& reply) {
    want_members(redfish::parse_collection_of(reply), most, take);
  });
}

void Survey::begin(const bmc::Dialogue& bmc, const std::vector<Topic>& topics) {
  steps_.clear();
  told_ = {};
  if (!bmc.managers().empty()) told_.manager = bmc.managers().front().uri;
  want_manager(topics);
  want_services(topics);
  if (has(topics, Topic::sessions))
    want_members(bmc.sessions_collection(), most_members,
                 [this](const HttpReplied& reply, const std::string& uri) {
                   told_.sessions.push_back({uri, redfish::parse_session_user(reply)});
                 });
  if (!has(topics, Topic::slot) && !has(topics, Topic::slots)) return;
  bool first = true;
  for (const redfish::Slot& slot : bmc.slots()) {
    if (!redfish::takes_cd(slot) || (!first && !has(topics, Topic::slots))) continue;
    want(slot.uri, [this, first](const HttpReplied& reply) {
      const redfish::SlotWays ways = redfish::parse_slot_ways(reply);
      if (first) told_.ways = ways;
      want_store(ways.certificates);
    });
    first = false;
  }
}

void Survey::want_store(const std::string& uri) {
  if (uri.empty() || std::ranges::find(told_.stores, uri, &TrustStore::uri) != told_.stores.end()) return;
  told_.stores.push_back({uri, false, {}});
  want(uri, [this, at = told_.stores.size() - 1](const HttpReplied& reply) {
    const auto list = redfish::parse_list(reply);
    if (!list || reply.status != ok) return;
    told_.stores[at].listed = true;
    for (std::size_t i = 0; i < std::min(most_members, list->members.size()); ++i)
      want(list->members[i], [this, at](const HttpReplied& member) {
        told_.stores[at].certificates.push_back(redfish::parse_certificate_text(member));
      });
  });
}

void Survey::want_manager(const std::vector<Topic>& topics) {
  if (!has(topics, Topic::manager)) return;
  want(told_.manager, [this, network = has(topics, Topic::network)](const HttpReplied& reply) {
    told_.care = redfish::parse_manager_care(reply);
    if (!network) return;
    for (const std::string& path : told_.care.locks)
      want(path,
           [this](const HttpReplied& lock) { told_.locked = told_.locked || redfish::parse_lock(lock); });
    want(told_.care.network_protocol, [this](const HttpReplied& protocol) {
      told_.media_enabled = redfish::parse_media_protocol(protocol);
    });
    want_members(told_.care.interfaces, 4, [this](const HttpReplied& interface, const std::string&) {
      told_.interfaces.push_back(redfish::parse_bmc_interface(interface));
    });
  });
}

void Survey::want_services(const std::vector<Topic>& topics) {
  want("/redfish/v1/", [this, topics](const HttpReplied& reply) {
    const redfish::Services services = redfish::parse_services(reply);
    if (has(topics, Topic::accounts)) {
      want(services.accounts, [this](const HttpReplied& service) {
        told_.accounts_denied = service.status == denied;
        want_members(redfish::parse_collection_of(service), most_members,
                     [this](const HttpReplied& account, const std::string&) {
                       told_.accounts.push_back(redfish::parse_account(account));
                     });
      });
    }
    if (has(topics, Topic::licences))
      want_behind(services.licences, most_members, [this](const HttpReplied& licence, const std::string&) {
        told_.licences.push_back(redfish::parse_licence(licence));
      });
    if (!has(topics, Topic::jobs)) return;
    for (const std::string& service : {services.jobs, services.tasks})
      want_behind(service, most_members, [this](const HttpReplied& job, const std::string& uri) {
        redfish::QueuedJob queued = redfish::parse_queued_job(job, uri);
        if (queued.open()) told_.jobs.push_back(std::move(queued));
      });
  });
}

work::Verdict Survey::read(work::Context& context) {
  while (!steps_.empty()) {
    const HttpReplied* reply = work::read(context, steps_.front().path);
    if (reply == nullptr) return work::Verdict::busy;
    const Step step = std::move(steps_.front());
    steps_.pop_front();
    const HttpReplied taken = *reply;
    step.take(taken);
  }
  return work::Verdict::done;
}

}  // namespace metalmesh::care
