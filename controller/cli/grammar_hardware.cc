#include "controller/cli/grammar.h"

namespace metalmesh::cli {

void Grammar::hardware() {
  CLI::App& type = group("hardware-type", "What servers of one model are made of");
  auto [capture, c] =
      command(type, "capture", "Make a type of a server that is as it should be",
              [](Session& s, const Arguments& x) { return capture_hardware_type(s, x.hardware); });
  capture->add_option("name", c->hardware.type, "Of the new type")->required();
  capture->add_option("--from", c->hardware.server, "The server, once it was inspected")
      ->required()
      ->type_name("SERVER");
  capture
      ->add_option(
          "--role", c->hardware.roles,
          "root=PLACE, SERIAL or WWN of a drive or volume, prod0=NAME or MAC of a card; may be repeated")
      ->allow_extra_args(false)
      ->type_name("ROLE=WHAT");
  capture->add_flag("--must", c->hardware.must, "Servers that differ in any fact are left out of installs");
  capture->footer(
      "Places are as BMCs name them: metalmesh describe server NAME. What comes of it is an object: look at "
      "it with\n"
      "metalmesh get hardware-types NAME -o yaml, and change it with metalmesh apply -f FILE");
}

}  // namespace metalmesh::cli
