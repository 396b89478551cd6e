// Logging in to BMCs as they are, and leaving no session behind.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/bmc/talk.h"

namespace metalmesh::bmc {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using namespace std::chrono_literals;

const std::string sessions = "/redfish/v1/SessionService/Sessions";

bool with_basic(const HttpRequest& request) { return request.basic; }

TEST(Session, IsOpenedUsedAndDeleted) {
  Talk talk;
  ASSERT_TRUE(talk.identify());
  EXPECT_TRUE(talk.login_accepted);
  EXPECT_EQ(talk.sessions.size(), 1U);
  ASSERT_TRUE(talk.close());
  EXPECT_THAT(talk.sessions, IsEmpty());
}

TEST(Session, OfAnEarlierLifeIsDeletedFirst) {
  Talk talk(redfish::Identity{Talk::uuid, Talk::serial, {}, {}}, {sessions + "/99"});
  talk.sessions.insert(sessions + "/99");
  ASSERT_TRUE(talk.open());
  EXPECT_THAT(talk.sessions, ElementsAre(sessions + "/1"));
}

/// A session as the BMC shows it.
std::string shown(const std::string& user, const std::string& origin, const std::string& created = {}) {
  return R"({"UserName":")" + user + R"(","ClientOriginIPAddress":")" + origin + R"(","CreatedTime":")" +
         created + "\"}";
}

struct LostLogin {
  explicit LostLogin(bool resumed) {
    talk.begin({}, resumed);
    talk.tree[sessions] =
        Talk::list({sessions + "/1", sessions + "/5", sessions + "/6", sessions + "/7", sessions + "/8"});
    talk.tree[sessions + "/1"] = shown("mesh", "10.20.0.5", "2026-11-30T10:00:09Z");  // ours
    talk.tree[sessions + "/5"] = shown("mesh", "10.20.0.5", "2026-11-30T10:00:01Z");
    talk.tree[sessions + "/6"] = shown("mesh", "10.20.0.9", "2026-11-30T10:00:01Z");
    talk.tree[sessions + "/7"] = shown("ann", "10.20.0.5", "2026-11-30T10:00:01Z");
    talk.tree[sessions + "/8"] = shown("mesh", "10.20.0.5", "2026-11-30T10:00:12Z");
    for (int i = 5; i <= 8; ++i) talk.sessions.insert(sessions + "/" + std::to_string(i));
  }
  [[nodiscard]] bool there(int number) const {
    return talk.sessions.contains(sessions + "/" + std::to_string(number));
  }
  Talk talk;
};

// An agent was killed while it logged in: nobody heard what that session is called.
TEST(Session, WhoseAnswerNobodyLivedToHearIsKnownByItsAccountAndItsAddress) {
  LostLogin lost(true);
  ASSERT_TRUE(lost.talk.open());
  EXPECT_FALSE(lost.there(5)) << "ours";
  EXPECT_TRUE(lost.there(6)) << "of the account, from elsewhere";
  EXPECT_TRUE(lost.there(7)) << "from here, of another account";
  EXPECT_TRUE(lost.there(8)) << "newer than ours: somebody else's";
  EXPECT_TRUE(lost.there(1));
}

TEST(Session, OfOthersAreNotLookedAtByOneWhoLostNone) {
  LostLogin none(false);
  ASSERT_TRUE(none.talk.open());
  EXPECT_TRUE(none.there(5));
}

TEST(Session, WhereTheBmcDoesNotTellWhoLoggedInNoneIsEnded) {
  LostLogin lost(true);
  lost.talk.tree[sessions + "/1"] = R"({"UserName":"mesh"})";
  ASSERT_TRUE(lost.talk.open());
  EXPECT_TRUE(lost.there(5));
}

TEST(Session, IsFoundByARelativeLocation) {
  Talk talk;
  talk.behaves["POST " + sessions] = [&](const auto&) {
    talk.sessions.insert(sessions + "/7");
    return Talk::reply(201, "", {{"x-auth-token", "t"}, {"location", "SessionService/Sessions/7"}});
  };
  ASSERT_TRUE(talk.open() && talk.close());
  EXPECT_THAT(talk.sessions, IsEmpty());
}

TEST(Session, IsOpenedByAnAnswerThatIsEmptyButForItsToken) {
  Talk talk;
  talk.behaves["POST " + sessions] = [&](const auto&) {
    talk.sessions.insert(sessions + "/7");
    return Talk::reply(204, "", {{"x-auth-token", "t"}});
  };
  talk.tree[sessions] = Talk::list({sessions + "/7"});
  ASSERT_TRUE(talk.open() && talk.close());
  EXPECT_THAT(talk.sessions, IsEmpty()) << "found in the list";
}

