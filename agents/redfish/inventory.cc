#include "agents/redfish/inventory.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <utility>

#include "agents/redfish/inventory_view.h"
#include "agents/redfish/resources.h"
#include "common/ports/wire_time.h"
#include "common/text/letters.h"
#include "common/text/utf8.h"

namespace metalmesh::redfish {
namespace {

using wire::Inventory;

constexpr std::size_t longest = 80;

template <class List>
auto* room_in(List* list) {
  return list->size() < most_listed ? list->Add() : nullptr;
}

/// The name by which a running system finds it again, whatever else is plugged in.
std::string durable_name(View root) {
  std::string eui;
  for (const View& each : root["Identifiers"].items(8)) {
    std::string name = to_lower(short_text(each["DurableName"]));
    const std::string format = each["DurableNameFormat"].text();
    if (name.empty()) continue;
    const auto named = [&](std::string_view prefix) {
      return name.starts_with(prefix) ? name : std::string(prefix) + name;
    };
    if (format == "NAA") return named("naa.");
    if (format == "EUI") eui = named("eui.");
  }
  return eui;
}

/// "Disk.Bay.6"; where the id is a bare number, what is printed beside the bay tells more.
std::string place_of(View root) {
  std::string id = short_text(root["Id"]);
  const bool bare = std::ranges::all_of(id, [](char c) { return c >= '0' && c <= '9'; });
  std::string label = short_text(root["PhysicalLocation"]["PartLocation"]["ServiceLabel"]);
  if (bare && !label.empty()) return label;
  return id.empty() ? short_text(root["Name"]) : id;
}

void fill_controller(View root, Inventory& to) {
  Inventory::StorageController found;
  found.set_name(short_text(root["Name"]));
  found.set_model(short_text(root["Model"]));
  found.set_firmware(short_text(root["FirmwareVersion"]));
  if (found.name().empty() && found.model().empty() && found.firmware().empty()) return;
  if (auto* room = room_in(to.mutable_controllers())) *room = std::move(found);
}

std::string name_in(View subject) {
  std::string common = short_text(subject["CommonName"]);
  if (!common.empty()) return common;
  return short_text(subject.is_object() ? subject["Organization"] : subject);
}

/// Reads a number and steps over it; -1: there is none.
int take_number(std::string_view& text) {
  int out = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc() || out < 0) return -1;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return out;
}

bool take_sign(std::string_view& text, std::string_view any_of) {
  if (text.empty() || !any_of.contains(text.front())) return false;
  text.remove_prefix(1);
  return true;
}

/// "+05:00", "-0500", "Z".
std::optional<std::chrono::seconds> offset_of(std::string_view text) {
  if (text == "Z" || text == "z") return std::chrono::seconds(0);
  if (text.empty() || (text.front() != '+' && text.front() != '-')) return std::nullopt;
  const int sign = text.front() == '-' ? -1 : 1;
  text.remove_prefix(1);
  std::string_view hours = text.substr(0, 2);
  std::string_view minutes = text.size() > 2 ? text.substr(text[2] == ':' ? 3 : 2) : "0";
  const int h = take_number(hours);
  const int m = take_number(minutes);
  if (h < 0 || h > 14 || m < 0 || m > 59) return std::nullopt;
  return sign * (std::chrono::hours(h) + std::chrono::minutes(m));
}

}  // namespace

std::string short_text(View view) {
  std::string text = Utf8(view.text()).cut(longest).str();
  while (!text.empty() && text.back() == ' ') text.pop_back();
  while (!text.empty() && text.front() == ' ') text.erase(0, 1);
  static constexpr std::array<std::string_view, 5> nothing = {"NA", "N/A", "None", "Not Available",
                                                              "Unknown"};
  return std::ranges::find(nothing, text) == nothing.end() ? text : std::string();
}

std::uint64_t number(View view) {
  const std::string text = view.text();
  std::uint64_t out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error == std::errc()) return out;
  return view.whole().value_or(0);
}

Inventory::Health health_of(View status) {
  std::string health = status["HealthRollup"].text();
  if (health.empty()) health = status["Health"].text();
  if (health == "OK") return Inventory::HEALTHY;
  if (health == "Warning") return Inventory::WARNING;
  return health == "Critical" ? Inventory::CRITICAL : Inventory::HEALTH_UNTOLD;
}

Inventory::Switch switch_of(View view) {
  const auto flag = view.flag();
  if (!flag) return Inventory::SWITCH_UNTOLD;
  return *flag ? Inventory::ON : Inventory::OFF;
}

