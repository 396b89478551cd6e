// The launched media in the agent's data folder: what lets a media server that is started again serve a
// running installer before, or without, the agent, and what lets it go on counting what was read.
//
// The agent alone adds and removes media, before it does anything that follows: one that is DEAD is gone from
// here before a server is powered on again, whether a media server runs or not. They count until the
// machine's next start (what a power cut does to files is nobody's promise), and an agent that starts takes
// all of them away until it knows better. The media server alone notes reads, of media that it serves.
//
// Every failure leaves it with less than there was: a medium that is not here is one that waits for the
// agent. Each end is used by one thread.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agents/media/media_exchange.h"
#include "schemas/wire/media.pb.h"

namespace metalmesh::media {

class LaunchedMedia {
 public:
  /// `data_folder` is the agent's.
  explicit LaunchedMedia(const std::string& data_folder);

  // ---- the agent's end
  void keep(const wire::Mount& mount);
  void remove(const std::string& token);
  void remove_all_but(const std::set<std::string>& tokens);

  // ---- the media server's end
  [[nodiscard]] std::vector<wire::Mount> mounts() const;
  struct Reads {
    std::string etag;
    std::string blocks;
  };
  [[nodiscard]] std::optional<Reads> reads(const std::string& token) const;
  void note(const KeepReads& reads);
  void forget_reads_of_all_but(const std::set<std::string>& tokens);

 private:
  [[nodiscard]] std::string path(const std::string& token, const char* suffix) const;
  [[nodiscard]] std::vector<std::string> names_with(const std::string& suffix) const;
  void unlink_all_but(const std::set<std::string>& tokens, const char* suffix) const;

  std::string folder_;
};

}  // namespace metalmesh::media
