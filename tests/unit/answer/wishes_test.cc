// Nothing vanishes: every field of a host, for every family, is either in the answer or refused in words.
//
// common/families/FIELDS.md is the table of that; MM_GOLDEN_WRITE=1 writes it anew.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>

#include "common/adapters/family_files.h"
#include "common/answer/answer_order.h"
#include "tests/support/host_wishes.h"

namespace metalmesh::answer {
namespace {

using testing::HasSubstr;
using testing::Not;

const families::FamilyCatalogue& catalogue() {
  static const families::FamilyCatalogue all = *adapters::load_families();
  return all;
}

bool has_a_template(const config::OsFamily& family) {
  return std::ranges::any_of(family.files(),
                             [](const auto& file) { return file.main() && !file.template_().empty(); });
}

/// What a family cannot be without.
wire::Host least_host(const config::OsFamily& family) {
  wire::Host host;
  const config::Abilities& can = family.can();
  if (can.disk_required()) {
    const bool by_path = std::ranges::find(can.disk(), "path") != can.disk().end();
    by_path ? host.mutable_disk()->set_path("/dev/sda") : host.mutable_disk()->set_serial("S4EVNX0M0");
  }
  for (const std::string& need : can.needs()) {
    if (need == "domain") host.set_domain("example.net");
    if (need == "rootPassword") host.mutable_root()->set_password_hash("$6$leastleast$UiZikbV3VeeBPsg8");
  }
  return host;
}

AnswerOrder order_for(const config::OsFamily& family, wire::Host host, std::string own_template = "") {
  AnswerOrder order{.family = family,
                    .profile_template = std::move(own_template),
                    .variables = needed_variables(family.name()),
                    .host = std::move(host),
                    .packages = {},
                    .callback = std::nullopt};
  return order;
}

/// Everything that goes onto the medium for this order, or "refused: why".
std::string rendered(AnswerOrder order) {
  if (const auto reason = why_refused(order)) return "refused: " + *reason;
  const auto context = context_of(order, "LABEL");
  if (!context) return "error: " + context.error().message;
  const auto files = render_files(order, *context);
  if (!files) return "error: " + files.error().message;
  std::string all;
  for (const RenderedFile& file : *files) all += file.path + "\n" + file.text + "\n";
  for (const config::BootEdit& edit : order.family.boot()) {
    const auto arguments = render_arguments(edit, *context);
    if (!arguments) return "error: " + arguments.error().message;
    for (const std::string& argument : *arguments) all += argument + "\n";
  }
  return all;
}

std::string with(const config::OsFamily& family, const HostWish& wish, bool second) {
  wire::Host host = least_host(family);
  // A rule for the disk is one value; what the family needed is replaced by what is wished.
  if (wish.field.starts_with("disk")) host.clear_disk();
  wish.set(host, second);
  return rendered(order_for(family, host));
}

std::string cell(const config::OsFamily& family, const HostWish& wish) {
  const std::string one = with(family, wish, false);
  const std::string two = with(family, wish, true);
  const std::string what =
      wish.field + (wish.form.empty() ? "" : " (" + wish.form + ")") + ", family " + family.name();
  EXPECT_FALSE(one.starts_with("error")) << what << ": " << one;
  EXPECT_FALSE(two.starts_with("error")) << what << ": " << two;
  // An order that differs in whether a thing is wished at all may be refused with it alone.
  if (one.starts_with("refused") || two.starts_with("refused")) return "refused";
  // How the order calls a card that it knows by its MAC: some installers have no names for cards.
  const bool own_word = wish.form == "with a MAC";
  if (own_word && one == two) return "-";
  EXPECT_NE(one, two) << what << ": two values give one answer";
  EXPECT_NE(one, rendered(order_for(family, least_host(family)))) << what << ": it is lost";
  return "rendered";
}

std::string table() {
  std::vector<const config::OsFamily*> columns;
  for (const auto& [name, family] : catalogue().all()) {
    if (has_a_template(family)) columns.push_back(&family);
  }
  std::string out = "| below `host` | form |";
  std::string line = "|---|---|";
  for (const auto* family : columns) {
    out += " " + family->name() + " |";
    line += "---|";
  }
  out += "\n" + line + "\n";
  for (const HostWish& wish : host_wishes()) {
    out += "| `" + wish.field + "` | " + wish.form + " |";
    for (const auto* family : columns) out += " " + cell(*family, wish) + " |";
    out += "\n";
  }
  return out;
}

std::string file_text(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream out;
  out << in.rdbuf();
  return std::move(out).str();
}

TEST(Wishes, EveryFieldOfTheSchemaIsTried) {
  std::set<std::string> tried;
  for (const HostWish& wish : host_wishes()) tried.insert(wish.field);
  for (const std::string& leaf : leaves_of_host())
    EXPECT_TRUE(tried.contains(leaf)) << leaf << " is new: say in host_wishes.cc how it is wished";
}

TEST(Wishes, AreRenderedOrRefusedByEveryFamilyAsTheTableSays) {
  const std::string path = MM_FIELDS_MD;
  std::string page = file_text(path);
  const std::size_t begin = page.find("| below `host` |");
  ASSERT_NE(begin, std::string::npos);
  const std::string now = table();
  if (std::getenv("MM_GOLDEN_WRITE") != nullptr) {
    page = page.substr(0, begin) + now;
    std::ofstream(path, std::ios::binary) << page;
  }
  EXPECT_EQ(page.substr(begin), now);
}

TEST(Wishes, ThatATemplateOfOnesOwnDoesNotNameAreRefused) {
  const config::OsFamily& family = *catalogue().find("bring-your-own");
  for (const HostWish& wish : host_wishes()) {
    wire::Host host;
    wish.set(host, false);
    const std::string top = wish.field.substr(0, wish.field.find('.'));
    if (host.ByteSizeLong() == 0 || top == "users") continue;
    EXPECT_THAT(rendered(order_for(family, host, "text\n")), HasSubstr("refused: host." + top)) << wish.field;
  }
  wire::Host host;
  host.add_ntp("10.0.0.1");
  host.set_domain("acme.net");
  EXPECT_THAT(rendered(order_for(family, host, "{{host.fqdn}}\n")), HasSubstr("{{! host.ntp }}"));
  EXPECT_EQ(rendered(order_for(family, host, "{{host.fqdn}} {{! host.ntp is the site's own }}\n")),
            "/metalmesh/answer\nweb-1.acme.net \n\n");
  EXPECT_THAT(rendered(order_for(family, host, "{{#host}}{{fqdn}}{{/host}}\n")), HasSubstr("web-1.acme.net"));
}

std::string refusal(const char* family, const std::function<void(wire::Host&)>& edit,
                    const char* hostname = "web-1") {
  const config::OsFamily& of = *catalogue().find(family);
  wire::Host host = least_host(of);
  edit(host);
  AnswerOrder order = order_for(of, host);
  order.variables[0].set_value(hostname);
  return rendered(order);
}

void static_card(wire::Host& host) {
  wire::Link& card = *host.mutable_network()->add_links();
  card.set_name("lan0");
  card.set_mac("ac:1f:6b:00:00:01");
  card.add_addresses("10.0.0.5/24");
}

TEST(Wishes, ARefusalSaysWhatIsMissingAndWhatToDo) {
  const auto nothing = [](wire::Host&) {};
  EXPECT_THAT(
      refusal("proxmox", static_card),
      HasSubstr("needs a gateway beside a static address (host.network.links[].gateways), and a DNS server"));
  EXPECT_THAT(refusal("proxmox", [](wire::Host& h) { h.clear_domain(); }),
              HasSubstr("a domain for its host name"));
  EXPECT_THAT(refusal(
                  "proxmox", [](wire::Host& h) { h.clear_domain(); }, "web-1.acme.net"),
              HasSubstr("fqdn = \"web-1.acme.net\""));
  EXPECT_THAT(refusal("proxmox", [](wire::Host& h) { h.clear_root(); }),
              HasSubstr("needs a password of root"));
  EXPECT_THAT(refusal("esxi", [](wire::Host& h) { h.clear_root(); }), HasSubstr("needs a password of root"));
  EXPECT_THAT(refusal("proxmox", nothing), HasSubstr("timezone = \"UTC\""));
  EXPECT_THAT(refusal("windows", nothing, "a-name-of-16-chr"), HasSubstr("at most 15 characters"));
  EXPECT_THAT(refusal("windows", nothing, "12345"), HasSubstr("digits alone"));
  EXPECT_THAT(refusal("windows", [](wire::Host& h) { h.set_locale("C.UTF-8"); }),
              HasSubstr("such as de_DE.UTF-8"));
  EXPECT_THAT(refusal("windows", [](wire::Host& h) { h.set_timezone("UTC"); }),
              HasSubstr("its variable windowsTimeZone"));
  EXPECT_THAT(refusal("esxi", [](wire::Host& h) { h.set_keyboard("de"); }),
              HasSubstr("its variable keyboard"));
  EXPECT_THAT(
      refusal("rhel",
              [](wire::Host& h) { static_card(h), h.mutable_network()->mutable_links(0)->set_name("eth0"); }),
      HasSubstr("choose another (lan0)"));
  EXPECT_THAT(refusal("debian", [](wire::Host& h) { h.add_packages("-vim"); }),
              HasSubstr("plain names of packages"));
}

TEST(Wishes, SeveralMarksOfADiskAreRefusedWhereTheInstallerLooksForOne) {
  const auto two = [](const char* first, wire::Host& h) {
    h.clear_disk();
    h.mutable_disk()->set_wwn("0x5000c500a1b2c3d4");
    if (first == std::string_view("path"))
      h.mutable_disk()->set_path("/vmfs/devices/disks/mpx.vmhba0:C0:T0:L0");
    if (first == std::string_view("serial")) h.mutable_disk()->set_serial("S4EVNX0M0");
  };
  for (const auto& [family, first] : {std::pair("esxi", "path"), std::pair("proxmox", "serial")}) {
    EXPECT_THAT(refusal(family, [&](wire::Host& h) { two(first, h); }),
                HasSubstr("refused: family " + std::string(family) +
                          " finds a disk by one mark alone, and host.disk has " + first +
                          " and wwn: keep one of them"));
    EXPECT_THAT(refusal(family, [&](wire::Host& h) { two("", h); }), Not(HasSubstr("one mark alone")));
  }
  EXPECT_THAT(refusal("rhel", [&](wire::Host& h) { two("serial", h); }), Not(HasSubstr("refused")))
      << "its script looks for all of them";
}

TEST(Wishes, NvmeDisksKeepTheirPrefixWhereTheInstallerNamesDisksByIt) {
  const auto nvme = [](wire::Host& h) {
    h.clear_disk();
    h.mutable_disk()->set_wwn("EUI.0025385B71B0A1C2");
  };
  EXPECT_THAT(refusal("esxi", nvme), HasSubstr("--disk=/vmfs/devices/disks/eui.0025385b71b0a1c2"));
  EXPECT_THAT(refusal("rhel", nvme), HasSubstr("(0x|naa\\.|eui\\.)?0025385b71b0a1c2"));
}

}  // namespace
}  // namespace metalmesh::answer
