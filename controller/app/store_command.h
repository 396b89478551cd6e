// `metalmesh-controller store check` and `metalmesh-controller restore`: on the data folder of a controller that does
// not run.
#pragma once

#include "controller/app/controller_options.h"

namespace metalmesh::controller {

/// One line for each damaged row. Exit code: 0 all are whole, 1 some are not, 2 it cannot be told (the controller
/// runs, no store, wrong configuration). Changes nothing.
int check_store_command(const ControllerOptions& options);
/// Puts a backup where there is no store. Exit code: 0 done, 1 it could not be done, 2 wrong configuration.
int restore_command(const ControllerOptions& options);

}  // namespace metalmesh::controller
