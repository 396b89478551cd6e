// Every family that comes with the programs, end to end: an image as its vendor lays it out
// (golden/<family>/image), two orders, and byte for byte what the medium then differs in. SOURCES.md beside
// them names the document behind the lines that matter.
//
//   golden/<family>/image          what the probe would note: volume-id, files, texts
//   golden/<family>/<case>         order.yaml (a wire::Install), and template if the profile brings one
//   golden/<family>/<case>/medium  the changed files
// MM_GOLDEN_WRITE=1 writes the media anew; read the difference before it is committed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "agents/media/answer/medium_plan.h"
#include "common/adapters/family_files.h"
#include "common/text/filler/filler.h"

namespace metalmesh::media {
namespace {

namespace fs = std::filesystem;
using Files = std::map<std::string, std::string>;

std::string text_of(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::stringstream out;
  out << in.rdbuf();
  return std::move(out).str();
}

Files files_below(const fs::path& folder) {
  Files files;
  if (!fs::exists(folder)) return files;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file())
      files["/" + fs::relative(entry.path(), folder).string()] = text_of(entry.path());
  }
  return files;
}

wire::ImageFacts facts_of(const fs::path& image) {
  wire::ImageFacts facts;
  facts.set_patchable(true);
  std::getline(std::istringstream(text_of(image / "volume-id")) >> std::ws, *facts.mutable_volume_id());
  std::istringstream names(text_of(image / "files"));
  for (std::string name; std::getline(names, name);) facts.mutable_survey()->add_files(name);
  for (const auto& [path, content] : files_below(image / "texts")) {
    facts.mutable_survey()->add_files(path);
    wire::FileChange& text = *facts.mutable_survey()->add_texts();
    text.set_path(path);
    text.set_content(content);
  }
  return facts;
}

Files files_of(const MediumPlan& plan) {
  Files files;
  for (const wire::FileChange& change : plan.changes) files[change.path()] = change.content();
  return files;
}

void write_files(const fs::path& folder, const Files& files) {
  fs::remove_all(folder);
  for (const auto& [path, content] : files) {
    const fs::path file = folder / path.substr(1);
    fs::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << content;
  }
}

Result<MediumPlan> plan_case(const families::FamilyCatalogue& catalogue, const config::OsFamily& family,
                             const fs::path& folder, const wire::ImageFacts& facts) {
  auto order = read_yaml<wire::Install>(text_of(folder / "order.yaml"), folder.string() + "/order.yaml");
  if (!order) return std::unexpected(order.error());
  std::optional<answer::Callback> callback;
  if (order->proof().minimum() == wire::PROOF_CALLBACK)
    callback = {"https://192.0.2.5:8443/c/0123456789abcdef", "-----BEGIN CERTIFICATE-----\nTUlJ\n"};
  std::optional<answer::InstallerCheck> check;
  if (order->check() != wire::INSTALLER_CHECK_UNSPECIFIED)
    check = {"https://192.0.2.5:8443/v/0123456789abcdef", "-----BEGIN CERTIFICATE-----\nTUlJ\n",
             order->check() == wire::CHECK_REQUIRED};
  return plan_medium({.answer = {.family = family,
                                 .profile_template = text_of(folder / "template"),
                                 .variables = {order->variables().begin(), order->variables().end()},
                                 .host = order->host(),
                                 .packages = {order->packages().url(), false},
                                 .callback = std::move(callback),
                                 .check = std::move(check)},
                      .recognised = catalogue.recognise(facts)},
                     facts);
}

TEST(Families, MediaAreAsTheyWereReviewed) {
  const auto catalogue = adapters::load_families();
  ASSERT_TRUE(catalogue) << catalogue.error().message;
  const bool write = std::getenv("MM_GOLDEN_WRITE") != nullptr;
  for (const auto& [name, family] : catalogue->all()) {
    if (family.placeholder()) continue;
    const fs::path folder = fs::path(MM_GOLDEN_DIR) / name;
    ASSERT_TRUE(fs::exists(folder / "SOURCES.md")) << name;
    const wire::ImageFacts facts = facts_of(folder / "image");
    int cases = 0;
    for (const auto& entry : fs::directory_iterator(folder)) {
      if (!fs::exists(entry.path() / "order.yaml")) continue;
      ++cases;
      const auto plan = plan_case(*catalogue, family, entry.path(), facts);
      ASSERT_TRUE(plan) << entry.path() << ": " << plan.error().message;
      const Files made = files_of(*plan);
      if (write) write_files(entry.path() / "medium", made);
      const Files expected = files_below(entry.path() / "medium");
      for (const auto& [path, content] : made) {
        const auto found = expected.find(path);
        ASSERT_NE(found, expected.end()) << entry.path() << " has no " << path;
        EXPECT_EQ(content, found->second) << entry.path() << path;
      }
      EXPECT_EQ(made.size(), expected.size()) << entry.path();
    }
    EXPECT_GE(cases, 2) << name;
  }
}

