#include "tests/sim/sim_images.h"

#include <algorithm>
#include <utility>

#include "tests/sim/sim_media.h"

namespace metalmesh::sim {
namespace {

using namespace std::chrono_literals;
using Why = ImageFailed::Why;
using Gives = SimImages::Source::Gives;

constexpr Duration hashing = 50ms;

}  // namespace

/// One fetch, its sources tried in order.
struct SimImages::Trial {
  ImageFetch fetch;
  Deliver deliver;
  std::size_t next = 0;  // of its URLs
  bool lied = false;     // all that came so far was not the image
  bool any_away = false;
  std::string said;
};

SimImages::SimImages(EventQueue& events, AskSource ask)
    : events_(events), room_(answer_room), ask_(std::move(ask)) {}

bool SimImages::whole(const std::string& sha256) const {
  const auto file = files_.find(sha256);
  return file != files_.end() && file->second.bytes == image_size;
}

void SimImages::fetch(const ImageFetch& fetch, Deliver deliver) {
  if (const auto running = running_.find(fetch.sha256); running != running_.end()) {
    running->second->fetch.urls = fetch.urls;  // one fetch is going on already
    return;
  }
  const auto file = files_.find(fetch.sha256);
  if (whole(fetch.sha256) && file->second.rotten && !file->second.verified) files_.erase(file);
  auto trial = std::make_shared<Trial>(Trial{fetch, std::move(deliver)});
  running_[fetch.sha256] = trial;
  if (!whole(fetch.sha256)) return try_next(trial);
  events_.after(hashing, [this, trial] {
    end(*trial, ImageReady{trial->fetch.sha256, image_facts(trial->fetch.sha256, room_)});
  });
}

void SimImages::try_next(const std::shared_ptr<Trial>& trial) {
  const std::string& sha256 = trial->fetch.sha256;
  if (trial->next >= trial->fetch.urls.size()) {
    const bool corrupt = trial->lied && !trial->any_away;
    const auto part = files_.find(sha256);
    ImageFailed failed{sha256, corrupt ? Why::corrupt : Why::unavailable, trial->said};
    if (part != files_.end()) failed.held = part->second.bytes;
    if (trial->said.empty()) failed.detail = "the image has no source";
    return events_.after(1ms, [this, trial, failed] { end(*trial, failed); });
  }
  const std::string url = trial->fetch.urls[trial->next++];
  const Source source = ask_(url, files_[sha256].bytes);
  const auto say = [trial](const std::string& what) {
    trial->said += (trial->said.empty() ? "" : "; ") + what;
  };
  const auto missing = static_cast<std::int64_t>(image_size - files_[sha256].bytes);
  const Duration rest = source.takes / static_cast<std::int64_t>(image_size) * missing;
  const Duration given = source.gives == Gives::half ? rest / 2 : rest;
  const Duration takes = source.gives == Gives::nothing ? 5ms : std::max<Duration>(given, 1ms);
  events_.after(takes, [this, trial, url, gives = source.gives, say] {
    const auto running = running_.find(trial->fetch.sha256);
    if (running == running_.end() || running->second != trial) return;
    File& file = files_[trial->fetch.sha256];
    switch (gives) {
      case Gives::all:
        file = {image_size, false, true};
        return end(*trial, ImageReady{trial->fetch.sha256, image_facts(trial->fetch.sha256, room_)});
      case Gives::half:
        file.bytes += (image_size - file.bytes) / 2;
        trial->any_away = true;
        say(url + ": the connection was cut");
        break;
      case Gives::other_bytes:
        files_.erase(trial->fetch.sha256);
        trial->lied = true;
        say(url + ": its SHA-256 is another one");
        break;
      case Gives::nothing:
        trial->any_away = true;
        say(url + ": connection refused");
        break;
    }
    try_next(trial);
  });
}

void SimImages::end(const Trial& trial, Input answer) {
  const auto running = running_.find(trial.fetch.sha256);
  if (running == running_.end() || running->second.get() != &trial) return;
  if (whole(trial.fetch.sha256)) files_[trial.fetch.sha256].verified = true;
  const Deliver deliver = trial.deliver;
  running_.erase(running);
  deliver(std::move(answer));
}

void SimImages::drop(const ImageDrop& drop) {
  files_.erase(drop.sha256);
  running_.erase(drop.sha256);
}

void SimImages::verify(const ImageVerify& verify, Deliver deliver) {
  events_.after(hashing, [this, sha256 = verify.sha256, deliver = std::move(deliver)] {
    const auto file = files_.find(sha256);
    if (file == files_.end() || !file->second.rotten || !file->second.verified) return;
    files_.erase(file);  // put aside; who reads it has it open
    deliver(ImageFailed{sha256, Why::rotten, "a part of it has another digest", 0, image_size});
  });
}

void SimImages::agent_down() {
  running_.clear();
  for (auto& [sha256, file] : files_) file.verified = false;
}

void SimImages::lose() {
  agent_down();
  files_.clear();
}

void SimImages::rot(const std::string& sha256) {
  if (const auto file = files_.find(sha256); file != files_.end()) file->second.rotten = true;
}

}  // namespace metalmesh::sim
