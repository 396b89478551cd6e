#include "agents/media/patch/media_changes.h"

#include <set>

#include "agents/media/patch/iso_names.h"
#include "common/text/letters.h"

namespace metalmesh::media {
namespace {

constexpr int most_changes = 256;
constexpr std::size_t most_bytes = 64ULL << 20;

}  // namespace

Result<std::vector<MediaChange>> check_changes(
    const google::protobuf::RepeatedPtrField<wire::FileChange>& changes) {
  if (changes.size() > most_changes) {
    return fail(ErrorKind::exhausted,
                "more than " + std::to_string(most_changes) + " files of the medium differ");
  }
  std::vector<MediaChange> checked;
  std::set<std::string> seen;
  std::size_t total = 0;
  for (const wire::FileChange& change : changes) {
    auto components = split_media_path(change.path());
    if (!components) return std::unexpected(components.error());
    const std::string folded = to_lower(change.path());
    if (!seen.insert(folded).second) return fail(ErrorKind::invalid, change.path() + " is given twice");
    if (folded.ends_with(".efi")) {
      return fail(ErrorKind::denied,
                  change.path() + " may be signed and is never replaced: change its configuration");
    }
    total += change.content().size();
    if (total > most_bytes) return fail(ErrorKind::exhausted, "the changed files exceed 64 MiB");
    checked.push_back({change.path(), std::move(*components), change.content()});
  }
  return checked;
}

}  // namespace metalmesh::media
