// The flight recorder of one life of a node: what its core is told, what it asks, and a fingerprint of what
// it decides, as frames for a sink. Secrets are masked before a frame exists. Of what an exchange shows, only whether
// there was anything is compared: the API hides secrets by words that are masked here.
//
// It stands between the turn and the core and changes nothing that passes. A core is made inside `watch`,
// with the oracles that the recorder lends, and then runs inside a RecordedCore:
//
//   Recorder recorder(store, entropy, verifier, sink, about);
//   { auto watching = recorder.watch(); core = make_core(store, recorder.verifier(), recorder.entropy()); }
//   RecordedCore recorded(*core, recorder);
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/digest_tap.h"
#include "common/ports/entropy.h"
#include "common/ports/signer.h"
#include "common/recording/outcome_print.h"
#include "common/recording/secret_set.h"
#include "common/turn/decision_core.h"
#include "schemas/record/recording.pb.h"

namespace metalmesh::recording {

/// Where frames go. Never blocks and never fails: what it cannot keep it drops, and counts.
class RecordSink {
 public:
  virtual ~RecordSink() = default;
  /// The frames that follow begin a new segment; the first `opening_bytes` of it are a snapshot.
  virtual void begin_segment(std::uint64_t opening_bytes) = 0;
  virtual void write(std::string frame) = 0;
  /// A new segment, with a snapshot, is wanted: this one is long enough, or has a gap. Never before as many bytes as
  /// its snapshot has have followed that: a store that grows must not be written again and again.
  [[nodiscard]] virtual bool segment_due() = 0;
};

/// Keys from `first` on, before `last`.
struct KeyRange {
  std::string first;
  std::string last;
  std::uint64_t rows = 0;  // of these somebody may still be told something; counted as left out
};

/// What a recorder must be told of the node it serves.
struct NodeTraits {
  record::RecordingHead head;  // node, version, life, config and what else a replay makes the core of
  /// What is secret in a row of this node's layout.
  std::function<void(std::string_view key, std::string_view value, SecretSet& secrets)> find_in_row;
  std::vector<BlankedRows> blanked;
  /// Histories that no decision of weight rests on: snapshots do without them.
  std::function<std::vector<KeyRange>(const RowReader& rows)> left_out;
  std::size_t snapshot_bytes = std::size_t{16} << 20U;  // rows beyond it are left out, and counted
};

class Recorder final : DigestTap {
 public:
  /// References must outlive the recorder. `mask_key` is random and kept nowhere. Writes the first snapshot.
  Recorder(const RowReader& rows, Entropy& entropy, const Verifier& verifier, RecordSink& sink,
           NodeTraits traits, std::uint64_t mask_key);
  ~Recorder() override;
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;

  [[nodiscard]] Entropy& entropy() { return drawn_; }
  [[nodiscard]] const Verifier& verifier() const { return verified_; }
  /// While it lives, digests of this thread are looked at.
  [[nodiscard]] DigestTapScope watch() { return DigestTapScope(this); }
  /// The authenticator answered.
  void called(record::RecordedCaller caller);

  void before(const Input& input, const Now& now);
  void after(const Outcome& outcome);
  [[nodiscard]] const SecretSet& secrets() const { return secrets_; }

 private:
  class DrawnEntropy final : public Entropy {
   public:
    DrawnEntropy(Entropy& real, Recorder& recorder) : real_(real), recorder_(recorder) {}
    std::string bytes(std::size_t count) override;
    std::string secret(std::size_t count) override;

   private:
    Entropy& real_;
    Recorder& recorder_;
  };
  class HeardVerifier final : public Verifier {
   public:
    HeardVerifier(const Verifier& real, Recorder& recorder) : real_(real), recorder_(recorder) {}
    bool verify(std::string_view signer, std::string_view kind, std::string_view payload,
                const SignatureBytes& signature) const override;

   private:
    const Verifier& real_;
    Recorder& recorder_;
  };

  void digested(std::string_view a, std::string_view b, std::string& digest) override;
  /// Remembers an input that holds until another of its kind comes.
  void remember(const Input& input, const record::RecordedInput& recorded);
  void begin_segment();
  void each_row(const std::function<void(const std::string& key, const std::string& value)>& take) const;
  /// The rows of a snapshot as frames, and how many were too many.
  [[nodiscard]] std::pair<std::vector<std::string>, std::uint64_t> snapshot() const;

  const RowReader& rows_;
  RecordSink& sink_;
  NodeTraits traits_;
  SecretSet secrets_;
  OutcomePrinter printer_;
  DrawnEntropy drawn_;
  HeardVerifier verified_;
  std::map<std::string, record::RecordedInput> standing_;
  record::RecordingFrame step_;
  bool owes_commit_ = false;  // rows were decided and Committed has not come since
  std::uint64_t number_ = 0;
  std::uint64_t segments_ = 0;
};

/// The core as the turn sees it while it is recorded.
class RecordedCore final : public DecisionCore {
 public:
  RecordedCore(DecisionCore& core, Recorder& recorder) : core_(core), recorder_(recorder) {}
  Outcome handle(const Input& input, const Now& now) override {
    recorder_.before(input, now);
    const auto watching = recorder_.watch();
    Outcome outcome = core_.handle(input, now);
    recorder_.after(outcome);
    return outcome;
  }

 private:
  DecisionCore& core_;
  Recorder& recorder_;
};

}  // namespace metalmesh::recording
