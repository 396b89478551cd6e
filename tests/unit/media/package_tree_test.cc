// Paths to files of an image: links, several extents, what URLs make of names, and what is no path.
#include "agents/media/package_tree.h"

#include <gmock/gmock.h>

#include "tests/unit/media/iso_writer.h"

namespace metalmesh::media {
namespace {

using testing::ElementsAre;

PackageTree tree_of(test::IsoWriter& iso) {
  MemoryReader image(iso.build());
  auto tree = PackageTree::read(image);
  EXPECT_TRUE(tree) << tree.error().message;
  return tree ? std::move(*tree) : PackageTree();
}

const IsoFile* file_at(const PackageTree& tree, const std::string& path) {
  const auto found = tree.find(path);
  const auto* file = std::get_if<const IsoFile*>(&found);
  return file == nullptr ? nullptr : *file;
}

std::vector<std::string> names_at(const PackageTree& tree, const std::string& path) {
  const auto found = tree.find(path);
  const auto* directory = std::get_if<PackageTree::Directory>(&found);
  return directory == nullptr ? std::vector<std::string>{"(no directory)"} : directory->names;
}

test::IsoWriter repository() {
  test::IsoWriter iso;
  iso.add("/pool/hello_1.0+b1~rc.deb", std::string(5000, 'h'));
  iso.add("/dists-bookworm/Release", "Suite: stable\n");
  iso.add("/pool-extra", "beside a directory\n");
  iso.add("/empty", "");
  iso.link("/stable", "dists-bookworm");
  iso.link("/debian", ".");
  iso.link("/release", "/stable/./Release");
  iso.link("/outside", "../../../pool");
  iso.link("/loop", "loop");
  iso.link("/nowhere", "gone/away");
  return iso;
}

TEST(PackageTree, FindsFilesAndDirectories) {
  auto iso = repository();
  const PackageTree tree = tree_of(iso);
  const IsoFile* file = file_at(tree, "/pool/hello_1.0+b1~rc.deb");
  ASSERT_NE(file, nullptr);
  EXPECT_EQ(file->size, 5000U);
  EXPECT_EQ(file->extents.front().offset, iso.offset_of("/pool/hello_1.0+b1~rc.deb"));
  EXPECT_EQ(file_at(tree, "/empty")->size, 0U);
  EXPECT_THAT(names_at(tree, "/pool"), ElementsAre("hello_1.0+b1~rc.deb"));
  EXPECT_THAT(names_at(tree, "/"), ElementsAre("debian", "dists-bookworm/", "empty", "loop", "nowhere",
                                               "outside", "pool-extra", "pool/", "release", "stable"));
  for (const char* path : {"/pool/gone", "/gone", "/pool/hello_1.0+b1~rc.deb/below", "/POOL", "/poo"}) {
    EXPECT_TRUE(std::holds_alternative<PackageTree::Nothing>(tree.find(path))) << path;
  }
}

TEST(PackageTree, FollowsLinksWithinTheImage) {
  auto iso = repository();
  const PackageTree tree = tree_of(iso);
  const IsoFile* release = file_at(tree, "/dists-bookworm/Release");
  ASSERT_NE(release, nullptr);
  EXPECT_EQ(file_at(tree, "/stable/Release"), release);
  EXPECT_EQ(file_at(tree, "/debian/debian/stable/Release"), release);
  EXPECT_EQ(file_at(tree, "/release"), release);
  EXPECT_THAT(names_at(tree, "/outside"), ElementsAre("hello_1.0+b1~rc.deb"))
      << "the image's root is the root";
  EXPECT_TRUE(std::holds_alternative<PackageTree::Nothing>(tree.find("/loop")));
  EXPECT_TRUE(std::holds_alternative<PackageTree::Nothing>(tree.find("/nowhere")));
}

TEST(PackageTree, ReadsFilesOfSeveralExtents) {
  test::IsoWriter iso;
  std::string content;
  for (int i = 0; i < 3 * 2048 + 100; ++i) content += static_cast<char>('a' + i % 23);
  iso.add("/big", content);
  iso.longest_extent = 2048;
  MemoryReader image(iso.build());
  const auto tree = PackageTree::read(image);
  ASSERT_TRUE(tree) << tree.error().message;
  const IsoFile* file = file_at(*tree, "/big");
  ASSERT_NE(file, nullptr);
  EXPECT_EQ(file->extents.size(), 4U);
  ASSERT_EQ(file->size, content.size());
  for (const ByteRange range : {ByteRange{0, content.size()}, ByteRange{2047, 2}, ByteRange{2048, 2048},
                                ByteRange{100, 6000}, ByteRange{content.size() - 1, 1}}) {
    std::string got;
    for (const Segment& segment : segments_of(*file, range)) {
      const auto& part = std::get<ByteRange>(segment);
      got += image.read(part.offset, part.length).value();
    }
    EXPECT_EQ(got, content.substr(range.offset, range.length)) << range.offset;
  }
}

TEST(PackageTree, TakesPlainNamesWhereThereAreNoOthers) {
  test::IsoWriter iso;
  iso.rock_ridge = false;
  iso.add("/pool/a.deb", "x");
  EXPECT_NE(file_at(tree_of(iso), "/POOL/A.DEB"), nullptr);
}

TEST(PackageTree, RefusesWhatIsNoImage) {
  MemoryReader image(std::string(100'000, 'x'));
  const auto tree = PackageTree::read(image);
  ASSERT_FALSE(tree);
  EXPECT_EQ(tree.error().kind, ErrorKind::corrupt);
}

TEST(TreePath, UndoesWhatUrlsDoToNames) {
  EXPECT_EQ(tree_path("").value(), "/");
  EXPECT_EQ(tree_path("/").value(), "/");
  EXPECT_EQ(tree_path("//pool///a%2bb%7e1.deb").value(), "/pool/a+b~1.deb");
  EXPECT_EQ(tree_path("/a%20b/%C3%A9?x=1").value(), "/a b/\xC3\xA9");
  for (const char* bad :
       {"/..", "/a/../b", "/%2e%2e/b", "/.%2E", "/a/./b", "/a%2fb", "/%00", "/%", "/%4", "/%zz"}) {
    const auto path = tree_path(bad);
    ASSERT_FALSE(path) << bad;
    EXPECT_EQ(path.error().kind, ErrorKind::invalid);
  }
}

TEST(ListingPage, NamesCannotBecomeMarkup) {
  const std::string page = listing_page({{"<b>&\".deb"}}, "/p/tok/a\"b/?x");
  EXPECT_THAT(page,
              testing::HasSubstr("href=\"/p/tok/a&quot;b/%3Cb%3E%26%22.deb\">&lt;b>&amp;&quot;.deb</a>"));
}

}  // namespace
}  // namespace metalmesh::media
