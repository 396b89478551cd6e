// apply, diff and import against a scripted controller: what is sent, what is told, what the process ends with.
#include <gmock/gmock.h>

#include <boost/json.hpp>

#include "controller/cli/csv.h"
#include "controller/cli/document_split.h"
#include "controller/cli/server_csv.h"
#include "tests/unit/cli/command_line_bench.h"

namespace metalmesh::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr char apply_target[] = "/api/v1/apply?dryRun=false&atomic=false";
constexpr char api[] = "apiVersion: metalmesh/v1\n";

class ApplyTest : public CommandLineTest {
 protected:
  void answer(const std::string& body, int status = 200, const std::string& target = apply_target) {
    controller_.answer("POST " + target, status, body);
  }
  std::vector<boost::json::value> lines(std::size_t request = 0) {
    std::vector<boost::json::value> out;
    const auto requests = controller_.requests();
    if (request >= requests.size()) return out;
    std::string_view body = requests[request].body;
    while (!body.empty()) {
      const auto end = body.find('\n');
      out.push_back(boost::json::parse(body.substr(0, end)));
      body.remove_prefix(end == std::string_view::npos ? body.size() : end + 1);
    }
    return out;
  }
};

TEST_F(ApplyTest, sends_all_in_one_request_in_order_with_the_token_and_names_the_next_step) {
  answer(R"({"taken":true,"results":[{"line":1,"kind":"Site","name":"par1","result":"created"},)"
         R"({"line":2,"kind":"Server","name":"r1","result":"changed"}]})");
  const std::string path = file("all.yaml", std::string(api) +
                                                "kind: Server\nmetadata: {name: r1, version: 7, ledger: a1}\n"
                                                "spec: {identity: {serial: 4E12345}}\n---\n" +
                                                api + "kind: Site\nmetadata: {name: par1}\n");
  EXPECT_EQ(metalmesh({"apply", "-f", path}), 0) << err_;
  EXPECT_EQ(out_,
            "Site par1 is created\nServer r1 is changed\n2 objects: 1 created, 1 changed\n"
            "next: metalmesh inspect r1 --wait\n");
  const auto requests = controller_.requests();
  ASSERT_EQ(requests.size(), 1U);
  std::string token = os::read_file(folder_ / "admin.token").value_or("");
  token.pop_back();
  EXPECT_EQ(ScriptedController::header(requests[0], "authorization"), "Bearer " + token);
  EXPECT_EQ(ScriptedController::header(requests[0], "content-type"), "application/x-ndjson");
  const auto sent = lines();
  ASSERT_EQ(sent.size(), 2U);
  EXPECT_EQ(sent[0].at("kind").as_string(), "Site");
  EXPECT_EQ(sent[1].at_pointer("/spec/identity/serial").as_string(), "4E12345");
  EXPECT_EQ(sent[1].at_pointer("/metadata/ledger").as_string(), "a1");
}

TEST_F(ApplyTest, tells_all_that_is_wrong_with_its_place_and_takes_the_rest) {
  answer(
      R"({"taken":true,"results":[{"line":1,"kind":"Site","name":"par1","result":"created"},)"
      R"({"line":2,"kind":"Server","name":"r1","result":"refused","field":"spec.identity.serial",)"
      R"("message":"duplicate serial","next":"correct it","warnings":["hostname h is also that of server r9"]}]})");
  const std::string path = file("all.yaml", std::string(api) + "kind: Site\nmetadata: {name: par1}\n---\n" +
                                                api + "kind: Server\nmetadata: {name: r1}\n---\n" + api +
                                                "kind: Server\nmetadata: {name: r2}\nspec: {sit: x}\n---\n" +
                                                api + "kind: Sevrer\n---\n" + api + "kind: [\n");
  EXPECT_EQ(metalmesh({"apply", "-f", path}), 1);
  EXPECT_EQ(lines().size(), 2U);
  EXPECT_THAT(out_, HasSubstr("5 objects: 1 created, 4 refused"));
  EXPECT_THAT(err_, HasSubstr("error: " + path +
                              ":5: Server r1: spec.identity.serial: duplicate serial\n  next: correct it\n"));
  EXPECT_THAT(err_, HasSubstr("warning: " + path + ":5: Server r1: hostname h is also"));
  EXPECT_THAT(err_, HasSubstr(path + ":12:"));
  EXPECT_THAT(err_, HasSubstr("did you mean \"site\""));
  EXPECT_THAT(err_, HasSubstr(path + ":15:"));
  EXPECT_THAT(err_, HasSubstr("did you mean \"Server\"")) << err_;
  EXPECT_THAT(err_, HasSubstr(path + ":1")) << "the last one is no YAML";
}

