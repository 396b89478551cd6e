// adopt, release-for-install, reidentify, replace, move: what a person says about the machine behind a name.
#include <fmt/format.h>

#include "common/base/command_words.h"
#include "controller/cli/commands.h"
#include "controller/cli/server_requests.h"
#include "controller/cli/wording.h"

namespace metalmesh::cli {
namespace {

/// Those that were named and those that the selector selects, each once.
Result<std::vector<std::string>> named_or_selected(Session& session, std::vector<std::string> names,
                                                   const std::string& selector) {
  if (selector.empty()) return names;
  auto api = session.api();
  if (!api) return std::unexpected(api.error());
  auto selected = fetch_all(**api, *find_kind("Server"), {{"labelSelector", selector}});
  if (!selected) return std::unexpected(selected.error());
  for (const auto& object : *selected) {
    std::string name = name_of(*object);
    if (std::ranges::find(names, name) == names.end()) names.push_back(std::move(name));
  }
  if (names.empty())
    return fail(ErrorKind::not_found,
                fmt::format("no server has the labels {}\n  next: metalmesh get servers", selector));
  return names;
}

std::string identity_line(const rest::ServerIdentity& identity) {
  return fmt::format("serial {}, uuid {}, macs {}", identity.serial(), identity.uuid(),
                     fmt::join(identity.macs(), " "));
}

/// What was registered or accepted.
rest::ServerIdentity expected_of(const rest::Server& server) {
  rest::ServerIdentity out = server.status().pinned();
  const auto& spec = server.spec().identity();
  if (!spec.serial().empty()) out.set_serial(spec.serial());
  if (!spec.uuid().empty()) out.set_uuid(spec.uuid());
  if (spec.macs_size() > 0) *out.mutable_macs() = spec.macs();
  return out;
}

/// Without a confirmation only both identities are shown.
CommandResult show_both(Session& session, const IdentityOrder& order, std::string_view verb) {
  auto api = session.api();
  if (!api) return std::unexpected(api.error());
  rest::Server server;
  if (auto status = (*api)->get(object_path(*find_kind("Server"), order.server), server); !status)
    return std::unexpected(status.error());
  const auto& seen = server.status().seen();
  session.show(server,
               fmt::format("{} holds: {}\n  was  {}\n  now  {}\n", order.server, server.status().holds(),
                           identity_line(expected_of(server)), identity_line(seen)));
  const std::string& word = seen.serial().empty() ? seen.uuid() : seen.serial();
  session.suggest(word.empty() ? commands::inspect(order.server)
                               : "compare with the label on the machine, then " +
                                     commands::confirm_identity(verb, order.server, word));
  return ExitCode::ok;
}

template <class Body>
CommandResult change_identity(Session& session, const IdentityOrder& order, std::string_view verb,
                              std::string_view done) {
  if (order.confirm.empty()) return show_both(session, order, verb);
  Body body;
  body.set_confirm(order.confirm);
  body.set_reason(order.reason);
  auto server = post_server(session, order.server, verb, body);
  if (!server) return std::unexpected(server.error());
  session.show(*server, fmt::format("{} {}\n  now  {}\n  it holds: {}\n", order.server, done,
                                    identity_line(server->status().pinned()), server->status().holds()));
  session.suggest(
      fmt::format("put the new identity into its manifest; metalmesh describe server {}", order.server));
  return ExitCode::ok;
}

}  // namespace

CommandResult adopt_servers(Session& session, const std::vector<std::string>& names,
                            const std::string& selector, const std::string& reason) {
  auto all = named_or_selected(session, names, selector);
  if (!all) return std::unexpected(all.error());
  rest::AdoptServer body;
  body.set_reason(reason);
  for (const std::string& name : *all) {
    auto server = post_server(session, name, "adopt", body);
    if (!server) return std::unexpected(server.error());
    session.show(*server, fmt::format("{} is in use and protected: no rollout takes it\n{}", name,
                                      recall_text(*server)));
  }
  session.suggest(fmt::format("metalmesh get server {}", all->back()));
  return ExitCode::ok;
}

CommandResult release_server(Session& session, const std::string& name, const std::string& reason) {
  rest::ReleaseServer body;
  body.set_reason(reason);
  auto server = post_server(session, name, "release-for-install", body);
  if (!server) return std::unexpected(server.error());
  session.show(*server, fmt::format("{} may be wiped by an install with --reinstall; it holds: {}\n", name,
                                    server->status().holds()));
  session.suggest(
      fmt::format("metalmesh install {} --image IMAGE --profile PROFILE --reinstall --plan", name));
  return ExitCode::ok;
}

CommandResult clean_server(Session& session, const std::string& name, const std::string& reason) {
  rest::CleanServer body;
  body.set_reason(reason);
  auto server = post_server(session, name, "clean", body);
  if (!server) return std::unexpected(server.error());
  session.show(*server, fmt::format("the agent takes away what is left of us at {}\n", name));
  session.suggest(fmt::format("metalmesh describe server {}", name));
  return ExitCode::ok;
}

CommandResult reidentify_server(Session& session, const IdentityOrder& order) {
  return change_identity<rest::ReidentifyServer>(session, order, "reidentify",
                                                 "is the same machine with another board");
}

CommandResult replace_server(Session& session, const IdentityOrder& order) {
  return change_identity<rest::ReplaceServer>(session, order, "replace",
                                              "is another machine now; nothing is ordered for the old one");
}

CommandResult move_server(Session& session, const MoveOrder& order) {
  rest::MoveServer body;
  body.set_site(order.site);
  body.set_address(order.address);
  body.set_credential(order.credential);
  auto server = post_server(session, order.server, "move", body);
  if (!server) return std::unexpected(server.error());
  session.show(*server,
               fmt::format("{} is at site {}, {}; it holds: {}\n", order.server, server->spec().site(),
                           server->spec().bmc().address(), server->status().holds()));
  session.suggest(fmt::format("metalmesh inspect {} --wait", order.server));
  return ExitCode::ok;
}

}  // namespace metalmesh::cli
