// The text of every file that `metalmesh up` writes into its folder. Pure.
//
//   up.yaml                      the settings, for the next start
//   client.yaml                  context for the command line
//   mosquitto.conf mosquitto.acl
//   controller.yaml
//   sites/<site>/agent.yaml
// Paths are relative to the file, so that the folder can be moved; only mosquitto wants absolute ones.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "schemas/config/up.pb.h"

namespace metalmesh::up {

/// The first line of files that are written anew at each start. A person who deletes it keeps the file.
extern const std::string_view generated_mark;

struct BrokerFacts {
  std::filesystem::path folder;  // absolute
  bool keep_root = false;        // mosquitto would change to a user that may not read the folder
};

std::string settings_text(const config::Up& settings);
std::string client_text(const config::Up& settings);
std::string broker_text(const config::Up& settings, const BrokerFacts& facts);
std::string controller_text(const config::Up& settings);
/// `images`: the folder below which file: images may lie; empty: none may.
std::string agent_text(const config::Up& settings, const config::UpSite& site,
                       const std::filesystem::path& images);

std::string api_url(const config::Up& settings);
std::string broker_url(const config::Up& settings);
/// host:port in the URLs that BMCs are given.
std::string media_authority(const config::UpSite& site);
/// Where the agent listens: loopback when nobody else could reach the address anyway, else everywhere.
std::string media_listen(const config::UpSite& site);

}  // namespace metalmesh::up
