// Which installer images this site holds, fetches or failed to get; one fetch per digest, shared by all
// jobs that want it. A failed fetch is repeated with backoff for as long as the image is wished for; a
// digest that does not match is final for the jobs that wait (the next order tries again).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "agents/core/event_journal.h"
#include "common/base/random.h"
#include "schemas/record/agent.pb.h"
#include "schemas/wire/fault.pb.h"

namespace metalmesh::agent {

class ImageDesk {
 public:
  ImageDesk(const RowReader& rows, EventJournal& journal, std::uint64_t seed);

  /// After a start: what was wished for is asked for again (the store answers at once when it is there).
  void resume(Outcome& out);
  /// An order or a person asks for the image (again): a digest that did not match is tried once more.
  void ask(const wire::ImageRef& image, Outcome& out);
  /// Goes on wishing for an image. Idempotent.
  void want(const wire::ImageRef& image, Outcome& out);

  [[nodiscard]] const wire::ImageFacts* facts(const std::string& sha256) const;
  /// What is wrong with the last fetch; nothing while it runs or when the image is here.
  [[nodiscard]] std::optional<wire::Fault> trouble(const std::string& sha256) const;
  /// "62 % of rocky-9.4 is here", for people.
  [[nodiscard]] std::string progress(const std::string& sha256) const;

  // Each returns true when jobs that wait for the image should be looked at.
  bool on_ready(const ImageReady& ready, const Now& now, Outcome& out);
  bool on_progress(const ImageProgress& progress);
  bool on_failed(const ImageFailed& failed, const Now& now, Outcome& out);
  /// Timer "image/<sha256>".
  void on_due(const std::string& sha256, Outcome& out);

 private:
  struct Image {
    record::ImageWish wish;
    std::optional<wire::ImageFacts> facts;
    std::optional<wire::Fault> trouble;
    bool fetching = false;
    unsigned failures = 0;
    std::uint64_t bytes = 0;
    std::uint64_t size = 0;
  };
  void fetch(Image& image, Outcome& out);

  EventJournal& journal_;
  Random random_;
  std::map<std::string, Image> images_;  // by digest
};

}  // namespace metalmesh::agent
