#!/bin/sh
# Brings what judges answer files into a folder, installing nothing: Debian's packages are unpacked there, PyPI's go into a
# virtual environment. What cannot be had is left out, and judge.py names it.
# usage: get_checkers.sh FOLDER
set -u
folder=$1
mkdir -p "$folder/debs"
cd "$folder" || exit 1
for package in shellcheck libxml2-utils netplan.io libnetplan0 cloud-init ignition; do
  [ -e "debs/$package.done" ] && continue
  (cd debs && apt-get download "$package" >/dev/null 2>&1) && dpkg-deb -x debs/"$package"_*.deb root && : >"debs/$package.done"
done
[ -x venv/bin/python ] || python3 -m venv venv >/dev/null 2>&1 || exit 0
# the last four are what Debian's cloud-init imports
[ -e venv/done ] || { venv/bin/pip -q install pykickstart==3.78 PyYAML jsonschema configobj jsonpatch jinja2 requests >/dev/null 2>&1 && : >venv/done; }
exit 0
