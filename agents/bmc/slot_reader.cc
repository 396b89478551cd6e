#include "agents/bmc/slot_reader.h"

#include <algorithm>

namespace metalmesh::bmc {
namespace {

constexpr std::size_t most_slots = 16;

}  // namespace

Verdict SlotReader::read_list(Turn& turn, Line& line, const std::string& uri) {
  if (uri.empty() || std::ranges::find(read_lists_, uri) != read_lists_.end()) return Verdict::done;
  if (list_.read(turn, line, Ask::slots, uri, most_slots, Need::welcome) == Verdict::busy)
    return Verdict::busy;
  while (next_slot_ < list_.paths().size()) {
    const std::string path = list_.paths()[next_slot_];
    const HttpReplied* reply = line.fetch_if_it_can(turn, Ask::slot, redfish::get(path));
    if (reply == nullptr) return Verdict::busy;
    ++next_slot_;
    auto slot = redfish::parse_slot(*reply);
    if (reply->status != 200 || !slot) {
      turn.notes.push_back("skipped: HTTP " + std::to_string(reply->status) + " for " + path +
                           (slot ? "" : " (" + slot.error().message + ")"));
      continue;
    }
    if (slot->uri.empty()) slot->uri = path;
    found_.push_back(std::move(*slot));
  }
  read_lists_.push_back(uri);
  list_.forget();
  next_slot_ = 0;
  return Verdict::done;
}

Verdict SlotReader::read_hinted(Turn& turn, Line& line) {
  while (next_slot_ < hint_.size()) {
    const HttpReplied* reply = line.fetch_if_it_can(turn, Ask::slot, redfish::get(hint_[next_slot_]));
    if (reply == nullptr) return Verdict::busy;
    auto slot = redfish::parse_slot(*reply);
    if (reply->status != 200 || !slot) {
      found_.clear();
      break;
    }
    if (slot->uri.empty()) slot->uri = hint_[next_slot_];
    found_.push_back(std::move(*slot));
    ++next_slot_;
  }
  complete_ = std::ranges::any_of(found_, redfish::takes_cd);
  if (!complete_) found_.clear();
  hint_.clear();
  next_slot_ = 0;
  return Verdict::done;
}

Verdict SlotReader::find(Turn& turn, Line& line, Discovery& discovery) {
  if (!complete_ && !hint_.empty() && read_hinted(turn, line) == Verdict::busy) return Verdict::busy;
  if (complete_) return Verdict::done;
  const auto any_usable = [&] { return std::ranges::any_of(found_, redfish::takes_cd); };
  if (read_list(turn, line, discovery.system()->virtual_media) == Verdict::busy) return Verdict::busy;
  if (!any_usable()) {
    if (discovery.find_managers(turn, line) == Verdict::busy) return Verdict::busy;
    for (const redfish::Manager& manager : discovery.managers()) {
      if (any_usable()) break;
      if (read_list(turn, line, manager.virtual_media) == Verdict::busy) return Verdict::busy;
    }
  }
  complete_ = true;
  return Verdict::done;
}

const redfish::Slot* SlotReader::look(Turn& turn, Line& line, const std::string& uri) {
  if (fresh(uri)) return gone_ ? nullptr : &*slot_;
  const HttpReplied* reply = line.fetch(turn, Ask::slot, redfish::get(uri));
  if (reply == nullptr) return nullptr;
  auto slot = redfish::parse_slot(*reply);
  const bool gone = reply->status == 404;
  if (!gone && (reply->status != 200 || !slot)) {
    line.unreadable(turn,
                    reply->status == 200 ? slot.error().message + " of " + uri
                                         : "HTTP " + std::to_string(reply->status) + " for " + uri,
                    *reply);
    return nullptr;
  }
  line.readable();
  gone_ = gone;
  slot_ = gone ? redfish::Slot{} : std::move(*slot);
  slot_->uri = uri;
  fresh_ = true;
  return gone_ ? nullptr : &*slot_;
}

}  // namespace metalmesh::bmc
