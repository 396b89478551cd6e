#include "controller/state/identity_index.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "common/base/bmc_address.h"
#include "common/base/machine_key.h"

namespace metalmesh::controller {
namespace {

struct Mark {
  std::string field;
  std::string value;
  [[nodiscard]] std::string key() const { return field + "=" + value; }
};

void add_marks(const rest::ServerIdentity& identity, std::vector<Mark>& marks) {
  if (usable_uuid(identity.uuid())) marks.push_back({"uuid", normal_uuid(identity.uuid())});
  if (usable_serial(identity.serial())) marks.push_back({"serial", normal_serial(identity.serial())});
}

std::vector<Mark> marks_of(const rest::Server& server) {
  std::vector<Mark> marks;
  add_marks(server.spec().identity(), marks);
  add_marks(server.status().pinned(), marks);
  add_marks(server.status().seen(), marks);
  if (!server.spec().bmc().address().empty()) {
    marks.push_back({"bmc.address", normal_bmc_address(server.spec().bmc().address())});
  }
  return marks;
}

}  // namespace

void IdentityIndex::add(const rest::Server& server) {
  for (const Mark& mark : marks_of(server)) {
    users_[mark.key()][server.metadata().name()] = server.spec().site();
  }
}

void IdentityIndex::remove(const rest::Server& server) {
  for (const Mark& mark : marks_of(server)) {
    const auto found = users_.find(mark.key());
    if (found == users_.end()) continue;
    found->second.erase(server.metadata().name());
    if (found->second.empty()) users_.erase(found);
  }
}

std::optional<IdentityIndex::Clash> IdentityIndex::clash(const std::string& self,
                                                         const rest::ServerIdentity& identity,
                                                         const std::string& bmc_address) const {
  std::vector<Mark> marks;
  add_marks(identity, marks);
  if (!bmc_address.empty()) marks.push_back({"bmc.address", normal_bmc_address(bmc_address)});
  for (Mark& mark : marks) {
    const auto found = users_.find(mark.key());
    if (found == users_.end()) continue;
    for (const auto& [user, site] : found->second) {
      if (user != self) return Clash{std::move(mark.field), std::move(mark.value), user, site};
    }
  }
  return std::nullopt;
}

}  // namespace metalmesh::controller
