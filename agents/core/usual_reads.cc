#include "agents/core/usual_reads.h"

#include <algorithm>

#include "agents/core/row_table.h"

namespace metalmesh::agent {
namespace {

constexpr std::size_t most_kinds = 512;

std::string kind_of(const wire::Install& install) {
  return install.image().sha256() + "/" + install.profile().sha256();
}

}  // namespace

UsualReads::UsualReads(const RowReader& rows) {
  for (auto& [kind, row] : load_rows<record::UsualReads>(rows, rows::reads)) by_kind_.emplace(kind, row);
}

std::uint64_t UsualReads::of(const wire::Install& install) const {
  const auto known = by_kind_.find(kind_of(install));
  return known == by_kind_.end() ? 0 : known->second.bytes();
}

void UsualReads::learn(const record::Job& job, Outcome& out) {
  // Off by itself is what it is to judge: only what ran afterwards proves that it was an end.
  if (job.ending() != wire::Ended::SUCCEEDED || job.proof() < wire::PROOF_BOOTED || job.bytes_covered() == 0)
    return;
  const std::string kind = kind_of(job.agreed().install());
  if (!by_kind_.contains(kind) && by_kind_.size() >= most_kinds) {
    out.erase(rows::reads + by_kind_.begin()->first);
    by_kind_.erase(by_kind_.begin());
  }
  record::UsualReads& row = by_kind_[kind];
  const std::uint64_t least =
      row.installs() == 0 ? job.bytes_covered() : std::min<std::uint64_t>(row.bytes(), job.bytes_covered());
  const bool news = row.installs() == 0 || least != row.bytes();
  row.set_bytes(least);
  row.set_installs(row.installs() + 1);
  if (news) put_row(out, rows::reads + kind, row);
}

}  // namespace metalmesh::agent
