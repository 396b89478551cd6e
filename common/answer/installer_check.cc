#include "common/answer/installer_check.h"

#include "common/answer/text_format.h"
#include "common/hosts/ip_network.h"
#include "common/hosts/link_rules.h"

namespace metalmesh::answer {
namespace {

/// The first card's address and way, for installers that have not set up their network yet. What is built on cards (bonds,
/// VLANs) is left to them.
std::string own_network(const wire::Network& network) {
  const wire::Link* link = hosts::primary_link(network);
  if (link == nullptr || link->has_bond() || link->has_vlan()) return "mm_network() { false; }\n";
  for (const std::string& text : link->addresses()) {
    const auto address = hosts::parse_interface(text);
    if (!address || address->address.v6) continue;
    std::string gateway;
    for (const std::string& each : link->gateways())
      if (each.find(':') == std::string::npos) gateway = each;
    return "mm_name=" + shell_word(link->name()) + " mm_mac=" + shell_word(link->mac()) +
           " mm_address=" + shell_word(text) + " mm_gateway=" + shell_word(gateway) + R"sh(
mm_network() {
  for mm_card in /sys/class/net/*; do
    if [ -n "$mm_mac" ]; then
      [ -e "$mm_card/device" ] && [ "$(cat "$mm_card/address")" = "$mm_mac" ] || continue
    else
      [ "${mm_card##*/}" = "$mm_name" ] || continue
    fi
    mm_device=${mm_card##*/}
    ip link set dev "$mm_device" up && sleep 5 && ip addr add "$mm_address" dev "$mm_device" || return
    [ -z "$mm_gateway" ] || ip route add default via "$mm_gateway" dev "$mm_device" onlink
    return 0
  done
  return 1
}
)sh";
  }
  return "mm_network() { false; }\n";
}

}  // namespace

std::string check_script(const InstallerCheck& check, const wire::Network& network, bool calls) {
  std::string out = "mm_url=" + shell_word(check.url) + " mm_required=" + (check.required ? "yes" : "no") +
                    " mm_calls=" + (calls ? "yes" : "no") + " mm_device='' mm_address='' mm_gateway=''\n";
  out += check.ca.empty() ? "mm_ca=\n"
                          : "mm_ca=/tmp/metalmesh-ca\ncat > \"$mm_ca\" <<'END_OF_CA'\n" + check.ca +
                                (check.ca.ends_with('\n') ? "" : "\n") + "END_OF_CA\n";
  out += own_network(network);
  return out +
         R"sh(mm_random() { dd if=/dev/urandom bs=32 count=1 2>/dev/null | sha256sum | cut -d ' ' -f 1; }
(umask 077 && mm_random > )sh" +
         installer_key_path + R"sh()
{
  echo "uuid=$(cat /sys/class/dmi/id/product_uuid 2>/dev/null)"
  for mm_field in product_serial board_serial chassis_serial; do
    echo "serial=$(cat "/sys/class/dmi/id/$mm_field" 2>/dev/null)"
  done
  for mm_card in /sys/class/net/*; do
    [ ! -e "$mm_card/device" ] || echo "mac=$(cat "$mm_card/address")"
  done
  echo "calls=$mm_calls"
  echo "asker=$(tr -d '\n' < )sh" +
         installer_key_path + R"sh( | sha256sum | cut -d ' ' -f 1)"
} > /tmp/metalmesh-shown
mm_ask() {
  if command -v curl > /dev/null; then
    curl --fail --silent --show-error --connect-timeout 10 --max-time 60 ${mm_ca:+--cacert "$mm_ca"} --data-binary @/tmp/metalmesh-shown --output /tmp/metalmesh-answer "$mm_url"
  elif command -v wget > /dev/null; then
    wget -q -T 60 ${mm_ca:+--ca-certificate="$mm_ca"} --post-file=/tmp/metalmesh-shown -O /tmp/metalmesh-answer "$mm_url"
  else
    python3 -c '
import ssl, sys, urllib.request
trust = ssl.create_default_context(cafile=sys.argv[2]) if sys.argv[2] else None
shown = open("/tmp/metalmesh-shown", "rb").read()
answer = urllib.request.urlopen(urllib.request.Request(sys.argv[1], data=shown), timeout=60, context=trust).read()
open("/tmp/metalmesh-answer", "wb").write(answer)' "$mm_url" "$mm_ca"
  fi
}
mm_stop() {
  while :; do
    echo "metalmesh: $1; no disk was touched, and this machine stays as it is" | tee /dev/console >&2
    sleep 3600
  done
}
mm_tries=0
while :; do
  : > /tmp/metalmesh-answer
  mm_ask || true
  mm_answer=$(cat /tmp/metalmesh-answer)
  case $mm_answer in
    go*) break ;;
    no:*) mm_stop "this installer got no go: ${mm_answer#no: }" ;;
  esac
  mm_tries=$((mm_tries + 1))
  if [ "$mm_tries" -eq 2 ]; then mm_network || true; fi
  if [ "$mm_required" = no ] && [ "$mm_tries" -ge 6 ]; then
    echo "metalmesh: nobody could be asked whether this is the machine; it goes on" >&2
    break
  fi
  sleep 5
done
if [ -n "$mm_device" ]; then
  [ -z "$mm_gateway" ] || ip route del default via "$mm_gateway" dev "$mm_device" || true
  ip addr del "$mm_address" dev "$mm_device" || true
fi
)sh";
}

}  // namespace metalmesh::answer
