#include "agents/care/diagnosis.h"

#include <algorithm>
#include <array>
#include <bit>
#include <utility>

#include "agents/care/certificates.h"
#include "agents/redfish/media_slot.h"
#include "agents/redfish/requests.h"
#include "agents/work/duration_words.h"
#include "common/base/bmc_address.h"
#include "common/base/command_words.h"
#include "common/hosts/ip_network.h"
#include "common/text/letters.h"

namespace metalmesh::care {
namespace {

using wire::Finding;
using work::fine;
using work::untold;
using work::wrong;

const std::string& name_of(const Patient& patient) { return patient.job.agreed().server(); }
std::string again(const Patient& patient) { return commands::doctor(name_of(patient)); }
std::string by_mount(const Patient& patient) { return commands::doctor(name_of(patient), "--mount-test"); }

bool is_loopback(const std::string& host) {
  return host == "localhost" || host == "::1" || host.starts_with("127.");
}
bool is_nothing(const std::optional<hosts::IpAddress>& address) {
  return !address || *address == hosts::IpAddress{.v6 = address->v6};
}

/// The interface with its network, from an address and a netmask in dots.
std::optional<hosts::IpInterface> network_of(const redfish::BmcInterface& interface) {
  const auto address = hosts::parse_address(interface.address);
  const auto mask = hosts::parse_address(interface.mask);
  if (is_nothing(address) || is_nothing(mask) || address->v6 || mask->v6) return std::nullopt;
  unsigned prefix = 0;
  for (std::size_t i = 0; i < 4; ++i) prefix += static_cast<unsigned>(std::popcount(mask->bytes.at(i)));
  return hosts::IpInterface{*address, prefix};
}

std::string joined(const std::vector<std::string>& parts) {
  std::string out;
  for (const std::string& part : parts) out += (out.empty() ? "" : ", ") + part;
  return out;
}

Finding identity(const Patient& patient) {
  if (patient.strange)
    return work::finding_of("identity", *patient.strange, "the one machine that is registered");
  const redfish::System& system = *patient.bmc.system();
  return fine("identity", system.manufacturer + " " + system.model + ", serial " + system.identity.serial);
}

Finding privileges(const Patient& patient) {
  constexpr std::array<std::string_view, 4> too_few = {"ReadOnly", "None", "NoAccess", "Login"};
  const Told& told = patient.told;
  const std::string user = told.own_user(patient.bmc.sessions());
  const auto own = std::ranges::find(told.accounts, user, &redfish::Account::user);
  if (user.empty() || own == told.accounts.end() || own->role.empty())
    return untold("privileges", told.accounts_denied ? "the BMC does not let this account look at accounts"
                                                     : "the BMC does not say what this account may");
  if (std::ranges::find(too_few, own->role) == too_few.end())
    return fine("privileges", "the account has the role " + own->role);
  return wrong("privileges",
               {.found = "the account has the role " + own->role,
                .wanted = "a role that may mount media and change power, as Administrator",
                .next = "raise it on the BMC, or: " + commands::on_agent_host(commands::set_credential(
                                                          patient.job.agreed().bmc().credential()))});
}

bool is_basic_licence(const std::string& name) {
  const std::string lower = to_lower(name);
  return std::ranges::any_of(std::array{"standard", "basic", "express"},
                             [&](const char* word) { return lower.find(word) != std::string::npos; });
}

Finding licence(const Patient& patient) {
  const Told& told = patient.told;
  const auto lacks = [&](std::string found) {
    return wrong("licence", {.found = std::move(found),
                             .wanted = "a licence for virtual media from a URL",
                             .next = "install the BMC's licence for remote media, then: " + again(patient),
                             .code = wire::LICENCE_MISSING});
  };
  if (!told.care.licence.empty() && is_basic_licence(told.care.licence))
    return lacks("the BMC's licence is \"" + told.care.licence + "\"");
  std::vector<std::string> names;
  for (const redfish::Licence& one : told.licences) {
    const auto ends = redfish::moment_of(one.expires);
    if (one.disabled) return lacks("licence \"" + one.name + "\" is disabled");
    if (ends && patient.time && *ends < *patient.time)
      return lacks("licence \"" + one.name + "\" ended " + one.expires);
    names.push_back(one.name);
  }
  if (!told.care.licence.empty()) names.push_back(told.care.licence);
  if (names.empty()) return untold("licence", "the BMC lists no licence", by_mount(patient));
  return fine("licence", joined(names));
}

Finding slot(const Patient& patient) {
  const auto& slots = patient.bmc.slots();
  const auto lacks = [&](std::string found, std::string next) {
    return wrong("slot", {.found = std::move(found),
                          .wanted = "a slot that takes a CD from a URL",
                          .next = std::move(next),
                          .code = wire::NO_VIRTUAL_MEDIA});
  };
  if (patient.told.media_enabled == false)
    return lacks("virtual media are switched off in the BMC's network settings",
                 "switch them on in the BMC's settings, then: " + again(patient));
  const auto takes = std::ranges::find_if(slots, redfish::takes_cd);
  if (takes == slots.end())
    return lacks(std::to_string(slots.size()) + " slots, and none takes a CD from a URL",
                 "enable virtual media in the BMC's settings, check its licence, or update its firmware");
  return fine("slot", takes->uri);
}

Finding medium(const Patient& patient) {
  for (const redfish::Slot& one : patient.bmc.slots()) {
    if (!redfish::takes_cd(one) || !redfish::is_inserted(one)) continue;
    const bool ours = redfish::shows_ours(one, patient.media_base);
    if (ours && !patient.beside.empty())
      return fine("medium", "that of deployment " + patient.beside + ", which is at work");
    return wrong("medium",
                 {.found = "slot " + one.uri + " holds " + (one.image.empty() ? "a medium" : one.image),
                  .wanted = "an empty slot",
                  .next = ours ? commands::bmc("eject", name_of(patient))
                               : "if nobody needs it: " + commands::bmc("eject", name_of(patient), "--all"),
                  .code = ours ? wire::FAULT_CODE_UNSPECIFIED : wire::FOREIGN_MEDIA});
  }
  return fine("medium", "no slot for a CD holds one");
}

Finding transport(const Patient& patient) {
  const std::string scheme = patient.media_base.substr(0, patient.media_base.find(':'));
  const auto& offered = patient.told.ways.protocols;
  if (scheme.empty()) return untold("transport", "this site serves no media yet");
  if (offered.empty())
    return untold("transport", "the BMC does not say from which URLs it takes media", by_mount(patient));
  if (std::ranges::find(offered, scheme) != offered.end())
    return fine("transport", "takes media by " + joined(offered));
  const bool plain = std::ranges::find(offered, "http") != offered.end();
  return wrong("transport", {.found = "it takes media by " + joined(offered) + " only",
                             .wanted = scheme,
                             .next = plain ? "set media.plainHttp in the configuration of the site's agent"
                                           : "update the BMC's firmware, or its licence",
                             .code = wire::INSERT_REFUSED});
}

Finding certificate(const Patient& patient) {
  if (!patient.media_base.starts_with("https:")) return fine("certificate", "media come without TLS");
  if (!patient.told.ways.verifies.value_or(false))
    return patient.told.ways.verifies
               ? fine("certificate", "it does not verify where media come from")
               : untold("certificate", "the BMC does not say whether it verifies where media come from",
                        by_mount(patient));
  const auto& stores = patient.told.stores;
  if (stores.empty() || !stores.front().listed)
    return untold("certificate", "it verifies where media come from, and does not say by what",
                  by_mount(patient));
  const TrustStore& store = stores.front();
  const bool hides_some = std::ranges::find(store.certificates, "") != store.certificates.end();
  if (!store.certificates.empty() && (hides_some || store.holds(certificates_in(patient.media_ca))))
    return fine("certificate", "it verifies where media come from, and has a certificate to do so");
  const std::size_t others = store.certificates.size();
  return wrong("certificate",
               {.found = "it verifies where media come from, and has " +
                         (others == 0 ? "no certificate to do so"
                                      : std::to_string(others) + " certificates of others to do so"),
                .wanted = "the CA of this site's media server in it",
                .next = commands::bmc("trust-ca", name_of(patient)),
                .code = wire::MEDIA_TLS_REFUSED});
}

/// As far as both ends' addresses tell.
Finding media_address(const Patient& patient) {
  const std::string& base = patient.media_base;
  const auto lacks = [&](std::string found, std::string wanted, std::string next) {
    return wrong("media-address",
                 {std::move(found), std::move(wanted), std::move(next), wire::MEDIA_NOT_REACHED});
  };
  if (base.empty())
    return lacks("the site's media server is not up", "an address that BMCs reach",
                 "start metalmesh-agent media on the agent's machine");
  const std::string host = host_of_bmc_address(base.substr(base.find("://") + 3));
  const auto address = hosts::parse_address(host);
  if (is_loopback(host) && !is_loopback(host_of_bmc_address(patient.job.agreed().bmc().address())))
    return lacks("media are at " + host + ", which each machine takes for itself",
                 "an address that BMCs reach",
                 "set spec.media.address of the site, then: " + commands::apply());
  const auto& interfaces = patient.told.interfaces;
  if (interfaces.empty())
    return untold("media-address", "the BMC does not tell its own network", by_mount(patient));
  if (!address) {
    if (std::ranges::any_of(interfaces, [](const auto& one) { return !one.name_servers.empty(); }))
      return fine("media-address", host + " is a name, and the BMC has name servers");
    return lacks("media are at " + host + ", a name, and the BMC has no name server",
                 "an address, or a name server",
                 "set spec.media.address of the site to an address, then: " + commands::apply());
  }
  std::string own;
  for (const redfish::BmcInterface& one : interfaces) {
    const auto here = network_of(one);
    if (!here) continue;
    own += (own.empty() ? "" : ", ") + here->text();
    if (here->network_holds(*address)) return fine("media-address", host + " is in the BMC's own network");
    if (!is_nothing(hosts::parse_address(one.gateway)))
      return fine("media-address", host + " by way of the BMC's gateway " + one.gateway);
  }
  if (own.empty()) return untold("media-address", "the BMC does not tell its own address", by_mount(patient));
  return lacks(host + " is outside the BMC's network " + own + ", and it has no gateway", "a way to it",
               "give the BMC a gateway, or the site a media address in its network");
}

Finding sessions(const Patient& patient) {
  constexpr std::ptrdiff_t too_many = 4;  // BMCs have room for four to sixteen
  const Told& told = patient.told;
  const auto& own = patient.bmc.sessions();
  const std::string user = told.own_user(own);
  const auto left = std::ranges::count_if(told.sessions, [&](const Session& one) {
    return !user.empty() && one.user == user && std::ranges::find(own, one.uri) == own.end();
  });
  if (told.sessions.empty()) return untold("sessions", "the BMC lists no sessions");
  const std::string found = std::to_string(told.sessions.size()) + " open, " + std::to_string(left) +
                            " of them of this account and not in use here";
  if (left < too_many) return fine("sessions", found);
  return wrong("sessions", {.found = found,
                            .wanted = "room for the next login",
                            .next = commands::bmc("end-sessions", name_of(patient)),
                            .code = wire::BMC_SESSIONS_FULL});
}

Finding jobs(const Patient& patient) {
  const auto& queued = patient.told.jobs;
  if (queued.empty()) return fine("jobs", "none is open");
  std::vector<std::string> names;
  for (const redfish::QueuedJob& one : queued)
    if (names.size() < 4) names.push_back(one.id + " \"" + one.name + "\" " + one.state);
  if (!patient.beside.empty())
    return untold(
        "jobs", std::to_string(queued.size()) + " open: " + joined(names),
        "let deployment " + patient.beside + " end, which may be the reason, then: " + again(patient));
  return wrong("jobs", {.found = std::to_string(queued.size()) + " open: " + joined(names),
                        .wanted = "no job that changes the machine, or waits for its next start",
                        .next = "let it end, or: " + commands::bmc("clear-jobs", name_of(patient))});
}

Finding lockdown(const Patient& patient) {
  if (!patient.told.locked)
    return patient.told.care.locks.empty() ? fine("lockdown", "none is told") : fine("lockdown", "off");
  return wrong("lockdown", {.found = "the BMC's settings are locked",
                            .wanted = "a BMC that lets its boot override and media be changed",
                            .next = "lift the lockdown on the BMC, then: " + again(patient),
                            .code = wire::BOOT_OVERRIDE_REFUSED});
}

Finding clock(const Patient& patient) {
  constexpr Duration most = std::chrono::minutes(10);
  const std::string& text = patient.told.care.date_time;
  const auto shown = redfish::moment_of(text);
  if (!shown) return untold("clock", "the BMC does not tell its time");
  if (!patient.time)
    return untold("clock", "it reads " + text + "; the site's own time is not known well enough");
  const Duration off = *shown > *patient.time ? *shown - *patient.time : *patient.time - *shown;
  if (off <= most) return fine("clock", text);
  return wrong("clock", {.found = "it reads " + text + ", " + work::for_people(off) + " off",
                         .wanted = "the site's time: certificates are judged by it",
                         .next = commands::bmc("set-clock", name_of(patient)),
                         .code = wire::MEDIA_TLS_REFUSED});
}

Finding boot(const Patient& patient) {
  const redfish::Boot& boot = patient.bmc.system()->boot;
  if (boot.has_mode && boot.mode == "Legacy")
    return wrong("boot", {.found = "the host boots in the old BIOS mode",
                          .wanted = "UEFI",
                          .next = "set the boot mode in the host's setup: " +
                                  commands::power("setup-once", name_of(patient)),
                          .code = wire::BOOT_IGNORED});
  const std::string target(redfish::cd_target(boot));
  const bool lists = !boot.targets.empty();
  if (lists && std::ranges::find(boot.targets, target) == boot.targets.end())
    return wrong("boot", {.found = "it starts from " + joined(boot.targets) + " only",
                          .wanted = "a start from a CD",
                          .next = "update the BMC's firmware, or set the boot order by hand",
                          .code = wire::BOOT_OVERRIDE_REFUSED});
  return fine("boot", target);
}

Finding power(const Patient& patient) {
  const redfish::System& system = *patient.bmc.system();
  if (!system.power.empty()) return fine("power", system.power);
  return wrong("power", {.found = "the BMC does not tell whether the host is on",
                         .wanted = "its PowerState",
                         .next = "look at the host's console, and update the BMC's firmware",
                         .code = wire::BMC_PROTOCOL});
}

Finding way(const Patient& patient) {
  return fine("quirks",
              patient.bmc.quirks().empty() ? "as the standard says" : "row " + patient.bmc.quirks());
}

/// At which check of the talk a fault stops it.
struct Step {
  std::string_view check;
  std::string_view wanted;
  std::vector<wire::FaultCode> codes;
};
const std::vector<Step>& steps() {
  static const std::vector<Step> all = {
      {"dns", "a name that resolves", {}},
      {"tcp", "a BMC that answers", {wire::BMC_UNREACHABLE, wire::AGENT_EXHAUSTED}},
      {"tls",
       "the key that is pinned, or a certificate that holds",
       {wire::BMC_TLS_REFUSED, wire::BMC_KEY_CHANGED}},
      {"redfish", "a service as the standard says", {wire::BMC_PROTOCOL}},
      {"login",
       "a login",
       {wire::BMC_LOGIN_REFUSED, wire::BMC_PASSWORD_CHANGE_REQUIRED, wire::CREDENTIAL_MISSING}},
      {"sessions", "room for a session", {wire::BMC_SESSIONS_FULL}},
      {"identity",
       "the one machine that is registered",
       {wire::IDENTITY_MISMATCH, wire::IDENTITY_INSUFFICIENT, wire::SYSTEM_AMBIGUOUS}},
  };
  return all;
}

}  // namespace

std::vector<Finding> diagnose(const Patient& patient) {
  using Check = Finding (*)(const Patient&);
  constexpr std::array<Check, 15> checks = {identity,  privileges,  licence,       slot,     medium,
                                            transport, certificate, media_address, sessions, jobs,
                                            lockdown,  clock,       boot,          power,    way};
  std::vector<Finding> findings;
  for (const Check check : checks) findings.push_back(check(patient));
  return findings;
}

std::vector<Finding> diagnose(const wire::Fault& fault) {
  std::vector<Finding> findings;
  const bool no_name =
      fault.code() == wire::BMC_UNREACHABLE && fault.seen().find("does not resolve") != std::string::npos;
  for (const Step& step : steps()) {
    const bool here =
        step.check == "dns" ? no_name : std::ranges::find(step.codes, fault.code()) != step.codes.end();
    if (here) {
      findings.push_back(work::finding_of(std::string(step.check), fault, std::string(step.wanted)));
      return findings;
    }
    findings.push_back(fine(std::string(step.check), "as it should be"));
  }
  findings.push_back(work::finding_of("talk", fault, "answers"));
  return findings;
}

}  // namespace metalmesh::care
