#include "controller/up/mesh_files.h"

#include <fmt/format.h>

#include <utility>
#include <vector>

#include "controller/up/broker_files.h"

namespace metalmesh::up {
namespace {

bool is_v6(std::string_view address) { return address.find(':') != std::string_view::npos; }

/// As YAML writes any text.
std::string in_quotes(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

bool is_loopback(std::string_view address) {
  return address.starts_with("127.") || address == "localhost" || address == "::1";
}

/// What runs on this machine is its owner's, whatever key it shows. BMCs beyond it stand in private networks, and each is
/// approved by its key.
std::string bmc_networks(const config::UpSite& site) {
  std::string out;
  for (const std::string_view here : {"127.0.0.0/8", "::1/128"})
    out += fmt::format("{}{{cidr: \"{}\", firstContact: true, mediaFrom: [127.0.0.0/8, \"::1/128\"]}}",
                       out.empty() ? "" : ", ", here);
  if (is_loopback(site.media_address())) return out;
  for (const std::string_view beyond :
       {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7", "fe80::/10"})
    out += fmt::format(", {{cidr: \"{}\"}}", beyond);
  return out;
}

std::string filled_in(std::string_view text,
                      const std::vector<std::pair<std::string_view, std::string>>& values) {
  std::string out(text);
  for (const auto& [name, value] : values) {
    for (std::size_t at = 0; (at = out.find(name, at)) != std::string::npos; at += value.size())
      out.replace(at, name.size(), value);
  }
  return out;
}

}  // namespace

const std::string_view generated_mark =
    "# Written by metalmesh up at every start. Delete this line to keep your own changes.\n";

std::string api_url(const config::Up& settings) {
  return fmt::format("https://localhost:{}", settings.api_port());
}

std::string broker_url(const config::Up& settings) {
  return fmt::format("mqtts://localhost:{}", settings.broker_port());
}

std::string media_authority(const config::UpSite& site) {
  const std::string& address = site.media_address();
  return fmt::format(fmt::runtime(is_v6(address) ? "[{}]:{}" : "{}:{}"), address, site.media_port());
}

std::string media_listen(const config::UpSite& site) {
  const std::string& address = site.media_address();
  const bool loopback = is_loopback(address);
  const std::string_view listen =
      is_v6(address) ? (loopback ? "[::1]" : "[::]") : (loopback ? "127.0.0.1" : "0.0.0.0");
  return fmt::format("{}:{}", listen, site.media_port());
}

std::string settings_text(const config::Up& settings) {
  std::string out = fmt::format(
      "# The choices of metalmesh up for this folder. Change them with its options: metalmesh up --help\n"
      "apiPort: {}\nbrokerPort: {}\nfreePorts: {}\nsites:\n",
      settings.api_port(), settings.broker_port(), settings.free_ports());
  for (const auto& site : settings.sites()) {
    out += fmt::format("  - {{name: {}, mediaPort: {}, mediaAddress: \"{}\"}}\n", site.name(),
                       site.media_port(), site.media_address());
  }
  return out;
}

std::string client_text(const config::Up& settings) {
  return fmt::format("{}server: {}\nca: pki/ca.crt\ntokenFile: pki/admin.token\n", generated_mark,
                     api_url(settings));
}

std::string broker_text(const config::Up& settings, const BrokerFacts& facts) {
  std::string out(generated_mark);
  out += filled_in(mosquitto_conf_template, {{"@PORT@", std::to_string(settings.broker_port())},
                                             {"@ADDRESS@", "127.0.0.1"},  // only our own children connect
                                             {"@FAMILY@", "ipv4"},
                                             {"@PKI@", (facts.folder / "pki").string()},
                                             {"@ACL@", (facts.folder / "mosquitto.acl").string()}});
  if (facts.keep_root) out += "\nuser root\n";
  return out;
}

std::string controller_text(const config::Up& settings) {
  return fmt::format(
      R"({}dataDir: controller
broker: {{url: "{}"}}
tls: {{ca: pki/ca.crt, certificate: pki/controller.crt, key: pki/controller.key}}
api: {{listen: "127.0.0.1:{}", certificate: pki/api.crt, key: pki/api.key, tokensFile: pki/tokens}}
signingKey: pki/controller-sign.key
siteKeysDir: pki/site-keys
revocations: pki/crl.pem
tools: {{certificate: pki/controller-tools.crt, key: pki/controller-tools.key}}
)",
      generated_mark, broker_url(settings), settings.api_port());
}

std::string agent_text(const config::Up& settings, const config::UpSite& site,
                       const std::filesystem::path& images) {
  // This machine is the whole site, so that images come from it, too.
  return fmt::format(
      R"({0}site: {1}
dataDir: data
broker: {{url: "{2}"}}
tls: {{ca: ../../pki/ca.crt, certificate: ../../pki/{1}.crt, key: ../../pki/{1}.key}}
controllerKey: ../../pki/controller-sign.pub
signingKey: ../../pki/site-keys/{1}.key
credentialsFile: credentials.yaml
media: {{listen: "{3}", address: "{4}"}}
imageSources: {{folders: [{5}], networks: [127.0.0.0/8, "::1"]}}
bmcNetworks: [{6}]
)",
      generated_mark, site.name(), broker_url(settings), media_listen(site), media_authority(site),
      images.empty() ? std::string() : in_quotes(images.string()), bmc_networks(site));
}

}  // namespace metalmesh::up
