// Whether what an order says of its host is named anywhere in what is rendered for it.
#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include "common/families/abilities.h"
#include "common/text/letters.h"

namespace metalmesh::families {
namespace {

using wire::Host;

/// A link as a whole file, with the resolvers in it (common/answer/keyfile.h).
constexpr std::string_view keyfile = "keyfile_base64";

struct Part {
  const char* field;
  bool (*set)(const Host&);
  std::vector<std::string_view> names;  // any of them will do
};

const std::vector<Part>& parts() {
  static const std::vector<Part> all = {
      {"domain", [](const Host& h) { return !h.domain().empty(); }, {"domain", "fqdn", "fqdn_base64"}},
      {"locale", [](const Host& h) { return !h.locale().empty(); }, {"locale"}},
      {"keyboard", [](const Host& h) { return !h.keyboard().empty(); }, {"keyboard"}},
      {"timezone", [](const Host& h) { return !h.timezone().empty(); }, {"timezone", "timezone_city"}},
      {"ntp", [](const Host& h) { return !h.ntp().empty(); }, {"ntp", "ntp_first"}},
      {"network.links",
       [](const Host& h) { return !h.network().links().empty(); },
       {"network.links", "network.cards", "network.bonds", "network.vlans", "network.primary"}},
      {"network.dns",
       [](const Host& h) { return !h.network().dns().empty(); },
       {"network.dns.servers", "network.dns.numbered", "network.dns.comma", "network.dns.first", keyfile}},
      {"network.search",
       [](const Host& h) { return !h.network().search().empty(); },
       {"network.dns.search", "network.dns.search_comma", "network.dns.search_numbered", keyfile}},
      {"users", [](const Host& h) { return !h.users().empty(); }, {"users"}},
      {"root", [](const Host& h) { return h.root().ByteSizeLong() != 0; }, {"root"}},
      {"disk", [](const Host& h) { return h.disk().ByteSizeLong() != 0; }, {"disk"}},
      {"scripts.pre",
       [](const Host& h) { return !h.scripts().pre().empty(); },
       {"scripts.pre", "scripts.pre_section"}},
      {"scripts.post",
       [](const Host& h) { return !h.scripts().post().empty(); },
       {"scripts.post", "scripts.post_section"}},
      {"packages", [](const Host& h) { return !h.packages().empty(); }, {"packages"}},
  };
  return all;
}

/// `name` as a whole; with `deeper`, or a name that goes on below it ("host.disk" in "host.disk.path").
bool says(std::string_view text, std::string_view name, bool deeper) {
  for (std::size_t at = text.find(name); at != std::string_view::npos; at = text.find(name, at + 1)) {
    const char next = at + name.size() < text.size() ? text[at + name.size()] : ' ';
    if (!is_alnum(next) && next != '_' && next != '-' && (deeper || next != '.')) return true;
  }
  return false;
}

/// Somebody who inserts a whole part ({{host.network}}) names all of it.
bool names(std::string_view text, std::string_view path) {
  std::string name = "host";
  if (path == keyfile) return says(text, keyfile, false);
  if (says(text, name, false)) return true;
  for (std::size_t at = 0; at != std::string_view::npos;) {
    const std::size_t dot = path.find('.', at);
    name += "." + std::string(path.substr(at, dot == std::string_view::npos ? dot : dot - at));
    at = dot == std::string_view::npos ? dot : dot + 1;
    if (says(text, name, at == std::string_view::npos)) return true;
  }
  return false;
}

}  // namespace

std::optional<std::string> unnamed(const config::OsFamily& family, const std::string& own_template,
                                   const Host& host) {
  std::vector<std::string_view> texts;
  if (!own_template.empty()) texts.emplace_back(own_template);
  for (const config::AnswerFile& file : family.files()) {
    if (!file.main() || own_template.empty()) texts.emplace_back(file.template_());
  }
  for (const config::BootEdit& edit : family.boot())
    texts.insert(texts.end(), edit.append().begin(), edit.append().end());
  for (const Part& part : parts()) {
    if (!part.set(host)) continue;
    const bool named = std::ranges::any_of(texts, [&](std::string_view text) {
      return std::ranges::any_of(part.names, [&](std::string_view name) { return names(text, name); });
    });
    if (named) continue;
    const std::string field = std::string("host.") + part.field;
    if (own_template.empty()) return "family " + family.name() + " has no place for " + field;
    return field + " is set, and the answer template does not name host." + std::string(part.names.front()) +
           ", so it would be lost: use it there, or say in a remark that it is left out: {{! host." +
           std::string(part.names.front()) + " }}";
  }
  return std::nullopt;
}

}  // namespace metalmesh::families
