// A transcript as it lies in the store: pieces of one length, each a row under the deployment that it belongs to. So a
// site cannot name what another one sent, and what is half fetched is gone on with.
#pragma once

#include <cstdint>
#include <string>

#include "common/base/result.h"
#include "common/ports/store.h"
#include "schemas/rest/api.pb.h"

namespace metalmesh::controller {

/// Small, so that fetching one holds up nothing else on its link.
inline constexpr std::uint32_t transcript_piece = 8 * 1024;

namespace transcripts {
inline constexpr char coming[] = "coming";  // named by its site, asked for
inline constexpr char here[] = "here";
inline constexpr char gone[] = "gone";
}  // namespace transcripts

std::uint64_t pieces_of(const rest::Transcript& transcript);
std::string piece_key(const std::string& deployment, const rest::Transcript& transcript, std::uint64_t piece);
/// How many of its first pieces are there.
std::uint64_t pieces_there(const RowReader& rows, const std::string& deployment,
                           const rest::Transcript& transcript);
/// Those of its pieces below `pieces`, in a row. Fails with `corrupt` where one is not there.
Result<std::string> read_pieces(const RowReader& rows, const std::string& deployment,
                                const rest::Transcript& transcript, std::uint64_t pieces);
void erase_pieces(const std::string& deployment, const rest::Transcript& transcript, Batch& batch);

}  // namespace metalmesh::controller
