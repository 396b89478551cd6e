#include "common/orders/plan_tree.h"

#include <utility>

#include "common/base/check.h"
#include "common/base/digest.h"

namespace metalmesh::orders {
namespace {

constexpr std::size_t hash_bytes = 32;

std::string leaf_hash(std::string_view agreed) { return sha256(std::string_view("\0", 1), agreed); }

std::string node_hash(std::string_view left, std::string_view right) {
  std::string both("\1");
  both += left;
  both += right;
  return sha256(both);
}

std::size_t count_of(const std::string& level) { return level.size() / hash_bytes; }

std::string_view hash_of(const std::string& level, std::size_t index) {
  return std::string_view(level).substr(index * hash_bytes, hash_bytes);
}

std::string plan_hash(std::string_view head, std::uint64_t orders, std::string_view root) {
  std::string text("\2metalmesh plan 2\n");
  text += head;
  for (int shift = 56; shift >= 0; shift -= 8)
    text += static_cast<char>(orders >> static_cast<unsigned>(shift));
  text += root;
  return sha256(text);
}

}  // namespace

PlanTree::PlanTree(std::string_view head, const std::vector<std::string>& agreed) : PlanTree() {
  for (const std::string& each : agreed) add(each);
  close(head);
}

void PlanTree::put(std::size_t level, std::string_view hash) {
  if (level == levels_.size()) levels_.emplace_back();
  levels_[level] += hash;
  const std::size_t count = count_of(levels_[level]);
  if (count % 2 == 0)
    put(level + 1, node_hash(hash_of(levels_[level], count - 2), hash_of(levels_[level], count - 1)));
}

void PlanTree::add(std::string_view agreed) { put(0, leaf_hash(agreed)); }

void PlanTree::close(std::string_view head) {
  head_ = sha256(head);
  // The last of an odd number goes up as it is.
  for (std::size_t level = 0; count_of(levels_[level]) > 1; ++level) {
    const std::size_t count = count_of(levels_[level]);
    if (count % 2 != 0) put(level + 1, std::string(hash_of(levels_[level], count - 1)));
  }
  // Without orders the root is empty.
  digest_ = plan_hash(head_, count_of(levels_.front()), levels_.back());
}

wire::PlanPath PlanTree::path(std::size_t index) const {
  MM_CHECK(index < count_of(levels_.front()));
  wire::PlanPath path;
  path.set_head_sha256(head_);
  path.set_orders(count_of(levels_.front()));
  path.set_index(index);
  path.set_plan_sha256(digest_);
  for (const std::string& level : levels_) {
    const std::size_t beside = index ^ 1U;
    if (beside < count_of(level)) path.add_hashes(std::string(hash_of(level, beside)));
    index /= 2;
  }
  return path;
}

bool belongs(std::string_view agreed, const wire::PlanPath& path) {
  std::uint64_t index = path.index();
  std::uint64_t count = path.orders();
  if (index >= count || path.head_sha256().size() != hash_bytes) return false;
  std::string hash = leaf_hash(agreed);
  int used = 0;
  for (; count > 1; index /= 2, count = (count + 1) / 2) {
    if ((index ^ 1U) >= count) continue;  // the last of an odd number
    if (used == path.hashes_size() || path.hashes(used).size() != hash_bytes) return false;
    const std::string& beside = path.hashes(used++);
    hash = index % 2 == 0 ? node_hash(hash, beside) : node_hash(beside, hash);
  }
  return used == path.hashes_size() &&
         plan_hash(path.head_sha256(), path.orders(), hash) == path.plan_sha256();
}

}  // namespace metalmesh::orders
