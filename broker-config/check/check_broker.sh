#!/bin/sh
# Starts mosquitto with the files of this folder on a free loopback port, with throw-away certificates, and attacks it:
# every line printed is one promise of README.md. Exits 1 if one is broken, 2 if the check could not run.
#
#   check_broker.sh [PKI_DIR]      with a PKI_DIR it must hold ca.key, and sites called berlin and oslo;
#                                tools called tool-ci and tool-eve are looked at if it has them
set -u

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
for tool in mosquitto mosquitto_pub mosquitto_sub mosquitto_rr openssl; do
  command -v "$tool" > /dev/null || { echo "check_broker.sh: $tool is missing" >&2; exit 2; }
done

work=$(mktemp -d)
broker=
finish() {
  [ -n "$broker" ] && kill "$broker" 2> /dev/null
  rm -rf "$work"
}
trap finish EXIT
trap 'exit 2' INT TERM

make_ca() {  # DIR
  mkdir -p "$1"
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=check CA" \
    -keyout "$1/ca.key" -out "$1/ca.crt" 2> /dev/null
}
make_leaf() {  # DIR NAME CN [SAN]
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$3" -keyout "$1/$2.key" \
    -out "$work/leaf.csr" 2> /dev/null
  printf 'subjectAltName=%s\n' "${4:-DNS:$3}" > "$work/leaf.ext"
  openssl x509 -req -in "$work/leaf.csr" -CA "$1/ca.crt" -CAkey "$1/ca.key" -CAcreateserial -days 2 \
    -extfile "$work/leaf.ext" -out "$1/$2.crt" 2> /dev/null
}
make_crl() {  # DIR [CERTIFICATE TO REVOKE]
  printf '[ca]\ndefault_ca=d\n[d]\ndatabase=%s/index\ncrlnumber=%s/number\ndefault_md=sha256\ndefault_crl_days=2\n' "$1" "$1" > "$1/ca.cnf"
  [ -e "$1/index" ] || { : > "$1/index" && echo 01 > "$1/number"; }
  set -- "$1" "${2:-}" -config "$1/ca.cnf" -keyfile "$1/ca.key" -cert "$1/ca.crt"
  dir=$1 revoked=$2
  shift 2
  [ -z "$revoked" ] || openssl ca "$@" -revoke "$revoked" 2> /dev/null
  openssl ca "$@" -gencrl -out "$dir/crl.pem" 2> /dev/null
}

