#include "controller/cli/posture.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <optional>

#include "common/ports/wire_time.h"
#include "common/text/glob.h"
#include "common/text/letters.h"
#include "controller/cli/csv.h"
#include "controller/cli/wording.h"

namespace metalmesh::cli {
namespace {

using wire::Inventory;

/// What was found; nothing: all is well, or it is not known.
using Found = std::optional<std::string>;

Found legacy_boot(const rest::ServerFacts& facts, const PostureBounds&, WallTime) {
  return facts.boot_mode() == Inventory::LEGACY ? Found("starts by legacy BIOS") : Found();
}
Found secure_boot_off(const rest::ServerFacts& facts, const PostureBounds&, WallTime) {
  return facts.secure_boot() == Inventory::OFF ? Found("Secure Boot is off") : Found();
}
Found ipmi_over_lan(const rest::ServerFacts& facts, const PostureBounds&, WallTime) {
  return facts.ipmi() == Inventory::ON ? Found("IPMI over LAN is on") : Found();
}
Found self_signed(const rest::ServerFacts& facts, const PostureBounds&, WallTime) {
  return facts.self_signed() == Inventory::ON ? Found("the BMC's certificate is signed by itself") : Found();
}
Found certificate_expires(const rest::ServerFacts& facts, const PostureBounds& bounds, WallTime now) {
  if (!facts.has_certificate_expires()) return {};
  const WallTime at = from_wire(facts.certificate_expires());
  if (at > now + bounds.certificate) return {};
  return fmt::format("the BMC's certificate {} {}", at <= now ? "expired" : "expires",
                     time_words(facts.certificate_expires()));
}
Found clock_off(const rest::ServerFacts& facts, const PostureBounds& bounds, WallTime) {
  if (!facts.has_clock_ahead() || std::abs(facts.clock_ahead()) <= bounds.clock) return {};
  return fmt::format("the BMC's clock is {} s {}", std::abs(facts.clock_ahead()),
                     facts.clock_ahead() > 0 ? "ahead" : "behind");
}

struct Check {
  std::string_view what;
  Found (*found)(const rest::ServerFacts&, const PostureBounds&, WallTime);
};
constexpr Check checks[] = {
    {"legacyBoot", legacy_boot}, {"secureBootOff", secure_boot_off},          {"ipmiOverLan", ipmi_over_lan},
    {"selfSigned", self_signed}, {"certificateExpires", certificate_expires}, {"clockOff", clock_off}};

/// As the controller selects for a rollout.
bool selects(const rest::Selection& select, const rest::Server& server) {
  const std::string& name = server.metadata().name();
  const auto like = [](const std::string& text) {
    return [&text](const std::string& pattern) { return glob_matches(pattern, text); };
  };
  if (std::ranges::any_of(select.exclude(), like(name))) return false;
  if (!select.servers().empty() && std::ranges::find(select.servers(), name) == select.servers().end())
    return false;
  if (!select.sites().empty() && std::ranges::none_of(select.sites(), like(server.spec().site())))
    return false;
  return std::ranges::all_of(select.labels(), [&](const auto& label) {
    const auto found = server.metadata().labels().find(label.first);
    return found != server.metadata().labels().end() && found->second == label.second;
  });
}

std::string json_rows(const std::vector<Cells>& rows) {
  boost::json::array out;
  for (std::size_t i = 1; i < rows.size(); ++i) {
    boost::json::object object;
    for (std::size_t cell = 0; cell < rows[i].size(); ++cell)
      if (!rows[i][cell].empty()) object[to_lower(rows[0][cell])] = rows[i][cell];
    out.push_back(std::move(object));
  }
  return boost::json::serialize(out) + "\n";
}

}  // namespace

std::vector<Exposure> posture_of(const std::vector<rest::Server>& servers,
                                 const std::vector<rest::PostureException>& exceptions,
                                 const PostureBounds& bounds, WallTime now) {
  std::vector<Exposure> out;
  for (const rest::Server& server : servers) {
    for (const Check& check : checks) {
      Found found = check.found(server.status().facts(), bounds, now);
      if (!found) continue;
      Exposure finding{server.metadata().name(), server.spec().site(), check.what, std::move(*found), {}, {}};
      for (const rest::PostureException& exception : exceptions) {
        const auto& spec = exception.spec();
        const bool is_for = std::ranges::find(spec.findings(), check.what) != spec.findings().end();
        if (!is_for || from_wire(spec.until()) <= now || !selects(spec.select(), server)) continue;
        finding.accepted = exception.metadata().name() + ": " + spec.reason();
        finding.until = time_words(spec.until());
        break;
      }
      out.push_back(std::move(finding));
    }
  }
  return out;
}

std::string report_text(const std::vector<Cells>& rows, ReportFormat format) {
  if (format == ReportFormat::csv) return csv_text(rows);
  return format == ReportFormat::json ? json_rows(rows) : render_table(rows);
}

}  // namespace metalmesh::cli
