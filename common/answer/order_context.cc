#include "common/answer/order_context.h"

#include <algorithm>
#include <array>
#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <charconv>
#include <map>
#include <utility>

#include "common/answer/disk_script.h"
#include "common/answer/network_context.h"
#include "common/answer/text_format.h"
#include "common/hosts/text_rules.h"

namespace metalmesh::answer {
namespace {

namespace json = boost::json;

constexpr std::array<std::string_view, 6> ours = {"host",     "callback",  "check",
                                                  "packages", "volume_id", "volume_label"};
/// They travel as variables, and whoever makes the order sets them.
constexpr std::array<std::string_view, 4> offered = {"hostname", "server", "deployment", "callback_url"};

json::value or_null(const std::string& text) {
  return text.empty() ? json::value(nullptr) : json::value(text);
}

json::value or_null(std::uint64_t number) { return number == 0 ? json::value(nullptr) : json::value(number); }

template <class Strings>
json::array list_of(const Strings& strings) {
  json::array out;
  for (const std::string& each : strings) out.emplace_back(each);
  return out;
}

/// CoreOS and Flatcar give a member of these groups sudo without a password.
json::array all_groups(const wire::User& user) {
  json::array groups = list_of(user.groups());
  if (user.sudo()) groups.insert(groups.end(), {"sudo", "wheel"});
  return groups;
}

json::object user_context(const wire::User& user) {
  return {{"name", user.name()},
          {"full_name", user.full_name()},
          {"password_hash", or_null(user.password_hash())},
          {"locked", user.password_hash().empty()},
          {"ssh_keys", list_of(user.ssh_keys())},
          {"has_ssh_keys", !user.ssh_keys().empty()},
          {"has_groups", !user.groups().empty()},
          {"groups", list_of(user.groups())},
          {"all_groups", all_groups(user)},
          {"sudo", user.sudo()},
          {"home", "/home/" + user.name()}};
}

/// For installers that take one key.
std::string keys_script(const wire::RootAccount& root) {
  return "#!/bin/sh\ninstall -d -m 700 /root/.ssh\nprintf '%s\\n' " +
         *write_value(list_of(root.ssh_keys()), TextFormat::shell) +
         " >> /root/.ssh/authorized_keys\nchmod 600 /root/.ssh/authorized_keys\n";
}

json::object root_context(const wire::RootAccount& root) {
  return {{"password_hash", or_null(root.password_hash())},
          {"locked", root.password_hash().empty()},
          {"ssh_keys", list_of(root.ssh_keys())},
          {"first_ssh_key", root.ssh_keys().empty() ? std::string() : root.ssh_keys(0)},
          {"keys_script", root.ssh_keys_size() > 1 ? json::value(keys_script(root)) : json::value(nullptr)},
          {"has_ssh_keys", !root.ssh_keys().empty()}};
}

bool needs_group_or_sudo(const wire::User& user) {
  return !user.groups().empty() || (user.sudo() && user.password_hash().empty());
}

json::object disk_context(const wire::DiskChoice& disk) {
  const bool chosen = disk.ByteSizeLong() != 0;
  const bool nvme = disk.wwn().starts_with("eui.");
  const std::string wwn = nvme ? disk.wwn().substr(4) : disk.wwn();
  return {{"chosen", chosen},
          {"serial", or_null(disk.serial())},
          {"wwn", or_null(wwn)},
          {"wwn_name", or_null(wwn.empty() ? wwn : (nvme ? "eui." : "naa.") + wwn)},
          {"path", or_null(disk.path())},
          {"wwn_glob", "*" + wwn},
          // udev gives the first 16 digits in one property and all of them in another.
          {"wwn_key", wwn.size() > 16 ? "ID_WWN_WITH_EXTENSION" : "ID_WWN"},
          {"min_size", or_null(disk.min_size())},
          {"max_size", or_null(disk.max_size())},
          {"model", or_null(disk.model())},
          {"media", or_null(disk.media())},
          {"protocol", or_null(disk.protocol())},
          {"script", disk_script(disk)},
          {"script_base64", base64(disk_script(disk))}};
}

/// "de_DE.UTF-8": language de_DE, its two letters, the country.
json::object locale_context(const std::string& given) {
  const std::string locale = given.empty() ? "en_US.UTF-8" : given;
  const std::string language = locale.substr(0, locale.find('.'));
  const std::size_t underscore = language.find('_');
  return {{"name", locale},
          {"language", language},
          {"short", language.substr(0, underscore)},
          {"country", underscore == std::string::npos ? "US" : language.substr(underscore + 1)},
          {"dashed", underscore == std::string::npos
                         ? language
                         : language.substr(0, underscore) + "-" + language.substr(underscore + 1)}};
}

/// As a section of a kickstart can hold it: whatever begins with % would end it, or be a command of its own.
std::string section_of(const std::string& script) {
  if (!hosts::has_percent_line(script)) return script;
  return "printf %s " + base64(script) + " | base64 -d > /tmp/metalmesh-script && . /tmp/metalmesh-script";
}

json::object scripts_context(const wire::Scripts& scripts) {
  return {{"pre", scripts.pre()},
          {"post", scripts.post()},
          {"pre_section", section_of(scripts.pre())},
          {"post_section", section_of(scripts.post())}};
}

json::object host_context(const wire::Host& host, const std::string& hostname) {
  json::array users;
  for (const wire::User& user : host.users()) users.push_back(user_context(user));
  const bool qualified = host.domain().empty() || hostname.ends_with("." + host.domain());
  const std::string fqdn = qualified ? hostname : hostname + "." + host.domain();
  const std::size_t dot = fqdn.find('.');
  const std::string zone = host.timezone().empty() ? "Etc/UTC" : host.timezone();
  return {{"domain", dot == std::string::npos ? json::value(nullptr) : json::value(fqdn.substr(dot + 1))},
          {"fqdn", fqdn},
          {"fqdn_base64", base64(fqdn + "\n")},
          {"short_name", hostname.substr(0, hostname.find('.'))},
          {"locale", locale_context(host.locale())},
          {"keyboard", host.keyboard().empty() ? "us" : host.keyboard()},
          {"timezone", zone},
          {"timezone_city", zone == "Etc/UTC" ? "UTC" : zone},
          {"ntp", list_of(host.ntp())},
          {"ntp_first", host.ntp().empty() ? json::value(nullptr) : json::value(host.ntp(0))},
          {"has_ntp", !host.ntp().empty()},
          {"network", network_context(host.network())},
          {"has_groups_or_keyless_sudo", std::ranges::any_of(host.users(), needs_group_or_sudo)},
          {"users", users},
          {"root", root_context(host.root())},
          {"disk", disk_context(host.disk())},
          {"scripts", scripts_context(host.scripts())},
          {"packages", list_of(host.packages())},
          {"has_packages", !host.packages().empty()}};
}

std::unexpected<Error> wrong_type(const config::TypedVariable& variable, const std::string& value) {
  return fail(ErrorKind::invalid,
              "variable " + variable.name() + ": \"" + value.substr(0, 80) + "\" is no " + variable.type() +
                  (variable.type() == "list" || variable.type() == "object" ? " in JSON" : ""));
}

Result<json::value> typed(const config::TypedVariable& variable, const std::string& value) {
  if (variable.type() == "string") return json::value(value);
  if (variable.type() == "bool") {
    if (value == "true" || value == "yes" || value == "on") return json::value(true);
    if (value == "false" || value == "no" || value == "off") return json::value(false);
    return wrong_type(variable, value);
  }
  if (variable.type() == "number") {
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (error != std::errc() || end != value.data() + value.size()) return wrong_type(variable, value);
    return json::value(number);
  }
  boost::system::error_code error;
  json::value parsed = json::parse(value, error);
  const bool fits = !error && (variable.type() == "list" ? parsed.is_array() : parsed.is_object());
  if (!fits) return wrong_type(variable, value);
  return parsed;
}

}  // namespace

bool is_reserved(std::string_view name) {
  return std::ranges::find(ours, name) != ours.end() || std::ranges::find(offered, name) != offered.end();
}

Result<json::object> order_context(const std::vector<wire::Variable>& variables, const wire::Host& host,
                                   const config::OsFamily& family) {
  std::map<std::string, std::string> values;
  for (const wire::Variable& variable : variables) {
    if (std::ranges::find(ours, variable.name()) != ours.end())
      return fail(ErrorKind::invalid,
                  "variable " + variable.name() +
                      " has a meaning of its own in every template: give it another name");
    if (!values.emplace(variable.name(), variable.value()).second)
      return fail(ErrorKind::invalid, "variable " + variable.name() + " is given twice");
  }
  json::object context;
  for (const auto& [name, value] : values) context[name] = value;
  for (const config::TypedVariable& declared : family.variables()) {
    const auto given = values.find(declared.name());
    if (declared.required() && given == values.end())
      return fail(ErrorKind::invalid, "family " + family.name() + " needs the variable " + declared.name() +
                                          (declared.about().empty() ? "" : " (" + declared.about() + ")"));
    auto value = typed(declared, given == values.end() ? declared.default_() : given->second);
    if (!value) return std::unexpected(value.error());
    context[declared.name()] = std::move(*value);
  }
  const auto hostname = values.find("hostname");
  context["host"] = host_context(host, hostname == values.end() ? "localhost" : hostname->second);
  return context;
}

}  // namespace metalmesh::answer
