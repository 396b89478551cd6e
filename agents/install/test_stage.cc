// WATCH of a test, and what it makes sure of before it inserts: neither power nor the next start is touched.
#include <algorithm>
#include <utility>

#include "agents/install/stages.h"

namespace metalmesh::install {

Verdict may_be_tested(Context& context) {
  if (!std::exchange(context.talk.power_read_again, true)) return look_again(context, Duration{});
  const redfish::System* system = look(context);
  if (system == nullptr || refused_for_power(context, *system)) return Verdict::busy;
  return Verdict::done;
}

Verdict see_reads(Context& context) {
  constexpr Duration patience = std::chrono::seconds(40);
  Conversation& talk = context.talk;
  if (talk.reads.reached()) {
    context.note_evidence("the BMC read " +
                          std::to_string(std::max<std::uint64_t>(1, talk.reads.covered() >> 10U)) +
                          " KiB of the test medium");
    return Verdict::done;
  }
  if (!talk.tls_refusal.empty())
    return context.fail(wire::MEDIA_TLS_REFUSED, {.expected = "TLS", .seen = talk.tls_refusal});
  const Duration waited = context.now.mono - talk.entered;
  if (waited >= patience)
    return context.fail(wire::MEDIA_NOT_REACHED, {.expected = context.urls.base, .span = waited});
  return context.wait(patience - waited);
}

}  // namespace metalmesh::install
