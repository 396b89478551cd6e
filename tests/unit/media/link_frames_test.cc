#include "agents/media/link_frames.h"

#include <gtest/gtest.h>

namespace metalmesh::media {
namespace {

TEST(LinkFrames, ComeBackWholeHoweverTheyAreCut) {
  const std::vector<std::string> messages = {"", "a", std::string(70000, 'b'), "c"};
  std::string bytes;
  for (const std::string& message : messages) bytes += *make_frame(message);
  for (const std::size_t piece : {std::size_t{1}, std::size_t{3}, std::size_t{5000}, bytes.size()}) {
    FrameReader reader;
    std::vector<std::string> found;
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
      reader.feed(std::string_view(bytes).substr(at, piece));
      while (true) {
        const auto message = reader.next();
        ASSERT_TRUE(message.has_value());
        if (!*message) break;
        found.emplace_back(**message);
      }
    }
    EXPECT_EQ(found, messages) << piece;
  }
}

TEST(LinkFrames, AreBounded) {
  EXPECT_TRUE(make_frame(std::string(most_frame_bytes, 'x')).has_value());
  EXPECT_EQ(make_frame(std::string(most_frame_bytes + 1, 'x')).error().kind, ErrorKind::exhausted);
  FrameReader reader;
  reader.feed({"\x01\x00\x00\x01", 4});
  EXPECT_EQ(reader.next().error().kind, ErrorKind::corrupt) << "before a byte of it is kept";
}

}  // namespace
}  // namespace metalmesh::media
