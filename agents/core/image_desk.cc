#include "agents/core/image_desk.h"

#include <algorithm>
#include <tuple>
#include <utility>
#include <vector>

#include "agents/core/faults.h"
#include "agents/core/image_findings.h"
#include "agents/core/row_table.h"
#include "common/base/backoff.h"
#include "common/base/digest.h"
#include "common/ports/wire_time.h"
#include "common/recording/url_secrets.h"

namespace metalmesh::agent {
namespace {

using Why = ImageFailed::Why;

constexpr Backoff retry{.first = std::chrono::seconds(5), .most = std::chrono::minutes(5)};
/// A week, five minutes apart.
constexpr unsigned most_tries = 7 * 24 * 12;

bool lets_in(const std::string& url) { return !recording::secrets_of_urls(url).empty(); }

void drop_secret_urls(wire::ImageRef& image) {
  auto& urls = *image.mutable_urls();
  urls.erase(std::remove_if(urls.begin(), urls.end(), lets_in), urls.end());
}

/// What each source gave or answered.
std::string because(const std::string& detail) { return detail.empty() ? detail : ": " + detail; }

wire::Fault fault_of(const ImageFailed& failed, const std::string& name) {
  wire::Fault fault;
  switch (failed.why) {
    case Why::corrupt:
      fault = make_fault(
          wire::IMAGE_CORRUPT, "PREPARING",
          "the bytes of image " + name + " do not have the digest " + failed.sha256 + because(failed.detail),
          "correct the image's sha256 or its source, then order again");
      break;
    case Why::no_room:
      fault =
          make_fault(wire::DISK_LOW, "PREPARING",
                     "image " + name + " needs " + std::to_string(failed.missing) +
                         " more bytes of the site's disk than may be taken, and what is there must stay",
                     "free or enlarge the disk of the agent's machine, or change spec.images of the site; it "
                     "is tried again by itself");
      break;
    case Why::unavailable:
    case Why::rotten:
      fault = make_fault(wire::IMAGE_UNAVAILABLE, "PREPARING",
                         "image " + name + " cannot be fetched by this site" + because(failed.detail),
                         "check that the site reaches the image's URLs; it is tried again by itself");
  }
  fault.set_detail(failed.detail);
  return fault;
}

}  // namespace

ImageDesk::ImageDesk(const RowReader& rows, EventJournal& journal, const families::FamilyCatalogue& families,
                     std::uint64_t seed)
    : journal_(journal), families_(families), random_(seed) {
  for (auto& [sha256, wish] : load_rows<record::ImageWish>(rows, rows::image)) {
    images_[sha256].wish = std::move(wish);
  }
}

void ImageDesk::resume(Outcome& out) {
  for (auto& [sha256, image] : images_) fetch(image, out);
}

void ImageDesk::ask(const wire::ImageRef& ref, const Now& now, Outcome& out) {
  Image& image = images_[ref.sha256()];
  image.trouble.reset();
  *image.wish.mutable_image() = ref;
  *image.wish.mutable_used() = to_wire(now.wall());
  put(image, out);
  want(ref, out);
}

void ImageDesk::prefetch(const wire::ImageRef& ref, const Now& now, Outcome& out) {
  Image& image = images_[ref.sha256()];
  image.wish.set_prefetched(true);
  image.failures = 0;
  ask(ref, now, out);
  // Told once more: what the controller knows by this name may be newer than what was told.
  if (image.facts) announce(image, image_findings(*image.facts, families_), now, out);
}

void ImageDesk::want(const wire::ImageRef& ref, Outcome& out) {
  Image& image = images_[ref.sha256()];
  record::ImageWish wish = image.wish;
  *wish.mutable_image() = ref;
  if (wish.SerializeAsString() != image.wish.SerializeAsString()) {  // new, or with other URLs
    image.wish = std::move(wish);
    put(image, out);
    image.trouble.reset();
  }
  if (!image.facts && !image.fetching && !image.trouble) fetch(image, out);
}

/// An order wipes its URLs when it ends, and its image stays: what lets in somewhere must not stay with it.
void ImageDesk::put(const Image& image, Outcome& out) {
  record::ImageWish row = image.wish;
  if (image.facts) drop_secret_urls(*row.mutable_image());
  put_row(out, rows::image + row.image().sha256(), row);
}

void ImageDesk::fetch(Image& image, Outcome& out) {
  image.fetching = true;
  image.from.reset();
  image.held = 0;
  const wire::ImageRef& ref = image.wish.image();
  out.emit(ImageFetch{ref.sha256(), ref.size(), {ref.urls().begin(), ref.urls().end()}});
}

const wire::ImageFacts* ImageDesk::facts(const std::string& sha256) const {
  const auto found = images_.find(sha256);
  return found != images_.end() && found->second.facts ? &*found->second.facts : nullptr;
}

std::optional<wire::Fault> ImageDesk::trouble(const std::string& sha256) const {
  const auto found = images_.find(sha256);
  return found == images_.end() ? std::nullopt : found->second.trouble;
}

std::string ImageDesk::progress(const std::string& sha256) const {
  const auto found = images_.find(sha256);
  if (found == images_.end()) return "image not asked for yet";
  const Image& image = found->second;
  const std::string& name = image.wish.image().name().empty() ? sha256 : image.wish.image().name();
  if (image.facts) return "image " + name + " is at the site";
  if (image.size == 0) return "image " + name + " is being fetched";
  return "image " + name + " is being fetched: " + std::to_string(image.bytes * 100 / image.size) + " %";
}

/// It lies in the store though nobody asked for it: somebody imported it.
ImageDesk::Image& ImageDesk::adopt(const ImageReady& ready, const Now& now) {
  Image& image = images_[ready.sha256];
  image.wish.mutable_image()->set_sha256(ready.sha256);
  image.wish.mutable_image()->set_size(ready.facts.size());
  *image.wish.mutable_used() = to_wire(now.wall());
  return image;
}

void ImageDesk::tell(wire::ImageAtSite report, const Now& now, Outcome& out) {
  wire::Event event;
  *event.mutable_image() = std::move(report);
  journal_.tell(std::move(event), now, out);
}

bool ImageDesk::on_ready(const ImageReady& ready, const Now& now, Outcome& out) {
  const auto found = images_.find(ready.sha256);
  Image& image = found != images_.end() ? found->second : adopt(ready, now);
  const bool written_whole = !image.facts && std::ranges::any_of(image.wish.image().urls(), lets_in);
  image.facts = ready.facts;
  image.imported = ready.imported;
  image.trouble.reset();
  image.fetching = false;
  image.failures = 0;
  if (written_whole) out.erase(rows::image + ready.sha256);  // then the store wipes what was there
  wire::ImageFindings findings = image_findings(*image.facts, families_);
  // Other families of this site, or another version of this agent, find something else in the same bytes.
  if (!image.wish.announced() || sha256(findings.SerializeAsString()) != image.wish.findings_sha256())
    announce(image, std::move(findings), now, out);
  else if (written_whole)
    put(image, out);
  return true;
}

void ImageDesk::announce(Image& image, wire::ImageFindings findings, const Now& now, Outcome& out) {
  image.wish.set_announced(true);
  image.wish.set_findings_sha256(sha256(findings.SerializeAsString()));
  put(image, out);
  wire::ImageAtSite report;
  report.set_sha256(image.wish.image().sha256());
  report.set_ready(true);
  *report.mutable_findings() = std::move(findings);
  tell(std::move(report), now, out);
}

bool ImageDesk::on_progress(const ImageProgress& progress, const Now& now) {
  const auto found = images_.find(progress.sha256);
  if (found == images_.end()) return false;
  Image& image = found->second;
  image.bytes = progress.bytes;
  image.size = progress.size;
  if (!image.from || image.from->second > progress.bytes) image.from = {now.mono, progress.bytes};
  const auto passed = std::chrono::duration_cast<std::chrono::milliseconds>(now.mono - image.from->first);
  if (passed >= std::chrono::seconds(1))
    rate_ = (progress.bytes - image.from->second) * 1000 / static_cast<std::uint64_t>(passed.count());
  return false;
}

std::vector<wire::Fault> ImageDesk::troubles() const {
  constexpr std::size_t most = 8;
  std::vector<wire::Fault> found;
  for (const auto& [sha256, image] : images_)
    if (image.trouble && found.size() < most) found.push_back(*image.trouble);
  return found;
}

void ImageDesk::unannounce(Image& image, Outcome& out) {
  if (!image.wish.announced()) return;
  image.wish.set_announced(false);
  put(image, out);
}

bool ImageDesk::make_room(std::uint64_t missing, const std::set<std::string>& in_use, const Now& now,
                          Outcome& out) {
  std::vector<const Image*> candidates;
  for (const auto& [sha256, image] : images_) {
    if (image.room() > 0 && !image.imported && !in_use.contains(sha256)) candidates.push_back(&image);
  }
  std::ranges::sort(candidates, {}, [](const Image* image) {
    return std::tuple(image->facts.has_value(), from_wire(image->wish.used()), image->wish.image().sha256());
  });
  std::vector<std::string> victims;
  std::uint64_t room = 0;
  for (const Image* image : candidates) {
    if (room >= missing) break;
    room += image->room();
    victims.push_back(image->wish.image().sha256());
  }
  if (room < missing) return false;
  for (const std::string& sha256 : victims) {
    out.log(LogLevel::info, "image removed: its room is needed",
            {{"image", images_.at(sha256).wish.image().name()}, {"sha256", sha256}});
    forget(sha256, now, out);
  }
  return true;
}

void ImageDesk::forget(const std::string& sha256, const Now& now, Outcome& out) {
  images_.erase(sha256);
  out.erase(rows::image + sha256);
  out.emit(TimerDisarm{rows::image + sha256});
  out.emit(ImageDrop{sha256});
  wire::ImageAtSite report;
  report.set_sha256(sha256);
  report.set_evicted(true);
  tell(std::move(report), now, out);
}

bool ImageDesk::forlorn(const Image& image, const std::set<std::string>& in_use) {
  if (image.facts || image.fetching || image.imported || in_use.contains(image.wish.image().sha256()))
    return false;
  return !image.wish.prefetched() || image.failures >= most_tries;
}

void ImageDesk::keep(const std::set<std::string>& in_use, const Now& now, Outcome& out) {
  std::vector<std::string> gone;
  for (const auto& [sha256, image] : images_) {
    if (forlorn(image, in_use)) gone.push_back(sha256);
  }
  for (const std::string& sha256 : gone) {
    out.log(LogLevel::info, "an image that cannot be fetched is forgotten: no job wants it any more",
            {{"image", images_.at(sha256).wish.image().name()}, {"sha256", sha256}});
    forget(sha256, now, out);
  }
}

void ImageDesk::rotten(Image& image, const ImageFailed& failed, bool in_use, const Now& now, Outcome& out) {
  image.imported = failed.imported;
  wire::ImageAtSite report;
  report.set_sha256(failed.sha256);
  *report.mutable_fault() = make_fault(
      wire::IMAGE_CORRUPT, "PREPARING",
      "image " + image.wish.image().name() + " was damaged on the site's disk after it had been verified",
      failed.imported ? "check the disk of the agent's machine and import the image again; it is fetched by "
                        "itself where its URLs give it"
      : image.wish.image().urls().empty()
          ? "check the disk of the agent's machine and ask for the image again: URLs with passwords are not "
            "kept"
          : "check the disk of the agent's machine; the image is fetched anew by itself");
  report.mutable_fault()->set_detail(failed.detail);
  out.log(LogLevel::error, report.fault().seen() + ": " + failed.detail, {{"sha256", failed.sha256}});
  tell(std::move(report), now, out);
  unannounce(image, out);
  if (!in_use && !failed.imported) out.emit(ImageDrop{failed.sha256});
  fetch(image, out);
  image.held = in_use ? failed.held : 0;
}

bool ImageDesk::on_failed(const ImageFailed& failed, const std::set<std::string>& in_use, const Now& now,
                          Outcome& out) {
  const auto found = images_.find(failed.sha256);
  if (found == images_.end()) {
    if (failed.why == Why::rotten && !failed.imported) out.emit(ImageDrop{failed.sha256});  // nobody's
    return false;
  }
  Image& image = found->second;
  image.fetching = false;
  image.facts.reset();
  if (failed.why == Why::rotten) {
    rotten(image, failed, in_use.contains(failed.sha256), now, out);
    return true;
  }
  if (failed.why == Why::no_room && make_room(failed.missing, in_use, now, out)) {
    fetch(image, out);
    return false;
  }
  image.held = failed.held;
  ++image.failures;
  wire::Fault fault = fault_of(failed, image.wish.image().name());
  fault.set_tries(image.failures);
  const bool is_news = !image.trouble || image.trouble->code() != fault.code();
  image.trouble = fault;
  out.log(LogLevel::warning, "image fetch failed: " + failed.detail,
          {{"image", image.wish.image().name()}, {"sha256", failed.sha256}});
  if (is_news) {
    wire::ImageAtSite report;
    report.set_sha256(failed.sha256);
    *report.mutable_fault() = std::move(fault);
    tell(std::move(report), now, out);
  }
  unannounce(image, out);
  if (forlorn(image, in_use)) {
    keep(in_use, now, out);
    return true;
  }
  const bool hopeless = image.wish.image().urls().empty() && !in_use.contains(failed.sha256);
  if (failed.why != Why::corrupt && !hopeless) {
    out.emit(TimerArm{rows::image + failed.sha256, now.mono + retry.delay(image.failures, random_)});
  }
  return true;
}

void ImageDesk::on_unreadable(const wire::ImageUnreadable& unreadable, const Now& now, Outcome& out) {
  const auto found = images_.find(unreadable.sha256());
  const std::string name = found == images_.end() ? unreadable.path() : found->second.wish.image().name();
  wire::Fault fault =
      make_fault(wire::IMAGE_UNAVAILABLE, "WATCH",
                 "the disk of the agent's machine did not give image " + name + " from byte " +
                     std::to_string(unreadable.offset()) + " on (" + unreadable.detail() + "); its reader " +
                     unreadable.peer() + " was cut off there",
                 "check that disk; the image is verified now, and fetched anew if it is damaged");
  fault.set_detail(unreadable.detail());
  out.log(LogLevel::error, fault.seen(), {{"sha256", unreadable.sha256()}});
  if (found == images_.end()) return;
  out.emit(ImageVerify{unreadable.sha256()});
  wire::ImageAtSite report;
  report.set_sha256(unreadable.sha256());
  report.set_ready(true);
  *report.mutable_fault() = std::move(fault);
  tell(std::move(report), now, out);
}

void ImageDesk::on_due(const std::string& sha256, Outcome& out) {
  const auto found = images_.find(sha256);
  if (found != images_.end() && !found->second.facts && !found->second.fetching) fetch(found->second, out);
}

}  // namespace metalmesh::agent
