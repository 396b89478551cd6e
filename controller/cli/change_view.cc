#include "controller/cli/change_view.h"

#include <google/protobuf/descriptor.h>

#include "common/text/letters.h"

namespace metalmesh::cli {
namespace {

std::uint64_t number_of(const google::protobuf::Message& object) {
  if (const rest::Metadata* metadata = metadata_of(object)) return metadata->feed();
  const auto* deployment = dynamic_cast<const rest::Deployment*>(&object);
  return deployment == nullptr ? 0 : deployment->feed();
}

}  // namespace

const google::protobuf::Message* object_in(const rest::Change& change, const Kind& kind) {
  const auto* field = rest::Change::descriptor()->FindFieldByName(to_lower(kind.name));
  const auto* reflection = rest::Change::GetReflection();
  if (field == nullptr || !reflection->HasField(change, field)) return nullptr;
  return &reflection->GetMessage(change, field);
}

bool ChangeView::is_news(const rest::Change& change) {
  const std::string& name = change.name();
  if (!only_.empty() && name != only_) return false;
  const auto* object = object_in(change, kind_);
  if (object == nullptr) return shown_.erase(name) > 0;
  if (told_) told_->insert(name);
  const std::uint64_t number = number_of(*object);
  const auto [known, is_new] = shown_.try_emplace(name, number);
  if (!is_new && known->second == number) return false;
  known->second = number;
  return true;
}

std::vector<std::string> ChangeView::missing() {
  std::vector<std::string> gone;
  if (!told_) return gone;
  for (const auto& [name, number] : shown_) {
    if (!told_->contains(name)) gone.push_back(name);
  }
  for (const std::string& name : gone) shown_.erase(name);
  told_.reset();
  return gone;
}

}  // namespace metalmesh::cli
