// Servers and sites by name, keys and certificates, versions.
#include <fmt/format.h>
#include <google/protobuf/util/time_util.h>

#include <thread>

#include "common/adapters/pki.h"
#include "common/base/command_words.h"
#include "common/text/scalars.h"
#include "controller/cli/commands.h"
#include "controller/cli/json_text.h"
#include "controller/cli/server_requests.h"
#include "controller/cli/wording.h"

namespace metalmesh::cli {
namespace {

using namespace std::chrono_literals;

constexpr auto inspection_patience = 120s;

std::string server_path(const std::string& name) { return object_path(*find_kind("Server"), name); }

/// Changes whenever an inspection, good or bad, came back.
std::string inspection_mark(const rest::Server& server) {
  std::string out = server.status().inspected_at().ShortDebugString();
  for (const auto& condition : server.status().conditions()) out += "|" + condition.ShortDebugString();
  return out;
}

std::string identity_text(const rest::ServerIdentity& identity, const std::string& key) {
  return fmt::format("  serial {}\n  uuid   {}\n  macs   {}\n  BMC key {}\n", identity.serial(),
                     identity.uuid(), fmt::join(identity.macs(), " "), key.substr(0, 16));
}

/// What the controller said of an inspection that failed; empty when it went well.
std::string inspection_failure(const rest::Server& server) {
  std::string out;
  for (const auto& condition : server.status().conditions()) {
    if (condition.status() == "False")
      out += fmt::format("  {}: {}\n", condition.reason(), condition.message());
  }
  return out;
}

std::string inspection_text(const rest::Server& server) {
  const auto& status = server.status();
  const std::string failure = inspection_failure(server);
  if (!status.has_seen() || (status.seen().serial().empty() && status.seen().uuid().empty()))
    return fmt::format("{}: the inspection failed, and its BMC was never read\n{}", server.metadata().name(),
                       failure);
  std::string out = fmt::format("{}: {} {}, power {}, BMC firmware {}, phase {}\n", server.metadata().name(),
                                status.manufacturer(), status.model(), status.power(), status.bmc_firmware(),
                                status.phase());
  out += identity_text(status.seen(), status.bmc_key_sha256());
  return out + failure;
}

/// Nobody would answer: said at once instead of after a long wait.
Status someone_answers(ApiClient& api, const std::string& name) {
  rest::Site site;
  if (auto status = api.get(object_path(*find_kind("Site"), name), site); !status) return status;
  if (site.status().connected()) return {};
  return fail(ErrorKind::conflict,
              fmt::format("no agent of site {} is connected; the inspection stays ordered\n  next: metalmesh "
                          "get site {}",
                          name, name));
}

Result<rest::Server> wait_for_inspection(ApiClient& api, const rest::Server& before) {
  const auto deadline = std::chrono::steady_clock::now() + inspection_patience;
  const std::string& name = before.metadata().name();
  while (std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(1s);
    rest::Server now;
    auto status = api.get(server_path(name), now);
    if (!status && exit_code_of(status.error()) != ExitCode::unreachable)
      return std::unexpected(status.error());
    if (status && inspection_mark(now) != inspection_mark(before)) return now;
  }
  return fail(
      ErrorKind::conflict,
      fmt::format(
          "{}: no answer from site {} in {} s; the inspection stays ordered\n  next: metalmesh get site {}",
          name, before.spec().site(), inspection_patience.count(), before.spec().site()));
}

}  // namespace

Result<rest::Server> post_server(Session& session, const std::string& name, std::string_view action,
                                 const google::protobuf::Message& body) {
  auto api = session.api();
  if (!api) return std::unexpected(api.error());
  rest::Server server;
  if (auto status = (*api)->send("POST", fmt::format("{}/{}", server_path(name), action), body, server);
      !status) {
    return std::unexpected(status.error());
  }
  return server;
}

std::string recall_text(const rest::Server& server) {
  for (const auto& condition : server.status().conditions()) {
    if (condition.type() == "Recalled")
      return fmt::format("  {}: {}\n", condition.reason(), condition.message());
  }
  return {};
}

CommandResult inspect_servers(Session& session, const std::vector<std::string>& names, bool wait) {
  auto api = session.api();
  if (!api) return std::unexpected(api.error());
  ExitCode code = ExitCode::ok;
  std::vector<rest::Server> ordered;
  // All are asked before the first is waited for: they answer side by side.
  for (const std::string& name : names) {
    rest::Server before;
    if (auto status = (*api)->get(server_path(name), before); !status) return std::unexpected(status.error());
    auto asked = post_server(session, name, "inspect", rest::NoParameters());
    if (!asked) return std::unexpected(asked.error());
    ordered.push_back(std::move(before));
  }
  std::string good, bad;
  for (const rest::Server& before : ordered) {
    const std::string& name = before.metadata().name();
    if (!wait) {
      session.show(before, fmt::format("{}: inspection is ordered\n", name));
      continue;
    }
    if (auto heard = someone_answers(**api, before.spec().site()); !heard)
      return std::unexpected(heard.error());
    auto server = wait_for_inspection(**api, before);
    if (!server) return std::unexpected(server.error());
    session.show(*server, inspection_text(*server));
    if (inspection_failure(*server).empty()) {
      good = name;
    } else {
      code = ExitCode::refused;
      bad = name;
    }
  }
  if (!bad.empty() || good.empty()) {
    session.suggest(commands::describe("server", bad.empty() ? names.back() : bad));
  } else {
    session.suggest(commands::accept(good), "compare with the label on the machine");
  }
  return code;
}

CommandResult accept_servers(Session& session, const std::vector<std::string>& names) {
  std::string only_its_key;
  for (const std::string& name : names) {
    auto server = post_server(session, name, "accept", rest::NoParameters());
    if (!server) return std::unexpected(server.error());
    const auto& status = server->status();
    if (std::ranges::find(status.conditions(), "KEY_APPROVED", &rest::Condition::reason) !=
        status.conditions().end()) {
      only_its_key = name;
      session.show(*server, fmt::format("{}: its BMC's key {} is approved, and it is inspected now\n", name,
                                        status.pinned_key_sha256()));
      continue;
    }
    session.show(*server,
                 fmt::format("{} is accepted and {}:\n{}", name, server->status().phase(),
                             identity_text(server->status().pinned(), server->status().pinned_key_sha256())));
  }
  session.suggest(only_its_key.empty() ? commands::install(names.back(), "--plan")
                                       : commands::inspect(only_its_key));
  return ExitCode::ok;
}

CommandResult protect_server(Session& session, const std::string& name, const std::string& reason) {
  rest::ProtectServer body;
  body.set_reason(reason);
  auto server = post_server(session, name, "protect", body);
  if (!server) return std::unexpected(server.error());
  session.show(*server, fmt::format("{} is protected: no rollout takes it from now on\n{}", name,
                                    recall_text(*server)));
  session.suggest(fmt::format("metalmesh get server {}", name));
  return ExitCode::ok;
}

CommandResult unprotect_server(Session& session, const std::string& name, const std::string& duration,
                               const std::string& reason, bool break_glass) {
  rest::UnprotectServer body;
  body.set_reason(reason);
  body.set_break_glass(break_glass);
  if (!duration.empty()) {
    const auto parsed = parse_duration(duration);
    if (!parsed || *parsed <= Duration::zero()) {
      return fail(ErrorKind::invalid,
                  fmt::format("--for {}: expected a duration such as 30m or 4h", duration));
    }
    *body.mutable_duration() = google::protobuf::util::TimeUtil::NanosecondsToDuration(parsed->count());
  }
  auto server = post_server(session, name, "unprotect", body);
  if (!server) return std::unexpected(server.error());
  session.show(*server, fmt::format("{} may be installed again until {} UTC\n", name,
                                    time_words(server->status().unprotected_until())));
  if (break_glass)
    session.suggest(fmt::format("metalmesh server approve {} --note TEXT", name),
                    "an approver is owed an explanation:");
  session.suggest(commands::install(name, "--reinstall --plan"));
  return ExitCode::ok;
}

CommandResult retire_server(Session& session, const std::string& name) {
  auto server = post_server(session, name, "retire", rest::NoParameters());
  if (!server) return std::unexpected(server.error());
  session.show(*server, fmt::format("{} is retired: nothing will be ordered for it any more\n", name));
  session.suggest(fmt::format("metalmesh describe server {}", name));
  return ExitCode::ok;
}

CommandResult clear_quarantine(Session& session, const std::string& site, const std::string& note,
                               const std::string& journal) {
  auto api = session.api();
  if (!api) return std::unexpected(api.error());
  rest::ClearQuarantine body;
  body.set_note(note);
  body.set_journal(journal);
  rest::Site answer;
  const std::string path = object_path(*find_kind("Site"), site) + "/clear-quarantine";
  if (auto status = (*api)->send("POST", path, body, answer); !status) return std::unexpected(status.error());
  session.show(answer, fmt::format("site {} is trusted again\n", site));
  session.suggest(fmt::format("metalmesh get site {}", site));
  return ExitCode::ok;
}

CommandResult make_pki(Session& session, const PkiOrder& order) {
  adapters::PkiOptions options;
  options.hosts = order.hosts;
  if (!order.api_url.empty()) options.api_url = order.api_url;
  for (const std::string& text : order.sites) {
    auto site = parse_pki_site(text);
    if (!site) return std::unexpected(site.error());
    options.sites.push_back(std::move(*site));
  }
  options.tools = order.tools;
  auto written = adapters::init_pki(order.folder, options, Console::now());
  if (!written) return std::unexpected(written.error());
  Console& console = session.console();
  if (written->empty()) console.print(fmt::format("{}: everything is there already\n", order.folder));
  for (const std::string& file : *written) console.print(fmt::format("wrote {}/{}\n", order.folder, file));
  session.suggest(fmt::format("export METALMESH_CONFIG={}/config.yaml", order.folder),
                  fmt::format("keep {}/ca.key offline", order.folder));
  return ExitCode::ok;
}

CommandResult show_version(Session& session) {
  session.console().print(fmt::format("metalmesh {}\n", session.version()));
  // Without a context there is nobody to ask, and that is no failure.
  auto api = session.api();
  if (!api) return ExitCode::ok;
  auto reply = (*api)->call("GET", "/api/v1/version");
  if (!reply) return std::unexpected(reply.error());
  session.console().print(fmt::format("controller {}\n", *reply));
  return ExitCode::ok;
}

}  // namespace metalmesh::cli
