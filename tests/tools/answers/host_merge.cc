#include "tests/tools/answers/host_merge.h"

#include <algorithm>

namespace metalmesh::answer {
namespace {

using Strings = google::protobuf::RepeatedPtrField<std::string>;

void once(Strings& list) {
  Strings kept;
  for (std::string& each : list) {
    if (std::ranges::find(kept, each) == kept.end()) kept.Add(std::move(each));
  }
  list.Swap(&kept);
}

template <class Items>
void merge_named(Items& items, const Items& more) {
  for (const auto& item : more) {
    const auto same = std::ranges::find_if(items, [&](const auto& had) { return had.name() == item.name(); });
    if (same == items.end())
      *items.Add() = item;
    else
      same->MergeFrom(item);
  }
}

}  // namespace

void merge_wish(wire::Host& host, const wire::Host& wish) {
  wire::Host rest = wish;
  rest.mutable_network()->clear_links();
  rest.clear_users();
  host.MergeFrom(rest);
  merge_named(*host.mutable_network()->mutable_links(), wish.network().links());
  merge_named(*host.mutable_users(), wish.users());
  for (wire::Link& link : *host.mutable_network()->mutable_links()) {
    once(*link.mutable_addresses());
    once(*link.mutable_gateways());
    if (link.has_bond()) once(*link.mutable_bond()->mutable_links());
  }
  for (wire::User& user : *host.mutable_users()) {
    once(*user.mutable_ssh_keys());
    once(*user.mutable_groups());
  }
  once(*host.mutable_network()->mutable_dns());
  once(*host.mutable_network()->mutable_search());
  once(*host.mutable_ntp());
  once(*host.mutable_packages());
  once(*host.mutable_root()->mutable_ssh_keys());
}

}  // namespace metalmesh::answer
