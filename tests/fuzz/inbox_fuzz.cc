// A stream receiver fed with frames: some of the true journal, cut, repeated and reordered as the input says,
// some damaged, some of the input's own making. Whatever came, what it took in is the journal's beginning,
// once and in order.
#include <fuzzer/FuzzedDataProvider.h>

#include <vector>

#include "common/base/digest.h"
#include "common/delivery/stream_receiver.h"
#include "common/ports/memory_rows.h"
#include "tests/fuzz/invariant.h"

namespace metalmesh {
namespace {

using delivery::StreamReceiver;

struct Journal {
  explicit Journal(FuzzedDataProvider& input) {
    const auto count = input.ConsumeIntegralInRange<std::size_t>(1, 12);
    hashes.emplace_back();
    for (std::size_t i = 0; i < count; ++i) {
      entries.push_back(input.ConsumeRandomLengthString(8));
      hashes.push_back(sha256(hashes.back(), entries.back()));
    }
  }
  [[nodiscard]] wire::Data frame(std::size_t first, std::size_t count) const {
    wire::Data data;
    data.set_journal_id("journal");
    data.set_first_seq(first);
    data.set_prev_hash(hashes[first - 1]);
    for (std::size_t i = first; i < first + count && i <= entries.size(); ++i)
      data.add_entries(entries[i - 1]);
    return data;
  }
  std::vector<std::string> entries;
  std::vector<std::string> hashes;  // [0] is the empty one
};

void damage(wire::Data& data, FuzzedDataProvider& input) {
  switch (input.ConsumeIntegralInRange(0, 4)) {
    case 0:
      return data.set_first_seq(input.ConsumeIntegral<std::uint64_t>());
    case 1:
      return data.set_prev_hash(input.ConsumeRandomLengthString(40));
    case 2:
      return data.set_journal_id(input.ConsumeRandomLengthString(8));
    case 3:
      if (data.entries_size() > 0) data.set_entries(0, input.ConsumeRandomLengthString(8));
      return;
    default:
      data.add_entries(input.ConsumeRandomLengthString(8));
  }
}

}  // namespace
}  // namespace metalmesh

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace metalmesh;
  FuzzedDataProvider input(bytes, size);
  const Journal journal(input);
  MemoryRows store;
  auto receiver = std::make_unique<StreamReceiver>("r/fuzz", store);
  Batch batch;
  receiver->follow("journal", batch);
  store.commit(batch);
  std::vector<std::string> taken_in;
  bool true_history = true;  // an appended entry that nobody else has is a history of its own
  Now now{MonoTime(std::chrono::hours(1)), {}, {}};
  while (input.remaining_bytes() > 0) {
    now.mono += std::chrono::milliseconds(input.ConsumeIntegral<std::uint8_t>());
    const auto first = input.ConsumeIntegralInRange<std::size_t>(1, journal.entries.size());
    wire::Data data = journal.frame(first, input.ConsumeIntegralInRange<std::size_t>(0, 6));
    const bool damaged = input.ConsumeBool();
    if (damaged) damage(data, input);
    const std::uint64_t before = receiver->cursor();
    const std::string hash_before = receiver->cursor_hash();
    Batch rows;
    const auto taken = receiver->on_data(data, now, rows);
    if (taken.verdict == StreamReceiver::Verdict::accepted) {
      MM_CLAIM(!taken.entries.empty() && taken.entries.front().seq == before + 1);
      MM_CLAIM(receiver->cursor() == before + taken.entries.size());
      for (const delivery::Entry& entry : taken.entries) taken_in.push_back(entry.bytes);
      true_history = true_history && !damaged;
    } else {
      MM_CLAIM(taken.entries.empty() && rows.empty());
      MM_CLAIM(receiver->cursor() == before && receiver->cursor_hash() == hash_before);
    }
    MM_CLAIM(taken.resync.has_value() <= (taken.verdict == StreamReceiver::Verdict::gap));
    MM_CLAIM(receiver->ack(1).up_to() == receiver->cursor());
    if (input.ConsumeBool()) {  // kill -9: what was committed is what is known, and nothing is forgotten
      store.commit(rows);
      receiver = std::make_unique<StreamReceiver>("r/fuzz", store);
    } else {
      store.commit(rows);
    }
    MM_CLAIM(receiver->cursor() == taken_in.size());
    std::string hash;
    for (const std::string& entry : taken_in) hash = sha256(hash, entry);
    MM_CLAIM(receiver->cursor_hash() == hash);
    if (true_history) {
      MM_CLAIM(taken_in.size() <= journal.entries.size());
      MM_CLAIM(std::equal(taken_in.begin(), taken_in.end(), journal.entries.begin()));
    }
  }
  return 0;
}
