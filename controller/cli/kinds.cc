#include "controller/cli/kinds.h"

#include <google/protobuf/descriptor.h>

#include <algorithm>
#include <vector>

#include "common/text/letters.h"
#include "common/text/near_miss.h"

namespace metalmesh::cli {
namespace {

template <class T>
std::unique_ptr<google::protobuf::Message> make() {
  return std::make_unique<T>();
}

constexpr Kind table[] = {
    {"Site", "sites", true, make<rest::Site>, make<rest::SiteList>},
    {"User", "users", true, make<rest::User>, make<rest::UserList>},
    {"Credential", "credentials", true, make<rest::Credential>, make<rest::CredentialList>},
    {"Image", "images", true, make<rest::Image>, make<rest::ImageList>},
    {"Profile", "profiles", true, make<rest::Profile>, make<rest::ProfileList>},
    {"SettingsProfile", "settingsprofiles", true, make<rest::SettingsProfile>,
     make<rest::SettingsProfileList>},
    {"PostureException", "postureexceptions", true, make<rest::PostureException>,
     make<rest::PostureExceptionList>},
    {"HardwareType", "hardwaretypes", true, make<rest::HardwareType>, make<rest::HardwareTypeList>},
    {"Server", "servers", true, make<rest::Server>, make<rest::ServerList>},
    {"Rollout", "rollouts", true, make<rest::Rollout>, make<rest::RolloutList>},
    {"Deployment", "deployments", false, make<rest::Deployment>, make<rest::DeploymentList>},
    {"Inventory", "inventories", false, make<rest::ServerInventory>, make<rest::ServerInventoryList>},
    {"Hardware", "hardware", false, make<rest::ServerHardware>, make<rest::ServerHardwareList>},
    {"Family", "families", false, make<rest::Family>, make<rest::FamilyList>},
};

}  // namespace

std::span<const Kind> kinds() { return table; }

const Kind* find_kind(std::string_view word) {
  std::string letters(word);
  std::erase(letters, '-');
  const auto found = std::ranges::find_if(table, [&](const Kind& kind) {
    return same_letters(kind.name, letters) || same_letters(kind.plural, letters);
  });
  return found == std::end(table) ? nullptr : &*found;
}

std::string kind_words() {
  std::string out;
  for (const Kind& kind : table) out.append(out.empty() ? "" : ", ").append(kind.plural);
  return out;
}

std::string unknown_kind(const std::string& word) {
  std::vector<std::string> known;
  for (const Kind& kind : table) known.emplace_back(kind.plural);
  const std::string near = near_miss(word, known);
  return "unknown kind \"" + word + "\"; " +
         (near.empty() ? "known: " + kind_words() : "did you mean " + near + "?");
}

const rest::Metadata* metadata_of(const google::protobuf::Message& object) {
  const auto* field = object.GetDescriptor()->FindFieldByName("metadata");
  if (field == nullptr) return nullptr;
  return dynamic_cast<const rest::Metadata*>(&object.GetReflection()->GetMessage(object, field));
}

std::string name_of(const google::protobuf::Message& object) {
  if (const auto* metadata = metadata_of(object)) return metadata->name();
  if (const auto* family = dynamic_cast<const rest::Family*>(&object)) return family->name();
  if (const auto* inventory = dynamic_cast<const rest::ServerInventory*>(&object)) return inventory->server();
  if (const auto* hardware = dynamic_cast<const rest::ServerHardware*>(&object)) return hardware->server();
  const auto* deployment = dynamic_cast<const rest::Deployment*>(&object);
  return deployment == nullptr ? std::string() : deployment->id();
}

}  // namespace metalmesh::cli
