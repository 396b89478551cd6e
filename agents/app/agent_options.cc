#include "agents/app/agent_options.h"

#include <CLI/CLI.hpp>

namespace metalmesh::agent {
namespace {

constexpr int wrong_usage = 2;

constexpr char footer[] = R"(The configuration is YAML; relative paths are relative to its file:

  site: par1
  dataDir: /var/lib/metalmesh/agent
  broker: {url: "mqtts://broker.example:8883"}
  tls: {ca: pki/ca.crt, certificate: pki/par1.crt, key: pki/par1.key}
  controllerKey: pki/controller-sign.pub
  signingKey: pki/site-keys/par1.key
  credentialsFile: credentials.yaml
  media: {listen: "0.0.0.0:8443", address: 10.20.0.5}
  bmcNetworks: [{cidr: 10.20.0.0/24}]

"metalmesh pki init --dir DIR" makes those keys and certificates; media.address is what BMCs dial. Where some BMCs do no
TLS, media.plainListen: "10.20.0.5:8080" serves those whose server or network says media: http. media.bandwidth: 40MB caps what
all readers get per second.
bmcNetworks is where the BMCs stand: this site's passwords go nowhere else, whatever the controller says. With credentials: [bmc-hpe]
that one is used there alone; with firstContact: true BMCs there are taken by the key that they show at first, which a person has to
approve otherwise; mediaFrom: [10.9.0.1/32] names who else reads their media, where they come through a NAT.
An agent is two processes, so that neither a crash nor an upgrade of the one breaks what servers read from the other:

  metalmesh-agent --config FILE          takes orders, drives BMCs
  metalmesh-agent media --config FILE    serves the media; keep it running

Images come over https and http from anywhere but this machine and link-local addresses, and from no file. What else they may come from: imageSources: {folders: [/srv/images], networks: [10.20.0.9]}
BMC passwords stay on this machine:  metalmesh-agent credential set bmc-hpe --username mm-svc
Images for a site without network come on a disk: metalmesh-agent image import /mnt/usb
What an ISO is and whether servers can be installed from it: metalmesh-agent image inspect FILE
The last inputs are recorded in dataDir/recording, secrets masked; recording: {bytes: 256MiB} or {off: true} changes that.
Everything that has not begun to write a disk is stopped, without controller and broker: metalmesh-agent stop-all --reason TEXT
What it keeps is looked at with "metalmesh-agent store check" while it is stopped.
If the agent itself misbehaves, for those who help: metalmesh-agent support-bundle
Signals: HUP reads the controller's key again (of "metalmesh-agent media": its certificate). TERM and INT stop gracefully; installs that run go on by themselves and are picked up at the next start.
Exit codes: 0 stopped as asked, 1 failed while running, 2 wrong usage or configuration.)";

}  // namespace

