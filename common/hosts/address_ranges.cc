#include "common/hosts/address_ranges.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace metalmesh::hosts {
namespace {

struct Span {
  IpAddress first, last;
  std::optional<unsigned> prefix;  // of a network: no host has some of its addresses
};

bool is_before(const IpAddress& a, const IpAddress& b) {
  return std::pair(a.v6, a.bytes) < std::pair(b.v6, b.bytes);
}

/// The one behind it; behind the last one of all, the first.
IpAddress following(IpAddress address) {
  for (std::size_t i = address.v6 ? 16 : 4; i-- > 0;) {
    if (++address.bytes[i] != 0) break;
  }
  return address;
}

std::optional<Span> span_of(const std::string& text) {
  if (const auto network = parse_interface(text)) {
    if (network->address != network->first()) return std::nullopt;  // a host is meant, or it is mistyped
    return Span{network->first(), network->last(), network->prefix};
  }
  const auto dash = text.find('-');
  const auto first = parse_address(text.substr(0, dash));
  const auto last = dash == std::string::npos ? first : parse_address(text.substr(dash + 1));
  if (!first || !last || first->v6 != last->v6 || is_before(*last, *first)) return std::nullopt;
  return Span{*first, *last, std::nullopt};
}

}  // namespace

Result<AddressRanges> AddressRanges::parse(std::span<const std::string> texts) {
  AddressRanges out;
  std::vector<IpAddress>& all = out.addresses_;
  for (const std::string& text : texts) {
    const std::string shown = "\"" + text.substr(0, 80) + "\"";
    const auto span = span_of(text);
    if (!span)
      return fail(ErrorKind::invalid,
                  shown +
                      " is no range; write a network (10.20.0.0/24), a first and a last address "
                      "(10.20.0.5-10.20.0.40), or one address");
    for (IpAddress each = span->first; all.size() <= most; each = following(each)) {
      if (!span->prefix || !IpInterface{each, *span->prefix}.is_reserved()) all.push_back(each);
      if (each == span->last) break;
    }
    if (all.size() > most)
      return fail(ErrorKind::invalid, "there are more than " + std::to_string(most) + " addresses up to " +
                                          shown +
                                          "; name the parts in which BMCs stand, one after the other");
  }
  if (all.empty()) return fail(ErrorKind::invalid, "no address is given; write a range: 10.20.0.0/24");
  std::ranges::sort(all, is_before);
  all.erase(std::ranges::unique(all).begin(), all.end());
  return out;
}

}  // namespace metalmesh::hosts
