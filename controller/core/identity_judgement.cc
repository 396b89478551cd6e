#include "controller/core/identity_judgement.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "common/base/command_words.h"
#include "common/base/machine_key.h"

namespace metalmesh::controller {
namespace {

std::string accept_next(const std::string& name) { return "compare and accept: " + commands::accept(name); }

std::string swapped_next(const std::string& name) {
  return "after a board swap: metalmesh server reidentify " + name +
         "; with another machine in its place: metalmesh server replace " + name;
}

std::optional<IdentityJudgement> mismatch(const std::string& field, const std::string& expected,
                                          const std::string& seen, const std::string& name) {
  if (expected.empty() || expected == seen) return std::nullopt;
  return IdentityJudgement{
      false, "MISMATCH",
      field + " expected " + expected + ", the BMC reports " + (seen.empty() ? "none" : seen),
      "check the BMC address and the cabling of " + name + "; " + swapped_next(name)};
}

std::optional<IdentityJudgement> compare(const rest::ServerIdentity& expected,
                                         const rest::ServerIdentity& seen, const std::string& name) {
  if (auto bad = mismatch("uuid", normal_uuid(expected.uuid()), normal_uuid(seen.uuid()), name)) {
    if (uuid_bytes_turned(expected.uuid(), seen.uuid())) bad->message += " (the same with its bytes turned)";
    return bad;
  }
  if (auto bad = mismatch("serial", normal_serial(expected.serial()), normal_serial(seen.serial()), name))
    return bad;
  std::vector<std::string> seen_macs;
  for (const std::string& mac : seen.macs()) seen_macs.push_back(normal_mac(mac));
  for (const std::string& mac : expected.macs()) {
    if (std::ranges::find(seen_macs, normal_mac(mac)) != seen_macs.end()) continue;
    std::string all;
    for (const std::string& other : seen_macs) all += (all.empty() ? "" : ", ") + other;
    return mismatch("mac", normal_mac(mac), all, name);
  }
  return std::nullopt;
}

/// How many of uuid, serial and MACs are registered or accepted, and usable.
int known_fields(const rest::Server& server) {
  const auto& spec = server.spec().identity();
  const auto& pinned = server.status().pinned();
  const auto any_mac = [](const auto& identity) { return std::ranges::any_of(identity.macs(), usable_mac); };
  return static_cast<int>(usable_uuid(spec.uuid()) || usable_uuid(pinned.uuid())) +
         static_cast<int>(usable_serial(spec.serial()) || usable_serial(pinned.serial())) +
         static_cast<int>(any_mac(spec) || any_mac(pinned));
}

}  // namespace

std::string bmc_tls(const rest::Server& server, const rest::Site* site) {
  if (!server.spec().bmc().tls().empty()) return server.spec().bmc().tls();
  if (site != nullptr && !site->spec().defaults().bmc_tls().empty()) return site->spec().defaults().bmc_tls();
  return "pin";
}

std::string bmc_key(const rest::Server& server) {
  const std::string& registered = server.spec().bmc().key_sha256();
  return registered.empty() ? server.status().pinned_key_sha256() : registered;
}

bool contradicts_registration(const rest::Server& server) {
  if (!server.status().has_inspected_at()) return false;
  const auto differs = [&](const rest::ServerIdentity& expected) {
    return compare(expected, server.status().seen(), server.metadata().name()).has_value();
  };
  return differs(server.spec().identity()) || differs(server.status().pinned());
}

IdentityJudgement judge_identity(const rest::Server& server, const IdentityIndex& index) {
  const std::string& name = server.metadata().name();
  const auto& status = server.status();
  if (!status.has_inspected_at()) {
    return {false, "NOT_INSPECTED", "its BMC was never inspected", commands::inspect(name)};
  }
  for (const auto* expected : {&server.spec().identity(), &status.pinned()}) {
    if (auto bad = compare(*expected, status.seen(), name)) return *bad;
  }
  if (status.stranger()) {
    return {false, "MISMATCH",
            "the BMC reports serial " + status.seen().serial() + ", uuid " + status.seen().uuid() +
                ": another machine than the one that " + name + " stood for",
            swapped_next(name)};
  }
  const std::string key = bmc_key(server);
  if (!key.empty() && key != status.bmc_key_sha256()) {
    return {false, "KEY_CHANGED",
            "BMC key expected " + key + ", the BMC shows " +
                (status.bmc_key_sha256().empty() ? "none" : status.bmc_key_sha256()),
            "find out why the BMC has another key; then " + accept_next(name)};
  }
  if (const auto clash = index.clash(name, status.seen(), {})) {
    return {false, "DUPLICATE",
            clash->field + " " + clash->value + " is also used by " + clash->owner(server.spec().site()),
            "retire one of the two, or correct its identity"};
  }
  if (known_fields(server) < 2) {
    return {false, "NOT_ACCEPTED", "fewer than two of uuid, serial and macs are registered or accepted",
            accept_next(name)};
  }
  return {true, "OK", "the BMC reports what was registered", ""};
}

wire::Identity order_identity(const rest::Server& server) {
  wire::Identity identity;
  const auto& seen = server.status().seen();
  if (usable_uuid(seen.uuid())) identity.set_uuid(normal_uuid(seen.uuid()));
  if (usable_serial(seen.serial())) identity.set_serial(normal_serial(seen.serial()));
  std::vector<std::string> macs;
  for (const auto* known : {&server.spec().identity(), &server.status().pinned()}) {
    for (const std::string& mac : known->macs()) {
      if (usable_mac(mac)) macs.push_back(normal_mac(mac));
    }
  }
  std::ranges::sort(macs);
  macs.erase(std::ranges::unique(macs).begin(), macs.end());
  for (std::string& mac : macs) identity.add_macs(std::move(mac));
  return identity;
}

std::string machine_of(const wire::Identity& identity) {
  return machine_key(identity.uuid(), identity.serial(), {identity.macs().begin(), identity.macs().end()});
}

std::string machine_of(const rest::Server& server) { return machine_of(order_identity(server)); }

wire::BmcTarget bmc_target(const rest::Server& server, const rest::Site* site) {
  wire::BmcTarget target;
  target.set_address(server.spec().bmc().address());
  target.set_credential(server.spec().bmc().credential());
  if (target.credential().empty() && site != nullptr) {
    target.set_credential(site->spec().defaults().credential());
  }
  target.set_tls(bmc_tls(server, site) == "ca" ? wire::BmcTarget::CA : wire::BmcTarget::PIN);
  target.set_media(server.spec().bmc().media());
  if (target.tls() == wire::BmcTarget::PIN) target.set_key_sha256(bmc_key(server));
  return target;
}

}  // namespace metalmesh::controller
