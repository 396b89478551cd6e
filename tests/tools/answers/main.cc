// Writes answers of generated orders into a folder, for judges of other tongues (judge.py).
//   mm_answers --family rhel --orders 50 --seed 7 --out FOLDER
// FOLDER/<number>/<path of the file>, FOLDER/<number>.arguments, FOLDER/<number>.host (the order, as JSON), and FOLDER/refused
// for those that are refused.
// The first orders are every wish alone, then all pairs of wishes, then as many at random as are left.
#include <google/protobuf/util/json_util.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

#include "common/adapters/family_files.h"
#include "common/answer/answer_order.h"
#include "common/base/random.h"
#include "tests/support/host_wishes.h"
#include "tests/tools/answers/host_merge.h"

namespace metalmesh::answer {
namespace {

namespace fs = std::filesystem;

struct Options {
  std::string family;
  std::size_t orders = 50;
  std::uint64_t seed = 1;
  fs::path out;
};

/// What people write, and what a syntax may choke on.
std::string odd_text(Random& random, std::size_t longest) {
  static const std::vector<std::string> pieces = {"a", "Z", "0", " ", "'",   "\"", "\\", "$x",  "`id`", "#",
                                                  "%", "&", "<", ">", "]]>", "{",  "}",  "[",   "ü",    "東",
                                                  "=", ",", ";", "!", "*",   "~",  "|",  "-- ", "//"};
  std::string out = "x";
  for (std::size_t left = random.next() % longest; left > 0; --left)
    out += pieces[random.next() % pieces.size()];
  return out;
}

void spice(wire::Host& host, Random& random) {
  for (wire::User& user : *host.mutable_users()) {
    std::string name = odd_text(random, 12);
    std::erase(name, ':');
    user.set_full_name(name);
    if (user.ssh_keys_size() > 0)
      user.set_ssh_keys(0, "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIG9uZQ " + odd_text(random, 8));
  }
  if (!host.scripts().post().empty())
    host.mutable_scripts()->set_post("echo '" + std::to_string(random.next()) + " ü $x'\n");
}

class Orders {
 public:
  Orders(const config::OsFamily& family, Random& random) : family_(family), random_(random) {}

  wire::Host host(std::size_t number) {
    const auto& wishes = host_wishes();
    const std::size_t alone = 2 * wishes.size();
    if (number < alone) return with({number / 2}, number % 2 != 0);
    number -= alone;
    const std::size_t pairs = wishes.size() * (wishes.size() - 1) / 2;
    if (number < pairs && !sparse_) return pair(number);
    std::vector<std::size_t> chosen;
    for (std::size_t left = 2 + random_.next() % 8; left > 0; --left)
      chosen.push_back(random_.next() % wishes.size());
    wire::Host host = with(chosen, random_.next() % 2 != 0);
    spice(host, random_);
    return host;
  }
  /// Too few orders for all pairs: after each wish alone, only random ones.
  void sparse(bool yes) { sparse_ = yes; }

 private:
  wire::Host pair(std::size_t number) {
    std::size_t first = 0;
    for (std::size_t row = host_wishes().size() - 1; number >= row; --row, ++first) number -= row;
    return with({first, first + 1 + number}, random_.next() % 2 != 0);
  }

  wire::Host with(const std::vector<std::size_t>& chosen, bool second) const {
    wire::Host host;
    const config::Abilities& can = family_.can();
    for (const std::string& need : can.needs()) {
      if (need == "domain") host.set_domain("example.net");
      if (need == "rootPassword") host.mutable_root()->set_password_hash("$6$leastleast$UiZikbV3VeeBPsg8");
    }
    for (const std::size_t each : chosen) {
      wire::Host wish;
      host_wishes()[each].set(wish, second);
      merge_wish(host, wish);
    }
    if (can.disk_required() && !host.has_disk()) {
      const bool by_path = std::ranges::find(can.disk(), "path") != can.disk().end();
      by_path ? host.mutable_disk()->set_path("/dev/sda") : host.mutable_disk()->set_serial("S4EVNX0M0");
    }
    return host;
  }

