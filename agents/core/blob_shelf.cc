#include "agents/core/blob_shelf.h"

#include <optional>
#include <string_view>
#include <utility>

#include "agents/core/row_table.h"
#include "common/base/digest.h"
#include "common/base/planted.h"
#include "common/delivery/blob_transfer.h"
#include "schemas/record/agent.pb.h"

namespace metalmesh::agent {

BlobShelf::BlobShelf(const RowReader& rows, const UpChannel& channel, std::size_t room)
    : rows_(rows), channel_(channel), room_(room) {
  constexpr std::size_t one = 1;  // they are large
  const std::string end = rows::after(rows::shelf);
  for (std::string from = rows::shelf;;) {
    const auto found = rows_.scan(from, end, one);
    if (!found || found->empty()) return;  // what cannot be read is gone
    const Row& row = found->front();
    from = row.key + '\0';
    if (!row.value) continue;
    const auto blob = parse_row<record::ShelvedBlob>(*row.value);
    const std::string sha256 = row.key.substr(std::string_view(rows::shelf).size());
    kept_[sha256] = {blob.number(), blob.bytes().size()};
    by_number_[blob.number()] = sha256;
    used_ += blob.bytes().size();
  }
}

wire::BlobRef BlobShelf::put(std::string bytes, Outcome& out) {
  wire::BlobRef ref;
  ref.set_sha256(to_hex(sha256(bytes)));
  ref.set_size(bytes.size());
  if (kept_.contains(ref.sha256()) || planted(Defect::blob_not_kept)) return ref;
  make_room(bytes.size(), out);
  const std::uint64_t number = by_number_.empty() ? 1 : by_number_.rbegin()->first + 1;
  kept_[ref.sha256()] = {number, bytes.size()};
  by_number_[number] = ref.sha256();
  used_ += bytes.size();
  record::ShelvedBlob row;
  row.set_number(number);
  row.set_bytes(std::move(bytes));
  put_row(out, rows::shelf + ref.sha256(), row);
  return ref;
}

void BlobShelf::make_room(std::size_t size, Outcome& out) {
  while (!by_number_.empty() && used_ + size > room_) {
    const auto oldest = by_number_.begin();
    const auto kept = kept_.find(oldest->second);
    out.log(LogLevel::info, "the oldest transcript makes room for a new one",
            {{"sha256", oldest->second}, {"bytes", std::to_string(kept->second.size)}});
    out.erase(rows::shelf + oldest->second);
    used_ -= kept->second.size;
    kept_.erase(kept);
    by_number_.erase(oldest);
  }
}

void BlobShelf::answer(const wire::BlobWant& want, Outcome& out) const {
  std::optional<std::string> bytes;
  if (kept_.contains(want.sha256())) {
    if (const auto row = rows_.get(rows::shelf + want.sha256()); row && *row)
      bytes = std::move(*parse_row<record::ShelvedBlob>(**row).mutable_bytes());
  }
  channel_.send("blob_chunk", delivery::answer_blob_want(want, bytes ? &*bytes : nullptr), out);
}

}  // namespace metalmesh::agent
