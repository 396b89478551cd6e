// What the host shows when nothing goes on any more: for whoever looks for the cause later.
#include "agents/install/stages.h"

namespace metalmesh::install {

Verdict see_screen(Context& context) {
  /// Whoever waits for its end waits no longer for a picture.
  constexpr Duration patience = std::chrono::minutes(1);
  Conversation& talk = context.talk;
  if (!talk.bmc.shows_screen() || talk.screen_seen) return Verdict::done;
  if (!talk.screen_asked) talk.screen_asked = context.now.mono;
  if (context.now.mono - *talk.screen_asked >= patience) return Verdict::done;
  if (reach_machine(context) == Verdict::busy || ask(context, &bmc::Dialogue::see_screen) == Verdict::busy)
    return Verdict::busy;
  talk.screen_seen = true;
  const bmc::Screen& screen = talk.bmc.screen();
  if (screen.picture.empty()) {
    context.log(LogLevel::info, "the host's screen could not be had: " + screen.why_not);
    return Verdict::done;
  }
  context.out.actions.emplace_back(work::KeepScreen{screen.picture});
  context.note_evidence("the host's screen was kept");
  return Verdict::done;
}

}  // namespace metalmesh::install
