// One sentence for people per fact. The same words go to the event log, the CLI and the dashboard.
#pragma once

#include <string>

#include "schemas/wire/event.pb.h"

namespace metalmesh::controller {

/// Short name of an event's kind: "stage", "ended", ... Part of the API; "unsupported" when it is unknown.
std::string type_of(const wire::Event& event);
std::string sentence(const wire::Event& event);
std::string clock_doubted(const wire::ClockDoubted& doubt);
std::string store_damaged(const wire::StoreDamaged& damage);

/// "BMC_UNREACHABLE (connect): 10.20.0.112:443 does not answer. Disk: untouched. Next: ..."
std::string sentence(const wire::Fault& fault);
/// What may still start at `site`, though it was called back.
std::string not_fenced_yet(const std::string& site);
std::string disk_words(wire::DiskState disk);

}  // namespace metalmesh::controller
