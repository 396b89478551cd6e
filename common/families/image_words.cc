#include "common/families/image_words.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <vector>

namespace metalmesh::families {
namespace {

template <class Words>
std::string list_or_none(const Words& words) {
  return words.empty() ? "none" : fmt::format("{}", fmt::join(words, ", "));
}

}  // namespace

const wire::ImageVerdict* verdict_of(const wire::ImageFindings& found, const std::string& family) {
  const auto at = std::ranges::find(found.verdicts(), family, &wire::ImageVerdict::family);
  return at == found.verdicts().end() ? nullptr : &*at;
}

std::string likely_family(const wire::ImageFindings& found) {
  const auto at = std::ranges::find_if(found.verdicts(), &wire::ImageVerdict::recognised);
  return at == found.verdicts().end() ? std::string() : at->family();
}

std::string image_obstacle(const wire::ImageFindings& found, const std::string& family) {
  if (family.empty())
    return "it bears the marks of no family that is known here: name one with --family, or add a family file";
  const wire::ImageVerdict* verdict = verdict_of(found, family);
  if (verdict == nullptr) return "family " + family + " is not known where it was looked at";
  if (!verdict->obstacle().empty()) return verdict->obstacle();
  return found.uefi() ? "" : "its boot catalogue has nothing for UEFI, by which servers are started";
}

std::string image_words(const wire::ImageFindings& found, const std::string& family) {
  std::vector<std::string> recognised;
  for (const wire::ImageVerdict& verdict : found.verdicts()) {
    if (verdict.recognised()) recognised.push_back(verdict.family());
  }
  std::string out =
      fmt::format("family   {}\nlabel    {}\nloaders  {}\nUEFI     {}\n", list_or_none(recognised),
                  found.label(), list_or_none(found.loaders()), found.uefi() ? "yes" : "no");
  for (const wire::ImageMenuEntry& entry : found.entries()) {
    out += fmt::format("entry    \"{}\" at {}{}\n", entry.title(), entry.at(),
                       entry.obstacle().empty() ? "" : ": " + entry.obstacle());
  }
  for (const std::string& trouble : found.troubles()) out += fmt::format("trouble  {}\n", trouble);
  if (found.left_out() > 0) out += fmt::format("and {} more that are not listed\n", found.left_out());
  if (const wire::ImageVerdict* verdict = verdict_of(found, family)) {
    for (const wire::ImageStart& start : verdict->starts())
      out += fmt::format("ours     \"{}\" at {}: {}\n", start.title(), start.at(), start.kernel());
  }
  const std::string obstacle = image_obstacle(found, family);
  return out +
         (obstacle.empty() ? "servers can be installed from it as family " + family
                           : "servers cannot be installed from it: " + obstacle) +
         "\n";
}

}  // namespace metalmesh::families