TEST_F(ApplyTest, takes_nothing_when_all_or_nothing_is_asked_for) {
  const std::string path = file("all.yaml", std::string(api) + "kind: Site\nmetadata: {name: par1}\n---\n" +
                                                api + "kind: Server\nmetadata: {name: r2}\nspec: {sit: x}\n");
  EXPECT_EQ(metalmesh({"apply", "-f", path, "--atomic"}), 1);
  EXPECT_TRUE(controller_.requests().empty());
  EXPECT_THAT(err_, HasSubstr("nothing was taken"));
  answer(R"({"status":422,"taken":false,"results":[{"line":1,"kind":"Site","name":"par1","result":"refused",)"
         R"("message":"no"}]})",
         422, "/api/v1/apply?dryRun=false&atomic=true");
  const std::string good = file("good.yaml", std::string(api) + "kind: Site\nmetadata: {name: par1}\n");
  EXPECT_EQ(metalmesh({"apply", "-f", good, "--atomic"}), 1);
  EXPECT_THAT(err_, HasSubstr(good + ":1: Site par1: no"));
  EXPECT_THAT(err_, HasSubstr("nothing was taken"));
}

TEST_F(ApplyTest, a_diff_shows_fields_and_its_exit_code_says_whether_there_are_any) {
  const std::string target = "/api/v1/apply?dryRun=true&atomic=false";
  const std::string path = file("one.yaml", std::string(api) + "kind: Site\nmetadata: {name: par1}\n");
  answer(
      R"({"dryRun":true,"taken":false,"results":[{"line":1,"kind":"Site","name":"par1","result":"changed",)"
      R"("changes":[{"field":"spec.timeZone","from":"\"a\"","to":"\"b\""}]}]})",
      200, target);
  EXPECT_EQ(metalmesh({"diff", "-f", path}), 4);
  EXPECT_EQ(out_, "Site par1 would be changed\n  - spec.timeZone: \"a\"\n  + spec.timeZone: \"b\"\n");
  answer(R"({"dryRun":true,"results":[{"line":1,"kind":"Site","name":"par1","result":"unchanged"}]})", 200,
         target);
  EXPECT_EQ(metalmesh({"diff", "-f", path}), 0);
  EXPECT_EQ(metalmesh({"apply", "--dry-run", "-f", path}), 0);
  EXPECT_THAT(out_, Not(HasSubstr("next:")));
}

TEST_F(ApplyTest, takes_what_get_prints_and_one_object_a_line) {
  answer(R"({"taken":true,"results":[]})");
  const std::string listed = file("listed.json", R"({
 "items": [
  {"apiVersion": "metalmesh/v1", "kind": "Server", "metadata": {"name": "r1", "version": 3},
   "spec": {"hostname": "a{b\"}"}, "status": {"phase": "ready"}},
  {"apiVersion": "metalmesh/v1", "kind": "Server", "metadata": {"name": "r2"}}
 ]
}
)");
  EXPECT_EQ(metalmesh({"apply", "-f", listed}), 0) << err_;
  ASSERT_EQ(lines().size(), 2U);
  EXPECT_EQ(lines()[0].at_pointer("/spec/hostname").as_string(), "a{b\"}");
  const std::string line = R"({"apiVersion":"metalmesh/v1","kind":"Server","metadata":{"name":"r)";
  const std::string each =
      file("each.ndjson", line + "1\"}}\n" + line + "2\"}}\n" + line + "3\"},\"sepc\":1}\n");
  EXPECT_EQ(metalmesh({"apply", "-f", each}), 1);
  EXPECT_EQ(lines(1).size(), 2U);
  EXPECT_THAT(err_, HasSubstr(each + ":3:"));
}

