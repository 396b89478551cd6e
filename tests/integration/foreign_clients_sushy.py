#!/usr/bin/python3
"""sushy (OpenStack's Redfish library) at one BMC: logs in, looks, inserts media, sets boot once and switches the host on and off.
Prints what came of each step as JSON: "ok", or what it says."""
import contextlib
import json
import sys
import time

import requests
import sushy
import urllib3

url, image = sys.argv[1], sys.argv[2]
told = {}


def step(name, act):
    try:
        told[name] = act() or "ok"
    except Exception as error:  # whatever it says is the answer
        told[name] = f"{type(error).__name__}: {error}"


def system():
    """The first that can be switched: sushy does not read those that cannot."""
    for path in connection.get_system_collection().members_identities:
        with contextlib.suppress(sushy.exceptions.SushyError):
            found = connection.get_system(path)
            if found._actions.reset and found.boot:
                return found
    raise LookupError("no system can be switched")


def shows(wanted):
    """A slot may show it late."""
    end = time.monotonic() + 40
    while True:
        cd.refresh()
        if bool(cd.inserted) == wanted:
            return None
        if time.monotonic() > end:
            return "it does not show"
        time.sleep(0.5)


def slot():
    """The first that holds a CD."""
    for owner in (one, manager):
        try:
            found = owner.virtual_media.get_members()
        except (AttributeError, sushy.exceptions.SushyError):
            continue
        for each in found:
            if {"CD", "DVD"} & {str(getattr(kind, "value", kind)) for kind in each.media_types or []}:
                return each
    raise LookupError("it finds no slot for a CD")


def power(wanted, state):
    one.reset_system(wanted)
    one.refresh()
    assert one.power_state in state, one.power_state


connection = sushy.Sushy(url, username="admin", password="password", verify=False)
# An idle connection may be closed just as it is used again: what was not answered then is asked anew.
connection._conn._session.mount("https://", requests.adapters.HTTPAdapter(
    max_retries=urllib3.util.Retry(total=3, allowed_methods=False, backoff_factor=0.1)))
one = system()
step("system", lambda: None if one.uuid or one.serial_number else "no identity")
step("power", lambda: None if one.power_state == sushy.PowerState.OFF else str(one.power_state))
manager = (one.managers or connection.get_manager_collection().get_members())[0]
step("manager", lambda: None if manager.firmware_version else "no firmware version")
cd = None
try:
    cd = slot()
    told["slot"] = "ok"
except Exception as error:
    told["slot"] = f"{type(error).__name__}: {error}"
if cd is not None:
    step("insert", lambda: (cd.insert_media(image), shows(True))[1])
step("boot", lambda: one.set_system_boot_options(target=sushy.BOOT_SOURCE_TARGET_CD, enabled=sushy.BOOT_SOURCE_ENABLED_ONCE,
                                                 mode=sushy.BOOT_SOURCE_MODE_UEFI))
step("boot read", lambda: (one.refresh(), None if one.boot.enabled == sushy.BOOT_SOURCE_ENABLED_ONCE else str(one.boot.enabled))[1])
step("on", lambda: power(sushy.RESET_ON, (sushy.PowerState.ON, sushy.PowerState.POWERING_ON)))
step("off", lambda: power(sushy.RESET_FORCE_OFF, (sushy.PowerState.OFF, sushy.PowerState.POWERING_OFF)))
if cd is not None:
    step("eject", lambda: (cd.eject_media(), shows(False))[1])
print(json.dumps(told))
