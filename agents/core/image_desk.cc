#include "agents/core/image_desk.h"

#include <algorithm>
#include <utility>

#include "agents/core/faults.h"
#include "agents/core/row_table.h"
#include "common/base/backoff.h"

namespace metalmesh::agent {
namespace {

constexpr Backoff retry{.first = std::chrono::seconds(5), .most = std::chrono::minutes(5)};

}  // namespace

ImageDesk::ImageDesk(const RowReader& rows, EventJournal& journal, std::uint64_t seed)
    : journal_(journal), random_(seed) {
  for (auto& [sha256, wish] : load_rows<record::ImageWish>(rows, rows::image)) {
    images_[sha256].wish = std::move(wish);
  }
}

void ImageDesk::resume(Outcome& out) {
  for (auto& [sha256, image] : images_) fetch(image, out);
}

void ImageDesk::ask(const wire::ImageRef& ref, Outcome& out) {
  Image& image = images_[ref.sha256()];
  if (image.trouble && image.trouble->code() == wire::IMAGE_CORRUPT) image.trouble.reset();
  want(ref, out);
}

void ImageDesk::want(const wire::ImageRef& ref, Outcome& out) {
  Image& image = images_[ref.sha256()];
  record::ImageWish wish = image.wish;
  *wish.mutable_image() = ref;
  if (wish.SerializeAsString() != image.wish.SerializeAsString()) {  // new, or with other URLs
    image.wish = std::move(wish);
    put_row(out, rows::image + ref.sha256(), image.wish);
    image.trouble.reset();
  }
  if (!image.facts && !image.fetching && !image.trouble) fetch(image, out);
}

void ImageDesk::fetch(Image& image, Outcome& out) {
  image.fetching = true;
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

bool ImageDesk::on_ready(const ImageReady& ready, const Now& now, Outcome& out) {
  const auto found = images_.find(ready.sha256);
  if (found == images_.end()) return false;
  Image& image = found->second;
  image.facts = ready.facts;
  image.trouble.reset();
  image.fetching = false;
  image.failures = 0;
  if (!image.wish.announced()) {
    image.wish.set_announced(true);
    put_row(out, rows::image + ready.sha256, image.wish);
    wire::Event event;
    event.mutable_image()->set_sha256(ready.sha256);
    event.mutable_image()->set_ready(true);
    journal_.tell(std::move(event), now, out);
  }
  return true;
}

bool ImageDesk::on_progress(const ImageProgress& progress) {
  const auto found = images_.find(progress.sha256);
  if (found == images_.end()) return false;
  found->second.bytes = progress.bytes;
  found->second.size = progress.size;
  return false;
}

bool ImageDesk::on_failed(const ImageFailed& failed, const Now& now, Outcome& out) {
  const auto found = images_.find(failed.sha256);
  if (found == images_.end()) return false;
  Image& image = found->second;
  image.fetching = false;
  image.facts.reset();
  ++image.failures;
  const wire::FaultCode code = failed.corrupt ? wire::IMAGE_CORRUPT : wire::IMAGE_UNAVAILABLE;
  wire::Fault fault = make_fault(
      code, "PREPARING",
      failed.corrupt
          ? "the bytes of image " + image.wish.image().name() + " do not have the digest " + failed.sha256
          : "image " + image.wish.image().name() + " cannot be fetched by this site",
      failed.corrupt ? "correct the image's sha256 or its source, then order again"
                     : "check that the site reaches the image's URLs; it is tried again by itself");
  fault.set_detail(failed.detail);
  fault.set_tries(image.failures);
  const bool is_news = !image.trouble || image.trouble->code() != code;
  image.trouble = fault;
  out.log(LogLevel::warning, "image fetch failed: " + failed.detail,
          {{"image", image.wish.image().name()}, {"sha256", failed.sha256}});
  if (is_news) {
    wire::Event event;
    event.mutable_image()->set_sha256(failed.sha256);
    *event.mutable_image()->mutable_fault() = std::move(fault);
    journal_.tell(std::move(event), now, out);
  }
  if (image.wish.announced()) {  // it was here and is gone: say so again when it is back
    image.wish.set_announced(false);
    put_row(out, rows::image + failed.sha256, image.wish);
  }
  if (!failed.corrupt) {
    out.emit(TimerArm{rows::image + failed.sha256, now.mono + retry.delay(image.failures, random_)});
  }
  return true;
}

void ImageDesk::on_due(const std::string& sha256, Outcome& out) {
  const auto found = images_.find(sha256);
  if (found != images_.end() && !found->second.facts && !found->second.fetching) fetch(found->second, out);
}

}  // namespace metalmesh::agent
