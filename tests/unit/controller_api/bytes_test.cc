// No byte of a template or of a person's text is lost between a request and what is kept: refused, or there as it was sent.
#include <gmock/gmock.h>
#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

#include "common/text/utf8.h"
#include "tests/support/odd_bytes.h"
#include "tests/unit/controller_api/api_bench.h"

namespace metalmesh::controller {
namespace {

using ::testing::HasSubstr;

TEST(Bytes, OfATemplateAreKeptOrRefused) {
  ApiBench bench;
  Random random(18);
  int kept = 0;
  for (int i = 0; i < 300; ++i) {
    const std::string text = odd_text(random) + "x";
    const HttpAnswer answer =
        bench.put("/api/v1/profiles/odd", R"({"spec":{"family":"rhel","template":{"inline":")" +
                                              json_escaped(text) + R"("},"proof":{"minimum":"poweroff"}}})");
    if (!is_utf8(text)) {
      EXPECT_EQ(answer.status, 400) << testing::PrintToString(text);
      EXPECT_THAT(answer.body, HasSubstr("is not UTF-8"));
      continue;
    }
    ASSERT_LE(answer.status, 201) << testing::PrintToString(text) << answer.body;
    ++kept;
    rest::Profile profile;
    ASSERT_TRUE(
        google::protobuf::util::JsonStringToMessage(bench.get("/api/v1/profiles/odd").body, &profile).ok());
    EXPECT_EQ(profile.spec().template_().inline_(), text);
  }
  EXPECT_GT(kept, 100);
}

}  // namespace
}  // namespace metalmesh::controller