std::optional<WallTime> clock_of(View manager) { return parse_moment(manager["DateTime"].text()); }

std::vector<Member> parse_members(const HttpReplied& reply) {
  std::vector<Member> out;
  const auto document = Document::parse_object(reply.body);
  if (!document) return out;
  for (const View& member : document->root()["Members"].one_or_more(most_listed)) {
    std::string path = member.link();
    if (path.empty()) continue;
    // A reference has its path alone; some add its ETag or type.
    const bool whole =
        std::ranges::any_of(member.keys(), [](const std::string& key) { return !key.starts_with('@'); });
    out.push_back({std::move(path), whole ? member.json() : std::string()});
  }
  return out;
}

std::string expanded(const std::string& collection) { return collection + "?$expand=.($levels=1)"; }

StorageParts add_storage(const HttpReplied& reply, Inventory& to) {
  const auto document = Document::parse_object(reply.body);
  if (!document) return {};
  const View root = document->root();
  StorageParts out{short_text(root["Id"]), {}, root["Volumes"].link(), {}};
  const auto embedded = root["StorageControllers"].one_or_more(16);
  for (const View& controller : embedded) fill_controller(controller, to);
  if (embedded.empty()) out.controllers = root["Controllers"].link();
  for (const View& drive : root["Drives"].one_or_more(most_listed))
    if (std::string path = drive.link(); !path.empty()) out.drives.push_back(std::move(path));
  return out;
}

void add_controller(const HttpReplied& reply, Inventory& to) {
  if (const auto document = Document::parse_object(reply.body)) fill_controller(document->root(), to);
}

void add_drive(const HttpReplied& reply, const std::string& controller, Inventory& to) {
  const auto document = Document::parse_object(reply.body);
  if (!document) return;
  const View root = document->root();
  // An empty bay is no drive.
  if (root["Status"]["State"].text() == "Absent") return;
  Inventory::Drive found;
  found.set_model(short_text(root["Model"]));
  found.set_serial(short_text(root["SerialNumber"]));
  found.set_wwn(durable_name(root));
  found.set_bytes(number(root["CapacityBytes"]));
  if (found.model().empty() && found.serial().empty() && found.bytes() == 0) return;
  found.set_name(place_of(root));
  found.set_media(short_text(root["MediaType"]));
  found.set_protocol(short_text(root["Protocol"]));
  found.set_health(health_of(root["Status"]));
  found.set_controller(controller);
  if (auto* room = room_in(to.mutable_drives())) *room = std::move(found);
}

void add_volume(const HttpReplied& reply, const std::string& controller, Inventory& to) {
  const auto document = Document::parse_object(reply.body);
  if (!document) return;
  const View root = document->root();
  const std::uint64_t bytes = number(root["CapacityBytes"]);
  if (bytes == 0) return;  // such as what tells how volumes can be made
  auto* found = room_in(to.mutable_volumes());
  if (found == nullptr) return;
  found->set_name(short_text(root["Id"]));
  found->set_bytes(bytes);
  found->set_raid(short_text(root["RAIDType"]));
  found->set_wwn(durable_name(root));
  found->set_controller(controller);
  found->set_health(health_of(root["Status"]));
  for (const View& drive : root["Links"]["Drives"].one_or_more(32))
    if (const std::string path = drive.link(); !path.empty()) found->add_drives(path.substr(0, 120));
}

void add_processor(const HttpReplied& reply, Inventory& to) {
  const auto document = Document::parse_object(reply.body);
  if (!document) return;
  const View root = document->root();
  const std::string type = root["ProcessorType"].text();
  if ((!type.empty() && type != "CPU") || root["Status"]["State"].text() == "Absent") return;
  Inventory::Processors& all = *to.mutable_processors();
  all.set_cores(all.cores() + static_cast<std::uint32_t>(number(root["TotalCores"])));
  all.set_threads(all.threads() + static_cast<std::uint32_t>(number(root["TotalThreads"])));
  if (std::string model = short_text(root["Model"]); !model.empty()) all.set_model(std::move(model));
}

void add_boot_mode(const HttpReplied& bios, Inventory& to) {
  static constexpr std::array<std::string_view, 4> names = {"BootMode", "BootModes_SystemBootMode",
                                                            "SystemBootMode", "BootModeSelect"};
  const auto document = Document::parse_object(bios.body);
  if (!document) return;
  const View attributes = document->root()["Attributes"];
  for (const std::string_view name : names) {
    const std::string value = to_lower(attributes[name].text());
    if (value.starts_with("uefi")) return to.set_boot_mode(Inventory::UEFI);
    if (value == "bios" || value.starts_with("legacy")) return to.set_boot_mode(Inventory::LEGACY);
  }
}

