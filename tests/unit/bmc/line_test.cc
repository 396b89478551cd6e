// How requests travel: redirects, connections, encodings, slow and damaged answers, tasks.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/bmc/talk.h"

namespace metalmesh::bmc {
namespace {

using testing::HasSubstr;
using namespace std::chrono_literals;

const std::string sessions = "/redfish/v1/SessionService/Sessions";
const std::string system_1 = "/redfish/v1/Systems/1";

std::string header_of(const HttpRequest& request, const std::string& name) {
  for (const auto& [key, value] : request.headers)
    if (key == name) return value;
  return {};
}

TEST(Line, ARedirectIsFollowedWithAnyMethodAndRemembered) {
  for (const int status : {301, 302, 307, 308}) {
    Talk talk;
    for (const std::string& path : {sessions, system_1}) {
      for (const char* method : {"GET ", "POST ", "PATCH "})
        talk.behaves[method + path] = [&, path](const auto&) {
          return Talk::reply(status, "", {{"location", "https://ilo.internal" + path + "/"}});
        };
    }
    talk.behaves["POST " + sessions + "/"] = [](const HttpRequest& request) {
      EXPECT_TRUE(request.credential);
      return Talk::reply(201, "{}", {{"x-auth-token", "t"}, {"location", sessions + "/7"}});
    };
    talk.tree[system_1 + "/"] = talk.tree[system_1];
    ASSERT_TRUE(talk.identify()) << status;
    talk.dialogue.forget_identity();
    ASSERT_TRUE(talk.identify());
    EXPECT_EQ(talk.times("GET " + system_1), 1) << status << ": asked there once";
    EXPECT_EQ(talk.times("GET " + system_1 + "/"), 2);
  }
}

TEST(Line, ARedirectToAnotherPortIsNotFollowedAndNamesWhereItPoints) {
  Talk talk;
  talk.behaves["GET /redfish/v1/"] = [](const auto&) {
    return Talk::reply(301, "", {{"location", "https://10.0.0.7:8443/redfish/v1/"}});
  };
  EXPECT_FALSE(talk.open());
  ASSERT_TRUE(talk.trouble);
  EXPECT_EQ(talk.trouble->code, wire::BMC_PROTOCOL);
  EXPECT_THAT(talk.trouble->seen, HasSubstr("https://10.0.0.7:8443/redfish/v1/"));
  EXPECT_EQ(talk.asked.size(), 1U);
}

TEST(Line, RedirectsThatGoRoundEnd) {
  Talk talk;
  talk.behaves["GET /redfish/v1/"] = [](const auto&) {
    return Talk::reply(302, "", {{"location", "/redfish/v1"}});
  };
  talk.behaves["GET /redfish/v1"] = [](const auto&) {
    return Talk::reply(302, "", {{"location", "/redfish/v1/"}});
  };
  EXPECT_FALSE(talk.open());
  ASSERT_TRUE(talk.trouble);
  EXPECT_LT(talk.asked.size(), 8U);
}

TEST(Line, WhoeverRefusesToReplyUncompressedIsAskedForGzip) {
  Talk talk;
  for (const auto& [path, body] : talk.tree) {
    talk.behaves["GET " + path] = [body](const HttpRequest& request) {
      return header_of(request, "Accept-Encoding") == "identity" ? Talk::reply(406) : Talk::reply(200, body);
    };
  }
  EXPECT_TRUE(talk.identify());
  EXPECT_EQ(std::ranges::count_if(talk.requests,
                                  [](const HttpRequest& request) {
                                    return header_of(request, "Accept-Encoding") == "identity";
                                  }),
            1);
}

TEST(Line, ConnectionsThatAreCutWhenUsedAgainAreUsedOnce) {
  Talk talk;
  ASSERT_TRUE(talk.identify());
  talk.behaves["GET " + system_1] = [&](const HttpRequest& request) -> std::variant<HttpReplied, HttpFailed> {
    if (!request.last) return Talk::failed(HttpFailure::dropped);
    return Talk::reply(200, talk.tree[system_1]);
  };
  talk.dialogue.forget_identity();
  EXPECT_TRUE(talk.identify());
  EXPECT_EQ(talk.times("GET " + system_1), 3) << "one reading, one cut, one over a connection of its own";
}

TEST(Line, AnUnansweredCallIsUnknownAndNotSentAgain) {
  Talk talk;
  ASSERT_TRUE(talk.identify());
  talk.behaves["POST " + system_1 + "/Actions/ComputerSystem.Reset"] = [](const auto&) {
    return Talk::failed(HttpFailure::dropped);
  };
  const auto answer = talk.act(Ask::reset, redfish::reset(talk.dialogue.system()->reset, "On"));
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->kind, Answer::Kind::unknown);
  EXPECT_EQ(talk.times("POST " + system_1 + "/Actions/ComputerSystem.Reset"), 1);
}

TEST(Line, AnActionThatIsNoLongerThereIsNotSentAnywhere) {
  Talk talk;
  ASSERT_TRUE(talk.identify());
  talk.tree[system_1] = R"({"@odata.id":"/redfish/v1/Systems/1","UUID":")" + std::string(Talk::uuid) +
                        R"(","SerialNumber":")" + Talk::serial + R"(","PowerState":"Off","Actions":{}})";
  talk.ask([&](Turn& turn) {
    talk.dialogue.look_again(turn, 1s);
    return Verdict::done;
  });
  talk.now.mono += 2s;
  ASSERT_TRUE(talk.ask([&](Turn& turn) { return talk.dialogue.look(turn) ? Verdict::done : Verdict::busy; }));
  const std::size_t before = talk.asked.size();
  EXPECT_FALSE(talk.act(Ask::reset, redfish::reset(talk.dialogue.system()->reset, "On")));
  ASSERT_TRUE(talk.trouble);
  EXPECT_EQ(talk.trouble->code, wire::BMC_PROTOCOL);
  EXPECT_EQ(talk.asked.size(), before);
}