TEST_F(ApplyTest, long_files_go_in_several_requests) {
  answer(R"({"taken":true,"results":[]})");
  std::string text;
  for (int i = 0; i < 5001; ++i)
    text += "---\n" + std::string(api) + "kind: Server\nmetadata: {name: s" + std::to_string(i) + "}\n";
  EXPECT_EQ(metalmesh({"apply", "-f", file("long.yaml", text)}), 0) << err_;
  EXPECT_EQ(controller_.requests().size(), 2U);
  EXPECT_EQ(lines(0).size() + lines(1).size(), 5001U);
}

TEST_F(ApplyTest, imports_rows_and_says_only_what_they_say) {
  answer(R"({"taken":true,"results":[{"line":1,"kind":"Server","name":"r1","result":"created"},)"
         R"({"line":2,"kind":"Server","name":"r7","result":"refused","message":"no such site"}]})");
  const std::string path =
      file("servers.csv",
           "\xEF\xBB\xBFname,site,bmc,serial,hostname,credential,bmc_password,labels,protected,state\r\n"
           "r1,par1,10.0.0.1,007312,\"web,1\",bmc,,role=web;rack=r01,true,new\r\n"
           "# a remark\r\n"
           "r2,par1\r\n"
           "r3,par1,10.0.0.3,4E+12,,,,,,\r\n"
           "r4,par1,10.0.0.4,,,,,,maybe,\r\n"
           "r5,par1,10.0.0.5,,,,,role,,\r\n"
           "r6,,,,,,,,,\r\n"
           "r7,par9,,,,,,,,\r\n"
           "r6,,,,,,,,,\r\n");
  EXPECT_EQ(metalmesh({"import", path}), 1);
  const auto sent = lines();
  ASSERT_EQ(sent.size(), 2U) << err_;
  EXPECT_EQ(
      sent[0].at("fields").as_string(),
      "spec.site,spec.bmc.address,spec.identity.serial,spec.hostname,spec.bmc.credential,metadata.labels,"
      "spec.protected,spec.state");
  EXPECT_EQ(sent[0].at_pointer("/spec/identity/serial").as_string(), "007312");
  EXPECT_EQ(sent[0].at_pointer("/spec/hostname").as_string(), "web,1");
  EXPECT_EQ(sent[0].at_pointer("/metadata/labels/rack").as_string(), "r01");
  EXPECT_EQ(sent[1].at("fields").as_string(), "spec.site");
  for (const char* told :
       {":4: 2 cells, and the header has 10 columns", ":5: serial: 4E+12 is what a spreadsheet",
        ":6: protected: \"maybe\"", ":7: labels: \"role\" is no label", ":8: Server r6 is given twice",
        ":10: Server r6 is given twice", ":9: Server r7: no such site"})
    EXPECT_THAT(err_, HasSubstr(path + told));
  EXPECT_THAT(out_, HasSubstr("8 objects: 1 created, 7 refused"));
}

/// With its BMC's key a server is known ahead: nobody has to look at it at first contact.
TEST_F(ApplyTest, a_csv_brings_the_keys_of_bmcs) {
  const std::string key(64, 'a');
  answer(R"({"taken":true,"results":[{"line":1,"kind":"Server","name":"r1","result":"created"},)"
         R"({"line":2,"kind":"Server","name":"r2","result":"created"}]})");
  EXPECT_EQ(metalmesh({"import", file("servers.csv", "name,site,BMC_Key\nr1,par1," + key + "\nr2,par1,\n")}), 0)
      << err_;
  const auto sent = lines();
  ASSERT_EQ(sent.size(), 2U) << err_;
  EXPECT_EQ(sent[0].at_pointer("/spec/bmc/keySha256").as_string(), key);
  EXPECT_EQ(sent[0].at("fields").as_string(), "spec.site,spec.bmc.keySha256");
  EXPECT_EQ(sent[1].at("fields").as_string(), "spec.site") << "an empty cell takes no key away";
}

