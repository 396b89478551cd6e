#include "common/delivery/stream_rows.h"

#include "common/base/digest.h"
#include "common/ports/row_walk.h"
#include "schemas/record/stream.pb.h"

namespace metalmesh::delivery {
namespace {

static_assert(sender_row_version == receiver_row_version);

template <class Message>
Status parse(const std::string& key, const std::string& bytes, Message& message) {
  if (!message.ParseFromString(bytes) || message.row_version() == 0 || message.journal_id().empty())
    return fail(ErrorKind::corrupt, "row " + printable_key(key) + " is damaged");
  if (message.row_version() != sender_row_version)
    return fail(ErrorKind::unsupported, "row " + printable_key(key) + " was written by another release");
  return {};
}

Status damaged_entry(const std::string& prefix, std::uint64_t seq) {
  return fail(ErrorKind::corrupt,
              "the journal below " + prefix + " is damaged at entry " + std::to_string(seq));
}

/// Every entry that is kept and not known to be lost is there, and the hash chain holds from the first to the head.
Status check_entries(const std::string& prefix, const RowReader& rows, const record::StreamSender& meta) {
  constexpr std::size_t number_bytes = 8;
  constexpr std::size_t hash_bytes = 32;
  const std::string first = prefix + "e";
  std::uint64_t seq = meta.first_kept();
  std::string hash = meta.base_hash();
  const auto skip_lost = [&] {
    if (meta.lost_from() == 0 || seq != meta.lost_from()) return;
    seq = meta.lost_to() + 1;
    hash = meta.lost_hash();
  };
  const Status walked = walk_whole_rows(
      rows, first, prefix + "f", [&](const std::string& key, const std::string& value) -> Status {
        skip_lost();
        std::uint64_t number = 0;
        for (const char byte : key.substr(first.size()))
          number = number << 8U | static_cast<unsigned char>(byte);
        if (key.size() != first.size() + number_bytes || number != seq || value.size() < hash_bytes)
          return damaged_entry(prefix, seq);
        hash = sha256(hash, value.substr(hash_bytes));
        if (value.compare(0, hash_bytes, hash) != 0) return damaged_entry(prefix, seq);
        ++seq;
        return {};
      });
  if (!walked) return walked;
  skip_lost();
  if (seq != meta.next_seq() || hash != meta.head_hash()) return damaged_entry(prefix, seq);
  return {};
}

}  // namespace

Status check_sender_rows(const std::string& prefix, const RowReader& rows) {
  const auto bytes = rows.get(prefix + "m");
  if (!bytes) return std::unexpected(bytes.error());
  if (!*bytes) return {};
  record::StreamSender meta;
  if (Status parsed = parse(prefix + "m", **bytes, meta); !parsed) return parsed;
  const bool in_order = meta.next_seq() > 0 && meta.acked() < meta.next_seq() && meta.first_kept() > 0 &&
                        meta.first_kept() <= meta.next_seq() && meta.lost_from() <= meta.lost_to() &&
                        meta.lost_to() < meta.next_seq();
  if (!in_order)
    return fail(ErrorKind::corrupt, "row " + prefix + "m is damaged: its numbers contradict each other");
  return check_entries(prefix, rows, meta);
}

Status check_receiver_row(const std::string& key, const RowReader& rows) {
  const auto bytes = rows.get(key);
  if (!bytes) return std::unexpected(bytes.error());
  if (!*bytes) return {};
  record::StreamReceiver row;
  if (Status parsed = parse(key, **bytes, row); !parsed) return parsed;
  if (row.cursor() == 0 && !row.cursor_hash().empty())
    return fail(ErrorKind::corrupt, "row " + key + " is damaged: cursor and hash contradict each other");
  return {};
}

}  // namespace metalmesh::delivery
