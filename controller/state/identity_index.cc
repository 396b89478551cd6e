#include "controller/state/identity_index.h"

#include <utility>

#include "common/base/bmc_address.h"
#include "common/base/machine_key.h"
#include "common/text/letters.h"

namespace metalmesh::controller {

struct IdentityIndex::Mark {
  std::string field;
  std::string value;  // as people know it
  std::string where;  // within which it is one; empty: everywhere
  [[nodiscard]] std::string key() const { return field + "=" + where + "/" + value; }
};

void IdentityIndex::add_marks(const rest::ServerIdentity& identity, std::vector<Mark>& marks) {
  if (usable_uuid(identity.uuid())) marks.push_back({"uuid", normal_uuid(identity.uuid()), {}});
  if (usable_serial(identity.serial())) marks.push_back({"serial", normal_serial(identity.serial()), {}});
}

IdentityIndex::Mark IdentityIndex::place_mark(const Place& place) {
  return {"bmc.address", normal_bmc_address(place.address), place.site};
}

std::vector<IdentityIndex::Mark> IdentityIndex::host_marks(const rest::Server& server) {
  std::vector<Mark> marks;
  if (std::string name = host_name_key(server); !name.empty()) {
    const std::size_t slash = name.find('/');
    marks.push_back({"hostname", name.substr(slash + 1), name.substr(0, slash)});
  }
  for (const wire::Link& link : server.spec().host().network().links()) {
    for (const std::string& address : link.addresses())
      marks.push_back({"host address", to_lower(address.substr(0, address.find('/'))), server.spec().site()});
  }
  return marks;
}

std::vector<IdentityIndex::Mark> IdentityIndex::marks_of(const rest::Server& server) {
  std::vector<Mark> marks = host_marks(server);
  add_marks(server.spec().identity(), marks);
  add_marks(server.status().pinned(), marks);
  add_marks(server.status().seen(), marks);
  if (!server.spec().bmc().address().empty())
    marks.push_back(place_mark({server.spec().site(), server.spec().bmc().address()}));
  return marks;
}

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

std::optional<IdentityIndex::Clash> IdentityIndex::user_of(const std::string& self, const Mark& mark,
                                                           const IdentitiesToBe* to_be) const {
  if (const auto found = users_.find(mark.key()); found != users_.end()) {
    for (const auto& [user, site] : found->second) {
      if (user != self && (to_be == nullptr || !to_be->servers.contains(user)))
        return Clash{mark.field, mark.value, user, site};
    }
  }
  return to_be == nullptr ? std::nullopt : to_be->index.user_of(self, mark, nullptr);
}

std::optional<IdentityIndex::Clash> IdentityIndex::clash(const std::string& self,
                                                         const rest::ServerIdentity& identity,
                                                         const Place& place,
                                                         const IdentitiesToBe* to_be) const {
  std::vector<Mark> marks;
  add_marks(identity, marks);
  if (!place.address.empty()) marks.push_back(place_mark(place));
  for (const Mark& mark : marks) {
    if (auto clash = user_of(self, mark, to_be)) return clash;
  }
  return std::nullopt;
}

std::vector<IdentityIndex::Clash> IdentityIndex::shared_host(const rest::Server& server,
                                                             const IdentitiesToBe* to_be) const {
  std::vector<Clash> shared;
  for (const Mark& mark : host_marks(server)) {
    if (auto clash = user_of(server.metadata().name(), mark, to_be)) shared.push_back(std::move(*clash));
  }
  return shared;
}

std::string host_name_key(const rest::Server& server) {
  const std::string name = to_lower(server.spec().hostname());
  if (name.empty()) return {};
  if (name.find('.') != std::string::npos) return "/" + name;
  const std::string domain = to_lower(server.spec().host().domain());
  return domain.empty() ? server.spec().site() + "/" + name : "/" + name + "." + domain;
}

}  // namespace metalmesh::controller
