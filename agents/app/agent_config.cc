#include "agents/app/agent_config.h"

#include <algorithm>
#include <filesystem>
#include <string_view>
#include <utility>

#include "agents/core/bmc_reach.h"
#include "agents/media/server/image_sources.h"
#include "common/adapters/config_file.h"
#include "common/os/files.h"
#include "common/text/letters.h"

namespace metalmesh::agent {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t site_name_limit = 63;

Status needed(const char* field, const std::string& value, const std::string& hint) {
  if (!value.empty()) return {};
  return fail(ErrorKind::invalid, std::string(field) + " is missing" + hint);
}

/// A source's certificate is held against what this file says: one without an authority would refuse them all.
Status check_image_ca(const std::string& path) {
  if (path.empty()) return {};
  const auto content = os::read_file(path);
  if (!content || content->find("-----BEGIN CERTIFICATE-----") != std::string::npos) return {};
  return fail(ErrorKind::invalid, "imageCa: " + path + " holds no certificate (PEM) of an authority");
}

Status check_image_sources(const config::ImageSources& sources) {
  for (const std::string& network : sources.networks()) {
    if (!media::is_network(network))
      return fail(ErrorKind::invalid, "imageSources.networks: \"" + network +
                                          "\" is no network; write 10.0.5.0/24, or an address");
  }
  return {};
}

/// Without it whoever may write a server's address would be sent this site's passwords.
Status check_bmc_networks(const config::Agent& config) {
  if (config.bmc_networks().empty())
    return fail(ErrorKind::invalid,
                "bmcNetworks is missing: where this site's BMCs stand, for example bmcNetworks: [{cidr: "
                "10.20.0.0/24}]; its passwords are sent nowhere else");
  auto fine = BmcReach::check(config.bmc_networks());
  if (fine) return fine;
  return fail(ErrorKind::invalid, "bmcNetworks" + fine.error().message);
}

Status check_site(const std::string& site) {
  if (auto given = needed("site", site, ": the name under which the controller knows this site"); !given)
    return given;
  const bool plain = std::ranges::all_of(site, [](char c) { return is_lower(c) || is_digit(c) || c == '-'; });
  if (plain && site.size() <= site_name_limit) return {};
  return fail(ErrorKind::invalid,
              "site \"" + site + "\" is no name: lower-case letters, digits and '-', at most 63");
}

/// Nobody can dial "any address".
Status check_dialled(const std::string& field, const std::string& listen, const std::string& address,
                     const std::string& who) {
  const bool any = listen.starts_with("0.0.0.0:") || listen.starts_with("[::]:") || listen.starts_with(':');
  if (!any || !address.empty()) return {};
  return fail(ErrorKind::invalid, "media." + field + " is missing: this machine listens on " + listen +
                                      ", so name its address that " + who + " dial");
}

Status check_media(const config::Media& media) {
  if (auto fine = check_dialled("address", media.listen(), media.address(), "BMCs"); !fine) return fine;
  const std::string& plain = media.plain_address().empty() ? media.address() : media.plain_address();
  if (auto fine = check_dialled("plainAddress", media.plain_listen(), plain, "BMCs"); !fine) return fine;
  return check_dialled("packagesAddress", media.packages_listen(), media.packages_address(), "installers");
}

Duration length_of(const google::protobuf::Duration& duration, Duration otherwise) {
  const Duration given = std::chrono::seconds(duration.seconds()) + Duration(duration.nanos());
  return given > Duration::zero() ? given : otherwise;
}

Result<config::Agent> read(const AgentOptions& options) {
  auto config = adapters::read_config<config::Agent>(options.config);
  if (config) return config;
  Error error = std::move(config.error());
  if (error.kind == ErrorKind::not_found)
    error.message += "; name another one with --config, or see --help for its form";
  return std::unexpected(std::move(error));
}

Status check_credentials_path(const config::Agent& config) {
  return needed("credentialsFile", config.credentials_file(), ": the 0600 file that holds BMC passwords");
}

/// What the command line decides, and defaults.
void complete(config::Agent& config, const AgentOptions& options) {
  if (!options.data_dir.empty()) {
    std::error_code code;
    const fs::path absolute = fs::absolute(options.data_dir, code);
    config.set_data_dir(code ? options.data_dir.string() : absolute.string());
  }
  config::Media& media = *config.mutable_media();
  if (media.listen().empty()) media.set_listen("0.0.0.0:8443");
  if (media.certificate().empty()) media.set_certificate(config.tls().certificate());
  if (media.key().empty()) media.set_key(config.tls().key());
  if (media.ca().empty()) media.set_ca(config.tls().ca());
}

Status check_data_dir(const config::Agent& config) {
  return needed("dataDir", config.data_dir(), ": the folder of the store, or --data-dir");
}

}  // namespace