void add_secure_boot(const HttpReplied& reply, Inventory& to) {
  const auto document = Document::parse_object(reply.body);
  if (!document) return;
  const std::string current = document->root()["SecureBootCurrentBoot"].text();
  if (current == "Enabled") to.set_secure_boot(Inventory::ON);
  if (current == "Disabled") to.set_secure_boot(Inventory::OFF);
  // Nothing else than UEFI can do that.
  if (to.secure_boot() == Inventory::ON) to.set_boot_mode(Inventory::UEFI);
}

std::string add_protocols(const HttpReplied& reply, Inventory& to) {
  const auto document = Document::parse_object(reply.body);
  if (!document) return {};
  to.set_ipmi(switch_of(document->root()["IPMI"]["ProtocolEnabled"]));
  return document->root()["HTTPS"]["Certificates"].link();
}

void add_certificate(const HttpReplied& reply, Inventory& to) {
  const auto document = Document::parse_object(reply.body);
  if (!document) return;
  const View root = document->root();
  Inventory::Certificate found;
  found.set_subject(name_in(root["Subject"]));
  found.set_issuer(name_in(root["Issuer"]));
  found.set_self_signed(!found.subject().empty() && found.subject() == found.issuer());
  if (const auto until = parse_moment(root["ValidNotAfter"].text()))
    *found.mutable_expires() = to_wire(*until);
  if (found.subject().empty() && !found.has_expires()) return;
  if (auto* room = room_in(to.mutable_certificates())) *room = std::move(found);
}

std::string parse_licence_service(const HttpReplied& reply) {
  const auto document = Document::parse_object(reply.body);
  return document ? document->root()["Licenses"].link() : std::string();
}

void add_licence(const HttpReplied& reply, Inventory& to) {
  const auto document = Document::parse_object(reply.body);
  if (!document) return;
  const View root = document->root();
  std::string name = short_text(root["Name"]);
  // Where the name is but the licence's number, the description says what it is.
  const std::string words = short_text(root["Description"]);
  if ((name.empty() || name == short_text(root["Id"])) && !words.empty()) name = words;
  if (name.empty()) return;
  auto* found = room_in(to.mutable_licences());
  if (found == nullptr) return;
  found->set_name(std::move(name));
  if (const auto until = parse_moment(root["ExpirationDate"].text()))
    *found->mutable_expires() = to_wire(*until);
}

Inventory::Nic parse_nic(const HttpReplied& reply) {
  Inventory::Nic out;
  const auto document = Document::parse_object(reply.body);
  if (!document) return out;
  const View root = document->root();
  out.set_name(short_text(root["Id"]));
  const std::string link = root["LinkStatus"].text();
  if (link == "LinkUp") out.set_link(Inventory::ON);
  if (link == "LinkDown" || link == "NoLink") out.set_link(Inventory::OFF);
  out.set_mbps(number(root["SpeedMbps"]));
  if (const auto macs = parse_macs(reply))
    for (const std::string& mac : *macs) out.add_macs(mac);
  return out;
}

std::optional<WallTime> parse_moment(std::string_view text) {
  namespace chrono = std::chrono;
  const int year = take_number(text);
  if (year < 1970 || year > 9999 || !take_sign(text, "-")) return std::nullopt;
  const int month = take_number(text);
  if (month < 1 || !take_sign(text, "-")) return std::nullopt;
  const int day = take_number(text);
  const chrono::year_month_day date{chrono::year(year), chrono::month(static_cast<unsigned>(month)),
                                    chrono::day(static_cast<unsigned>(std::max(day, 0)))};
  if (!date.ok() || !take_sign(text, "T ")) return std::nullopt;
  std::array<int, 3> clock{};
  for (int& part : clock) {
    if (&part != clock.data() && !take_sign(text, ":")) return std::nullopt;
    part = take_number(text);
    if (part < 0 || part > 60) return std::nullopt;
  }
  if (take_sign(text, ".")) (void)take_number(text);
  const auto offset = offset_of(text);
  if (!offset) return std::nullopt;
  // Beyond what the wall time here can hold: "never".
  if (year > 2200) return std::nullopt;
  const auto since = chrono::sys_days(date).time_since_epoch() + chrono::hours(clock[0]) +
                     chrono::minutes(clock[1]) + chrono::seconds(clock[2]) - *offset;
  return WallTime(chrono::duration_cast<Duration>(since));
}

}  // namespace metalmesh::redfish