pki=$work/pki
if [ $# -ge 1 ]; then
  pki=$1
else
  make_ca "$pki"
  make_leaf "$pki" broker broker "DNS:localhost,IP:127.0.0.1"
  for name in controller berlin oslo controller-tools tool-ci tool-eve; do make_leaf "$pki" "$name" "$name"; done
  make_crl "$pki"
fi
make_ca "$work/foreign"
make_leaf "$work/foreign" berlin berlin

# A busy port only costs another try.
port=
for try in 1 2 3 4 5; do
  candidate=$((20000 + ($$ * 7 + try * 1013) % 20000))
  "$here/../render.sh" "$pki" "$candidate" "$work/mosquitto.conf" 127.0.0.1 || exit 2
  # Keys are readable by their owner alone, who runs this check.
  echo "user $(id -un)" >> "$work/mosquitto.conf"
  mosquitto -c "$work/mosquitto.conf" > "$work/log" 2>&1 &
  broker=$!
  for _ in 1 2 3 4 5 6 7 8 9 10; do
    sleep 0.1
    grep -q ' running$' "$work/log" && port=$candidate && break
    kill -0 "$broker" 2> /dev/null || break
  done
  [ -n "$port" ] && break
  kill "$broker" 2> /dev/null
  broker=
done
[ -n "$port" ] || { echo "check_broker.sh: mosquitto did not start:" >&2; cat "$work/log" >&2; exit 2; }

broken=0
verdict() {  # PROMISE, status of the last command
  if [ "$2" -eq 0 ]; then echo "ok      $1"; else echo "BROKEN  $1"; broken=1; fi
}
tls() {  # NAME [DIR]
  echo "-h localhost -p $port --cafile $pki/ca.crt --cert ${2:-$pki}/$1.crt --key ${2:-$pki}/$1.key -q 1"
}
# Publishes as $2 to topic $3 while $1 listens to $4; 0 when something arrives.
arrives() {
  # Names and options have no spaces: word splitting is what is wanted.
  # shellcheck disable=SC2046
  mosquitto_sub $(tls "$1") -t "$4" -C 1 -W 2 > "$work/got" 2> "$work/sub.err" &
  listener=$!
  sleep 0.4
  # shellcheck disable=SC2046
  mosquitto_pub $(tls "$2") -t "$3" -m probe 2> "$work/pub.err"
  wait "$listener"
  [ "$(cat "$work/got")" = probe ]
}
never() { if "$@"; then return 1; else return 0; fi; }
connects() { mosquitto_pub "$@" -t mm/1/berlin/up -m probe > "$work/connect.err" 2>&1; }

arrives berlin controller mm/1/berlin/down mm/1/berlin/down
verdict "the controller reaches a site" $?
arrives controller berlin mm/1/berlin/up 'mm/1/+/up'
verdict "a site reaches the controller" $?
never arrives oslo controller mm/1/berlin/down mm/1/berlin/down
verdict "a site cannot read another site's commands" $?
never arrives oslo controller mm/1/berlin/down '#'
verdict "a site cannot read them through a wildcard either" $?
never arrives oslo berlin mm/1/berlin/up 'mm/1/+/up'
verdict "a site cannot read another site's events" $?
never arrives controller oslo mm/1/berlin/up 'mm/1/+/up'
verdict "a site cannot speak as another site" $?
never arrives berlin oslo mm/1/berlin/down mm/1/berlin/down
verdict "a site cannot command another site" $?
# One connection that publishes and listens: a second one of the same site would replace the first.
# shellcheck disable=SC2046
mosquitto_rr $(tls berlin) -t mm/1/berlin/down -e mm/1/berlin/down -m probe -W 2 > "$work/self" 2> /dev/null
[ ! -s "$work/self" ]
verdict "a site cannot command itself" $?
never arrives controller berlin other/topic '#'
verdict "topics outside the plan carry nothing" $?
never arrives berlin controller '$SYS/probe' '$SYS/#'
verdict "nobody sees the broker's own topics" $?

if [ -r "$pki/tool-ci.key" ] && [ -r "$pki/tool-eve.key" ]; then
  tool=mm/tools/tool-ci
  arrives controller-tools tool-ci $tool/requests/t1 'mm/tools/+/requests/+'
  verdict "a tool reaches the controller" $?
  for topic in requests/t1/accepted events/stage rollouts/web; do
    arrives tool-ci controller-tools $tool/$topic $tool/$topic
    verdict "the controller reaches a tool: $topic" $?
    never arrives tool-eve controller-tools $tool/$topic $tool/$topic && never arrives tool-eve controller-tools $tool/$topic '#'
    verdict "another tool does not hear it" $?
    never arrives berlin controller-tools $tool/$topic $tool/$topic
    verdict "nor does a site" $?
    never arrives tool-ci tool-eve $tool/$topic $tool/$topic
    verdict "another tool cannot say it" $?
  done
  never arrives controller-tools tool-eve $tool/requests/t1 'mm/tools/+/requests/+'
  verdict "a tool cannot ask in another's name" $?
  never arrives controller-tools tool-eve mm/tools/controller-tools/requests/end-1 'mm/tools/+/requests/+'
  verdict "nor in the controller's" $?
  # shellcheck disable=SC2046
  mosquitto_rr $(tls controller-tools) -t mm/tools/controller-tools/requests/end-1 -e mm/tools/controller-tools/requests/end-1 -m probe -W 2 > "$work/self" 2> /dev/null
  [ "$(cat "$work/self")" = probe ]
  verdict "the controller hears its own word" $?
  never arrives controller tool-ci mm/1/berlin/up 'mm/1/+/up'
  verdict "a tool cannot speak as a site" $?
  never arrives tool-ci controller mm/1/berlin/down '#'
  verdict "nor hear what a site is told" $?
fi

never connects -h localhost -p "$port" --cafile "$pki/ca.crt"
verdict "a client without a certificate is refused" $?
never connects -h localhost -p "$port" --cafile "$pki/ca.crt" -u controller -P guess
verdict "a user name and password are no substitute" $?
never connects -h localhost -p "$port"
verdict "a client without TLS is refused" $?
# shellcheck disable=SC2046
never connects $(tls berlin "$work/foreign")
verdict "a certificate of another authority is refused, with the right name in it" $?
never connects -h localhost -p "$port" --cafile "$work/foreign/ca.crt" --cert "$pki/berlin.crt" --key "$pki/berlin.key"
verdict "a client notices a broker of another authority" $?
never openssl s_client -connect "localhost:$port" -tls1_1 -cipher ALL:@SECLEVEL=0 -CAfile "$pki/ca.crt" \
  -cert "$pki/berlin.crt" -key "$pki/berlin.key" < /dev/null > /dev/null 2>&1
verdict "TLS 1.1 is refused" $?

# Takeover: oslo connects under berlin's client id while berlin listens. Berlin must stay connected.
# shellcheck disable=SC2046
mosquitto_sub $(tls berlin) -i berlin -t mm/1/berlin/down -C 1 -W 4 > "$work/victim" 2>&1 &
victim=$!
sleep 0.4
lines=$(wc -l < "$work/log")
# shellcheck disable=SC2046
mosquitto_pub $(tls oslo) -i berlin -t mm/1/oslo/up -m takeover > /dev/null 2>&1
# shellcheck disable=SC2046
mosquitto_pub $(tls controller) -t mm/1/berlin/down -m probe > /dev/null 2>&1
wait "$victim"
[ "$(cat "$work/victim")" = probe ] && ! tail -n "+$lines" "$work/log" | grep -q 'Client berlin already connected'
verdict "a site cannot take over another site's client id" $?

# shellcheck disable=SC2046
mosquitto_pub $(tls controller) -r -t mm/1/berlin/down -m kept > /dev/null 2>&1
# shellcheck disable=SC2046
mosquitto_sub $(tls berlin) -t mm/1/berlin/down -C 1 -W 1 > "$work/retained" 2> /dev/null
[ ! -s "$work/retained" ]
verdict "nothing is retained" $?

head -c 65536 /dev/zero | tr '\0' x > "$work/frame"
head -c 70000 /dev/zero | tr '\0' x > "$work/too_long"
for size in frame too_long; do
  # shellcheck disable=SC2046
  mosquitto_sub $(tls berlin) -t mm/1/berlin/down -C 1 -W 2 > "$work/got_$size" 2> /dev/null &
  listener=$!
  sleep 0.4
  # shellcheck disable=SC2046
  mosquitto_pub $(tls controller) -t mm/1/berlin/down -f "$work/$size" > /dev/null 2>&1
  wait "$listener"
done
[ "$(wc -c < "$work/got_frame")" -gt 65535 ]
verdict "a frame of 64 KiB passes" $?
[ ! -s "$work/got_too_long" ]
verdict "longer messages do not" $?

if [ $# -eq 0 ]; then
  sleep 1  # the newer of two lists is the one that counts, by the second
  make_crl "$pki" "$pki/oslo.crt"
  kill -HUP "$broker"
  sleep 0.5
  # shellcheck disable=SC2046
  never connects $(tls oslo)
  verdict "a certificate that was revoked is refused from the next HUP on" $?
  # shellcheck disable=SC2046
  connects $(tls berlin)
  verdict "and nobody else's" $?
fi

[ "$(ls "$work"/*.db 2> /dev/null)" = "" ]
verdict "the broker writes nothing to disk" $?

[ "$broken" -eq 0 ] || echo "The broker's log is:" "$(cat "$work/log")" >&2
exit "$broken"
