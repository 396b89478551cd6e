// A backup of the controller's own store, as people see it: one at a time, running until the store says how it went.
#pragma once

#include "common/ports/backup.h"
#include "controller/core/work.h"

namespace metalmesh::controller {

void take_backup_report(Work& work, const BackupReported& report);

}  // namespace metalmesh::controller
