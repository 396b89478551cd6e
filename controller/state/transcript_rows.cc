#include "controller/state/transcript_rows.h"

#include <fmt/format.h>

#include "controller/state/tables.h"

namespace metalmesh::controller {

std::uint64_t pieces_of(const rest::Transcript& transcript) {
  return (transcript.size() + transcript_piece - 1) / transcript_piece;
}

std::string piece_key(const std::string& deployment, const rest::Transcript& transcript,
                      std::uint64_t piece) {
  return tables::row(tables::transcripts, fmt::format("{}/{}/{:06}", deployment, transcript.sha256(), piece));
}

std::uint64_t pieces_there(const RowReader& rows, const std::string& deployment,
                           const rest::Transcript& transcript) {
  const std::uint64_t all = pieces_of(transcript);
  for (std::uint64_t piece = 0; piece < all; ++piece) {
    const auto row = rows.get(piece_key(deployment, transcript, piece));
    if (!row || !*row) return piece;
  }
  return all;
}

Result<std::string> read_pieces(const RowReader& rows, const std::string& deployment,
                                const rest::Transcript& transcript, std::uint64_t pieces) {
  std::string bytes;
  for (std::uint64_t piece = 0; piece < pieces; ++piece) {
    const auto row = rows.get(piece_key(deployment, transcript, piece));
    if (!row) return std::unexpected(row.error());
    if (!*row) return fail(ErrorKind::corrupt, "piece " + std::to_string(piece) + " is not there");
    bytes += **row;
  }
  return bytes;
}

void erase_pieces(const std::string& deployment, const rest::Transcript& transcript, Batch& batch) {
  for (std::uint64_t piece = 0; piece < pieces_of(transcript); ++piece)
    batch.push_back({piece_key(deployment, transcript, piece), std::nullopt});
}

}  // namespace metalmesh::controller
