// The other end of a site's two streams: welcomes the agent, sends commands, takes events in.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/base/time.h"
#include "common/delivery/stream_receiver.h"
#include "common/delivery/stream_sender.h"
#include "common/ports/memory_rows.h"
#include "schemas/wire/command.pb.h"
#include "schemas/wire/event.pb.h"
#include "schemas/wire/frames.pb.h"
#include "tests/unit/agent_core/stand_ins.h"

namespace metalmesh::test {

class FakeController {
 public:
  explicit FakeController(std::string site);

  /// Appends a command for the agent's present journal; returns what to deliver.
  std::vector<std::string> command(wire::Command command, const Now& now);
  /// Takes a message of the agent; returns the messages it answers.
  std::vector<std::string> take(const std::string& bytes, const Now& now);
  /// Starts over with an empty command journal, as after the loss of its store.
  void new_command_journal(const std::string& id);

  // What the Welcome says.
  bool proven = true;
  bool acks = true;
  std::uint64_t epoch = 1;
  bool tells_time = true;
  Duration clock_offset{};  // how far its clock is ahead of the agent's
  Duration clock_steps{};
  std::string quarantine;
  std::string ledger;                           // its newest event
  std::optional<std::uint64_t> claimed_cursor;  // instead of the true one
  std::map<std::string, std::string> blobs;     // by digest
  std::vector<wire::BlobChunk> chunks;          // that the agent sent

  [[nodiscard]] const std::vector<wire::Event>& events() const { return events_; }
  [[nodiscard]] const std::vector<wire::Sample>& samples() const { return samples_; }
  [[nodiscard]] const std::optional<wire::Hello>& last_hello() const { return hello_; }
  [[nodiscard]] const std::string& agent_journal() const { return agent_journal_; }
  [[nodiscard]] std::uint64_t last_command() const { return commands_->next_seq() - 1; }
  [[nodiscard]] std::string seal(std::string_view kind, const google::protobuf::MessageLite& message) const;

 private:
  std::vector<std::string> pump(const Now& now);
  wire::Welcome welcome(const wire::Hello& hello, const Now& now);

  std::string site_;
  NamedSigner signer_{"controller"};
  NamedVerifier verifier_;
  MemoryRows store_;
  std::optional<delivery::StreamSender> commands_;
  delivery::StreamReceiver receiver_;
  std::string agent_journal_;
  std::optional<wire::Hello> hello_;
  std::vector<wire::Event> events_;
  std::vector<wire::Sample> samples_;
};

}  // namespace metalmesh::test
