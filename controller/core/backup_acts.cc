#include "controller/core/backup_acts.h"

#include "common/ports/wire_time.h"
#include "controller/core/field_rules.h"
#include "controller/core/operator_acts.h"

namespace metalmesh::controller {
namespace {

constexpr std::size_t path_limit = 1024;

void note(Work& work, std::string message) {
  rest::LogEvent line;
  line.set_type("backup");
  line.set_message(std::move(message));
  work.ledger.note(std::move(line), work.now.wall());
}

}  // namespace

ActResult act(Work& work, const StartBackup& request, const std::string&) {
  using rules::refusal;
  if (!request.folder.starts_with('/') || request.folder.size() > path_limit ||
      request.folder.find('\0') != std::string::npos) {
    return std::unexpected(refusal(ErrorKind::invalid, "folder",
                                   "\"" + request.folder.substr(0, 80) +
                                       "\" is no absolute path of a folder on the controller's machine"));
  }
  if (work.mesh().backup && work.mesh().backup->state() == "running") {
    return std::unexpected(refusal(ErrorKind::conflict, "",
                                   "a backup to " + work.mesh().backup->folder() + " is running",
                                   "wait for its end: metalmesh controller status"));
  }
  rest::Backup backup;
  backup.set_folder(request.folder);
  backup.set_state("running");
  *backup.mutable_started() = to_wire(work.now.wall());
  work.ledger.set_backup(std::move(backup));
  work.out.emit(BackupStart{request.folder});
  return Acted{false, "Controller", "", "began a backup to " + request.folder};
}

void take_backup_report(Work& work, const BackupReported& report) {
  rest::Backup backup = work.mesh().backup.value_or(rest::Backup());
  backup.set_folder(report.folder);
  backup.set_bytes(report.bytes);
  backup.set_size(report.size);
  backup.set_rows(report.rows);
  if (report.ended) {
    backup.set_state(report.error.empty() ? "done" : "failed");
    backup.set_error(report.error);
    *backup.mutable_ended() = to_wire(work.now.wall());
    note(work, report.error.empty()
                   ? "backup to " + report.folder + " is done: " + std::to_string(report.rows) + " rows, " +
                         std::to_string(report.bytes) + " bytes, read back and whole"
                   : "backup to " + report.folder + " failed: " + report.error);
  }
  work.ledger.set_backup(std::move(backup));
}

}  // namespace metalmesh::controller
