// CONNECT: a session with the BMC, and the one system that the order can mean.
#include "agents/install/exchange.h"
#include "agents/install/stages.h"

namespace metalmesh::install {

Verdict open_session(Context& context) { return ask(context, &bmc::Dialogue::open); }

Verdict connect(Context& context) { return ask(context, &bmc::Dialogue::connect); }

}  // namespace metalmesh::install
