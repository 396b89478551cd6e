// install, power, rollout plan/start/abort, deployment resolve: what leads to a wiped disk, and away from it.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include "common/base/command_words.h"
#include "controller/cli/commands.h"
#include "controller/cli/json_text.h"
#include "controller/cli/manifest.h"
#include "controller/cli/next_step.h"
#include "controller/cli/plan_text.h"
#include "controller/cli/wording.h"

namespace metalmesh::cli {
namespace {

constexpr unsigned names_most = 1000;

std::string rollout_path(const std::string& name) { return object_path(*find_kind("Rollout"), name); }

/// The first of the names that is free, or whose rollout was never started and may be planned again.
template <class NameOf>
Result<std::string> free_name(ApiClient& api, const NameOf& name_of_attempt) {
  for (unsigned attempt = 1; attempt <= names_most; ++attempt) {
    std::string name = name_of_attempt(attempt);
    rest::Rollout found;
    auto status = api.get(rollout_path(name), found);
    if (!status && status.error().kind == ErrorKind::not_found) return name;
    if (!status) return std::unexpected(status.error());
    const std::string& state = found.status().state();
    if (state.empty() || state == "draft" || state == "planned") return name;
  }
  return fail(ErrorKind::exhausted, fmt::format("{} to {} are taken; delete old rollouts", name_of_attempt(1),
                                                name_of_attempt(names_most)));
}

Status post(ApiClient& api, const std::string& path, const google::protobuf::Message& body,
            google::protobuf::Message& into) {
  return api.send("POST", path, body, into);
}

/// The rest of a plan that is not here whole.
Status read_pages(ApiClient& api, const std::string& name, rest::Plan& plan) {
  rest::PlanPage page;
  const bool is_whole =
      plan.servers_size() + plan.excluded_size() > 0 || plan.server_count() + plan.excluded_count() == 0;
  for (std::string query; !is_whole && (query.empty() || !page.next().empty());
       query = "?after=" + page.next()) {
    page.Clear();
    if (auto status = api.get(rollout_path(name) + "/plan" + query, page); !status) return status;
    plan.mutable_servers()->MergeFrom(page.servers());
    plan.mutable_excluded()->MergeFrom(page.excluded());
  }
  return {};
}

/// Planned, with all who are in it and who are not.
Result<rest::Rollout> plan_it(ApiClient& api, const std::string& name) {
  rest::Rollout rollout;
  if (auto status = post(api, rollout_path(name) + "/plan", rest::NoParameters(), rollout); !status)
    return std::unexpected(status.error());
  if (auto status = read_pages(api, name, *rollout.mutable_status()->mutable_plan()); !status)
    return std::unexpected(status.error());
  return rollout;
}

Result<rest::Rollout> plan_and_show(Session& session, ApiClient& api, const std::string& name,
                                    bool all = false) {
  auto rollout = plan_it(api, name);
  if (rollout) session.show(*rollout, plan_text(*rollout, all));
  return rollout;
}

/// Applies a rollout of its own name; gives the name.
template <class NameOf, class Wish>
Result<std::string> apply_new(ApiClient& api, const NameOf& name_of_attempt, const Wish& wish_named) {
  auto name = free_name(api, name_of_attempt);
  if (!name) return name;
  auto wish = wish_named(*name);
  if (!wish) return std::unexpected(wish.error());
  rest::Rollout rollout;
  if (auto status = api.send("PUT", rollout_path(*name), *wish, rollout); !status)
    return std::unexpected(status.error());
  return name;
}

/// The same, planned, and its plan shown.
template <class NameOf, class Wish>
Result<rest::Rollout> plan_new(Session& session, const NameOf& name_of_attempt, const Wish& wish_named) {
  auto api = session.api();
  if (!api) return std::unexpected(api.error());
  auto name = apply_new(**api, name_of_attempt, wish_named);
  if (!name) return std::unexpected(name.error());
  return plan_and_show(session, **api, *name);
}

std::string shell_words(const InstallOptions& options) {
  std::string out = fmt::format("metalmesh install {} --image {} --profile {}", options.server, options.image,
                                options.profile);
  if (options.reinstall) out += " --reinstall";
  if (!options.powered_on.empty()) out += " --powered-on " + options.powered_on;
  if (options.replace_foreign_media) out += " --replace-foreign-media";
  for (const std::string& var : options.vars) out += fmt::format(" --var '{}'", var);
  return out;
}

/// The deployment with this id; else the newest one of the server with this name that waits for a decision,
/// or runs.
Result<std::string> newest_deployment(ApiClient& api, const std::string& of,
                                      bool (*fits)(const rest::Deployment&), std::string_view sought) {
  rest::Deployment one;
  auto there = api.get(object_path(*find_kind("Deployment"), of), one);
  if (there || there.error().kind != ErrorKind::not_found)
    return there ? Result<std::string>(of) : std::unexpected(there.error());
  auto objects = fetch_all(api, *find_kind("deployments"), {{"server", of}});
  if (!objects) return std::unexpected(objects.error());
  const rest::Deployment* newest = nullptr;
  for (const auto& object : *objects) {
    const auto& deployment = dynamic_cast<const rest::Deployment&>(*object);
    if (fits(deployment) &&
        (newest == nullptr || newest->created().seconds() <= deployment.created().seconds()))
      newest = &deployment;
  }
  if (newest != nullptr) return newest->id();
  rest::Server server;
  if (auto known = api.get(object_path(*find_kind("Server"), of), server); !known) {
    return known.error().kind == ErrorKind::not_found ? std::unexpected(there.error())
                                                      : std::unexpected(known.error());
  }
  return fail(ErrorKind::conflict, fmt::format("{} has no deployment that {}\n  next: {}", of, sought,
                                               commands::describe("server", of)));
}

}  // namespace

CommandResult install_server(Session& session, const InstallOrder& order) {
  auto planned = plan_new(
      session, [&](unsigned attempt) { return install_rollout_name(order.options.server, attempt); },
      [&](const std::string& name) { return install_rollout(order.options, name); });
  if (!planned) return std::unexpected(planned.error());
  const rest::Rollout& rollout = *planned;
  const rest::Plan& plan = rollout.status().plan();
  if (plan.servers_size() != 1) {
    return fail(ErrorKind::conflict,
                fmt::format("{} cannot be installed now: see WHY above\n  next: metalmesh describe server {}",
                            order.options.server, order.options.server));
  }
  const std::string expected = confirmation_of(plan);
  if (order.confirm.empty()) {
    session.suggest(fmt::format("{} --confirm {} --watch", shell_words(order.options), expected));
    return ExitCode::ok;
  }
  if (order.confirm != expected) {
    return fail(ErrorKind::invalid, fmt::format("--confirm {}: {} is {}. Nothing was started", order.confirm,
                                                order.options.server, expected));
  }
  return start_rollout(session, {rollout.metadata().name(), plan.digest(), 1, order.watch});
}

CommandResult order_fleet(Session& session, const FleetOrder& order, std::string* rollout) {
  auto planned = plan_new(
      session, [&](unsigned attempt) { return fleet_rollout_name(order.options, attempt); },
      [&](const std::string& name) { return fleet_rollout(order.options, name); });
  if (!planned) return std::unexpected(planned.error());
  const rest::Plan& plan = planned->status().plan();
  const std::uint32_t servers = plan.server_count();
  if (servers == 0)
    return fail(ErrorKind::conflict,
                "no server takes part: see WHY above\n  next: " + commands::list("servers"));
  if (!order.confirm) {
    session.suggest(fmt::format("{} --confirm {} --watch", fleet_command(order.options), servers));
    return ExitCode::ok;
  }
  if (*order.confirm != servers) {
    return fail(ErrorKind::invalid, fmt::format("--confirm {}: the plan has {} server{}. Nothing was started",
                                                *order.confirm, servers, servers == 1 ? "" : "s"));
  }
  if (rollout != nullptr) *rollout = planned->metadata().name();
  return start_rollout(session, {planned->metadata().name(), plan.digest(), servers, order.watch});
}

CommandResult retry_rollout(Session& session, const RetryOrder& order) {
  auto api = session.api();
  if (!api) return std::unexpected(api.error());
  rest::Rollout before;
  if (auto status = (*api)->get(rollout_path(order.name), before); !status)
    return std::unexpected(status.error());
  auto deployments = fetch_deployments(**api, order.name);
  if (!deployments) return std::unexpected(deployments.error());
  const rest::Rollout wish = retry_of(before, *deployments, order.cause, order.wiped);
  if (wish.spec().select().servers().empty())
    return fail(ErrorKind::conflict,
                fmt::format("nothing of rollout {} failed{}{}\n  next: {}", order.name,
                            order.cause.empty() ? "" : " by " + order.cause,
                            order.wiped ? "" : " and left its disk as it was (--wiped: the others, too)",
                            commands::watch(order.name)));
  auto planned = plan_new(
      session, [&](unsigned attempt) { return fmt::format("{}-retry-{}", order.name, attempt); },
      [&](const std::string& name) -> Result<rest::Rollout> {
        rest::Rollout named = wish;
        named.mutable_metadata()->set_name(name);
        return named;
      });
  if (!planned) return std::unexpected(planned.error());
  const std::string& name = planned->metadata().name();
  const rest::Plan& plan = planned->status().plan();
  if (plan.server_count() == 0)
    return fail(ErrorKind::conflict,
                "no server takes part: see WHY above\n  next: " + commands::list("servers"));
  if (!order.confirm) {
    session.suggest(fmt::format("metalmesh rollout retry {}{}{} --confirm {} --watch", order.name,
                                order.cause.empty() ? "" : " --cause " + order.cause,
                                order.wiped ? " --wiped" : "", plan.server_count()));
    return ExitCode::ok;
  }
  if (*order.confirm != plan.server_count())
    return fail(ErrorKind::invalid, fmt::format("--confirm {}: the plan has {} servers. Nothing was started",
                                                *order.confirm, plan.server_count()));
  return start_rollout(session, {name, plan.digest(), plan.server_count(), order.watch});
}

Result<FleetRun> run_fleet(Session& session, const FleetOptions& options) {
  constexpr auto pause = std::chrono::milliseconds(300);
  auto api = session.api();
  if (!api) return std::unexpected(api.error());
  auto name = apply_new(
      **api, [&](unsigned attempt) { return fleet_rollout_name(options, attempt); },
      [&](const std::string& one) { return fleet_rollout(options, one); });
  if (!name) return std::unexpected(name.error());
  auto rollout = plan_it(**api, *name);
  if (!rollout) return std::unexpected(rollout.error());
  const rest::Plan plan = rollout->status().plan();
  FleetRun run{{}, {plan.excluded().begin(), plan.excluded().end()}};
  if (plan.server_count() == 0) return run;
  rest::StartRollout start;
  start.set_plan(plan.digest());
  start.set_confirm(plan.server_count());
  if (auto status = post(**api, rollout_path(*name) + "/start", start, *rollout); !status)
    return std::unexpected(status.error());
  while (rollout->status().state() == "running") {
    std::this_thread::sleep_for(pause);
    if (auto status = (*api)->get(rollout_path(*name), *rollout); !status)
      return std::unexpected(status.error());
  }
  auto deployments = fetch_deployments(**api, *name);
  if (!deployments) return std::unexpected(deployments.error());
  run.deployments = std::move(*deployments);
  return run;
}

Result<std::vector<rest::PlanServer>> planned_servers(ApiClient& api, const std::string& rollout) {
  rest::Rollout found;
  if (auto status = api.get(rollout_path(rollout), found); !status) return std::unexpected(status.error());
  rest::Plan& plan = *found.mutable_status()->mutable_plan();
  if (plan.digest().empty()) return std::vector<rest::PlanServer>();
  if (auto status = read_pages(api, rollout, plan); !status) return std::unexpected(status.error());
  return std::vector<rest::PlanServer>(plan.servers().begin(), plan.servers().end());
}

CommandResult plan_rollout(Session& session, const std::string& name, const std::vector<std::string>& files,
                           bool all) {
  std::string target = name;
  auto api = session.api();
  if (!api) return std::unexpected(api.error());
  if (!files.empty()) {
    auto manifests = read_manifests(files);
    if (!manifests) return std::unexpected(manifests.error());
    const auto is_rollout = [](const Manifest& manifest) { return manifest.kind->name == "Rollout"; };
    if (manifests->size() != 1 || !is_rollout(manifests->front())) {
      return fail(ErrorKind::invalid, "rollout plan -f takes one Rollout\n  next: metalmesh apply -f FILE");
    }
    const Manifest& manifest = manifests->front();
    if (!target.empty() && target != manifest.name) {
      return fail(ErrorKind::invalid,
                  fmt::format("{} holds rollout {}, not {}", manifest.where, manifest.name, target));
    }
    target = manifest.name;
    rest::Rollout stored;
    if (auto status = (*api)->send("PUT", rollout_path(target), *manifest.object, stored); !status) {
      return std::unexpected(std::move(status.error()).with(manifest.where));
    }
  }
  const auto rollout = plan_and_show(session, **api, target, all);
  if (!rollout) return std::unexpected(rollout.error());
  const NextStep next = next_after_plan(*rollout);
  session.suggest(next.command, next.first);
  return ExitCode::ok;
}

CommandResult start_rollout(Session& session, const StartOrder& order) {
  auto api = session.api();
  if (!api) return std::unexpected(api.error());
  rest::Rollout rollout;
  if (auto status = (*api)->get(rollout_path(order.name), rollout); !status)
    return std::unexpected(status.error());
  auto digest = full_digest(rollout, order.plan);
  if (!digest) return std::unexpected(digest.error());
  rest::StartRollout body;
  body.set_plan(*digest);
  body.set_confirm(order.confirm);
  if (!order.until.empty()) {
    const auto until = time_at(order.until);
    if (!until) return std::unexpected(until.error());
    *body.mutable_until() = *until;
  }
  if (auto status = post(**api, rollout_path(order.name) + "/start", body, rollout); !status) {
    return std::unexpected(status.error());
  }
  const std::uint32_t servers = rollout.status().plan().server_count();
  session.show(rollout, fmt::format("rollout {} is started: {} server{}\n", order.name, servers,
                                    servers == 1 ? "" : "s"));
  if (order.watch) return watch_rollout(session, order.name);
  session.suggest(commands::watch(order.name));
  return ExitCode::ok;
}

CommandResult stop_rollout(Session& session, const std::string& name, const std::string& reason) {
  auto api = session.api();
  if (!api) return std::unexpected(api.error());
  rest::StopRollout body;
  body.set_reason(reason);
  rest::Rollout rollout;
  if (auto status = post(**api, rollout_path(name) + "/stop", body, rollout); !status)
    return std::unexpected(status.error());
  const auto owed = rollout.status().fences_owed();
  session.show(
      rollout,
      fmt::format("rollout {} is {}: what was not launched is called back, what was goes on\n{}", name,
                  rollout.status().state(),
                  owed == 0 ? "" : fmt::format("{} not fenced yet: their sites have not confirmed\n", owed)));
  session.suggest(commands::watch(name));
  return ExitCode::ok;
}

CommandResult resolve_deployments(Session& session, const std::vector<std::string>& of, const std::string& as,
                                  const std::string& note) {
  auto api = session.api();
  if (!api) return std::unexpected(api.error());
  std::vector<std::string> ids;  // all are known before the first is decided
  for (const std::string& one : of) {
    auto found = newest_deployment(**api, one, may_be_resolved, "waits for a decision");
    if (!found) return std::unexpected(found.error());
    ids.push_back(std::move(*found));
  }
  rest::ResolveDeployment body;
  body.set_as(as);
  body.set_note(note);
  for (const std::string& id : ids) {
    rest::Deployment deployment;
    if (auto status = post(**api, object_path(*find_kind("Deployment"), id) + "/resolve", body, deployment);
        !status) {
      return std::unexpected(status.error());
    }
    session.show(deployment, fmt::format("deployment {} of {} is {}, resolved by {}\n{}", deployment.id(),
                                         deployment.server(), deployment.state(), deployment.resolved_by(),
                                         fence_text(deployment)));
    if (ids.size() == 1) session.suggest(fmt::format("metalmesh describe server {}", deployment.server()));
  }
  return ExitCode::ok;
}

CommandResult show_transcript(Session& session, const std::string& of, const std::string& screen) {
  auto api = session.api();
  if (!api) return std::unexpected(api.error());
  const auto id = newest_deployment(
      **api, of, [](const rest::Deployment& deployment) { return deployment.has_transcript(); },
      "has a transcript");
  if (!id) return std::unexpected(id.error());
  const auto lines = (*api)->call("GET", object_path(*find_kind("Deployment"), *id) + "/transcript");
  if (!lines) return std::unexpected(lines.error());
  if (!screen.empty()) return write_screen(session, *lines, *id, screen);
  session.console().print(*lines);
  return ExitCode::ok;
}

CommandResult cancel_deployment(Session& session, const std::string& id, const std::string& reason) {
  auto api = session.api();
  if (!api) return std::unexpected(api.error());
  rest::CancelDeployment body;
  body.set_reason(reason);
  rest::Deployment deployment;
  if (auto status = post(**api, object_path(*find_kind("Deployment"), id) + "/cancel", body, deployment);
      !status) {
    return std::unexpected(status.error());
  }
  session.show(deployment, fmt::format("deployment {} of {} is {}\n{}", deployment.id(), deployment.server(),
                                       deployment.state(), fence_text(deployment)));
  session.suggest(fmt::format("metalmesh describe server {}", deployment.server()));
  return ExitCode::ok;
}

}  // namespace metalmesh::cli
