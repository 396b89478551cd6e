// Images that somebody carries to the site.
#include <gmock/gmock.h>

#include <optional>

#include "tests/contract/media/source_server.h"
#include "tests/contract/media/store_fixture.h"
#include "tests/contract/support/few_descriptors.h"

namespace metalmesh::media {
namespace {

using test::SourceServer;

class ImageImport : public test::StoreFixture {};

TEST_F(ImageImport, AnImportIsFoundBesideTheRunningStore) {
  auto folder = ImageFolder::open(folder_ / "images");
  ASSERT_TRUE(folder.has_value());
  const auto go_on = [](std::size_t) { return true; };
  const auto digest = folder->import_file(test::installer_iso(), digest_, {}, go_on);
  ASSERT_TRUE(digest.has_value()) << digest.error().message;
  EXPECT_EQ(*digest, digest_);
  const auto image = ready();
  ASSERT_TRUE(image.has_value());
  EXPECT_EQ(image->sha256, digest_);
  EXPECT_TRUE(image->imported);
  sink_.clear();
  reopen();
  fetch({"http://127.0.0.1:9/none.iso"});
  const auto again = ready();
  ASSERT_TRUE(again.has_value());
  EXPECT_TRUE(again->imported) << "also after a restart";
}

TEST_F(ImageImport, AnImportThatComesWhileADownloadIsHashedStaysOne) {
  auto folder = ImageFolder::open(folder_ / "images");
  ASSERT_TRUE(folder.has_value());
  test::write_file(file(".part"), content_);
  ASSERT_TRUE(
      folder->import_file(test::installer_iso(), "", {}, [](std::size_t) { return true; }).has_value());
  ASSERT_TRUE(folder->promote(digest_, false).has_value());
  EXPECT_TRUE(folder->imported(digest_).value_or(false));
}

TEST_F(ImageImport, AReleasedImportMayGoLikeOthers) {
  auto folder = ImageFolder::open(folder_ / "images");
  ASSERT_TRUE(folder.has_value());
  EXPECT_EQ(folder->release(digest_).error().kind, ErrorKind::not_found);
  ASSERT_TRUE(
      folder->import_file(test::installer_iso(), "", {}, [](std::size_t) { return true; }).has_value());
  ASSERT_TRUE(ready().has_value());
  const auto before = folder->contents();
  ASSERT_EQ(before.size(), 1U);
  EXPECT_TRUE(before[0].whole && before[0].imported && before[0].verified_at);
  EXPECT_EQ(before[0].size, content_.size());
  sink_.clear();
  ASSERT_TRUE(folder->release(digest_).has_value());
  const auto told = ready();
  ASSERT_TRUE(told.has_value()) << "the running store notices";
  EXPECT_FALSE(told->imported);
  const auto after = folder->contents();
  ASSERT_EQ(after.size(), 1U);
  EXPECT_FALSE(after[0].imported);
  EXPECT_EQ(after[0].verified_at, before[0].verified_at) << "it was not verified by that";
  test::write_file(file(".part"), "abc");
  folder->remember_origin(digest_, {"https://mirror/a.iso", "", false});
  const auto part = folder->contents();
  ASSERT_EQ(part.size(), 2U);
  EXPECT_TRUE(!part[0].whole && part[0].size == 3 && part[0].source == "https://mirror/a.iso");
}

TEST_F(ImageImport, AnImportEndsAFetchThatDoesNotComeOn) {
  SourceServer source(content_);
  source.pause_ms = 300;
  fetch({source.url()}, content_.size());
  auto folder = ImageFolder::open(folder_ / "images");
  ASSERT_TRUE(folder.has_value());
  ASSERT_TRUE(
      folder->import_file(test::installer_iso(), "", {}, [](std::size_t) { return true; }).has_value());
  ASSERT_TRUE(ready().has_value());
  EXPECT_LT(source.served(), content_.size());
  EXPECT_FALSE(std::filesystem::exists(file(".part")));
}

TEST_F(ImageImport, AnImportThatDoesNotFitOrIsNotWhatItShouldBeLeavesNothing) {
  auto folder = ImageFolder::open(folder_ / "images");
  ASSERT_TRUE(folder.has_value());
  const auto go_on = [](std::size_t) { return true; };
  const auto wrong = folder->import_file(test::installer_iso(), std::string(64, 'a'), {}, go_on);
  ASSERT_FALSE(wrong.has_value());
  EXPECT_EQ(wrong.error().kind, ErrorKind::corrupt);
  const auto large = folder->import_file(test::installer_iso(), "", {.reserve = 1ULL << 60}, go_on);
  ASSERT_FALSE(large.has_value());
  EXPECT_EQ(large.error().kind, ErrorKind::exhausted);
  const auto gone = folder->import_file(folder_ / "none.iso", "", {}, go_on);
  ASSERT_FALSE(gone.has_value());
  test::write_file(folder_ / "images/1.import", "of one that was killed");
  ASSERT_TRUE(ImageFolder::open(folder_ / "images").has_value());
  EXPECT_TRUE(std::filesystem::is_empty(folder_ / "images"));
}

TEST_F(ImageImport, WhatCannotBeReadIsNotTakenForReleased) {
  auto folder = ImageFolder::open(folder_ / "images");
  ASSERT_TRUE(folder.has_value());
  ASSERT_TRUE(
      folder->import_file(test::installer_iso(), "", {}, [](std::size_t) { return true; }).has_value());
  std::optional<contract::FewDescriptors> none(std::in_place, 0);
  const auto told = folder->imported(digest_);
  const auto released = folder->release(digest_);
  folder->note_verified(digest_);
  none.reset();
  ASSERT_FALSE(told.has_value()) << "without a descriptor nobody can tell";
  EXPECT_THAT(told.error().message, testing::HasSubstr("Too many open files"));
  EXPECT_FALSE(released.has_value());
  EXPECT_TRUE(folder->imported(digest_).value_or(false));
}

}  // namespace
}  // namespace metalmesh::media