TEST(Line, OneReadingThatTakesFortySecondsIsNoUnreachableBmc) {
  Talk talk;
  talk.behaves["GET " + system_1] = [&](const HttpRequest& request) -> std::variant<HttpReplied, HttpFailed> {
    talk.now.mono += std::min<Duration>(request.timeout, 40s);
    if (request.timeout < 40s) return Talk::failed(HttpFailure::timed_out);
    return Talk::reply(200, talk.tree[system_1]);
  };
  EXPECT_TRUE(talk.identify()) << (talk.trouble ? talk.trouble->seen : "");
}

TEST(Line, ASilentBmcIsGivenUpInTime) {
  Talk talk;
  talk.behaves["GET /redfish/v1/"] = [&](const auto&) { return Talk::failed(HttpFailure::refused); };
  const MonoTime began = talk.now.mono;
  EXPECT_FALSE(talk.open());
  ASSERT_TRUE(talk.trouble);
  EXPECT_EQ(talk.trouble->code, wire::BMC_UNREACHABLE);
  EXPECT_GE(talk.now.mono - began, 45s);
  EXPECT_LT(talk.now.mono - began, 90s);
}

TEST(Line, DamagedJsonNamesByteAndPath) {
  Talk talk;
  talk.tree[system_1] = R"({"UUID":"x","@odata.etag":"W/"123""})";
  EXPECT_FALSE(talk.connect());
  ASSERT_TRUE(talk.trouble);
  EXPECT_THAT(talk.trouble->seen, HasSubstr("invalid JSON at byte "));
  EXPECT_THAT(talk.trouble->seen, HasSubstr(system_1));
}

TEST(Line, OneByteInAnotherEncodingOrAByteOrderMarkLosesNothing) {
  Talk talk;
  talk.tree[system_1].insert(1, "\"Name\":\"Gro\xDF\",");
  talk.tree["/redfish/v1/Systems"].insert(0, "\xEF\xBB\xBF");
  ASSERT_TRUE(talk.identify()) << talk.trouble->seen;
  EXPECT_EQ(talk.dialogue.system()->name, "Gro\xEF\xBF\xBD");
}

TEST(Line, ACompletedTaskThatIsCriticalIsARefusalInItsOwnWords) {
  Talk talk;
  ASSERT_TRUE(talk.identify());
  talk.behaves["POST " + system_1 + "/Actions/ComputerSystem.Reset"] = [](const auto&) {
    return Talk::reply(202, "", {{"location", "/redfish/v1/TaskService/Tasks/1"}});
  };
  talk.tree["/redfish/v1/TaskService/Tasks/1"] =
      R"({"TaskState":"Completed","TaskStatus":"Critical","Messages":[{"MessageId":"X.1.0.NoImage","Message":"unable to reach the image"}]})";
  const auto answer = talk.act(Ask::reset, redfish::reset(talk.dialogue.system()->reset, "On"));
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->kind, Answer::Kind::refused);
  EXPECT_THAT(answer->error.text(), HasSubstr("unable to reach the image"));
}

TEST(Line, ATaskThatIsPendingUntilAResetIsNotWaitedFor) {
  Talk talk;
  ASSERT_TRUE(talk.identify());
  talk.behaves["PATCH " + system_1] = [](const auto&) {
    return Talk::reply(202, "", {{"location", "/redfish/v1/TaskService/Tasks/1"}});
  };
  talk.tree["/redfish/v1/TaskService/Tasks/1"] = R"({"TaskState":"Pending"})";
  const MonoTime began = talk.now.mono;
  const auto answer = talk.act(Ask::boot, redfish::boot_once(*talk.dialogue.system(), true, {}));
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->kind, Answer::Kind::accepted);
  EXPECT_LT(talk.now.mono - began, 30s);
  EXPECT_THAT(talk.notes, testing::Contains(HasSubstr("pending")));
}

TEST(Line, TheWordsOfWhatWasAcceptedOrUnclearAreKept) {
  Talk talk;
  ASSERT_TRUE(talk.identify());
  for (const int status : {200, 500}) {
    talk.behaves["POST " + system_1 + "/Actions/ComputerSystem.Reset"] = [status](const auto&) {
      return Talk::words(status, "SYS446", "cannot reach the share");
    };
    const auto answer = talk.act(Ask::reset, redfish::reset(talk.dialogue.system()->reset, "On"));
    ASSERT_TRUE(answer);
    EXPECT_THAT(answer->error.text(), HasSubstr("cannot reach the share")) << status;
  }
}

}  // namespace
}  // namespace metalmesh::bmc
