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
    WidenOrder widen;
    bool wait = false, plan_only = false, watch = false;
  };
  using Run = std::function<CommandResult(Session&, const Arguments&)>;

  /// A command with its own arguments; what `run` gets is filled by then.
  std::pair<CLI::App*, Arguments*> command(CLI::App& parent, const std::string& name, const std::string& help,
                                           Run run);
  CLI::App& group(const std::string& name, const std::string& help);

  void mesh();
  void objects();
  void installs();
  void profiles();
  void power();
  void boot_iso();
  void bmc();
  void doctor();
  void discover();
  void add_bmc(CLI::App& app, FleetOrder& order);
  void rollouts();
  void deployments();
  void servers();
  void machines();  // what a person says about the machine behind a name
  void events();
  void reports();
  void hardware();
  void people();
  void limits();
  void sites();
  void pki();
  void others();

  CLI::App& app_;
  Session& session_;
  std::list<Arguments> arguments_;  // options point into them
};

}  // namespace metalmesh::cli
