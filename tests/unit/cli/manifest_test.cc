#include "controller/cli/manifest.h"

#include <gmock/gmock.h>
#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "common/os/files.h"
#include "common/text/utf8.h"
#include "controller/cli/json_text.h"
#include "tests/support/odd_bytes.h"

namespace metalmesh::cli {
namespace {

using testing::HasSubstr;

std::string error_of(std::string_view text) {
  const auto parsed = parse_manifests(text, "m.yaml");
  return parsed ? "no error" : parsed.error().message;
}

TEST(Manifest, reads_many_objects_and_drops_what_only_the_mesh_knows) {
  const auto parsed = parse_manifests(R"(
apiVersion: metalmesh/v1
kind: Site
metadata: {name: par1}
---
apiVersion: metalmesh/v1
kind: server
metadata: {name: r1}
spec: {site: par1, identity: {serial: 007312}}
status: {phase: installed}
)",
                                      "m.yaml");
  ASSERT_TRUE(parsed) << parsed.error().message;
  ASSERT_EQ(parsed->size(), 2U);
  EXPECT_EQ((*parsed)[0].kind->name, "Site");
  EXPECT_EQ((*parsed)[1].name, "r1");
  EXPECT_EQ((*parsed)[1].where, "m.yaml:6");
  const auto& server = dynamic_cast<const rest::Server&>(*(*parsed)[1].object);
  EXPECT_EQ(server.spec().identity().serial(), "007312");
  EXPECT_FALSE(server.has_status());
}

TEST(Manifest, says_what_is_wrong_and_what_was_meant) {
  EXPECT_EQ(error_of("kind: Sever\nmetadata: {name: x}"),
            "m.yaml:1:7: kind: unknown kind \"Sever\"; did you mean \"Server\"?");
  EXPECT_THAT(error_of("kind: Deployment\nmetadata: {name: x}"), HasSubstr("kind"));
  EXPECT_THAT(error_of("metadata: {name: x}"), HasSubstr("`kind` is missing"));
  EXPECT_THAT(error_of("apiVersion: metalmesh/v1\nkind: Site"), HasSubstr("metadata.name is missing"));
  EXPECT_THAT(error_of("kind: Site\napiVersion: v2\nmetadata: {name: x}"),
              HasSubstr("expected metalmesh/v1"));
  EXPECT_THAT(
      error_of("apiVersion: metalmesh/v1\nkind: Server\nmetadata: {name: x}\nspec: {bmc: {adress: 1}}"),
      HasSubstr("spec.bmc.adress: unknown field; did you mean \"address\"?"));
}

TEST(Manifest, wants_to_know_which_version_of_the_objects_it_reads) {
  EXPECT_THAT(error_of("kind: Site\nmetadata: {name: x}"), HasSubstr("`apiVersion` is missing"));
}

TEST(Manifest, takes_what_get_printed) {
  rest::ServerList list;
  rest::Server& server = *list.add_items();
  server.set_api_version("metalmesh/v1");
  server.set_kind("Server");
  server.mutable_metadata()->set_name("r1");
  server.mutable_metadata()->set_version(7);
  server.mutable_spec()->set_site("par1");
  server.mutable_status()->set_phase("installed");
  const auto parsed = parse_manifests("\xEF\xBB\xBF" + shown_json(list), "stdin");
  ASSERT_TRUE(parsed) << parsed.error().message;
  ASSERT_EQ(parsed->size(), 1U);
  const auto& read = dynamic_cast<const rest::Server&>(*parsed->front().object);
  EXPECT_EQ(read.metadata().version(), 7U);
  EXPECT_EQ(read.spec().site(), "par1");
  EXPECT_FALSE(read.has_status());
}

class ManifestFiles : public testing::Test {
 protected:
  void SetUp() override { std::filesystem::create_directories(folder_ / "templates"); }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string file(const std::string& name, std::string_view text) {
    EXPECT_TRUE(os::write_file(folder_ / name, text, 0644));
    return (folder_ / name).string();
  }
  std::filesystem::path folder_ = testing::TempDir() + "mm-manifest-" + std::to_string(getpid());
};

TEST_F(ManifestFiles, sends_a_template_inline_and_what_others_need_first) {
  file("templates/rocky.ks", "text\n%packages\n");
  const std::string all = file("all.yaml", R"(
apiVersion: metalmesh/v1
kind: Rollout
metadata: {name: web}
---
apiVersion: metalmesh/v1
kind: Server
metadata: {name: r1}
---
apiVersion: metalmesh/v1
kind: Profile
metadata: {name: base}
spec: {family: rhel, template: {file: templates/rocky.ks}}
)");
  const auto read = read_manifests(
      {all, file("site.yaml", "apiVersion: metalmesh/v1\nkind: Site\nmetadata: {name: par1}")});
  ASSERT_TRUE(read) << read.error().message;
  std::vector<std::string> order;
  for (const auto& manifest : *read) order.push_back(manifest.name);
  EXPECT_THAT(order, testing::ElementsAre("par1", "base", "r1", "web"));
  const auto& profile = dynamic_cast<const rest::Profile&>(*(*read)[1].object);
  EXPECT_EQ(profile.spec().template_().inline_(), "text\n%packages\n");
  EXPECT_EQ(profile.spec().template_().file(), "");
}

TEST_F(ManifestFiles, refuses_two_objects_of_one_name_and_says_where_they_are) {
  const std::string api = "apiVersion: metalmesh/v1\n";
  const std::string one = file("one.yaml", api + "kind: Server\nmetadata: {name: r1}\n---\n" + api +
                                               "kind: Site\nmetadata: {name: r1}\n");
  EXPECT_TRUE(read_manifests({one}));
  const std::string two = file("two.yaml", "# a copy\n" + api + "kind: Server\nmetadata: {name: r1}\n");
  const auto twice = read_manifests({one, two});
  ASSERT_FALSE(twice);
  EXPECT_EQ(twice.error().message, "Server r1 is given twice: " + one + ":1 and " + two + ":2");
  EXPECT_FALSE(read_manifests({one, one}));
}

TEST_F(ManifestFiles, takes_every_byte_of_a_template_or_refuses_it) {
  Random random(20);
  const std::string manifest = file("p.yaml",
                                    "apiVersion: metalmesh/v1\nkind: Profile\nmetadata: {name: p}\nspec: "
                                    "{template: {file: odd}}\n");
  for (int i = 0; i < 200; ++i) {
    const std::string text = odd_text(random) + "x";
    file("odd", text);
    const auto read = read_manifests({manifest});
    EXPECT_EQ(read.has_value(), is_utf8(text)) << testing::PrintToString(text);
    if (!read) {
      EXPECT_THAT(read.error().message, HasSubstr("is not UTF-8; convert it"));
      continue;
    }
    const auto& profile = dynamic_cast<const rest::Profile&>(*read->front().object);
    EXPECT_EQ(profile.spec().template_().inline_(), text);
    rest::Profile sent;
    ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(to_json(profile), &sent).ok());
    EXPECT_EQ(sent.spec().template_().inline_(), text) << "as it travels";
    const auto again = parse_manifests(to_yaml(profile), "shown.yaml");
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_EQ(dynamic_cast<const rest::Profile&>(*again->front().object).spec().template_().inline_(), text)
        << "as people get it back";
  }
}

