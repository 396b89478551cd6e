#include "common/families/abilities.h"

#include <algorithm>
#include <array>
#include <vector>

#include "common/families/link_wishes.h"
#include "common/hosts/text_rules.h"
#include "common/text/letters.h"

namespace metalmesh::families {
namespace {

using config::Abilities;
using wire::Host;

struct Demand {
  const char* what;
  const char* field;  // as variables name it that stand for it (TypedVariable.instead_of)
  bool (*wanted)(const Host&);
  bool (*able)(const Abilities&);
};

template <class Strings>
bool holds(const Strings& list, std::string_view word) {
  return std::ranges::find(list, word) != list.end();
}

template <class Strings>
std::string joined(const Strings& words, std::string_view between) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? std::string_view() : between), out += word;
  return out;
}

constexpr std::array demands = {
    Demand{"a locale", "locale", [](const Host& h) { return !h.locale().empty(); },
           [](const Abilities& a) { return !a.locale().empty(); }},
    Demand{"a keyboard", "keyboard", [](const Host& h) { return !h.keyboard().empty(); },
           [](const Abilities& a) { return a.keyboard(); }},
    Demand{"a time zone", "timezone", [](const Host& h) { return !h.timezone().empty(); },
           [](const Abilities& a) { return !a.timezone().empty(); }},
    Demand{"NTP servers", "ntp", [](const Host& h) { return !h.ntp().empty(); },
           [](const Abilities& a) { return a.ntp(); }},
    Demand{"user accounts", "users", [](const Host& h) { return !h.users().empty(); },
           [](const Abilities& a) { return a.users(); }},
    Demand{"the password of root", "root", [](const Host& h) { return !h.root().password_hash().empty(); },
           [](const Abilities& a) { return a.root(); }},
    Demand{"SSH keys of root", "rootKeys", [](const Host& h) { return !h.root().ssh_keys().empty(); },
           [](const Abilities& a) { return a.root_keys(); }},
    Demand{"scripts.pre", "pre", [](const Host& h) { return !h.scripts().pre().empty(); },
           [](const Abilities& a) { return a.pre(); }},
    Demand{"scripts.post", "post", [](const Host& h) { return !h.scripts().post().empty(); },
           [](const Abilities& a) { return a.post(); }},
    Demand{"a script with a line that begins with %", "scripts",
           [](const Host& h) {
             return hosts::has_percent_line(h.scripts().pre()) || hosts::has_percent_line(h.scripts().post());
           },
           [](const Abilities& a) { return a.percent_lines(); }},
    Demand{"packages", "packages", [](const Host& h) { return !h.packages().empty(); },
           [](const Abilities& a) { return a.packages(); }},
};

/// For people: what else the order could say.
std::string instead(const config::OsFamily& family, std::string_view field) {
  for (const config::TypedVariable& variable : family.variables()) {
    if (variable.instead_of() == field)
      return "; its variable " + variable.name() + " says that (" + variable.about() + ")";
  }
  return {};
}

const char* form_of(const std::string& package) {
  if (package.starts_with("@^")) return "environment";
  if (package.starts_with('@')) return "group";
  if (package.starts_with('-')) return "without";
  return package.find_first_of("*?[") != std::string::npos ? "glob" : nullptr;
}

/// Of a country, in UTF-8: what can be cut into a language and a country without losing anything.
bool is_language(std::string_view locale) {
  const std::size_t dot = std::min(locale.find('.'), locale.size());
  const std::string encoding = to_lower(locale.substr(dot));
  const std::string_view name = locale.substr(0, dot);
  const std::size_t line = name.find('_');
  return (encoding.empty() || encoding == ".utf-8" || encoding == ".utf8") && (line == 2 || line == 3) &&
         name.size() == line + 3 && std::ranges::all_of(name.substr(0, line), is_lower) &&
         std::ranges::all_of(name.substr(line + 1), is_upper);
}

bool is_city(std::string_view zone) {
  const bool utc = zone == "UTC" || zone == "Etc/UTC";
  return utc || (zone.find('/') != std::string_view::npos && !zone.starts_with("Etc/"));
}

