// What agents fetch of a profile, and what of a version stays in memory: all but its template, of which there
// may be as many as people ever made.
#pragma once

#include <string>

#include "schemas/rest/api.pb.h"

namespace metalmesh::controller {

/// The blob that agents fetch by its SHA-256: a serialized wire::ProfileContent.
std::string profile_content(const rest::Profile& profile);

/// A version as it is kept in memory, and the digest (hex) of its blob.
struct ProfileVersion {
  rest::Profile profile;  // without its template
  std::string blob_sha256;
};
ProfileVersion version_of(rest::Profile profile);

}  // namespace metalmesh::controller