TEST_F(ManifestFiles, refuses_templates_that_are_missing_or_given_twice) {
  const auto missing = read_manifests({file(
      "a.yaml",
      "apiVersion: metalmesh/v1\nkind: Profile\nmetadata: {name: p}\nspec: {template: {file: no.ks}}")});
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error().message, HasSubstr("no.ks"));
  const auto twice = read_manifests({file("b.yaml",
                                          "apiVersion: metalmesh/v1\nkind: Profile\nmetadata: {name: "
                                          "p}\nspec: {template: {file: a, inline: b}}")});
  ASSERT_FALSE(twice);
  EXPECT_THAT(twice.error().message, HasSubstr("not both"));
  EXPECT_THAT(read_manifests({file("c.yaml", "# nothing\n")}).error().message, HasSubstr("holds no objects"));
}

TEST_F(ManifestFiles, a_template_is_below_the_folder_of_its_manifest) {
  std::filesystem::create_directories(folder_ / "mesh/templates");
  file("private", "the key of whoever applies it\n");
  file("mesh/templates/good.ks", "text\n");
  file("mesh-beside", "text\n");
  std::filesystem::create_symlink(folder_ / "private", folder_ / "mesh/link.ks");
  const auto named = [&](const std::string& name) {
    return read_manifests({file("mesh/p.yaml",
                                "apiVersion: metalmesh/v1\nkind: Profile\nmetadata: {name: p}\nspec: "
                                "{template: {file: " +
                                    name + "}}\n")});
  };
  EXPECT_TRUE(named("templates/good.ks"));
  EXPECT_TRUE(named("templates/../templates/good.ks"));
  for (const std::string& name :
       {std::string("../private"), (folder_ / "private").string(), std::string("link.ks"),
        std::string("../mesh-beside"), std::string("/dev/zero"), std::string("/proc/self/environ")}) {
    const auto read = named(name);
    ASSERT_FALSE(read) << name;
    EXPECT_THAT(read.error().message, HasSubstr("is not below")) << name;
  }
}

}  // namespace
}  // namespace metalmesh::cli
