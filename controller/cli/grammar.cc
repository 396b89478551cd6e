#include "controller/cli/grammar.h"

namespace metalmesh::cli {
namespace {

constexpr std::string_view json_path_word = "jsonpath=";

}  // namespace

Grammar::Grammar(CLI::App& app, Session& session) : app_(app), session_(session) {
  app_.require_subcommand(1);
  app_.fallthrough();
  app_.set_version_flag("--version", "metalmesh " + session.version());
  app_.add_option("--server", session.context.server,
                  "Address of the controller, https://host:port; on its own host unix:DATADIR/admin.sock, "
                  "without a token");
  app_.add_option("--ca", session.context.ca, "PEM file of the authority that signed its certificate");
  app_.add_option("--token-file", session.context.token_file, "File (0600) with the bearer token");
  app_.add_option_function<std::string>(
          "-o,--output",
          [this](const std::string& word) {
            session_.format = word == "table" || word == "wide" ? Format::table
                              : word == "yaml"                  ? Format::yaml
                                                                : Format::json;
            session_.view.wide = word == "wide";
            session_.view.csv = word == "csv";
            if (word.starts_with(json_path_word))
              session_.view.json_path = word.substr(json_path_word.size());
          },
          "How results look: table, json, yaml; of get also wide, csv, jsonpath='{.metadata.name}'")
      ->type_name("FORMAT")
      ->check([](const std::string& word) {
        const bool known = word == "table" || word == "json" || word == "yaml" || word == "wide" ||
                           word == "csv" ||
                           (word.starts_with(json_path_word) && word.size() > json_path_word.size());
        return known ? std::string()
                     : "\"" + word + "\" is none of table, json, yaml, wide, csv, jsonpath=PATH";
      });
  app_.footer(
      "Context (server, ca, tokenFile): $METALMESH_CONFIG, else ~/.config/metalmesh/config.yaml, else "
      "what\n"
      "metalmesh up left in its folder.\n"
      "Exit codes: 0 done, 1 refused or failed, 2 usage, 3 the controller was not reached, 4 diff: something "
      "differs.");
  mesh();
  objects();
  installs();
  profiles();
  power();
  boot_iso();
  bmc();
  doctor();
  discover();
  rollouts();
  deployments();
  servers();
  machines();
  events();
  reports();
  hardware();
  people();
  limits();
  sites();
  pki();
  controller();
  images();
  support();
}

std::pair<CLI::App*, Grammar::Arguments*> Grammar::command(CLI::App& parent, const std::string& name,
                                                           const std::string& help, Run run) {
  Arguments& arguments = arguments_.emplace_back();
  CLI::App* app = parent.add_subcommand(name, help);
  app->fallthrough();
  app->callback([this, &arguments, run = std::move(run)] {
    chosen = [this, &arguments, run] { return run(session_, arguments); };
  });
  return {app, &arguments};
}

CLI::App& Grammar::group(const std::string& name, const std::string& help) {
  CLI::App* app = app_.add_subcommand(name, help);
  app->require_subcommand(1);
  app->fallthrough();
  return *app;
}

void Grammar::add_filters(CLI::App& app, std::map<std::string, std::string>& query) {
  app.add_option("-l,--selector", query["labelSelector"], "Labels: key=value[,key=value]");
  app.add_option("--rollout", query["rollout"], "Deployments of this rollout");
  app.add_option("--of-server", query["server"], "Deployments of this server");
  app.add_option("--state", query["state"], "Deployments in this state");
}

void Grammar::add_watch(CLI::App& app, bool& watch) {
  app.add_flag("-w,--watch", watch, "Go on with a row for each change, through restarts of the controller");
}

CommandResult Grammar::get_or_watch(Session& session, const Kind& kind, const std::string& name,
                                    const std::map<std::string, std::string>& query, bool watch) {
  return watch ? watch_objects(session, kind, name, query) : get_objects(session, kind, name, query);
}

}  // namespace metalmesh::cli
