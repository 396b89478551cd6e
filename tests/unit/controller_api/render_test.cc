// `profiles/{name}/render`: whom it is for must be said, and what cannot be rendered is refused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/families/family_catalogue.h"
#include "common/ports/memory_rows.h"
#include "controller/api/objects_api.h"
#include "controller/state/row_codec.h"
#include "controller/state/tables.h"

namespace metalmesh::controller {
namespace {

using ::testing::HasSubstr;

struct RenderApi : ::testing::Test {
  RenderApi() {
    config::OsFamily family;
    family.set_name("any");
    family.set_placeholder(true);
    families::FamilyCatalogue catalogue;
    EXPECT_TRUE(catalogue.add(family));
    state.catalogue = std::make_shared<const families::FamilyCatalogue>(catalogue);
    rest::Profile& profile = state.profiles["base"];
    profile.mutable_metadata()->set_name("base");
    profile.mutable_metadata()->set_version(2);
    profile.mutable_spec()->set_family("any");
    state.profile_versions["base@1"] = profile;
    state.profile_versions["base@1"].mutable_metadata()->set_version(1);
    for (const char* version : {"1", "2"}) {
      rest::Profile whole = profile;
      whole.mutable_metadata()->set_version(std::stoul(version));
      whole.mutable_spec()->mutable_template_()->set_inline_("{{hostname}} " + std::string(version) +
                                                             "{{more}}");
      (*whole.mutable_spec()->mutable_vars())["more"] = "!";
      rows.commit({{tables::row(tables::versions, "base@" + std::string(version)), encode_row(whole)}});
    }
    rest::Server server;
    server.mutable_metadata()->set_name("r1");
    server.mutable_spec()->set_site("par1");
    state.servers.put("r1", server);
  }
  ApiResult get(const std::string& profile, std::map<std::string, std::string> query) {
    request.captures = {profile};
    request.query = std::move(query);
    return render_profile(request, state, rows);
  }
  MeshState state;
  MemoryRows rows;
  ApiRequest request;
};

TEST_F(RenderApi, RendersTheVersionThatIsAskedFor) {
  const auto newest = get("base", {{"server", "r1"}});
  ASSERT_TRUE(newest) << newest.error().detail;
  EXPECT_THAT(newest->body, HasSubstr("r1 2!"));
  const auto pinned = get("base@1", {{"server", "r1"}});
  ASSERT_TRUE(pinned) << pinned.error().detail;
  EXPECT_THAT(pinned->body, HasSubstr("r1 1!"));
}

TEST_F(RenderApi, RefusesWhatItCannot) {
  EXPECT_EQ(get("base", {}).error().status, 400);
  EXPECT_EQ(get("bare", {{"server", "r1"}}).error().status, 404);
  EXPECT_EQ(get("base", {{"server", "r2"}}).error().status, 404);
  EXPECT_EQ(get("base", {{"server", "r1"}, {"image", "none"}}).error().status, 422);
}

}  // namespace
}  // namespace metalmesh::controller