TEST(Session, WithoutALocationIsTheOneThatIsMarkedOrTheNewest) {
  for (const std::string& mine :
       {R"("Oem":{"Hpe":{"MySession":true}})", R"("CreatedTime":"2026-11-30T10:00:09Z")"}) {
    Talk talk;
    talk.behaves["POST " + sessions] = [&](const auto&) {
      talk.sessions = {sessions + "/3", sessions + "/7"};
      return Talk::reply(201, "{}", {{"x-auth-token", "t"}});
    };
    talk.tree[sessions] = Talk::list({sessions + "/3", sessions + "/7"});
    talk.tree[sessions + "/3"] = R"({"CreatedTime":"2026-11-30T10:00:00Z"})";
    talk.tree[sessions + "/7"] = "{" + mine + "}";
    ASSERT_TRUE(talk.open() && talk.close());
    EXPECT_THAT(talk.sessions, ElementsAre(sessions + "/3")) << "another one's, and alive: " << mine;
  }
}

TEST(Session, ThatNobodyNamesIsTold) {
  Talk talk;
  talk.behaves["POST " + sessions] = [&](const auto&) {
    return Talk::reply(201, "{}", {{"x-auth-token", "t"}});
  };
  ASSERT_TRUE(talk.open());
  EXPECT_THAT(talk.notes, Contains(HasSubstr("may still be open")));
}

TEST(Session, WhereThereAreNoneBasicIsUsed) {
  for (const int status : {404, 405, 501}) {
    Talk talk;
    talk.behaves["POST " + sessions] = [&](const auto&) { return Talk::reply(status); };
    ASSERT_TRUE(talk.identify()) << status;
    EXPECT_TRUE(talk.login_accepted);
    EXPECT_EQ(talk.login_refusals, 0);
    EXPECT_TRUE(with_basic(talk.requests.back()));
    EXPECT_TRUE(talk.requests.back().credential);
    ASSERT_TRUE(talk.close());
  }
}

TEST(Session, RefusedInFavourOfBasic) {
  Talk talk;
  talk.behaves["POST " + sessions] = [&](const auto&) {
    return Talk::reply(401, "", {{"www-authenticate", "Basic realm=\"bmc\""}});
  };
  ASSERT_TRUE(talk.identify());
  EXPECT_EQ(talk.login_refusals, 0);
  EXPECT_TRUE(with_basic(talk.requests.back()));
}

TEST(Session, RefusedBecauseTheServiceIsDisabled) {
  Talk talk;
  talk.behaves["POST " + sessions] = [&](const auto&) { return Talk::reply(401); };
  talk.tree["/redfish/v1/SessionService"] = R"({"ServiceEnabled":false})";
  ASSERT_TRUE(talk.identify());
  EXPECT_EQ(talk.login_refusals, 0);
}

TEST(Session, AWrongPasswordIsWrongOnce) {
  for (const bool words : {true, false}) {
    Talk talk;
    talk.behaves["POST " + sessions] = [&](const auto&) {
      return words ? Talk::words(400, "UnauthorizedLoginAttempt") : Talk::reply(401);
    };
    talk.tree["/redfish/v1/SessionService"] = R"({"ServiceEnabled":true})";
    EXPECT_FALSE(talk.open());
    ASSERT_TRUE(talk.trouble);
    EXPECT_EQ(talk.trouble->code, wire::BMC_LOGIN_REFUSED);
    EXPECT_EQ(talk.login_refusals, 1);
    EXPECT_EQ(std::ranges::count_if(talk.requests, [](const auto& request) { return !!request.credential; }),
              1);
  }
}

TEST(Session, AWrongPasswordForBasicCountsOnce) {
  Talk talk;
  talk.behaves["POST " + sessions] = [&](const auto&) { return Talk::reply(404); };
  talk.behaves["GET /redfish/v1/Systems"] = [&](const auto&) {
    return Talk::reply(401, "", {{"www-authenticate", "BASIC realm=\"bmc\""}});
  };
  EXPECT_FALSE(talk.connect());
  EXPECT_EQ(talk.trouble->code, wire::BMC_LOGIN_REFUSED);
  EXPECT_EQ(talk.login_refusals, 1);
}

TEST(Session, WhoHasNeitherSessionsNorBasicHasNotCalledThePasswordWrong) {
  Talk talk;
  talk.behaves["POST " + sessions] = [&](const auto&) { return Talk::reply(404); };
  talk.behaves["GET /redfish/v1/Systems"] = [&](const auto&) { return Talk::reply(401); };
  EXPECT_FALSE(talk.connect());
  EXPECT_EQ(talk.trouble->code, wire::BMC_PROTOCOL);
  EXPECT_EQ(talk.login_refusals, 0);
}

