#include "agents/media/launch_keeper.h"

#include <utility>

namespace metalmesh::media {

std::optional<LaunchKeeper::Step> LaunchKeeper::on_command(const wire::MediaCommand& command) {
  if (command.has_mount()) {
    const wire::Mount& mount = command.mount();
    if (mount.state() == wire::OPEN) {
      open_[mount.token()] = mount;
    } else {
      open_.erase(mount.token());
    }
    if (mount.state() == wire::LAUNCHED) return Keep{mount};
    return Remove{mount.token()};
  }
  if (command.has_forget()) {
    open_.erase(command.forget());
    return Remove{command.forget()};
  }
  if (command.has_verdict() && command.verdict().granted()) {
    auto opened = open_.extract(command.verdict().token());
    if (!opened) return std::nullopt;
    opened.mapped().set_state(wire::LAUNCHED);
    return Keep{std::move(opened.mapped())};
  }
  if (command.has_all() && !command.all().others_stay())
    return RemoveAllBut{{command.all().tokens().begin(), command.all().tokens().end()}};
  return std::nullopt;
}

}  // namespace metalmesh::media
