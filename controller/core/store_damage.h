// What follows from rows of the controller's own store that were damaged (row_care.h moved them aside). The
// object is held and named, everything else goes on; nothing is guessed.
//
//   row                        effect                                              a person
//   e/ (an event)              a line in its place says that it is lost            controller settle ROW
//   o/server/                  stands there blocked: in no plan                    apply it again
//   o/rollout/                 stopped: hands nothing out                          rollout stop NAME
//   o/site/                    its agent is not heard, nothing is handed to it     apply it again
//   o/cred/ o/image/           does not exist                                      apply it again
//   o/profile/ o/version/ b/   made anew from one another; else: does not exist    apply it again
//   d/, x/order/               INDETERMINATE, its fence is owed                    deployment resolve
//   x/fence/                   owed again                                          -
//   x/link/                    site in quarantine                                  site clear-quarantine
//   s/ (commands to a site)    a new command journal; the site is asked for its    -
//                              fences first
//   r/ (cursor of a site)      made anew from the log                              -
//   m/ (a machine)             blocked, in use                                     server release-for-install
//   g/, i/, x/wish/, t, l      learned again or forgotten                          -
//   c                          everything is held as after a restore               controller continue
#pragma once

#include "controller/core/operator_request.h"
#include "controller/core/work.h"

namespace metalmesh::controller {

/// Once after the start, when links are there.
void act_on_damage(Work& work);
/// A person's request was carried out: what was lost of its subject is no more missed.
void lift_damage(Work& work, const OperatorRequest& request);

}  // namespace metalmesh::controller
