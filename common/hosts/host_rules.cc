#include "common/hosts/host_rules.h"

#include <algorithm>
#include <array>
#include <set>
#include <string_view>
#include <utility>

#include "common/hosts/ip_network.h"
#include "common/hosts/link_rules.h"
#include "common/hosts/text_rules.h"

namespace metalmesh::hosts {
namespace {

using Verdict = std::optional<HostFault>;

constexpr int users_most = 32;
constexpr int keys_most = 32;
constexpr int servers_most = 8;
constexpr int packages_most = 256;
constexpr std::size_t script_most = 8192;
constexpr std::size_t disk_model_most = 128;
constexpr std::string_view nvme_prefix = "eui.";
constexpr std::size_t host_most = 24 * 1024;  // an order must fit a frame with all else it says

Verdict check_servers(const std::string& field, google::protobuf::RepeatedPtrField<std::string>& servers) {
  if (servers.size() > servers_most) return HostFault{field, "at most 8 servers are possible"};
  for (int i = 0; i < servers.size(); ++i) {
    if (!is_hostname(servers[i]) && !parse_address(servers[i])) {
      return HostFault{item(field, i), quoted(servers[i]) + " is neither an address nor a host name"};
    }
  }
  return std::nullopt;
}

/// Whether some link speaks that family of addresses; without links nobody knows (a site's part of a host has none).
bool reaches(const wire::Network& network, bool v6) {
  return network.links().empty() || std::ranges::any_of(network.links(), [&](const wire::Link& link) {
           return (!v6 && link.dhcp()) || std::ranges::any_of(link.addresses(), [&](const std::string& each) {
                    return (each.find(':') != std::string::npos) == v6;
                  });
         });
}

/// Resolvers are asked for names, so they are addresses themselves.
Verdict check_dns(wire::Network& network) {
  auto& servers = *network.mutable_dns();
  for (int i = 0; i < servers.size(); ++i) {
    const auto address = parse_address(servers[i]);
    if (!address) return HostFault{item("network.dns", i), quoted(servers[i]) + " is no address"};
    servers[i] = address->text();
    if (!reaches(network, address->v6))
      return HostFault{
          item("network.dns", i),
          servers[i] + " cannot be reached: no link has an address of IPv" + (address->v6 ? "6" : "4")};
  }
  return servers.size() > servers_most ? Verdict(HostFault{"network.dns", "at most 8 servers are possible"})
                                       : std::nullopt;
}

Verdict check_password_hash(const std::string& field, const std::string& hash) {
  const bool crypt = hash.size() > 8 && hash.front() == '$' && hash.size() <= 256;
  if (hash.empty() || (crypt && is_one_visible_word(hash))) return std::nullopt;
  return HostFault{field, "is no crypt(3) hash such as $6$...; make one with: openssl passwd -6"};
}

Verdict check_keys(const std::string& field, const google::protobuf::RepeatedPtrField<std::string>& keys) {
  if (keys.size() > keys_most) return HostFault{field, "at most 32 keys are possible"};
  for (int i = 0; i < keys.size(); ++i) {
    const bool known = std::ranges::any_of(std::array{"ssh-", "ecdsa-", "sk-"},
                                           [&](const char* prefix) { return keys[i].starts_with(prefix); });
    if (!known || !is_one_line(keys[i]) || keys[i].size() > 4096) {
      return HostFault{item(field, i), "is no OpenSSH public key (one line, beginning with its type)"};
    }
    // Ignition refuses such a list, and nobody means one
    if (std::find(keys.begin(), keys.begin() + i, keys[i]) != keys.begin() + i)
      return HostFault{item(field, i), "is given twice"};
  }
  return std::nullopt;
}

Verdict check_users(const wire::Host& host) {
  if (host.users_size() > users_most) return HostFault{"users", "at most 32 users are possible"};
  std::set<std::string> names;
  for (int i = 0; i < host.users_size(); ++i) {
    const wire::User& user = host.users(i);
    const std::string field = item("users", i);
    if (!is_account(user.name())) {
      return HostFault{field + ".name",
                       quoted(user.name()) + " is no account name: [a-z_][a-z0-9_-]*, at most 31"};
    }
    if (user.name() == "root") return HostFault{field + ".name", "root has a field of its own: host.root"};
    if (!names.insert(user.name()).second)
      return HostFault{field + ".name", "user " + user.name() + " is given twice"};
    if (!is_one_line(user.full_name()) || user.full_name().find(':') != std::string::npos) {
      return HostFault{field + ".fullName", "must be one line without a colon"};
    }
    for (int g = 0; g < user.groups_size(); ++g) {
      if (!is_account(user.groups(g)))
        return HostFault{item(field + ".groups", g), quoted(user.groups(g)) + " is no group name"};
    }
    if (auto bad = check_password_hash(field + ".passwordHash", user.password_hash())) return bad;
    if (auto bad = check_keys(field + ".sshKeys", user.ssh_keys())) return bad;
    if (user.password_hash().empty() && user.ssh_keys().empty()) {
      return HostFault{
          field, "user " + user.name() + " has neither a passwordHash nor sshKeys: nobody could log in"};
    }
  }
  return std::nullopt;
}

Verdict check_disk(wire::DiskChoice& disk) {
  std::string wwn = to_lower(disk.wwn());
  for (const char* prefix : {"0x", "naa."}) {
    if (wwn.starts_with(prefix)) wwn.erase(0, std::string_view(prefix).size());
  }
  // eui. stays: it tells an NVMe disk from others, and some installers name disks by it
  if (!wwn.empty() && !is_hex(wwn.starts_with(nvme_prefix) ? wwn.substr(nvme_prefix.size()) : wwn)) {
    return HostFault{
        "disk.wwn",
        quoted(disk.wwn()) + " is no WWN: hexadecimal digits, with or without 0x, naa. or (NVMe) eui."};
  }
  disk.set_wwn(wwn);
  if (disk.serial().find(' ') != std::string::npos)
    return HostFault{"disk.serial",
                     quoted(disk.serial()) +
                         " holds a blank, which Linux shows as _ or leaves out; write it as lsblk -o "
                         "SERIAL does, or name the disk by its wwn or path"};
  if (!disk.serial().empty() && !is_one_visible_word(disk.serial()))
    return HostFault{
        "disk.serial",
        quoted(disk.serial()) + " is no serial number: one word of ASCII without quotes and backslashes"};
  const bool is_path = disk.path().starts_with("/") && is_one_visible_word(disk.path());
  if (!disk.path().empty() && !is_path)
    return HostFault{"disk.path", quoted(disk.path()) + " is no absolute path of a device"};
  if (disk.max_size() != 0 && disk.max_size() < disk.min_size())
    return HostFault{"disk.maxSize", "is smaller than minSize: no disk can match"};
  if (!is_one_line(disk.model()) || disk.model().size() > disk_model_most)
    return HostFault{"disk.model", "is one line of at most 128 characters, * for any of them"};
  if (!disk.media().empty() && disk.media() != "SSD" && disk.media() != "HDD")
    return HostFault{"disk.media", quoted(disk.media()) + " is none of SSD, HDD"};
  if (!disk.protocol().empty() && disk.protocol() != "NVMe" && disk.protocol() != "SATA" &&
      disk.protocol() != "SAS")
    return HostFault{"disk.protocol", quoted(disk.protocol()) + " is none of NVMe, SATA, SAS"};
  return std::nullopt;
}

Verdict check_words(const wire::Host& host) {
  const std::pair<const char*, const std::string&> words[] = {
      {"locale", host.locale()}, {"keyboard", host.keyboard()}, {"timezone", host.timezone()}};
  for (const auto& [field, value] : words) {
    if (!value.empty() && !is_plain_word(value))
      return HostFault{field, quoted(value) + " may hold letters, digits and _ - + . / @ only"};
  }
  if (!host.domain().empty() && !is_hostname(host.domain()))
    return HostFault{"domain", quoted(host.domain()) + " is no domain name"};
  for (int i = 0; i < host.network().search_size(); ++i) {
    if (!is_hostname(host.network().search(i)))
      return HostFault{item("network.search", i), quoted(host.network().search(i)) + " is no domain name"};
  }
  if (host.packages_size() > packages_most) return HostFault{"packages", "at most 256 packages are possible"};
  for (int i = 0; i < host.packages_size(); ++i) {
    if (host.packages(i).find(' ') != std::string::npos)
      return HostFault{
          item("packages", i),
          quoted(host.packages(i)) +
              " is no package name, it holds a blank: one package in each item, and a group by its id "
              "(dnf group list --ids shows it, such as @graphical-server-environment)"};
    if (!is_package(host.packages(i)))
      return HostFault{
          item("packages", i),
          quoted(host.packages(i)) + " is no package name: letters, digits and _ - + . / @ ^ : ~ * ? [ ]"};
  }
  return std::nullopt;
}

Verdict check_scripts(const wire::Scripts& scripts) {
  for (const auto& [field, script] :
       {std::pair{"scripts.pre", scripts.pre()}, {"scripts.post", scripts.post()}}) {
    if (script.size() > script_most)
      return HostFault{field,
                       "has " + std::to_string(script.size()) + " bytes; at most 8192 travel in an order"};
    if (script.find("\r\n") != std::string::npos)
      return HostFault{field,
                       "has line ends of Windows (CR LF), which shells take for a part of the command: "
                       "convert it with dos2unix, or sed -i 's/\\r$//'"};
    if (!is_utf8(script)) return HostFault{field, "is not UTF-8: convert it with iconv -t UTF-8"};
    if (!is_text(script)) return HostFault{field, "holds control characters other than tabs and line breaks"};
  }
  return std::nullopt;
}

}  // namespace

std::optional<HostFault> check_host(wire::Host& host) {
  if (host.ByteSizeLong() > host_most)
    return HostFault{
        "", "takes " + std::to_string(host.ByteSizeLong()) + " bytes; at most 24576 travel in an order"};
  if (auto bad = check_words(host)) return bad;
  if (auto bad = check_servers("ntp", *host.mutable_ntp())) return bad;
  if (host.has_network()) {
    if (auto bad = check_links(*host.mutable_network())) return bad;
    if (auto bad = check_dns(*host.mutable_network())) return bad;
  }
  if (auto bad = check_users(host)) return bad;
  if (auto bad = check_password_hash("root.passwordHash", host.root().password_hash())) return bad;
  if (auto bad = check_keys("root.sshKeys", host.root().ssh_keys())) return bad;
  if (host.has_disk()) {
    if (auto bad = check_disk(*host.mutable_disk())) return bad;
  }
  return check_scripts(host.scripts());
}

std::vector<std::string> addresses_of(const wire::Host& host) {
  std::vector<std::string> all;
  for (const wire::Link& link : host.network().links()) {
    for (const std::string& each : link.addresses()) {
      if (const auto parsed = parse_interface(each)) all.push_back(parsed->address.text());
    }
  }
  return all;
}

}  // namespace metalmesh::hosts
