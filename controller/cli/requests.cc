#include "controller/cli/requests.h"

#include <fmt/format.h>
#include <google/protobuf/util/time_util.h>

#include "common/base/command_words.h"
#include "common/text/letters.h"
#include "common/text/percent.h"
#include "common/text/scalars.h"
#include "controller/cli/api_client.h"
#include "controller/cli/wording.h"

namespace metalmesh::cli {
namespace {

constexpr std::size_t name_limit = 63;
constexpr std::size_t digest_prefix_least = 8;

/// Those between commas.
std::vector<std::string> split_words(std::string_view text) {
  std::vector<std::string> out;
  while (!text.empty()) {
    const auto comma = text.find(',');
    out.emplace_back(text.substr(0, comma));
    text.remove_prefix(comma == std::string_view::npos ? text.size() : comma + 1);
  }
  return out;
}

/// "bmc-reset" as "bmcReset".
std::string camel_case(std::string_view words) {
  std::string out;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const bool begins = words[i] == '-' && i + 1 < words.size();
    out += begins ? to_upper(words[++i]) : words[i];
  }
  return out;
}

Result<google::protobuf::Duration> typed_duration(std::string_view option, const std::string& text) {
  const auto value = parse_duration(text);
  if (!value || *value <= Duration::zero())
    return fail(ErrorKind::invalid,
                fmt::format("{} {}: expected a duration such as 90s or 10m", option, text));
  return google::protobuf::util::TimeUtil::NanosecondsToDuration(value->count());
}

}  // namespace

rest::Rollout retry_of(const rest::Rollout& before, const std::vector<rest::Deployment>& deployments,
                       std::string_view cause, bool wiped) {
  rest::Rollout retry;
  retry.set_api_version(before.api_version());
  retry.set_kind(before.kind());
  rest::RolloutSpec& spec = *retry.mutable_spec();
  spec = before.spec();
  spec.clear_waves();
  spec.clear_start_within();
  spec.clear_select();
  for (const rest::Deployment& deployment : deployments) {
    const std::string code =
        deployment.has_fault() ? wire::FaultCode_Name(deployment.fault().code()) : std::string();
    if (!cause.empty() && code != cause) continue;
    // What was called back or came too late is no failure, and nobody names it by accident.
    const bool ended =
        deployment.state() == "FAILED" || (deployment.state() == "CANCELLED" && !cause.empty());
    const bool untouched =
        !may_wipe(deployment) || (deployment.disk() == wire::DISK_UNTOUCHED && !deployment.launched());
    if (!ended || (!untouched && !wiped)) continue;
    spec.mutable_select()->add_servers(deployment.server());
    if (!untouched) spec.set_reinstall(true);
  }
  return retry;
}

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

std::string field_condition(const std::string& text) {
  const auto equals = text.find('=');
  if (equals == std::string::npos) return text;  // the controller says what is wrong with it
  const bool differs = equals > 0 && text[equals - 1] == '!';
  return fmt::format("{} {} \"{}\"", text.substr(0, differs ? equals - 1 : equals), differs ? "!=" : "=",
                     text.substr(equals + 1));
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
  site.hosts = split_words(text.substr(equals + 1));
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

const std::vector<std::string>& power_changes() {
  static const std::vector<std::string> all = {"on",        "off",      "graceful",  "cycle",
                                               "bmc-reset", "light-on", "light-off", "setup-once"};
  return all;
}

const std::vector<std::string>& bmc_deeds() {
  static const std::vector<std::string> all = {"clear-jobs", "end-sessions", "eject", "set-clock",
                                               "trust-ca"};
  return all;
}

Result<rest::Rollout> fleet_rollout(const FleetOptions& options, const std::string& name) {
  rest::Rollout rollout;
  rollout.set_api_version("metalmesh/v1");
  rollout.set_kind("Rollout");
  rollout.mutable_metadata()->set_name(name);
  auto& spec = *rollout.mutable_spec();
  spec.set_action(camel_case(options.action));
  auto labels = parse_pairs(split_words(options.selector));
  if (!labels) return std::unexpected(std::move(labels.error()).with("-l"));
  auto& select = *spec.mutable_select();
  select.mutable_labels()->insert(labels->begin(), labels->end());
  select.mutable_sites()->Assign(options.sites.begin(), options.sites.end());
  select.mutable_servers()->Assign(options.servers.begin(), options.servers.end());
  select.mutable_exclude()->Assign(options.exclude.begin(), options.exclude.end());
  if (options.parallel != 0) spec.mutable_parallel()->set_total(options.parallel);
  if (options.per_site != 0) spec.mutable_parallel()->set_per_site(options.per_site);
  spec.set_capture(options.capture);
  spec.set_screen(options.screen);
  if (options.action == "power") spec.mutable_power()->set_change(camel_case(options.change));
  if (options.action == "mount-test") spec.mutable_mount_test()->set_in_use(options.in_use);
  if (options.action == "bmc") {
    spec.mutable_bmc()->set_deed(camel_case(options.change));
    spec.mutable_bmc()->set_all(options.all);
  }
  if (!options.within.empty()) {
    auto within = typed_duration("--within", options.within);
    if (!within) return std::unexpected(within.error());
    *spec.mutable_power()->mutable_within() = *within;
  }
  if (options.image.empty()) return rollout;
  spec.set_image(options.image);
  spec.set_powered_on(options.powered_on);
  spec.set_replace_foreign_media(options.replace_foreign_media);
  rest::RolloutBootIso& boot = *spec.mutable_boot_iso();
  boot.set_afterwards(options.afterwards);
  boot.set_in_use(options.in_use);
  if (options.max_run.empty()) return rollout;
  auto max_run = typed_duration("--max-run", options.max_run);
  if (!max_run) return std::unexpected(max_run.error());
  *boot.mutable_max_run() = *max_run;
  return rollout;
}

std::string fleet_rollout_name(const FleetOptions& options, unsigned attempt) {
  return fmt::format("{}{}{}-{}", options.action, options.change.empty() ? "" : "-", options.change, attempt);
}

std::string fleet_command(const FleetOptions& options) {
  std::string out = "metalmesh " + options.action;
  for (const std::string& what : {options.change, options.image}) {
    if (!what.empty()) out += " " + what;
  }
  for (const std::string& server : options.servers) out += " " + server;
  if (!options.selector.empty()) out += fmt::format(" -l '{}'", options.selector);
  for (const std::string& site : options.sites) out += fmt::format(" --site '{}'", site);
  for (const std::string& pattern : options.exclude) out += fmt::format(" --exclude '{}'", pattern);
  if (options.parallel != 0) out += fmt::format(" --parallel {}", options.parallel);
  if (options.per_site != 0) out += fmt::format(" --per-site {}", options.per_site);
  if (!options.within.empty()) out += " --within " + options.within;
  if (!options.max_run.empty()) out += " --max-run " + options.max_run;
  if (!options.afterwards.empty()) out += " --afterwards " + options.afterwards;
  if (!options.powered_on.empty()) out += " --powered-on " + options.powered_on;
  if (options.replace_foreign_media) out += " --replace-foreign-media";
  if (options.in_use) out += " --in-use";
  if (options.all) out += " --all";
  return out;
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
