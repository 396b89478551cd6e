// The grammar of `metalmesh`: which words are a command, and what is then to be run.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <list>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "controller/cli/commands.h"

namespace metalmesh::cli {

/// Teaches `app` every command. Each keeps its arguments in an object of its own, and choosing it sets
/// `chosen`. Both references are kept.
class Grammar {
 public:
  Grammar(CLI::App& app, Session& session);

  std::function<CommandResult()> chosen;

 private:
  struct Arguments {
    std::string name, note, as, duration, journal, file;
    std::vector<std::string> names, files;
    const Kind* kind = nullptr;
    std::map<std::string, std::string> query;
    InstallOrder install;
    FleetOrder fleet;
    StartOrder start;
    EventsOrder events;
    PkiOrder pki;
    UpOrder up;
    SupportOrder support;
    IdentityOrder identity;
    MoveOrder move;
    DoctorOrder doctor;
    DiscoverOrder discover;
    RenderOrder render;
    ReportOrder report;
    HardwareCapture hardware;
    UserOrder user;
    ApplyOrder apply;
    WidenOrder widen;
    ExitOrder exit;
    RetryOrder retry;
    bool wait = false, plan_only = false, watch = false, all = false;
  };
  using Run = std::function<CommandResult(Session&, const Arguments&)>;

  /// A command with its own arguments; what `run` gets is filled by then.
  std::pair<CLI::App*, Arguments*> command(CLI::App& parent, const std::string& name, const std::string& help,
                                           Run run);
  CLI::App& group(const std::string& name, const std::string& help);

  // grammar_mesh.cc: the programs of a mesh
  void mesh();
  void controller();
  void support();
  // grammar_objects.cc: what is applied, and shown again
  void applies();
  void objects();
  void profiles();
  void images();
  // grammar_rollouts.cc
  void installs();
  void rollouts();
  void exits(CLI::App& rollout);  // of a rollout that was started
  void deployments();
  // grammar_actions.cc: what is ordered of many servers at once
  void power();
  void boot_iso();
  void bmc();
  void inspect(CLI::App& parent);
  void add_order(CLI::App& app, FleetOrder& order);  // servers by name or selection, and the order itself
  // grammar_servers.cc
  void servers();
  void machines();  // what a person says about the machine behind a name
  // grammar_doctor.cc: what is looked at and stays as it is
  void doctor();
  void discover();
  // grammar_reports.cc
  void events();
  void reports();
  // grammar_hardware.cc
  void hardware();
  // grammar_people.cc
  void people();
  void limits();
  // grammar_sites.cc
  void sites();
  void pki();

  // Of whatever lists objects.
  static void add_filters(CLI::App& app, std::map<std::string, std::string>& query);
  static void add_watch(CLI::App& app, bool& watch);
  static CommandResult get_or_watch(Session& session, const Kind& kind, const std::string& name,
                                    const std::map<std::string, std::string>& query, bool watch);

  CLI::App& app_;
  Session& session_;
  std::list<Arguments> arguments_;  // options point into them
};

}  // namespace metalmesh::cli
