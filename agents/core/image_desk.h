// Which installer images this site holds, fetches or failed to get; one fetch per digest, shared by all
// jobs that want it. A failed fetch is repeated with backoff for as long as a job wants the image, or for
// about a week when a person asked for it; then it is forgotten, and what was fetched of it removed. A digest
// that does not match is final for the jobs that wait (the next order tries again). One that has rotted on
// the disk is fetched anew; what is left of it stays for as long as a job may read it, and when it was
// imported until a good one is there.
//
// Images stay until the room is needed for another. Then those go that nobody has asked for for the longest,
// fetches that do not come on before whole images; never one that a job was ordered with, nor one that was
// imported (it may be that no source can give it again), and none at all when that would not be enough.
//
// URLs that hold a password are in a row only until their image is here. In memory they stay: in this life of the
// agent it can be fetched again. In the next one an order or a person who asks for it brings them along.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "agents/core/event_journal.h"
#include "common/base/random.h"
#include "common/families/family_catalogue.h"
#include "schemas/record/agent.pb.h"
#include "schemas/wire/event.pb.h"
#include "schemas/wire/fault.pb.h"

namespace metalmesh::agent {

class ImageDesk {
 public:
  /// `families`: by which images are judged.
  ImageDesk(const RowReader& rows, EventJournal& journal, const families::FamilyCatalogue& families,
            std::uint64_t seed);

  /// After a start: what was wished for is asked for again (the store answers at once when it is there).
  void resume(Outcome& out);
  /// An order or a person asks for the image (again): what went wrong is tried once more, and told anew.
  void ask(const wire::ImageRef& image, const Now& now, Outcome& out);
  /// The same for a person, whether or not a job wants it.
  void prefetch(const wire::ImageRef& image, const Now& now, Outcome& out);
  /// Goes on wishing for an image. Idempotent.
  void want(const wire::ImageRef& image, Outcome& out);

  [[nodiscard]] const wire::ImageFacts* facts(const std::string& sha256) const;
  /// What is wrong with the last fetch; nothing while it runs or when the image is here.
  [[nodiscard]] std::optional<wire::Fault> trouble(const std::string& sha256) const;
  /// "62 % of rocky-9.4 is here", for people.
  [[nodiscard]] std::string progress(const std::string& sha256) const;

  /// What is wrong with those that are not here.
  [[nodiscard]] std::vector<wire::Fault> troubles() const;
  /// Bytes a second, as the last fetch went in this life of the agent; nothing: none was long enough to tell.
  [[nodiscard]] std::optional<std::uint64_t> rate() const { return rate_; }

  // Each returns true when jobs that wait for the image should be looked at.
  bool on_ready(const ImageReady& ready, const Now& now, Outcome& out);
  bool on_progress(const ImageProgress& progress, const Now& now);
  /// `in_use`: digests that must stay.
  bool on_failed(const ImageFailed& failed, const std::set<std::string>& in_use, const Now& now,
                 Outcome& out);
  /// Jobs have gone: of what cannot be fetched, forgets what none of `in_use` is.
  void keep(const std::set<std::string>& in_use, const Now& now, Outcome& out);
  /// The media server was not given bytes of it: told, and verified now.
  void on_unreadable(const wire::ImageUnreadable& unreadable, const Now& now, Outcome& out);
  /// Timer "image/<sha256>".
  void on_due(const std::string& sha256, Outcome& out);

 private:
  struct Image {
    record::ImageWish wish;
    std::optional<wire::ImageFacts> facts;
    std::optional<wire::Fault> trouble;
    bool imported = false;
    bool fetching = false;
    unsigned failures = 0;
    std::uint64_t bytes = 0;
    std::uint64_t size = 0;
    std::optional<std::pair<MonoTime, std::uint64_t>> from;  // since when its rate is measured
    std::uint64_t held = 0;  // of the disk, by a fetch that waits for its next try

    /// What the disk would gain without it.
    [[nodiscard]] std::uint64_t room() const { return facts ? facts->size() : held; }
  };
  using Images = std::map<std::string, Image>;

  /// Its row.
  static void put(const Image& image, Outcome& out);
  void fetch(Image& image, Outcome& out);
  [[nodiscard]] Image& adopt(const ImageReady& ready, const Now& now);
  void tell(wire::ImageAtSite report, const Now& now, Outcome& out);
  /// That it is here, and what it is.
  void announce(Image& image, wire::ImageFindings findings, const Now& now, Outcome& out);
  /// An image that was here is not any more: the controller hears of it when it is back.
  static void unannounce(Image& image, Outcome& out);
  /// Removes images until `missing` bytes are free; false, and nothing removed, when that cannot be.
  bool make_room(std::uint64_t missing, const std::set<std::string>& in_use, const Now& now, Outcome& out);
  /// Not here, not coming, and nobody's wish any more.
  [[nodiscard]] static bool forlorn(const Image& image, const std::set<std::string>& in_use);
  void forget(const std::string& sha256, const Now& now, Outcome& out);
  void rotten(Image& image, const ImageFailed& failed, bool in_use, const Now& now, Outcome& out);

  EventJournal& journal_;
  const families::FamilyCatalogue& families_;
  Random random_;
  Images images_;  // by digest
  std::optional<std::uint64_t> rate_;
};

}  // namespace metalmesh::agent
