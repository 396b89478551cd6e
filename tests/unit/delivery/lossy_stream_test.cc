// Sender and receiver over a channel that loses, repeats and reorders, while both ends crash with
// uncommitted work in hand: every committed entry arrives exactly once and in order.
#include <gtest/gtest.h>

#include <memory>

#include "common/base/random.h"
#include "common/delivery/stream_receiver.h"
#include "common/delivery/stream_sender.h"
#include "common/ports/memory_rows.h"
#include "tests/unit/delivery/virtual_time.h"

namespace metalmesh::delivery {
namespace {

using namespace std::chrono_literals;

class LossyMesh {
 public:
  explicit LossyMesh(std::uint64_t seed)
      : random_(seed),
        loss_(static_cast<std::uint32_t>(random_.below(400))),
        crash_(random_.chance(700) ? 20U : 0U) {
    restart_sender();
    Batch batch;
    sender_->create("journal", batch);
    sender_rows_.commit(batch);
    restart_receiver();
    Batch followed;
    receiver_->follow("journal", followed);
    receiver_rows_.commit(followed);
  }

  void step(bool healthy) {
    clock_ += 200ms;
    if (!healthy && random_.chance(crash_)) restart_sender();
    if (!healthy && random_.chance(crash_)) restart_receiver();
    if (!healthy && random_.chance(300)) append(random_.chance(50));
    for (wire::Data& frame : sender_->pump(at(clock_))) post(to_receiver_, std::move(frame), healthy);
    if (!to_receiver_.empty()) receive(draw(to_receiver_, healthy), healthy);
    if (!to_sender_.empty()) acknowledge(draw(to_sender_, healthy));
  }
  [[nodiscard]] bool drained() const { return sender_->unacked() == 0; }

  std::vector<std::string> sent;      // committed at the sender
  std::vector<std::string> received;  // committed at the receiver

 private:
  struct Answer {
    wire::Ack ack;
    std::optional<wire::Resync> resync;
  };

  template <class T>
  void post(std::vector<T>& channel, T message, bool healthy) {
    if (!healthy && random_.chance(loss_)) return;
    if (!healthy && random_.chance(100)) channel.push_back(message);
    channel.push_back(std::move(message));
  }
  template <class T>
  T draw(std::vector<T>& channel, bool healthy) {
    const auto which =
        static_cast<std::ptrdiff_t>(healthy ? 0 : random_.below(std::min<std::size_t>(4, channel.size())));
    T message = channel[static_cast<std::size_t>(which)];
    channel.erase(channel.begin() + which);
    return message;
  }
  void append(bool crash_before_commit) {
    const std::string entry = "entry " + std::to_string(sent.size()) + std::string(random_.below(40), '.');
    Batch batch;
    ASSERT_TRUE(sender_->append(entry, batch).has_value());
    if (crash_before_commit) return restart_sender();
    sender_rows_.commit(batch);
    sender_->on_committed();
    sent.push_back(entry);
  }
  void receive(const wire::Data& data, bool healthy) {
    Batch batch;
    const auto taken = receiver_->on_data(data, at(clock_), batch);
    ASSERT_NE(taken.verdict, StreamReceiver::Verdict::diverged);
    if (!healthy && random_.chance(crash_)) return restart_receiver();
    receiver_rows_.commit(batch);
    for (const Entry& entry : taken.entries) received.push_back(entry.bytes);
    post(to_sender_, Answer{receiver_->ack(random_.below(receiver_->cursor() + 1)), taken.resync}, healthy);
  }
  void acknowledge(const Answer& answer) {
    Batch batch;
    ASSERT_NE(sender_->on_ack(answer.ack, batch), StreamSender::AckResult::diverged);
    sender_rows_.commit(batch);
    if (answer.resync) {
      ASSERT_NE(sender_->on_resync(*answer.resync), StreamSender::ResyncResult::foreign_journal);
    }
  }
  void restart_sender() {
    sender_ = std::make_unique<StreamSender>(
        "s/", sender_rows_,
        SenderLimits{.window = 6, .frame_bytes = 120, .entry_bytes = 120, .resend_after = 2s});
  }
  void restart_receiver() { receiver_ = std::make_unique<StreamReceiver>("r", receiver_rows_); }

  Random random_;
  std::uint32_t loss_;
  std::uint32_t crash_;
  Duration clock_{};
  MemoryRows sender_rows_;
  MemoryRows receiver_rows_;
  std::unique_ptr<StreamSender> sender_;
  std::unique_ptr<StreamReceiver> receiver_;
  std::vector<wire::Data> to_receiver_;
  std::vector<Answer> to_sender_;
};

TEST(LossyStream, every_committed_entry_arrives_exactly_once_and_in_order) {
  std::size_t carried = 0;
  for (std::uint64_t seed = 1; seed <= 150; ++seed) {
    LossyMesh mesh(seed);
    for (int i = 0; i < 400; ++i) mesh.step(false);
    for (int i = 0; i < 2000 && !mesh.drained(); ++i) mesh.step(true);
    ASSERT_TRUE(mesh.drained()) << "seed " << seed;
    ASSERT_EQ(mesh.received, mesh.sent) << "seed " << seed;
    carried += mesh.sent.size();
  }
  EXPECT_GT(carried, 10'000U);
}

}  // namespace
}  // namespace metalmesh::delivery
