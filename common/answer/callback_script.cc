#include "common/answer/callback_script.h"

#include "common/answer/installer_check.h"
#include "common/answer/text_format.h"

namespace metalmesh::answer {
namespace {

constexpr char program_path[] = "/etc/metalmesh-callback";
constexpr char unit_name[] = "metalmesh-callback.service";

std::string here_document(const std::string& mark, const std::string& text) {
  return "<<'" + mark + "'\n" + text + (text.ends_with('\n') ? "" : "\n") + mark + "\n";
}

/// A small system has one of the three. A card may need its time to come up, and a clock its time to be set,
/// before the certificate is valid; what is not taken within two hours will not be.
std::string program(const Callback& callback, bool shows_key) {
  std::string out = "#!/bin/sh\n# Tells metalmesh that this system runs, then removes itself.\nurl=" +
                    shell_word(callback.url) + "\n";
  out += callback.ca.empty() ? "ca=\n"
                             : "ca=$(mktemp) && cat > \"$ca\" " + here_document("END_OF_CA", callback.ca);
  const std::string file = shows_key ? std::string(" ") + system_key_path : std::string();
  out += shows_key ? "says=\"booted $(cat" + file + ")\"\n" : "says=booted\n";
  return out + R"sh(call() {
  if command -v curl > /dev/null; then
    curl --fail --silent --show-error --max-time 30 ${ca:+--cacert "$ca"} --data "$says" "$url"
  elif command -v wget > /dev/null; then
    wget --no-verbose --tries=1 --timeout=30 ${ca:+--ca-certificate="$ca"} --post-data="$says" --output-document=/dev/null "$url"
  else
    python3 -c '
import ssl, sys, urllib.request
trust = ssl.create_default_context(cafile=sys.argv[2]) if sys.argv[2] else None
urllib.request.urlopen(urllib.request.Request(sys.argv[1], data=sys.argv[3].encode()), timeout=30, context=trust)' "$url" "$ca" "$says"
  fi
}
left=720
until call; do
  left=$((left - 1))
  [ "$left" -gt 0 ] || break
  sleep 10
done
rm -f ${ca:+"$ca"} )sh" +
         program_path + " /etc/systemd/system/" + unit_name +
         " /etc/systemd/system/multi-user.target.wants/" + unit_name + file + R"sh(
[ "$left" -gt 0 ]
)sh";
}

std::string unit() {
  return std::string(
             "[Unit]\nDescription=Tell metalmesh that this system runs\n"
             "Wants=network-online.target\nAfter=network-online.target\n\n"
             "[Service]\nExecStart=/bin/sh ") +
         program_path + "\n\n[Install]\nWantedBy=multi-user.target\n";
}

std::string script(const Callback& callback, bool shows_key) {
  return "#!/bin/sh\nprogram=" + std::string(program_path) + " units=/etc/systemd/system\n" +
         "cat > $program " + here_document("END_OF_PROGRAM", program(callback, shows_key)) +
         "chmod 600 $program\n"
         "cat > $units/" +
         unit_name + " " + here_document("END_OF_UNIT", unit()) +
         "mkdir -p $units/multi-user.target.wants\n"
         "ln -sf ../" +
         unit_name + " $units/multi-user.target.wants/\n";
}

}  // namespace

boost::json::object callback_context(const Callback& callback, bool shows_key) {
  return {{"url", callback.url},
          {"ca", callback.ca},
          {"path", program_path},
          {"program", program(callback, shows_key)},
          {"unit_name", unit_name},
          {"unit", unit()},
          {"script", script(callback, shows_key)}};
}

}  // namespace metalmesh::answer
