#include "common/recording/url_secrets.h"

#include <gtest/gtest.h>

#include "common/recording/secret_finder.h"

namespace metalmesh::recording {
namespace {

std::string shown(std::string text) {
  hide_in_urls(text);
  return text;
}

TEST(UrlSecrets, PasswordsAndWhatAQueryProvesItselfWithAreHidden) {
  EXPECT_EQ(shown("https://ann:pw@mirror/x.iso"), "https://ann:**@mirror/x.iso");
  EXPECT_EQ(shown("https://ann:p@w:d@mirror"), "https://ann:*****@mirror") << "to the last @ before the path";
  EXPECT_EQ(shown("HTTPS://ghp_123456@mirror/x"), "HTTPS://**********@mirror/x") << "a token has no colon";
  EXPECT_EQ(shown("https://s3/x.iso?v=3&X-Amz-Signature=abcd&sig=e#f"),
            "https://s3/x.iso?v=3&X-Amz-Signature=****&sig=*#f");
  EXPECT_EQ(shown("from http://a:b@x/ and http://c:d@y/"), "from http://a:*@x/ and http://c:*@y/");
}

TEST(UrlSecrets, EverythingElseOfAUrlStays) {
  for (const char* text : {"https://mirror/x.iso?version=3", "https://mirror/a@b", "file:///a:b@c",
                           "https://ann:{{password}}@mirror/", "https://ann:$PASSWORD@mirror/", "://",
                           "http://", "https://@mirror/", "https://ann:@mirror/?token=", "ssh://git@host/x"})
    EXPECT_EQ(shown(text), text);
}

TEST(UrlSecrets, NoRecordingHasThemEither) {
  SecretSet secrets(7);
  find_in_text(R"({"urls":["https://ann:hunter2-hunter2@mirror/x"]})", secrets);
  std::string text = "said hunter2-hunter2";
  EXPECT_EQ(secrets.mask(text), 1U);
}

}  // namespace
}  // namespace metalmesh::recording
