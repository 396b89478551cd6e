// Who may come in by the network, decided from a request's head: whose token it bears, whether it stops something, and
// whether too many tokens were guessed from where it comes. Pure.
//
// Where tokens are guessed, all that come are looked at ever later, but those that were right from there before, and those
// of requests that stop something: a guess costs its guesser time, and nobody the means to stop.
#pragma once

#include <map>
#include <set>
#include <string>

#include "common/ports/exchange_gate.h"
#include "controller/api/access.h"

namespace metalmesh::controller {

struct AdmissionLimits {
  unsigned free_guesses = 10;                          // per address, before it has to wait
  Duration forgiven_after = std::chrono::seconds(60);  // one guess, each
  Duration longest_wait = std::chrono::seconds(60);    // the first is a second, each twice the one before
  std::size_t addresses = 4096;  // remembered; beyond, the one that was quiet the longest is not
  std::size_t tokens_of_address = 64;
};

class Admission final : public ExchangeGate {
 public:
  /// `tokens` must outlive it.
  explicit Admission(const Authenticator& tokens, AdmissionLimits limits = {})
      : tokens_(tokens), limits_(limits) {}

  Verdict judge(const Head& head, MonoTime now) override;

 private:
  struct Neighbour {
    MonoTime seen;
    unsigned guesses = 0;
    MonoTime forgiven{};          // up to when guesses are
    MonoTime until{};             // tokens are not looked at
    std::set<std::string> right;  // digests of tokens
  };
  Neighbour& neighbour(std::string_view peer, MonoTime now);
  void guessed_wrong(Neighbour& from, MonoTime now) const;

  const Authenticator& tokens_;
  const AdmissionLimits limits_;
  std::map<std::string, Neighbour, std::less<>> neighbours_;  // by address
};

}  // namespace metalmesh::controller
