#include "agents/core/site_doctor.h"

#include <algorithm>
#include <utility>

#include "agents/work/findings.h"
#include "common/base/bmc_address.h"
#include "common/base/command_words.h"
#include "common/text/scalars.h"

namespace metalmesh::agent {
namespace {

using wire::Finding;
using work::fine;

constexpr std::size_t most_hosts = 8;
constexpr Duration patience = std::chrono::seconds(5);

Finding wrong(std::string check, std::string found, std::string wanted, std::string next,
              wire::FaultCode code = wire::FAULT_CODE_UNSPECIFIED) {
  return work::wrong(std::move(check), {std::move(found), std::move(wanted), std::move(next), code});
}

std::string seconds(Duration span) {
  return std::to_string(std::chrono::ceil<std::chrono::seconds>(span).count()) + " s";
}

struct Place {
  std::string host;
  std::uint16_t port;
};

/// Of a URL, or of host:port.
Place place_of(std::string_view url, std::uint16_t otherwise) {
  std::uint16_t port = url.starts_with("http://") ? 80 : otherwise;
  if (const auto scheme = url.find("://"); scheme != std::string_view::npos) url.remove_prefix(scheme + 3);
  url = url.substr(0, url.find_first_of("/?#"));
  if (const auto user = url.rfind('@'); user != std::string_view::npos) url.remove_prefix(user + 1);
  const std::string host = host_of_bmc_address(url);
  const auto colon = url.rfind(':');
  const bool has_port = colon != std::string_view::npos && url.size() > host.size() && !url.ends_with(']') &&
                        colon >= host.size();
  constexpr std::int64_t most = 65535;
  if (const auto given = has_port ? parse_integer(url.substr(colon + 1)) : std::nullopt;
      given && *given > 0 && *given <= most)
    port = static_cast<std::uint16_t>(*given);
  return {host, port};
}

bool is_loopback(const std::string& host) {
  return host == "localhost" || host == "::1" || host.starts_with("127.");
}

Finding clock_of(const AgentSettings& settings, const Now& now) {
  const Duration width = now.wall_high - now.wall_low;
  if (width <= settings.clock_tolerance) return fine("clock", "known to within " + seconds(width));
  return wrong("clock", "the time is known only to within " + seconds(width),
               seconds(settings.clock_tolerance) + " at most",
               "let the agent's machine synchronise its clock, or restore the link to the controller",
               wire::CLOCK_UNPROVEN);
}

Finding disk_of(const SiteStanding& site) {
  const std::string left = site.free_bytes ? std::to_string(*site.free_bytes >> 20U) + " MiB free" : "";
  if (!site.disk_low) return fine("disk", left.empty() ? "above its reserve" : left);
  return wrong("disk", "below its reserve" + (left.empty() ? left : ": " + left), "more than the reserve",
               "free space on the agent's machine", wire::DISK_LOW);
}

Finding standing_of(const StreamLink& link) {
  const auto doubt = link.why_not_start();
  if (!doubt) return fine("standing", "it may start work");
  return wrong("standing", doubt->seen(), "an agent that may start work", doubt->next(), doubt->code());
}

/// Of the address that BMCs are told, as far as this end can tell.
Finding media_of(const std::string& where, bool open, const std::string& detail) {
  if (is_loopback(place_of(where, 0).host))
    return wrong("media", where + " is this machine's own address only, unless the BMCs are simulated here",
                 "an address that BMCs reach",
                 "set spec.media.address of the site, then: " + commands::apply(), wire::MEDIA_NOT_REACHED);
  if (open) return fine("media", where + " answers");
  return wrong(
      "media", where + " does not answer: " + detail, "the media server at the address that BMCs dial",
      "correct spec.media.address of the site or media.listen of the agent, and the firewall between",
      wire::MEDIA_NOT_REACHED);
}

/// A name that does not resolve is another fault than a port that does not answer.
Finding source_of(const std::string& where, bool open, const std::string& detail) {
  if (open) return fine("source", where + " answers");
  const bool unknown = detail.starts_with("the name ");
  if (unknown)
    return wrong("dns", where + ": " + detail, "a name that resolves",
                 "correct the name servers of the agent's machine, or the image's urls",
                 wire::IMAGE_UNAVAILABLE);
  return wrong("source", where + " does not answer: " + detail, "where an image comes from",
               "open the way from the agent's machine to it, or correct the image's urls",
               wire::IMAGE_UNAVAILABLE);
}

}  // namespace

void SiteDoctor::look(const std::string& check, const std::string& host, std::uint16_t port, Outcome& out) {
  const std::string id = probe_prefix + request_id_ + "/" + std::to_string(ways_.size());
  ways_[id] = {check, host + ":" + std::to_string(port), false, false, {}};
  out.emit(ProbeStart{.id = id, .host = host, .port = port, .timeout = patience});
}

void SiteDoctor::ask(const wire::DiagnoseSite& question, const Now& now, Outcome& out) {
  constexpr std::uint16_t https = 443;
  request_id_ = question.request_id();
  ways_.clear();
  if (const Place media = place_of(site_.media_address, https);
      !media.host.empty() && !is_loopback(media.host))
    look("media", media.host, media.port, out);
  std::vector<std::string> seen;
  for (const std::string& url : question.urls()) {
    const Place place = place_of(url, https);
    const std::string where = place.host + ":" + std::to_string(place.port);
    if (place.host.empty() || seen.size() == most_hosts || std::ranges::find(seen, where) != seen.end())
      continue;
    seen.push_back(where);
    look("source", place.host, place.port, out);
  }
  if (ways_.empty()) conclude(now, out);
}

void SiteDoctor::on_answer(const ProbeAnswered& answer, const Now& now, Outcome& out) {
  const auto way = ways_.find(answer.id);
  if (way == ways_.end() || request_id_.empty()) return;
  way->second.answered = true;
  way->second.open = answer.open;
  way->second.detail = answer.detail;
  if (std::ranges::all_of(ways_, [](const auto& one) { return one.second.answered; })) conclude(now, out);
}

void SiteDoctor::conclude(const Now& now, Outcome& out) {
  wire::Event event;
  wire::SiteDiagnosed& answer = *event.mutable_site_diagnosed();
  answer.set_request_id(std::exchange(request_id_, {}));
  const auto add = [&](Finding finding) { *answer.add_findings() = std::move(finding); };
  add(standing_of(link_));
  add(clock_of(settings_, now));
  add(disk_of(site_));
  if (site_.media_address.empty()) {
    add(wrong("media", "the media server is not up", "one beside the agent",
              "start metalmesh-agent media on the agent's machine", wire::MEDIA_NOT_REACHED));
  } else if (is_loopback(place_of(site_.media_address, 0).host)) {
    add(media_of(site_.media_address, true, {}));
  }
  for (const auto& [id, way] : ways_)
    add(way.check == "media" ? media_of(way.where, way.open, way.detail)
                             : source_of(way.where, way.open, way.detail));
  for (const wire::Fault& fault : images_.troubles())
    add(wrong("image", fault.seen(), "an image that is at the site", fault.next(), fault.code()));
  if (const auto rate = images_.rate())
    add(fine("wan", std::to_string(*rate >> 10U) + " KiB/s when an image was fetched last"));
  ways_.clear();
  journal_.tell(std::move(event), now, out);
}

}  // namespace metalmesh::agent
