#include "agents/bmc/inventory_reader.h"

#include <chrono>
#include <optional>
#include <utility>

#include "agents/redfish/inventory.h"

namespace metalmesh::bmc {
namespace {

constexpr int most_told = 16;  // of what could not be read

}  // namespace

void InventoryReader::want(Part part, std::string path, std::string of) {
  if (!path.empty()) errands_.push_back({part, std::move(path), std::move(of)});
}

void InventoryReader::unread(const std::string& what) {
  if (seen_.unread_size() < most_told) seen_.add_unread(what);
}

/// What matters most to people comes first: the requests are counted.
void InventoryReader::begin(const Discovery& discovery) {
  begun_ = true;
  expands_ = discovery.root().expands;
  const redfish::System& system = *discovery.system();
  seen_ = system.told;
  want(Part::secure_boot, system.parts.secure_boot);
  want(Part::bios, system.parts.bios);
  if (!discovery.managers().empty()) {
    const redfish::Manager& manager = discovery.managers().front();
    seen_.set_bmc_firmware(manager.firmware);
    if (manager.clock_ahead)
      seen_.set_clock_ahead(std::chrono::duration_cast<std::chrono::seconds>(*manager.clock_ahead).count());
    if (!manager.licence.empty()) seen_.add_licences()->set_name(manager.licence);
    want(Part::protocols, manager.protocols);
  }
  if (seen_.licences().empty()) want(Part::licence_service, discovery.root().licence_service);
  if (seen_.processors().cores() == 0 || seen_.processors().model().empty())
    want(Part::processors, system.parts.processors);
  want(Part::storages, system.parts.storage);
}

Verdict InventoryReader::read(Turn& turn, Line& line, const Discovery& discovery) {
  if (!begun_) begin(discovery);
  while (!errands_.empty()) {
    if (requests_ >= most_requests) {
      unread(std::to_string(errands_.size()) + " more resources: " + std::to_string(most_requests) +
             " requests are the most that are asked for an inventory");
      errands_.clear();
      break;
    }
    const Errand errand = errands_.front();
    const bool list = errand.part == Part::certificates || errand.part == Part::licences ||
                      errand.part == Part::processors || errand.part == Part::storages ||
                      errand.part == Part::controllers || errand.part == Part::volumes;
    const bool expand = list && expands_;
    const HttpReplied* reply = line.fetch_if_it_can(
        turn, Ask::inventory, redfish::get(expand ? redfish::expanded(errand.path) : errand.path));
    if (reply == nullptr) return Verdict::busy;
    ++requests_;
    if (reply->status != 200 && expand) {  // it says that it can, and cannot: one by one
      expands_ = false;
      continue;
    }
    errands_.pop_front();
    if (reply->status != 200) {
      unread("HTTP " + std::to_string(reply->status) + " for " + redfish::shown(errand.path));
    } else if (list) {
      take_members(errand, *reply);
    } else {
      take(errand, *reply);
    }
  }
  return Verdict::done;
}

void InventoryReader::take_members(const Errand& errand, const HttpReplied& reply) {
  const auto of_each = static_cast<Part>(static_cast<int>(errand.part) + 1);
  for (redfish::Member& member : redfish::parse_members(reply)) {
    if (member.body.empty()) {
      want(of_each, std::move(member.path), errand.of);
    } else {
      take({of_each, std::move(member.path), errand.of}, {{}, 200, {}, std::move(member.body), {}});
    }
  }
}

void InventoryReader::take(const Errand& errand, const HttpReplied& reply) {
  switch (errand.part) {
    case Part::secure_boot:
      return redfish::add_secure_boot(reply, seen_);
    case Part::bios:
      return redfish::add_boot_mode(reply, seen_);
    case Part::protocols:
      return want(Part::certificates, redfish::add_protocols(reply, seen_));
    case Part::certificate:
      return redfish::add_certificate(reply, seen_);
    case Part::licence_service:
      return want(Part::licences, redfish::parse_licence_service(reply));
    case Part::licence:
      return redfish::add_licence(reply, seen_);
    case Part::processor:
      return redfish::add_processor(reply, seen_);
    case Part::storage: {
      redfish::StorageParts parts = redfish::add_storage(reply, seen_);
      for (std::string& drive : parts.drives) want(Part::drive, std::move(drive), parts.name);
      want(Part::controllers, std::move(parts.controllers), parts.name);
      return want(Part::volumes, std::move(parts.volumes), parts.name);
    }
    case Part::controller:
      return redfish::add_controller(reply, seen_);
    case Part::drive:
      return redfish::add_drive(reply, errand.of, seen_);
    case Part::volume:
      return redfish::add_volume(reply, errand.of, seen_);
    case Part::certificates:
    case Part::licences:
    case Part::processors:
    case Part::storages:
    case Part::controllers:
    case Part::volumes:
      return;  // lists, whose members are taken
  }
}

}  // namespace metalmesh::bmc