TEST(Families, ThoseThatCannotShowTheirMachineSaySo) {
  const auto catalogue = adapters::load_families();
  ASSERT_TRUE(catalogue) << catalogue.error().message;
  std::set<std::string> silent;
  for (const auto& [name, family] : catalogue->all())
    if (answer::why_it_cannot_ask(family, "")) silent.insert(name);
  EXPECT_THAT(silent, testing::ElementsAre("agama", "bring-your-own", "esxi", "placeholder", "proxmox",
                                           "talos", "windows", "xcp-ng"));
  EXPECT_FALSE(answer::why_it_cannot_ask(*catalogue->find("placeholder"), "{{check.script}}\n"));
  EXPECT_TRUE(answer::why_it_cannot_ask(*catalogue->find("rhel"), "text\n"))
      << "its own template has no such step";
  EXPECT_FALSE(answer::why_it_cannot_ask(*catalogue->find("debian"), "d-i x\n")) << "a file beside it has";
}

TEST(Families, AnAnswerMediumTakesTheFilesAndLeavesTheBootEditsToTheImage) {
  const auto catalogue = adapters::load_families();
  ASSERT_TRUE(catalogue) << catalogue.error().message;
  config::OsFamily family = *catalogue->find("ubuntu");
  family.mutable_answer_medium()->set_label("CIDATA");
  const fs::path folder = fs::path(MM_GOLDEN_DIR) / "ubuntu";
  wire::ImageFacts facts = facts_of(folder / "image");
  const auto plan = plan_case(*catalogue, family, folder / "one-card", facts);
  ASSERT_TRUE(plan) << plan.error().message;
  ASSERT_TRUE(plan->second);
  EXPECT_EQ(plan->second->label(), "CIDATA");
  EXPECT_EQ(plan->second->format(), wire::SecondMedium::ISO);
  Files made = files_of(*plan);
  for (const wire::FileChange& file : plan->second->files()) made[file.path()] = file.content();
  EXPECT_EQ(plan->second->files_size(), 2);
  EXPECT_EQ(made, files_below(folder / "one-card/medium"));

  // An image that cannot be changed will do when nothing on it has to.
  family.clear_boot();
  facts.set_patchable(false);
  EXPECT_TRUE(plan_case(*catalogue, family, folder / "one-card", facts));
}

TEST(Families, AnOrderNamesAnotherEntry) {
  const auto catalogue = adapters::load_families();
  ASSERT_TRUE(catalogue) << catalogue.error().message;
  const auto boot = [&](const std::string& entry) {
    wire::Variable variable;
    variable.set_name("bootEntry");
    variable.set_value(entry);
    const auto plan = plan_medium({.answer = {.family = *catalogue->find("bring-your-own"),
                                              .profile_template = "x",
                                              .variables = {variable},
                                              .host = {},
                                              .packages = {},
                                              .callback = std::nullopt},
                                   .recognised = {}},
                                  facts_of(fs::path(MM_GOLDEN_DIR) / "debian/image"));
    return plan ? plan->boots.at(0).entry + ": " + plan->boots.at(0).ours : plan.error().message;
  };
  EXPECT_EQ(boot("*Expert*"),
            "Advanced options ... > ... Expert install: linux /install.amd/vmlinuz priority=low vga=788 ---");
  EXPECT_EQ(boot("Install"), "Install: linux /install.amd/vmlinuz vga=788 --- quiet");
  EXPECT_THAT(boot("Installa*"),
              testing::HasSubstr("its menus have \"Graphical install\", \"Install\", \"Advanced"));
}

TEST(Families, AnAnswerMediumSaysWhatItIs) {
  const auto wrong = [](void (*edit)(config::OsFamily&)) {
    config::OsFamily family;
    family.set_name("mine");
    family.add_files()->set_path("/ks.cfg");
    family.mutable_files(0)->set_format("kickstart");
    family.mutable_files(0)->set_main(true);
    family.mutable_answer_medium()->set_label("OEMDRV");
    edit(family);
    const auto fault = families::check_family(family);
    return fault ? fault->field : std::string();
  };
  EXPECT_EQ(wrong([](config::OsFamily&) {}), "");
  EXPECT_EQ(wrong([](config::OsFamily& f) { f.mutable_answer_medium()->clear_label(); }),
            "answerMedium.label");
  EXPECT_EQ(wrong([](config::OsFamily& f) { f.mutable_answer_medium()->set_format("udf"); }),
            "answerMedium.format");
  EXPECT_EQ(wrong([](config::OsFamily& f) { f.clear_files(), f.set_placeholder(true); }), "answerMedium");
}

