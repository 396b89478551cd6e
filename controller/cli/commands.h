// What each command does, once its arguments are understood. All print their result and the next sensible
// command; an error is for the caller to print.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "controller/cli/hardware_capture.h"
#include "controller/cli/requests.h"
#include "controller/cli/session.h"

namespace metalmesh::cli {

using CommandResult = Result<ExitCode>;

// commands_apply.cc
struct ApplyOrder {
  std::vector<std::string> files;  // "-" is standard input
  bool dry_run = false;            // only told
  bool atomic = false;             // all or none
  bool without_passwords = false;  // of a CSV file
};
CommandResult apply_files(Session& session, const ApplyOrder& order);
/// What an apply would change, field by field; 4 when anything would.
CommandResult diff_files(Session& session, const ApplyOrder& order);
/// Servers of CSV files.
CommandResult import_servers(Session& session, const ApplyOrder& order);

// commands_objects.cc
CommandResult get_objects(Session& session, const Kind& kind, const std::string& name,
                          const std::map<std::string, std::string>& query);
CommandResult describe_object(Session& session, const Kind& kind, const std::string& name);
/// `confirm` is the serial of a server that is more than a name; else empty.
CommandResult delete_object(Session& session, const Kind& kind, const std::string& name,
                            const std::string& confirm);

// commands_profile.cc
struct RenderOrder {
  std::string profile;  // name or name@version
  std::string server;
  std::string image;  // may be empty
  std::string file;   // only this one, as it is; empty: all, with headings
};
/// What an install would write for a server.
CommandResult render_profile(Session& session, const RenderOrder& order);

// commands_image.cc
CommandResult prefetch_image(Session& session, const std::string& name,
                             const std::vector<std::string>& sites);
/// What sites found in it.
CommandResult inspect_image(Session& session, const std::string& name);

// commands_report.cc
struct ReportOrder {
  std::string format = "table";  // or csv, json
  std::string selector;
  std::string where;
  std::string clock;        // by how much a BMC's clock may be wrong; empty: 5m
  std::string certificate;  // for how long it is still to be good; empty: 30d
  std::string since;        // of drift; empty: 7d
};
/// Refused: there is a finding that nobody accepted.
CommandResult report_posture(Session& session, const ReportOrder& order);
/// Refused: something changed.
CommandResult report_drift(Session& session, const ReportOrder& order);

// commands_changes.cc
/// Lists a kind, or one object, and goes on with what changes, until it is stopped.
CommandResult watch_objects(Session& session, const Kind& kind, const std::string& name,
                            const std::map<std::string, std::string>& query);

// commands_rollout.cc
struct InstallOrder {
  InstallOptions options;
  std::string confirm;  // the server's serial; empty: only plan
  bool watch = false;
};
CommandResult install_server(Session& session, const InstallOrder& order);
struct FleetOrder {
  FleetOptions options;
  std::optional<std::uint32_t> confirm;  // the number of servers; nothing: only plan
  bool watch = false;
};
/// One action over a selection: a rollout of its own.
/// `rollout`: its name, once it has one.
CommandResult order_fleet(Session& session, const FleetOrder& order, std::string* rollout = nullptr);
struct RetryOrder {
  std::string name;
  std::string cause;   // a fault code; empty: all
  bool wiped = false;  // also whose disk was written
  std::optional<std::uint32_t> confirm;
  bool watch = false;
};
/// What failed of a rollout once more, by a rollout of its own: whether it may be, is judged anew.
CommandResult retry_rollout(Session& session, const RetryOrder& order);
/// The same of what needs no word of a person: planned, started, and waited for without a picture.
struct FleetRun {
  std::vector<rest::Deployment> deployments;
  std::vector<rest::PlanExcluded> excluded;
};
Result<FleetRun> run_fleet(Session& session, const FleetOptions& options);
/// Who is in the plan that a rollout has.
Result<std::vector<rest::PlanServer>> planned_servers(ApiClient& api, const std::string& rollout);
/// `all`: server by server, however many they are.
CommandResult plan_rollout(Session& session, const std::string& name, const std::vector<std::string>& files,
                           bool all);
struct StartOrder {
  std::string name;
  std::string plan;
  std::uint32_t confirm = 0;
  bool watch = false;
  std::string until;  // nothing starts later; empty: as its startWithin says
};
CommandResult start_rollout(Session& session, const StartOrder& order);
CommandResult stop_rollout(Session& session, const std::string& name, const std::string& reason);
// commands_exits.cc
struct ExitOrder {
  std::string name;  // of the rollout
  std::uint32_t wave = 0;
  std::uint32_t confirm = 0;
  std::uint32_t accept = 0;  // failures
  std::vector<std::string> servers, sites;
  std::string until;
  std::uint32_t parallel = 0, per_site = 0;  // 0: as it is
  std::string reason;
};
/// "2h" from now, or a time as RFC 3339 has it: of --until.
Result<google::protobuf::Timestamp> time_at(const std::string& text);
CommandResult pause_rollout(Session& session, const std::string& name, const std::string& reason);
CommandResult continue_rollout(Session& session, const ExitOrder& order);
CommandResult skip_servers(Session& session, const ExitOrder& order);
CommandResult set_rollout(Session& session, const ExitOrder& order);
/// Server by server; `format`: table, csv or json.
CommandResult report_rollout(Session& session, const std::string& name, const std::string& format);

// commands_rollout.cc
CommandResult resolve_deployments(Session& session, const std::vector<std::string>& of, const std::string& as,
                                  const std::string& note);
/// What was said with its BMC, JSON lines; `of` is a deployment's id or a server's name.
/// `screen`: a file that gets what the host's screen showed, instead.
CommandResult show_transcript(Session& session, const std::string& of, const std::string& screen);
CommandResult cancel_deployment(Session& session, const std::string& id, const std::string& reason);

// commands_doctor.cc
struct DoctorOrder {
  std::vector<std::string> names;  // of servers, or of one rollout
  bool mount_test = false;
  bool in_use = false;  // also where the host is on
  std::string only;     // one check; empty: all
};
CommandResult doctor_servers(Session& session, const DoctorOrder& order);
CommandResult doctor_rollout(Session& session, const DoctorOrder& order);
CommandResult doctor_site(Session& session, const std::string& name);

// commands_discover.cc
struct DiscoverOrder {
  std::string site;
  std::vector<std::string> ranges;
  std::uint32_t port = 0;  // 0: 443
  std::string serials;     // file; empty: nothing is compared
  bool last = false;       // nothing is asked: what was found the last time
  bool stop = false;
};
/// Which BMCs stand there; waits for it. Nothing is registered by it.
CommandResult discover_bmcs(Session& session, const DiscoverOrder& order);

// commands_quirks.cc
/// The rows of known peculiarities of BMCs that come with this version; one with its sources.
CommandResult show_quirks(Session& session, const std::string& name);
/// Which of them holds for the server's BMC, why, and how well it is known. Empty before its first inspection.
std::string quirks_text(const rest::Server& server);

// commands_hardware.cc
/// Makes a type of a server, and shows what its roles are on it.
CommandResult capture_hardware_type(Session& session, const HardwareCapture& wanted);
/// A server beside its type, below its description; empty: no type matches it.
std::string hardware_text(const rest::ServerHardware& hardware);
/// How many servers are of a type, and in what which of them differ from it.
Result<std::string> servers_of_type(ApiClient& api, const std::string& type);

// commands_capture.cc
/// All that the BMC of a server shows, and what was said with it, also in the last deployment that did not succeed:
/// into a file that names nobody. Waits for it.
CommandResult capture_server(Session& session, const std::string& name, const std::string& file);
/// Of a deployment that has ended: it is at the site by then, and comes a moment later.
Result<std::string> fetch_transcript(ApiClient& api, const std::string& deployment);

// commands_screen.cc
/// What the host shows now, into a file.
CommandResult show_screen(Session& session, const std::string& server, const std::string& file);
/// No picture can be made anonymous.
std::string without_screen(std::string_view transcript);
/// What is kept of it in a transcript.
CommandResult write_screen(Session& session, std::string_view transcript, const std::string& deployment,
                           const std::string& file);

// commands_users.cc
struct TokenOrder {
  std::string user;
  std::string duration;
  std::string file;  // where it is kept; empty: it is shown
  std::string note;
};
struct UserOrder {
  TokenOrder token;
  std::string role;
  std::vector<std::string> sites;
  std::vector<std::string> actions;
};
CommandResult create_user(Session& session, const UserOrder& order);
CommandResult give_token(Session& session, const TokenOrder& order);
CommandResult disable_user(Session& session, const std::string& name, bool disabled);
CommandResult revoke_token(Session& session, const std::string& name, const std::string& id);

// commands_limits.cc
/// How many starts there were within the hour, and what an approver has to look at.
CommandResult show_limits(Session& session);
struct WidenOrder {
  std::string kind;
  std::string name;
  std::uint32_t per_hour = 0;
  std::string duration;
  std::string reason;
};
CommandResult widen_limit(Session& session, const WidenOrder& order);
CommandResult approve_server(Session& session, const std::string& name, const std::string& note);

// commands_watch.cc
/// Follows a rollout to its end: ok only if every server succeeded.
CommandResult watch_rollout(Session& session, const std::string& name);
struct EventsOrder {
  std::map<std::string, std::string> filter;  // rollout, server, site
  std::string after, type, since;
  unsigned tail = 0;  // 0: all
  bool follow = false;
};
CommandResult show_events(Session& session, const EventsOrder& order);

// commands_fleet.cc
CommandResult inspect_servers(Session& session, const std::vector<std::string>& names, bool wait);
CommandResult accept_servers(Session& session, const std::vector<std::string>& names);
CommandResult protect_server(Session& session, const std::string& name, const std::string& reason);
/// `break_glass`: without an approver, who is asked to look at it afterwards.
CommandResult unprotect_server(Session& session, const std::string& name, const std::string& duration,
                               const std::string& reason, bool break_glass);
CommandResult retire_server(Session& session, const std::string& name);
CommandResult clear_quarantine(Session& session, const std::string& site, const std::string& note,
                               const std::string& journal);
/// Lets a delivery in, or with "0s" no more.
CommandResult open_first_contact(Session& session, const std::string& site, const std::string& network,
                                 const std::string& duration, const std::string& reason);
CommandResult revoke_site(Session& session, const std::string& site, const std::string& confirm,
                          const std::string& reason);
/// The site's certificate, on the machine that has the authority's key.
CommandResult revoke_certificate(Session& session, const std::string& folder, const std::string& site);
/// The same list, good for `life` (empty: as long as its authority).
CommandResult renew_list(Session& session, const std::string& folder, const std::string& life);
struct PkiOrder {
  std::string folder;
  std::vector<std::string> sites;  // as parse_pki_site takes them
  std::vector<std::string> tools;
  std::vector<std::string> hosts;
  std::string api_url;
};
CommandResult make_pki(Session& session, const PkiOrder& order);
CommandResult show_version(Session& session);

// commands_controller.cc
/// Whether the controller holds after a restore, and what differs.
CommandResult show_controller(Session& session);
CommandResult continue_controller(Session& session, const std::string& reason);
/// What rested on a damaged row of the controller's store was put right.
CommandResult settle_damage(Session& session, const std::string& row, const std::string& reason);
/// Copies the controller's store into a folder on its machine, and tells how far it is until it is done.
CommandResult back_up(Session& session, const std::string& folder);

// commands_support.cc
/// For stand-ins of what is masked: kept nowhere.
std::uint64_t random_key();
struct SupportOrder {
  std::string output;  // empty: a name with the time, here
  std::string config;  // of a controller on this machine
  std::string data;    // its data folder, or that of metalmesh up
};
/// One archive with what the controller and this machine tell. What could not be had is named in it, which is
/// no failure.
CommandResult make_support_bundle(Session& session, const SupportOrder& order);
// commands_machines.cc
CommandResult adopt_servers(Session& session, const std::vector<std::string>& names,
                            const std::string& selector, const std::string& reason);
CommandResult clean_server(Session& session, const std::string& name, const std::string& reason);
CommandResult release_server(Session& session, const std::string& name, const std::string& reason);
struct IdentityOrder {
  std::string server;
  std::string confirm;  // the serial that its BMC reports now; empty: only show both identities
  std::string reason;
};
CommandResult reidentify_server(Session& session, const IdentityOrder& order);
CommandResult replace_server(Session& session, const IdentityOrder& order);
struct MoveOrder {
  std::string server;
  std::string site;
  std::string address;
  std::string credential;
};
CommandResult move_server(Session& session, const MoveOrder& order);

// commands_up.cc
struct UpOrder {
  std::string folder;              // empty: the default one
  std::vector<std::string> sites;  // as up::parse_site takes them
  std::string media_address;
  std::optional<std::uint16_t> port;
};
/// Runs a whole mesh until a signal stops it.
CommandResult run_mesh(Session& session, const UpOrder& order);

}  // namespace metalmesh::cli
