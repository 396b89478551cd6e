// What a machine is made of and how it is set up, out of the resources that tell it, into one wire::Inventory. Tolerant: what
// is missing, null or of another type leaves its field absent. Texts are cut to 80 characters, lists to `most_listed`.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/time.h"
#include "common/ports/http_client.h"
#include "schemas/wire/inventory.pb.h"

namespace metalmesh::redfish {

inline constexpr int most_listed = 64;  // of drives, network cards, ...

/// Resources that tell more; empty where none is advertised.
struct PartLinks {
  std::string bios;
  std::string secure_boot;
  std::string storage;
  std::string processors;
};

/// A member of a collection: by its path, or with its body where the collection was asked to expand.
struct Member {
  std::string path;
  std::string body;
};
/// At most `most_listed`.
std::vector<Member> parse_members(const HttpReplied& reply);
/// The collection with its members in it.
std::string expanded(const std::string& collection);

/// A storage subsystem: its controllers go into the inventory.
struct StorageParts {
  std::string name;
  std::vector<std::string> drives;
  std::string volumes;
  std::string controllers;  // a collection, where the storage itself tells none
};
StorageParts add_storage(const HttpReplied& reply, wire::Inventory& to);
void add_controller(const HttpReplied& reply, wire::Inventory& to);
void add_drive(const HttpReplied& reply, const std::string& controller, wire::Inventory& to);
void add_volume(const HttpReplied& reply, const std::string& controller, wire::Inventory& to);
/// Adds its cores to those of the others; what is no CPU is left out.
void add_processor(const HttpReplied& reply, wire::Inventory& to);
void add_boot_mode(const HttpReplied& bios, wire::Inventory& to);
void add_secure_boot(const HttpReplied& reply, wire::Inventory& to);
/// Where the certificates of the BMC's HTTPS service are.
std::string add_protocols(const HttpReplied& reply, wire::Inventory& to);
void add_certificate(const HttpReplied& reply, wire::Inventory& to);
/// Where the licences are, as their service tells it.
std::string parse_licence_service(const HttpReplied& reply);
void add_licence(const HttpReplied& reply, wire::Inventory& to);
wire::Inventory::Nic parse_nic(const HttpReplied& reply);

/// "2024-08-08T18:48:10-05:00"; some leave zeros out. Nothing without an offset: nobody knows what it means then.
std::optional<WallTime> parse_moment(std::string_view text);

}  // namespace metalmesh::redfish
