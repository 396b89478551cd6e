// doctor: what stands in the way, of servers, of a site, of a rollout; 1 when something does.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include "common/base/command_words.h"
#include "controller/cli/commands.h"
#include "controller/cli/findings_text.h"

namespace metalmesh::cli {
namespace {

using namespace std::chrono_literals;

constexpr auto site_patience = 60s;

ExitCode code_of(bool well) { return well ? ExitCode::ok : ExitCode::refused; }

/// What one order of each server found, and who had none.
Result<std::vector<Patient>> examine(Session& session, FleetOptions options) {
  auto ran = run_fleet(session, options);
  if (!ran) return std::unexpected(ran.error());
  std::vector<Patient> patients;
  for (const rest::Deployment& one : ran->deployments) patients.push_back({one.server(), findings_of(one)});
  for (const rest::PlanExcluded& one : ran->excluded) patients.push_back({one.name(), {left_out(one)}});
  return patients;
}

/// Of the same server, together.
void join(std::vector<Patient>& patients, std::vector<Patient> more) {
  for (Patient& one : more) {
    const auto known = std::ranges::find(patients, one.name, &Patient::name);
    if (known == patients.end())
      patients.push_back(std::move(one));
    else
      std::ranges::move(one.findings, std::back_inserter(known->findings));
  }
}

/// For programs: each server as a deployment that has nothing but its findings.
Objects as_objects(const std::vector<Patient>& patients) {
  Objects out;
  for (const Patient& patient : patients) {
    auto deployment = std::make_unique<rest::Deployment>();
    deployment->set_server(patient.name);
    for (const wire::Finding& finding : patient.findings) *deployment->add_findings() = finding;
    out.push_back(std::move(deployment));
  }
  return out;
}

void show(Session& session, const std::vector<Patient>& patients, const std::string& words) {
  if (session.format == Format::table)
    session.console().print(words);
  else
    session.show_all(*find_kind("deployments"), as_objects(patients));
}

Result<std::vector<Patient>> examine_all(Session& session, const DoctorOrder& order,
                                         const std::vector<std::string>& servers) {
  FleetOptions options;
  options.action = "doctor";
  options.servers = servers;
  auto patients = examine(session, options);
  if (!patients || !order.mount_test) return patients;
  options.action = "mount-test";
  options.in_use = order.in_use;
  if (order.in_use) session.console().complain("the running OS will see a CD drive for about 40 s\n");
  auto tested = examine(session, options);
  if (!tested) return std::unexpected(tested.error());
  join(*patients, std::move(*tested));
  return patients;
}

std::vector<std::string> servers_of(const std::vector<rest::PlanServer>& planned) {
  std::vector<std::string> names;
  for (const rest::PlanServer& one : planned) names.push_back(one.name());
  return names;
}

}  // namespace

CommandResult doctor_servers(Session& session, const DoctorOrder& order) {
  auto patients = examine_all(session, order, order.names);
  if (!patients) return std::unexpected(patients.error());
  std::string words;
  bool well = true;
  for (const Patient& patient : *patients) {
    words += order.only.empty() ? findings_text(patient) : check_text(patient, order.only);
    well = well && is_well(patient.findings);
  }
  show(session, *patients, words);
  return code_of(well);
}

CommandResult doctor_rollout(Session& session, const DoctorOrder& order) {
  auto api = session.api();
  if (!api) return std::unexpected(api.error());
  const std::string& name = order.names.front();
  auto planned = planned_servers(**api, name);
  if (!planned) return std::unexpected(planned.error());
  if (planned->empty())
    return fail(ErrorKind::conflict,
                fmt::format("rollout {} has no servers yet\n  next: {}", name, commands::plan(name)));
  auto patients = examine_all(session, order, servers_of(*planned));
  if (!patients) return std::unexpected(patients.error());
  show(session, *patients, causes_text(*patients));
  return code_of(std::ranges::all_of(*patients, [](const Patient& one) { return is_well(one.findings); }));
}

CommandResult doctor_site(Session& session, const std::string& name) {
  auto api = session.api();
  if (!api) return std::unexpected(api.error());
  const std::string path = object_path(*find_kind("Site"), name);
  rest::Site site;
  if (auto status = (*api)->get(path, site); !status) return std::unexpected(status.error());
  if (!site.status().connected())
    return fail(ErrorKind::conflict, fmt::format("no agent of site {} is connected\n  next: {}", name,
                                                 commands::describe("site", name)));
  if (auto status = (*api)->send("POST", path + "/doctor", rest::NoParameters(), site); !status)
    return std::unexpected(status.error());
  const auto deadline = std::chrono::steady_clock::now() + site_patience;
  while (!site.status().doctor().has_at()) {
    if (std::chrono::steady_clock::now() >= deadline)
      return fail(ErrorKind::conflict, fmt::format("no answer from site {} in {} s\n  next: {}", name,
                                                   site_patience.count(), commands::describe("site", name)));
    std::this_thread::sleep_for(300ms);
    if (auto status = (*api)->get(path, site); !status) return std::unexpected(status.error());
  }
  const auto& found = site.status().doctor().findings();
  Patient patient{name, {found.begin(), found.end()}};
  rest::Controller controller;
  if (auto status = (*api)->get("/api/v1/controller", controller); !status)
    return std::unexpected(status.error());
  for (const rest::Alarm& one : controller.alarms()) patient.findings.push_back(finding_of(one));
  session.show(site, findings_text(patient));
  return code_of(is_well(patient.findings));
}

}  // namespace metalmesh::cli
