// A test of the way to a medium, as the house knows it: an install's stages up to the insert, and none that touches the host.
#include "agents/install/mount_test_kind.h"

#include "agents/install/install_kind.h"

namespace metalmesh::install {
namespace {

std::optional<std::string> wrong(const wire::Agreed&, const wire::Issue&) { return std::nullopt; }

// Its medium is made of nothing but itself.
work::Materials materials(const wire::Agreed&, const wire::Issue&) { return {}; }

bool past_return(const record::Job&) { return false; }

}  // namespace

const work::Kind mount_test_kind{"mountTest",         true, true, wrong, materials, past_return,
                                 make_install_machine};

}  // namespace metalmesh::install