std::expected<AgentOptions, int> parse_options(int argc, const char* const* argv,
                                               const std::string& version) {
  AgentOptions options;
  std::string config = options.config.string();
  std::string data_dir;
  std::string format = "text";
  std::string level = "info";
  std::string password_file;
  bool check = false;

  CLI::App app(
      "The agent of one Metalmesh site: serves installer media, drives BMCs, reports to the controller.",
      "metalmesh-agent");
  app.footer(footer);
  app.set_version_flag("--version", "metalmesh-agent " + version);
  app.add_option("-c,--config", config, "Configuration file")->capture_default_str()->type_name("FILE");
  app.add_option("--data-dir", data_dir, "Folder of the store and the images, instead of dataDir")
      ->type_name("DIR");
  app.add_option("--log-format", format, "How log lines are written to stderr")
      ->capture_default_str()
      ->check(CLI::IsMember({"text", "json"}));
  app.add_option("--log-level", level, "Least level that is written")
      ->capture_default_str()
      ->check(CLI::IsMember({"debug", "info", "warning", "error"}));
  app.add_flag("--check-config", check, "Read the configuration and all files it names, then exit");

  CLI::App* media = app.add_subcommand("media", "Serve this site's media; runs beside the agent");
  media->fallthrough();
  CLI::App* credential =
      app.add_subcommand("credential", "BMC credentials of this site; values never leave it");
  credential->require_subcommand(1);
  credential->fallthrough();
  CLI::App* set =
      credential->add_subcommand("set", "Add or replace one; a running agent takes it up by itself");
  set->fallthrough();
  set->add_option("name", options.credential, "Name by which orders refer to it")
      ->required()
      ->type_name("NAME");
  set->add_option("-u,--username", options.username, "User at the BMC")->required()->type_name("USER");
  set->add_option("--password-file", password_file,
                  "File whose first line is the password; without it you are asked, or stdin is read")
      ->type_name("FILE");
  CLI::App* let_go = credential->add_subcommand(
      "release", "Try one again that BMCs refused and that is right: what is held for it goes on");
  let_go->fallthrough();
  let_go->add_option("name", options.credential, "Its name")->required()->type_name("NAME");
  CLI::App* list = credential->add_subcommand("list", "Names and users, never passwords");
  list->fallthrough();

  CLI::App* image = app.add_subcommand("image", "Installer images at this site");
  image->require_subcommand(1);
  image->fallthrough();
  CLI::App* import = image->add_subcommand(
      "import", "Take images from a disk, without network; a running agent finds them by itself");
  import->fallthrough();
  import->add_option("file", options.images, "ISO files, or folders of them")->required()->type_name("FILE");
  import
      ->add_option(
          "--sha256", options.image_sha256,
          "What the one file must be; else FILE.sha256 or SHA256SUMS beside it says, if they are there")
      ->type_name("HEX");
  std::string output = "text";
  CLI::App* images = image->add_subcommand("list", "What this machine's disk holds of them");
  images->fallthrough();
  CLI::App* inspect = image->add_subcommand(
      "inspect", "What an image is, what its menus have, and whether servers can be installed from it");
  inspect->fallthrough();
  inspect->add_option("file", options.images, "An ISO file")->required()->expected(1)->type_name("FILE");
  inspect
      ->add_option("--family", options.family,
                   "Judge it for this OS family, not for the first that it looks like")
      ->type_name("NAME");
  std::string families;
  inspect->add_option("--families", families, "Folder of more family files, as familiesDir")
      ->type_name("DIR");
  inspect->add_flag("--json", options.json, "As -o json");
  inspect->footer(
      "Needs no configuration and no agent. Exit codes: 0 it can be installed, 1 it cannot, and why, 2 wrong "
      "usage.");
  for (CLI::App* command : {import, images, inspect}) {
    command->add_option("-o,--output", output, "How the result is printed")
        ->capture_default_str()
        ->check(CLI::IsMember({"text", "json"}));
  }
  CLI::App* release = image->add_subcommand(
      "release",
      "Let imported images be removed when room is needed, as those are that can be fetched again");
  release->fallthrough();
  release->add_option("sha256", options.images, "Digests, as \"image list\" tells them")
      ->required()
      ->type_name("SHA256");
  std::string bundle;
  CLI::App* support = app.add_subcommand(
      "support-bundle", "Gather what others need to help with this agent; secrets are masked");
  support->fallthrough();
  support->add_option("-o,--output", bundle, "The archive; a name with the time if not given")
      ->type_name("FILE");

  CLI::App* store = app.add_subcommand("store", "What the agent keeps, while it is stopped");
  store->require_subcommand(1);
  store->fallthrough();
  CLI::App* check_rows = store->add_subcommand(
      "check", "Whether every row is whole; exit code 0: yes, 1: some are damaged, 2: it cannot be told");
  check_rows->fallthrough();
  CLI::App* settle = store->add_subcommand("settle", "Say what is true of a damaged row, as you have looked");
  settle->fallthrough();
  settle->add_option("row", options.row, "As \"store check\" and the controller name it")
      ->required()
      ->type_name("ROW");
  settle
      ->add_option("--through", options.through,
                   "Of a fence: orders of its machine up to this number are over")
      ->type_name("NUMBER");
  settle->add_option("--note", options.note, "What you looked at; the controller keeps it")
      ->required()
      ->type_name("TEXT");

  CLI::App* stop_all = app.add_subcommand(
      "stop-all",
      "Cancel every order here that is not past its point of no return, and take no new ones until resume");
  stop_all->fallthrough();
  stop_all->add_option("--reason", options.note, "Why: the controller and its logs tell it")
      ->required()
      ->type_name("TEXT");
  CLI::App* resume = app.add_subcommand("resume", "Take orders again after stop-all");
  resume->fallthrough();

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& stop) {
    return std::unexpected(app.exit(stop) == 0 ? 0 : wrong_usage);
  }
  if (media->parsed()) options.action = AgentAction::serve_media;
  if (check) options.action = AgentAction::check_config;
  if (set->parsed()) options.action = AgentAction::set_credential;
  if (let_go->parsed()) options.action = AgentAction::release_credential;
  if (list->parsed()) options.action = AgentAction::list_credentials;
  if (import->parsed()) options.action = AgentAction::import_images;
  if (images->parsed()) options.action = AgentAction::list_images;
  if (release->parsed()) options.action = AgentAction::release_images;
  if (inspect->parsed()) options.action = AgentAction::inspect_image;
  if (support->parsed()) options.action = AgentAction::support_bundle;
  if (check_rows->parsed()) options.action = AgentAction::check_store;
  if (settle->parsed()) options.action = AgentAction::settle_row;
  if (stop_all->parsed()) options.action = AgentAction::stop_all;
  if (resume->parsed()) options.action = AgentAction::resume;
  options.bundle = bundle;
  options.families = families;
  options.json = options.json || output == "json";
  options.config = config;
  options.data_dir = data_dir;
  options.password_file = password_file;
  options.log_format = adapters::parse_log_format(format).value_or(adapters::LogFormat::text);
  options.log_level = adapters::parse_log_level(level).value_or(LogLevel::info);
  return options;
}

}  // namespace metalmesh::agent