  const config::OsFamily& family_;
  Random& random_;
  bool sparse_ = false;
};

void write(const fs::path& file, const std::string& text) {
  fs::create_directories(file.parent_path());
  std::ofstream(file, std::ios::binary) << text;
}

/// Every third one shows its machine, every other of those calls back with the key.
void add_check(AnswerOrder& order, std::size_t number) {
  if (number % 3 != 0) return;
  order.check = InstallerCheck{"https://192.0.2.5:8443/v/0123456789abcdef",
                               "-----BEGIN CERTIFICATE-----\nTUlJ\n", false};
  if (number % 2 == 0 && order.family.can().callback())
    order.callback = Callback{"https://192.0.2.5:8443/c/0123456789abcdef", order.check->ca};
}

Status write_order(const config::OsFamily& family, wire::Host host, std::size_t number,
                   const fs::path& folder, std::ofstream& refused) {
  AnswerOrder order{.family = family,
                    .profile_template = "",
                    .variables = needed_variables(family.name()),
                    .host = std::move(host),
                    .packages = {},
                    .callback = std::nullopt};
  add_check(order, number);
  if (const auto reason = why_refused(order)) {
    refused << *reason << "\n";
    return {};
  }
  std::string ordered;
  google::protobuf::util::JsonPrintOptions names;
  names.preserve_proto_field_names = true;
  if (!google::protobuf::util::MessageToJsonString(order.host, &ordered, names).ok())
    return fail(ErrorKind::corrupt, "the host is no JSON");
  write(folder.string() + ".host", ordered);
  const auto context = context_of(order, "LABEL");
  if (!context) return std::unexpected(context.error());
  const auto files = render_files(order, *context);
  if (!files) return std::unexpected(files.error());
  for (const RenderedFile& file : *files) write(folder / file.path.substr(1), file.text);
  std::string all;
  for (const config::BootEdit& edit : family.boot()) {
    const auto arguments = render_arguments(edit, *context);
    if (!arguments) return std::unexpected(arguments.error());
    for (const std::string& argument : *arguments) all += argument + "\n";
  }
  write(folder.string() + ".arguments", all);
  return {};
}

int run(const Options& options) {
  const auto catalogue = adapters::load_families();
  const config::OsFamily* family = catalogue ? catalogue->find(options.family) : nullptr;
  if (family == nullptr) {
    std::cerr << (catalogue ? catalogue->unknown(options.family) : catalogue.error().message) << "\n";
    return 2;
  }
  Random random(options.seed);
  Orders orders(*family, random);
  orders.sparse(options.orders < 1000);
  fs::create_directories(options.out);
  std::ofstream refused(options.out / "refused");
  std::size_t written = 0;
  // Refused orders are none: as many are made as were asked for. A family that can say little refuses 99 of 100.
  for (std::size_t number = 0; written < options.orders && number < 1000 * options.orders; ++number) {
    const fs::path folder = options.out / std::to_string(number);
    if (auto done = write_order(*family, orders.host(number), number, folder, refused); !done) {
      std::cerr << family->name() << ", seed " << options.seed << ", order " << number << ": "
                << done.error().message << "\n";
      return 1;
    }
    written += fs::exists(folder) ? 1 : 0;
  }
  std::cout << written << "\n";
  return 0;
}

}  // namespace
}  // namespace metalmesh::answer

int main(int argc, char** argv) {
  metalmesh::answer::Options options;
  CLI::App app("Writes answers of generated orders.");
  app.add_option("--family", options.family)->required();
  app.add_option("--orders", options.orders);
  app.add_option("--seed", options.seed);
  app.add_option("--out", options.out)->required();
  CLI11_PARSE(app, argc, argv);
  return metalmesh::answer::run(options);
}
