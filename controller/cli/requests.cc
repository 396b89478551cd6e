#include "controller/cli/requests.h"

#include <fmt/format.h>

#include "common/base/command_words.h"
#include "common/text/percent.h"
#include "controller/cli/api_client.h"
#include "controller/cli/wording.h"

namespace metalmesh::cli {
namespace {

constexpr std::size_t name_limit = 63;
constexpr std::size_t digest_prefix_least = 8;

}  // namespace

std::string object_path(const Kind& kind, std::string_view name) {
  return fmt::format("/api/v1/{}/{}", kind.plural, percent_encode(name));
}

std::string list_path(const Kind& kind, const std::map<std::string, std::string>& query) {
  std::string out = fmt::format("/api/v1/{}?limit=200", kind.plural);
  for (const auto& [name, value] : query) {
    if (!value.empty()) out += fmt::format("&{}={}", name, percent_encode(value));
  }
  return out;
}

Result<std::map<std::string, std::string>> parse_pairs(const std::vector<std::string>& pairs) {
  std::map<std::string, std::string> out;
  for (const std::string& pair : pairs) {
    const auto equals = pair.find('=');
    if (equals == 0 || equals == std::string::npos) {
      return fail(ErrorKind::invalid, fmt::format("\"{}\": expected key=value", pair));
    }
    if (!out.emplace(pair.substr(0, equals), pair.substr(equals + 1)).second) {
      return fail(ErrorKind::invalid, fmt::format("\"{}\" is given twice", pair.substr(0, equals)));
    }
  }
  return out;
}

Result<adapters::PkiSite> parse_pki_site(std::string_view text) {
  const auto equals = text.find('=');
  adapters::PkiSite site{std::string(text.substr(0, equals)), {}};
  if (equals == std::string_view::npos) return site;
  std::string_view rest = text.substr(equals + 1);
  while (!rest.empty()) {
    const auto comma = rest.find(',');
    site.hosts.emplace_back(rest.substr(0, comma));
    rest.remove_prefix(comma == std::string_view::npos ? rest.size() : comma + 1);
  }
  if (site.hosts.empty())
    return fail(ErrorKind::invalid, fmt::format("--site {}: no host after the equals sign", text));
  return site;
}

Result<rest::Rollout> install_rollout(const InstallOptions& options, const std::string& name) {
  auto vars = parse_pairs(options.vars);
  if (!vars) return std::unexpected(std::move(vars.error()).with("--var"));
  rest::Rollout rollout;
  rollout.set_api_version("metalmesh/v1");
  rollout.set_kind("Rollout");
  rollout.mutable_metadata()->set_name(name);
  auto& spec = *rollout.mutable_spec();
  spec.set_action("install");
  spec.mutable_select()->add_servers(options.server);
  spec.set_image(options.image);
  spec.set_profile(options.profile);
  spec.set_reinstall(options.reinstall);
  spec.set_powered_on(options.powered_on);
  spec.set_replace_foreign_media(options.replace_foreign_media);
  spec.mutable_vars()->insert(vars->begin(), vars->end());
  return rollout;
}

std::string install_rollout_name(std::string_view server, unsigned attempt) {
  const std::string suffix = attempt <= 1 ? std::string() : fmt::format("-{}", attempt);
  std::string name = fmt::format("install-{}", server).substr(0, name_limit - suffix.size());
  while (name.ends_with('-')) name.pop_back();
  return name + suffix;
}

std::string confirmation_of(const rest::Plan& plan) {
  if (plan.servers_size() != 1) return {};
  const auto& identity = plan.servers(0).identity();
  return !identity.serial().empty() ? identity.serial() : identity.uuid();
}

Result<std::string> full_digest(const rest::Rollout& rollout, std::string_view typed) {
  const std::string& digest = rollout.status().plan().digest();
  const std::string& name = rollout.metadata().name();
  if (digest.empty()) {
    return fail(ErrorKind::conflict,
                fmt::format("rollout {} has no plan yet\n  next: {}", name, commands::plan(name)));
  }
  if (typed.size() < digest_prefix_least) {
    return fail(ErrorKind::invalid, fmt::format("--plan {}: give at least {} characters of the digest", typed,
                                                digest_prefix_least));
  }
  if (!digest.starts_with(typed)) {
    return fail(ErrorKind::conflict, fmt::format("rollout {} now has plan {}, not {}: somebody planned "
                                                 "again, look at the new one\n  next: metalmesh "
                                                 "rollout get {}",
                                                 name, digest.substr(0, short_digest), typed, name));
  }
  return digest;
}

}  // namespace metalmesh::cli
