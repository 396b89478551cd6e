#!/usr/bin/python3
"""sushy (OpenStack's Redfish library) logs in, inserts media, sets boot once and power-cycles."""
import sys

import sushy

url, image = sys.argv[1], sys.argv[2]
connection = sushy.Sushy(url, username="admin", password="password", verify=False)
system = connection.get_system("/redfish/v1/Systems/1")
assert system.uuid and system.power_state == sushy.PowerState.OFF, (system.uuid, system.power_state)
manager = connection.get_manager("/redfish/v1/Managers/1")
slots = {slot.identity: slot for slot in manager.virtual_media.get_members()}
cd = slots["Cd"]
cd.insert_media(image)
cd.refresh()
assert cd.inserted and cd.image == image, (cd.inserted, cd.image)
system.set_system_boot_options(target=sushy.BOOT_SOURCE_TARGET_CD, enabled=sushy.BOOT_SOURCE_ENABLED_ONCE,
                               mode=sushy.BOOT_SOURCE_MODE_UEFI)
system.refresh()
assert system.boot.enabled == sushy.BOOT_SOURCE_ENABLED_ONCE, system.boot
system.reset_system(sushy.RESET_ON)
system.refresh()
assert system.power_state in (sushy.PowerState.ON, sushy.PowerState.POWERING_ON), system.power_state
system.reset_system(sushy.RESET_FORCE_OFF)
system.refresh()
assert system.power_state == sushy.PowerState.OFF, system.power_state
cd.eject_media()
cd.refresh()
assert not cd.inserted
print("sushy: login, insert, boot once, power on, power off, eject: ok")