Result<config::Agent> load_config(const AgentOptions& options) {
  auto loaded = read(options);
  if (!loaded) return loaded;
  config::Agent& config = *loaded;
  complete(config, options);
  Status checks[] = {check_site(config.site()),
                     check_data_dir(config),
                     needed("broker.url", config.broker().url(), ": for example mqtts://broker.example:8883"),
                     check_credentials_path(config),
                     check_bmc_networks(config),
                     check_media(config.media()),
                     adapters::check_paths(config),
                     check_image_ca(config.image_ca()),
                     check_image_sources(config.image_sources())};
  for (Status& check : checks) {
    if (!check) return std::unexpected(std::move(check.error()).with(options.config.string()));
  }
  return loaded;
}

Result<config::Agent> load_media_config(const AgentOptions& options) {
  auto loaded = read(options);
  if (!loaded) return loaded;
  complete(*loaded, options);
  config::Media served = loaded->media();
  served.clear_ca();  // who reads from it needs that, not the server: it must start without
  Status checks[] = {check_data_dir(*loaded), adapters::check_paths(served, "media")};
  for (Status& check : checks) {
    if (!check) return std::unexpected(std::move(check.error()).with(options.config.string()));
  }
  return loaded;
}

Result<config::Agent> load_store_config(const AgentOptions& options) {
  auto loaded = read(options);
  if (!loaded) return loaded;
  complete(*loaded, options);
  if (auto check = check_data_dir(*loaded); !check)
    return std::unexpected(std::move(check.error()).with(options.config.string()));
  return loaded;
}

Result<std::string> load_credentials_path(const AgentOptions& options) {
  auto config = read(options);
  if (!config) return std::unexpected(std::move(config.error()));
  if (auto given = check_credentials_path(*config); !given) {
    return std::unexpected(std::move(given.error()).with(options.config.string()));
  }
  return config->credentials_file();
}

AgentSettings settings_of(const config::Agent& config, const std::string& machine_id,
                          const std::string& version) {
  AgentSettings settings;
  settings.site = SiteName(config.site());
  settings.machine_id = machine_id;
  settings.version = version;
  if (config.parallel() != 0) settings.parallel = config.parallel();
  settings.hello_interval = length_of(config.hello_interval(), settings.hello_interval);
  settings.media_address = config.media().address();
  settings.media_tls = !config.media().plain_http();
  settings.plain_address = config.media().plain_address();
  settings.callback_address = config.media().callback_address();
  settings.packages_address = config.media().packages_address();
  settings.wan_free = config.wan_free();
  settings.bmc_networks = config.bmc_networks();
  work::StageTimeouts& timeouts = settings.timeouts;
  const config::Timeouts& given = config.timeouts();
  timeouts.bmc_request = length_of(given.bmc_request(), timeouts.bmc_request);
  timeouts.unreachable = length_of(given.unreachable(), timeouts.unreachable);
  timeouts.bmc_lost = length_of(given.bmc_lost(), timeouts.bmc_lost);
  timeouts.confirm = length_of(given.confirm(), timeouts.confirm);
  timeouts.first_read = length_of(given.first_read(), timeouts.first_read);
  timeouts.power = length_of(given.power(), timeouts.power);
  timeouts.boot = length_of(given.boot(), timeouts.boot);
  timeouts.stall = length_of(given.stall(), timeouts.stall);
  timeouts.poll = length_of(config.poll_interval(), timeouts.poll);
  return settings;
}

}  // namespace metalmesh::agent