TEST(Session, ABusyBmcIsWaitedForAndCountsForNothing) {
  const std::vector<HttpReplied> busy = {
      Talk::words(400, "GeneralError"), Talk::words(400, "SWC0700", "iDRAC is not ready"),
      Talk::words(403, "ResourceExhaustion"), Talk::reply(503), Talk::words(503, "SessionLimitExceeded")};
  for (const HttpReplied& answer : busy) {
    Talk talk;
    int left = 3;
    talk.behaves["POST " + sessions] = [&](const auto&) {
      if (left-- > 0) return answer;
      return Talk::reply(201, "{}", {{"x-auth-token", "t"}, {"location", sessions + "/1"}});
    };
    EXPECT_TRUE(talk.open()) << answer.status << answer.body;
    EXPECT_EQ(talk.login_refusals, 0) << answer.body;
  }
}

TEST(Session, ABmcThatStaysBusyIsNamedWithItsWords) {
  Talk talk;
  talk.behaves["POST " + sessions] = [&](const auto&) {
    return Talk::words(400, "GeneralError", "try later");
  };
  EXPECT_FALSE(talk.open());
  ASSERT_TRUE(talk.trouble);
  EXPECT_EQ(talk.trouble->code, wire::BMC_PROTOCOL);
  EXPECT_THAT(talk.trouble->detail, HasSubstr("try later"));
  EXPECT_EQ(talk.login_refusals, 0);
}

TEST(Session, WhatAnAccountMayNotIsTold) {
  Talk talk;
  talk.behaves["POST " + sessions] = [&](const auto&) {
    return Talk::words(403, "AccessDenied", "not from here");
  };
  EXPECT_FALSE(talk.open());
  EXPECT_EQ(talk.trouble->code, wire::BMC_LOGIN_REFUSED);
  EXPECT_THAT(talk.trouble->detail, HasSubstr("not from here"));
  EXPECT_EQ(talk.login_refusals, 0) << "its password is not wrong";

  Talk change;
  change.behaves["POST " + sessions] = [&](const auto&) {
    return Talk::words(403, "PasswordChangeRequired", "change it");
  };
  EXPECT_FALSE(change.open());
  EXPECT_EQ(change.trouble->code, wire::BMC_PASSWORD_CHANGE_REQUIRED);
  EXPECT_THAT(change.trouble->detail, HasSubstr("change it"));
}

TEST(Session, AlsoWithBasicOrLaterOnTheBmcsWordsAreTold) {
  Talk talk;
  talk.behaves["GET /redfish/v1/Systems"] = [&](const auto&) {
    return Talk::words(403, "AccessDenied", "not you");
  };
  EXPECT_FALSE(talk.connect());
  EXPECT_THAT(talk.trouble->detail, HasSubstr("not you"));
}

TEST(Session, ThatIsLostIsOpenedAgainAndTheMachineIsIdentifiedAnew) {
  Talk talk;
  ASSERT_TRUE(talk.identify());
  bool once = true;
  talk.behaves["GET /redfish/v1/Systems/1"] = [&](const auto&) {
    return std::exchange(once, false) ? Talk::words(401, "NoValidSession")
                                      : Talk::reply(200, talk.tree["/redfish/v1/Systems/1"]);
  };
  EXPECT_TRUE(talk.dialogue.identified());
  talk.dialogue.forget_identity();
  EXPECT_TRUE(talk.identify());
  EXPECT_EQ(talk.times("POST " + sessions), 2);
}

struct NoTokenIsGood : testing::Test {
  NoTokenIsGood() {
    for (const char* path : {"/redfish/v1/Systems", "/redfish/v1/Systems/1"}) {
      talk.behaves["GET " + std::string(path)] = [this, path](const HttpRequest& request) {
        if (request.basic && basic_works) return Talk::reply(200, talk.tree[path]);
        return Talk::words(401, "NoValidSession");
      };
    }
  }
  Talk talk;
  bool basic_works = true;
};

TEST_F(NoTokenIsGood, BasicIsTriedSinceTheLoginHasShownThePasswordToBeRight) {
  ASSERT_TRUE(talk.identify()) << (talk.trouble ? talk.trouble->seen : "");
  EXPECT_TRUE(with_basic(talk.requests.back()));
  EXPECT_EQ(talk.login_refusals, 0);
  ASSERT_TRUE(talk.close());
  EXPECT_THAT(talk.sessions, IsEmpty()) << "those whose tokens were refused are deleted, too";
}

TEST_F(NoTokenIsGood, WhereBasicIsRefusedTooThatIsToldAndNoPasswordIsCalledWrong) {
  basic_works = false;
  EXPECT_FALSE(talk.identify());
  ASSERT_TRUE(talk.trouble);
  EXPECT_EQ(talk.trouble->code, wire::BMC_PROTOCOL);
  EXPECT_THAT(talk.trouble->seen, HasSubstr("Basic"));
  EXPECT_EQ(talk.login_refusals, 0);
  EXPECT_LE(talk.times("POST " + sessions), 5);
}

}  // namespace
}  // namespace metalmesh::bmc