TEST_F(ApplyTest, passwords_are_in_no_request_and_on_no_screen) {
  const std::string path = file("servers.csv", "name,site,bmc_password\nr1,par1,\nr2,par1,S3cretWord\n");
  EXPECT_EQ(metalmesh({"import", path}), 1);
  EXPECT_TRUE(controller_.requests().empty());
  EXPECT_THAT(err_, HasSubstr(path + ":3: column bmc_password holds a password"));
  EXPECT_THAT(err_, HasSubstr("metalmesh-agent credential set NAME --username USER"));
  answer(R"({"taken":true,"results":[]})");
  EXPECT_EQ(metalmesh({"import", path, "--without-passwords"}), 0) << err_;
  EXPECT_THAT(controller_.requests().at(0).body, Not(HasSubstr("S3cret")));
  EXPECT_THAT(out_ + err_, Not(HasSubstr("S3cret")));
}

TEST_F(ApplyTest, a_header_that_is_not_understood_is_refused_with_what_was_meant) {
  EXPECT_EQ(metalmesh({"import", file("a.csv", "name,hostnam\nr1,h\n")}), 1);
  EXPECT_THAT(err_, HasSubstr("did you mean hostname?"));
  EXPECT_EQ(metalmesh({"import", file("b.csv", "name;site\nr1;par1\n")}), 1);
  EXPECT_THAT(err_, HasSubstr("separated by commas"));
  EXPECT_EQ(metalmesh({"import", file("c.csv", "site\npar1\n")}), 1);
  EXPECT_THAT(err_, HasSubstr("no column \"name\""));
  EXPECT_EQ(metalmesh({"import", file("d.csv", "")}), 1);
  EXPECT_EQ(metalmesh({"import", file("e.csv", "name\n")}), 1);
  EXPECT_EQ(metalmesh({"import"}), 2);
}

class GetTest : public CommandLineTest {
 protected:
  void SetUp() override {
    CommandLineTest::SetUp();
    controller_.answer(
        "GET /api/v1/servers?limit=200", 200,
        R"({"items":[{"metadata":{"name":"r1","labels":{"rack":"b, 2"}},"spec":{"site":"par1","bmc":{"address":"10.0.0.9"}},)"
        R"("status":{"facts":{"memory":"900"}}},{"metadata":{"name":"r2"},"spec":{"site":"lyo1"},)"
        R"("status":{"facts":{"memory":"1000"}}}]})");
  }
};

TEST_F(GetTest, shows_the_columns_that_are_asked_for_in_the_order_that_is) {
  EXPECT_EQ(metalmesh({"get", "servers", "--columns", "name,metadata.labels.rack", "-o", "csv"}), 0) << err_;
  EXPECT_EQ(out_, "NAME,metadata.labels.rack\r\nr1,\"b, 2\"\r\nr2,\r\n");
  EXPECT_EQ(metalmesh({"get", "servers", "--sort", "-status.facts.memory", "--columns", "name"}), 0) << err_;
  EXPECT_EQ(out_, "NAME\nr2\nr1\n") << "numbers as numbers";
  EXPECT_EQ(metalmesh({"get", "servers", "--sort", "site", "-o", "jsonpath={.items[*].metadata.name}"}), 0)
      << err_;
  EXPECT_EQ(out_, "r2 r1\n");
  EXPECT_EQ(metalmesh({"get", "servers", "-o", "wide"}), 0);
  EXPECT_THAT(out_, HasSubstr("10.0.0.9"));
  EXPECT_EQ(metalmesh({"get", "servers", "-o",
                       R"(jsonpath={range .items[*]}{.metadata.name}={.spec.site}{"\n"}{end})"}),
            0);
  EXPECT_EQ(out_, "r1=par1\nr2=lyo1\n\n");
  EXPECT_EQ(metalmesh({"get", "servers", "--columns", "nam"}), 1);
  EXPECT_THAT(err_, HasSubstr("\"nam\" is no column of servers: name, site"));
  for (const char* wrong :
       {"jsonpath={.items", "jsonpath={range .items}x", "jsonpath={end}", "jsonpath={.items[x]}"})
    EXPECT_EQ(metalmesh({"get", "servers", "-o", wrong}), 1) << wrong;
  EXPECT_EQ(metalmesh({"get", "servers", "-o", "xml"}), 2);
}

