#include "controller/cli/change_view.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace metalmesh::cli {
namespace {

rest::Change server(const std::string& name, std::uint64_t number) {
  rest::Change change;
  change.set_kind("Server");
  change.set_name(name);
  change.mutable_server()->mutable_metadata()->set_name(name);
  change.mutable_server()->mutable_metadata()->set_feed(number);
  return change;
}
rest::Change gone(const std::string& name) {
  rest::Change change;
  change.set_kind("Server");
  change.set_name(name);
  change.set_deleted(true);
  return change;
}

TEST(ChangeView, shows_a_state_once_and_a_delete_of_what_was_shown) {
  ChangeView view(*find_kind("Server"));
  EXPECT_TRUE(view.is_news(server("r1", 3)));
  EXPECT_FALSE(view.is_news(server("r1", 3)));
  EXPECT_TRUE(view.is_news(server("r1", 4)));
  EXPECT_TRUE(view.is_news(gone("r1")));
  EXPECT_FALSE(view.is_news(gone("r1")));
  EXPECT_FALSE(view.is_news(gone("r2"))) << "it was never shown";
  EXPECT_TRUE(view.missing().empty());
}

TEST(ChangeView, finds_out_what_went_while_it_was_away) {
  ChangeView view(*find_kind("Server"));
  for (const char* name : {"r1", "r2", "r3"}) view.is_news(server(name, 3));
  view.begin_again();
  EXPECT_FALSE(view.is_news(server("r1", 3)));
  EXPECT_TRUE(view.is_news(server("r2", 5)));
  EXPECT_THAT(view.missing(), testing::ElementsAre("r3"));
  EXPECT_TRUE(view.missing().empty());
  EXPECT_FALSE(view.is_news(gone("r3")));
}

TEST(ChangeView, looks_at_one_object_alone_where_it_is_asked_to) {
  ChangeView view(*find_kind("Server"), "r1");
  EXPECT_FALSE(view.is_news(server("r2", 3)));
  EXPECT_TRUE(view.is_news(server("r1", 4)));
}

TEST(ChangeView, knows_deployments_by_their_id) {
  ChangeView view(*find_kind("Deployment"));
  rest::Change change;
  change.set_name("d1");
  change.mutable_deployment()->set_id("d1");
  change.mutable_deployment()->set_feed(7);
  EXPECT_TRUE(view.is_news(change));
  EXPECT_FALSE(view.is_news(change));
}

}  // namespace
}  // namespace metalmesh::cli