/// The medium of the case `one-card` when the site serves the packages; its files as one text.
std::string with_site_packages(const std::string& name, const std::string& url) {
  const auto catalogue = adapters::load_families();
  EXPECT_TRUE(catalogue);
  const config::OsFamily& family = *catalogue->find(name);
  const fs::path folder = fs::path(MM_GOLDEN_DIR) / name;
  const wire::ImageFacts facts = facts_of(folder / "image");
  const fs::path file = folder / "one-card/order.yaml";
  auto order = read_yaml<wire::Install>(text_of(file), file.string());
  EXPECT_TRUE(order);
  const auto plan =
      plan_medium({.answer = {.family = family,
                              .profile_template = "",
                              .variables = {order->variables().begin(), order->variables().end()},
                              .host = order->host(),
                              .packages = {url, true},
                              .callback = std::nullopt},
                   .recognised = {}},
                  facts);
  if (!plan) return plan.error().message;
  std::string all;
  for (const auto& [path, content] : files_of(*plan)) all += content;
  return all;
}

TEST(Families, TakePackagesFromTheSiteWithoutACertificateTheyCouldCheck) {
  const std::string url = "https://192.0.2.5:8443/p/0123456789abcdef";
  struct Line {
    const char* family;
    std::string text;
    bool only_tls;
  };
  const std::vector<Line> lines = {
      {"rhel", "url --url=" + url + " --noverifyssl\n", true},
      {"autoyast", "install=" + url + " sslcerts=0", true},
      {"debian", "d-i mirror/https/hostname string 192.0.2.5:8443\n", true},
      {"debian", "d-i mirror/https/directory string /p/0123456789abcdef\n", true},
      {"debian", "d-i debian-installer/allow_unauthenticated boolean true\n", false},
      {"debian", "d-i debian-installer/allow_unauthenticated_ssl boolean true\n", true},
      {"debian", "sed -i 's/^deb/# deb/' /etc/apt/sources.list\n", false}};
  for (const Line& line : lines) {
    EXPECT_NE(with_site_packages(line.family, url).find(line.text), std::string::npos) << line.text;
    const bool also_plain =
        with_site_packages(line.family, "http://192.0.2.5:8080/p/0123456789abcdef").find(line.text) !=
        std::string::npos;
    EXPECT_EQ(also_plain, !line.only_tls) << line.text;
  }
  EXPECT_NE(with_site_packages("talos", url).find("not known to take packages from elsewhere"),
            std::string::npos);
}

TEST(Families, AProofThatCannotComeIsRefused) {
  const auto catalogue = adapters::load_families();
  ASSERT_TRUE(catalogue) << catalogue.error().message;
  const auto refusal = [&](const std::string& family, const std::string& tmpl, bool wanted) {
    MediumOrder order{.answer = {.family = *catalogue->find(family),
                                 .profile_template = tmpl,
                                 .variables = {},
                                 .host = {},
                                 .packages = {},
                                 .callback = std::nullopt},
                      .recognised = {}};
    if (wanted) order.answer.callback = {"http://192.0.2.5:8443/c/0123456789abcdef", ""};
    wire::ImageFacts facts;
    facts.set_patchable(true);
    facts.mutable_placeholder()->set_length(8192);
    const auto plan = plan_medium(std::move(order), facts);
    return plan ? std::string() : plan.error().message;
  };
  using testing::HasSubstr;
  EXPECT_THAT(refusal("proxmox", "", true), HasSubstr("does not make its systems call back"));
  EXPECT_THAT(refusal("proxmox", "", false), testing::Not(HasSubstr("call back")));
  EXPECT_THAT(refusal("bring-your-own", "text", true), HasSubstr("the template names neither callback_url"));
  EXPECT_EQ(refusal("bring-your-own", "text", false), "");
  EXPECT_EQ(refusal("bring-your-own", "{{callback.url}}", true), "");
  EXPECT_EQ(refusal("placeholder", "{{{callback.script}}}", true), "");
  EXPECT_NE(refusal("placeholder", "{{{callback.script}}}", false), "");
}

TEST(Families, EachRecognisesItsOwnImageAndNoOther) {
  const auto catalogue = adapters::load_families();
  ASSERT_TRUE(catalogue) << catalogue.error().message;
  for (const auto& [name, family] : catalogue->all()) {
    if (family.recognise().empty()) continue;
    const auto seen = catalogue->recognise(facts_of(fs::path(MM_GOLDEN_DIR) / name / "image"));
    EXPECT_EQ(seen, std::vector<std::string>{name});
  }
}

}  // namespace
}  // namespace metalmesh::media