TEST_F(GetTest, fields_are_conditions) {
  controller_.answer(
      "GET /api/v1/sites?limit=200&where=any%20~%20x%2A%20and%20spec.timeZone%20%3D%20%22a%20b%22%20and%20"
      "metadata.name%20%21%3D%20%22c%22",
      200, R"({"items":[]})");
  EXPECT_EQ(metalmesh({"get", "sites", "--where", "any ~ x*", "--field", "spec.timeZone=a b", "--field",
                       "metadata.name!=c"}),
            0)
      << err_ << controller_.requests().back().target;
}

TEST_F(GetTest, events_by_time_and_type) {
  controller_.answer("GET /api/v1/events?limit=200&type=audit&since=2h&tail=5", 200, R"({"items":[]})");
  EXPECT_EQ(metalmesh({"events", "--type", "audit", "--since", "2h", "--tail", "5"}), 0) << err_;
  EXPECT_EQ(metalmesh({"events", "-f", "--tail", "5"}), 1);
  EXPECT_EQ(metalmesh({"events", "--tail", "0"}), 2);
}

TEST(Csv, ReadsWhatSpreadsheetsWrite) {
  const auto rows = parse_csv("a, b ,\"c \"\"d\"\"\ne\"\r\n\n,,\n\"\"\nlast", "f.csv");
  ASSERT_TRUE(rows) << rows.error().message;
  std::vector<std::pair<std::size_t, std::vector<std::string>>> read;
  for (const auto& row : *rows) read.emplace_back(row.line, row.cells);
  EXPECT_THAT(read, ElementsAre(std::pair(1U, std::vector<std::string>{"a", "b", "c \"d\"\ne"}),
                                std::pair(4U, std::vector<std::string>{"", "", ""}),
                                std::pair(6U, std::vector<std::string>{"last"})));
  for (const auto& [text, told] :
       {std::pair("a\n\"b", "f.csv:2: a quote is opened here"), std::pair("a\"b", "f.csv:1: a quote"),
        std::pair("\"a\"b", "f.csv:1: behind a closing quote"), std::pair("a\xff", "UTF-8")}) {
    const auto bad = parse_csv(text, "f.csv");
    ASSERT_FALSE(bad) << text;
    EXPECT_THAT(bad.error().message, HasSubstr(told));
  }
}

TEST(SplitDocuments, CutsWhereOneEnds) {
  const auto places = [](std::string_view text) {
    std::vector<std::pair<std::size_t, std::string>> out;
    for (const TextPart& part : split_documents(text)) out.emplace_back(part.line, part.text);
    return out;
  };
  EXPECT_THAT(places("a: |\n  x\n ---\n---\nb\n--- c\n----\n"),
              ElementsAre(std::pair(1U, "a: |\n  x\n ---\n"), std::pair(4U, "---\nb\n"),
                          std::pair(6U, "--- c\n----\n")));
  EXPECT_THAT(places("{\"items\": [{\"a\": \"]\"},\n {\"b\": [1, {}]}], \"next\": \"x\"}"),
              ElementsAre(std::pair(1U, "{\"a\": \"]\"}"), std::pair(2U, "{\"b\": [1, {}]}")));
  EXPECT_THAT(places("{\"kind\": \"x\", \"items\": [1]}"),
              ElementsAre(std::pair(1U, "{\"kind\": \"x\", \"items\": [1]}")));
  for (const char* broken : {"{", "{\"items\": [", "{\"items\": [{]", "{\"a\": \"\n\"}", "{a: b}", "{} x"})
    EXPECT_THAT(places(broken), ElementsAre(std::pair(1U, std::string(broken)))) << "left to a parser";
}

}  // namespace
}  // namespace metalmesh::cli
