#include "agents/media/patch/second_medium.h"

namespace metalmesh::media {

Result<Overlay> make_second_medium(const wire::SecondMedium& order) {
  auto files = check_changes(order.files());
  if (!files) return std::unexpected(files.error());
  switch (order.format()) {
    case wire::SecondMedium::ISO:
      return make_iso(order.label(), *files);
    case wire::SecondMedium::FAT:
      return make_fat(order.label(), *files);
    default:
      return fail(ErrorKind::unsupported, "a second medium of an unknown format was asked for");
  }
}

}  // namespace metalmesh::media
