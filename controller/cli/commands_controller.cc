// The controller itself: what it holds after a restore, what was damaged in its store, backups.
#include <fmt/format.h>
#include <google/protobuf/util/time_util.h>

#include <filesystem>
#include <thread>

#include "common/base/command_words.h"
#include "controller/cli/commands.h"

namespace metalmesh::cli {
namespace {

using namespace std::chrono_literals;

std::string backup_text(const rest::Backup& backup) {
  if (backup.state() == "failed")
    return fmt::format("backup to {} failed: {}\n", backup.folder(), backup.error());
  if (backup.state() == "done")
    return fmt::format("backup to {}: done, {} rows, {} bytes\n", backup.folder(), backup.rows(),
                       backup.bytes());
  return fmt::format("backup to {}: {} of {} bytes\n", backup.folder(), backup.bytes(), backup.size());
}

std::string controller_text(const rest::Controller& controller) {
  const std::string who = fmt::format("instance {}, epoch {}", controller.instance(), controller.epoch());
  std::string rest;
  for (const rest::StoreDamage& one : controller.damage())
    rest += fmt::format("damaged row {}: {}\n  next: {}\n", one.row(), one.what(), one.next());
  for (const rest::Alarm& one : controller.alarms())
    rest += fmt::format("ALARM: {}\n  next: {}\n", one.what(), one.next());
  if (controller.has_backup()) rest += backup_text(controller.backup());
  if (!controller.has_hold()) return who + ", nothing is held\n" + rest;
  const rest::Hold& hold = controller.hold();
  std::string out = fmt::format("{}, holds since {}: {}\n", who,
                                google::protobuf::util::TimeUtil::ToString(hold.since()), hold.reason());
  for (const rest::HoldDifference& one : hold.differences()) {
    std::string subject = "site " + one.site();
    if (!one.server().empty()) subject = one.server() + " at " + one.site();
    if (!one.deployment().empty()) subject += " (" + one.deployment() + ")";
    out += fmt::format("  {}: here {}, there {}\n", subject, one.was(), one.is());
  }
  if (hold.more_differences() > 0) out += fmt::format("  and {} more\n", hold.more_differences());
  return out + rest;
}

}  // namespace

CommandResult show_controller(Session& session) {
  auto api = session.api();
  if (!api) return std::unexpected(api.error());
  rest::Controller controller;
  if (auto status = (*api)->get("/api/v1/controller", controller); !status)
    return std::unexpected(status.error());
  session.show(controller, controller_text(controller));
  if (controller.has_hold()) session.suggest(commands::go_on());
  return ExitCode::ok;
}

CommandResult continue_controller(Session& session, const std::string& reason) {
  auto api = session.api();
  if (!api) return std::unexpected(api.error());
  rest::ContinueController body;
  body.set_reason(reason);
  rest::Controller controller;
  if (auto status = (*api)->send("POST", "/api/v1/controller/continue", body, controller); !status)
    return std::unexpected(status.error());
  if (auto status = (*api)->get("/api/v1/controller", controller); !status)
    return std::unexpected(status.error());
  session.show(controller, controller_text(controller));
  session.suggest("metalmesh get rollouts");
  return ExitCode::ok;
}

CommandResult settle_damage(Session& session, const std::string& row, const std::string& reason) {
  auto api = session.api();
  if (!api) return std::unexpected(api.error());
  rest::SettleDamage body;
  body.set_row(row);
  body.set_reason(reason);
  rest::Controller controller;
  if (auto status = (*api)->send("POST", "/api/v1/controller/settle", body, controller); !status)
    return std::unexpected(status.error());
  if (auto status = (*api)->get("/api/v1/controller", controller); !status)
    return std::unexpected(status.error());
  session.show(controller, controller_text(controller));
  return ExitCode::ok;
}

CommandResult back_up(Session& session, const std::string& folder) {
  auto api = session.api();
  if (!api) return std::unexpected(api.error());
  rest::StartBackup body;
  body.set_folder(std::filesystem::absolute(folder).lexically_normal().string());
  rest::Controller controller;
  if (auto status = (*api)->send("POST", "/api/v1/controller/backup", body, controller); !status)
    return std::unexpected(status.error());
  std::uint64_t shown = 0;
  while (true) {
    if (auto status = (*api)->get("/api/v1/controller", controller); !status)
      return std::unexpected(status.error());
    const rest::Backup& backup = controller.backup();
    if (backup.folder() != body.folder() || backup.state() != "running") break;
    if (backup.bytes() != shown) session.console().complain(backup_text(backup));
    shown = backup.bytes();
    std::this_thread::sleep_for(200ms);
  }
  if (controller.backup().folder() != body.folder())
    return fail(ErrorKind::conflict,
                "the controller was started again while it made the backup; it is not complete");
  if (controller.backup().state() == "failed") return fail(ErrorKind::conflict, controller.backup().error());
  session.show(controller, backup_text(controller.backup()));
  session.suggest("keep it on another machine; to put it back: metalmesh-controller restore " +
                  body.folder());
  return ExitCode::ok;
}

}  // namespace metalmesh::cli
