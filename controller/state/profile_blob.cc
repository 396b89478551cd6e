#include "controller/state/profile_blob.h"

#include <utility>

#include "common/base/digest.h"
#include "controller/state/row_codec.h"
#include "schemas/wire/command.pb.h"

namespace metalmesh::controller {

std::string profile_content(const rest::Profile& profile) {
  wire::ProfileContent content;
  content.set_family(profile.spec().family());
  content.set_template_(profile.spec().template_().inline_());
  return canonical_bytes(content);
}

ProfileVersion version_of(rest::Profile profile) {
  std::string digest = to_hex(sha256(profile_content(profile)));
  if (profile.spec().has_template_()) profile.mutable_spec()->mutable_template_()->clear_inline_();
  return {std::move(profile), std::move(digest)};
}

}  // namespace metalmesh::controller