/// In which of its forms a value that the family can express is one that its installer takes.
std::optional<std::string> wrong_form(const Abilities& can, const Host& host) {
  if (can.locale() == "language" && !host.locale().empty() && !is_language(host.locale()))
    return "takes as a locale the language of a country, in UTF-8, such as de_DE.UTF-8, and not \"" +
           host.locale() + "\"";
  if (can.timezone() == "city" && !host.timezone().empty() && !is_city(host.timezone()))
    return "takes a city's time zone, such as Europe/Berlin, or UTC, and not \"" + host.timezone() + "\"";
  for (const std::string& package : host.packages()) {
    const char* form = form_of(package);
    if (form != nullptr && !holds(can.package_forms(), form))
      return "takes plain names of packages, and not \"" + package + "\" (" + form + ")";
  }
  return std::nullopt;
}

std::vector<std::string> keys_of(const wire::DiskChoice& disk) {
  std::vector<std::string> keys;
  if (!disk.path().empty()) keys.emplace_back("path");
  if (!disk.serial().empty()) keys.emplace_back("serial");
  if (!disk.wwn().empty()) keys.emplace_back("wwn");
  if (disk.min_size() != 0 || disk.max_size() != 0) keys.emplace_back("size");
  if (!disk.model().empty()) keys.emplace_back("model");
  if (!disk.media().empty()) keys.emplace_back("media");
  if (!disk.protocol().empty()) keys.emplace_back("protocol");
  return keys;
}

std::optional<std::string> wrong_disk(const config::OsFamily& family, const wire::DiskChoice& disk) {
  const Abilities& can = family.can();
  const std::vector<std::string> keys = keys_of(disk);
  for (const std::string& key : keys) {
    if (!holds(can.disk(), key))
      return "cannot express a disk by its " + key +
             (can.disk().empty() ? std::string() : "; it can by: " + joined(can.disk(), ", ")) +
             instead(family, "disk");
  }
  if (can.one_disk_key() && keys.size() > 1)
    return "finds a disk by one mark alone, and host.disk has " + joined(keys, " and ") +
           ": keep one of them";
  if (can.disk_required() && keys.empty())
    return "must be told the disk, because its installer would choose one by itself: host.disk";
  return std::nullopt;
}

/// All that is missing at once.
std::optional<std::string> lacking(const Abilities& can, const Host& host, const std::string& hostname) {
  std::vector<std::string> missing;
  const auto need = [&](const char* what, bool given, const char* say) {
    if (holds(can.needs(), what) && !given) missing.emplace_back(say);
  };
  need("domain", !host.domain().empty() || hostname.find('.') != std::string::npos,
       "a domain for its host name (host.domain)");
  need("rootPassword", !host.root().password_hash().empty(), "a password of root (host.root.passwordHash)");
  need("gateway", has_the_gateway_it_needs(host.network()),
       "a gateway beside a static address (host.network.links[].gateways)");
  need("dns", !has_static_link(host.network()) || host.network().dns_size() != 0,
       "a DNS server beside a static address (host.network.dns)");
  if (missing.empty()) return std::nullopt;
  return "needs " + joined(missing, ", and ");
}

std::optional<std::string> wrong_name(const Abilities& can, const std::string& hostname) {
  const std::string label = hostname.substr(0, hostname.find('.'));
  if (can.hostname_most() == 0) return std::nullopt;
  if (label.size() > can.hostname_most())
    return "takes host names of at most " + std::to_string(can.hostname_most()) + " characters, and \"" +
           label + "\" has " + std::to_string(label.size()) + ": give the server a shorter spec.hostname";
  if (std::ranges::all_of(label, is_digit))
    return "takes no host name of digits alone, such as \"" + label +
           "\": give the server another spec.hostname";
  return std::nullopt;
}

}  // namespace

std::optional<std::string> why_not(const config::OsFamily& family, const Host& host,
                                   const std::string& hostname) {
  const Abilities& can = family.can();
  const std::string whose = "family " + family.name() + " ";
  for (const Demand& demand : demands) {
    if (demand.wanted(host) && !demand.able(can))
      return whose + "cannot express " + demand.what + instead(family, demand.field);
  }
  if (const auto wish = unable_link_wish(can, host.network())) return whose + "cannot express " + *wish;
  for (auto wrong : {wrong_form(can, host), wrong_disk(family, host.disk()), lacking(can, host, hostname),
                     wrong_name(can, hostname)}) {
    if (wrong) return whose + *wrong;
  }
  return std::nullopt;
}

}  // namespace metalmesh::families
