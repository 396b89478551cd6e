// Edits of boot configuration: what is added, where, what goes, and that the rest stays byte for byte.
#include "agents/media/answer/boot_config.h"

#include <gmock/gmock.h>

namespace metalmesh::media {
namespace {

using ::testing::HasSubstr;

config::BootEdit grub_edit() {
  config::BootEdit edit;
  edit.set_syntax("grub");
  edit.add_drop("quiet");
  edit.add_drop("inst.ks=");
  return edit;
}

std::string edited(std::string_view text, const config::BootEdit& edit,
                   const std::vector<std::string>& arguments) {
  auto result = edit_boot_config(text, edit, arguments);
  return result ? *result : "error: " + result.error().message;
}

constexpr char tail[] = "set timeout_style=menu\nset timeout=1\n";

TEST(BootConfig, AddsAndDropsArgumentsOfKernels) {
  EXPECT_EQ(
      edited("menuentry 'Install' {\n\tlinuxefi /vmlinuz a inst.ks=old quiet\n\tinitrdefi /initrd\n}\n",
             grub_edit(), {"inst.ks=new", "text"}),
      std::string("menuentry 'Install' {\n\tlinuxefi /vmlinuz a inst.ks=new text\n\tinitrdefi /initrd\n}\n"
                  "set default='Install'\n") +
          tail);
}

TEST(BootConfig, PutsArgumentsBeforeTheDivider) {
  EXPECT_THAT(edited("menuentry 'x' {\n linux  /vmlinuz  --- quiet\n}\n", grub_edit(), {"auto=true"}),
              HasSubstr("\n linux /vmlinuz auto=true ---\n"));
}

TEST(BootConfig, QuotesAndBackslashesKeepWordsTogether) {
  EXPECT_THAT(
      edited("menuentry 'x' {\n linux /k root=hd:LABEL=A\\x20B 'c quiet d' \"e f\"\n}\n", grub_edit(), {"g"}),
      HasSubstr(" linux /k root=hd:LABEL=A\\x20B 'c quiet d' \"e f\" g\n"));
}

TEST(BootConfig, ChoosesTheEntryByTitleAndElseByNumber) {
  config::BootEdit edit = grub_edit();
  const std::string menu =
      "function load { set x=1\n}\n"
      "menuentry --hotkey=g 'Graphical install' {\n linux /k\n}\n"
      "submenu 'More' {\n menuentry 'Install' {\n  linux /k\n }\n}\n"
      "menuentry \"Install\" --class x {\n linux /k\n}\n";
  EXPECT_THAT(edited(menu, edit, {}), HasSubstr("set default='Graphical install'\n"));
  edit.set_entry("Install");
  EXPECT_THAT(edited(menu, edit, {}), HasSubstr("set default='Install'\n"));
  edit.set_entry("Rescue*");
  EXPECT_THAT(edited(menu, edit, {}), HasSubstr("error: no entry is named Rescue*"));
  edit.clear_entry();
  EXPECT_THAT(edited("menuentry \"Boot $name\" {\n linux /k\n}\n", edit, {}), HasSubstr("set default=0\n"));
  EXPECT_THAT(edited("menuentry 'a' {\n linux /k\n}\nmenuentry 'a' {\n linux /k\n}\n", edit, {}),
              HasSubstr("set default=0\n"));
}

TEST(BootConfig, KernelsCanBeNamedByTheFamilyAndInitrdsAdded) {
  config::BootEdit edit = grub_edit();
  edit.add_kernel("xen_module /boot/vmlinuz");
  edit.add_initrd("/seed.cpio");
  const std::string out = edited(
      "menuentry 'i' {\n xen_hypervisor /boot/xen.efi quiet\n xen_module /boot/vmlinuz quiet\n initrd "
      "/a\n}\n",
      edit, {"b"});
  EXPECT_THAT(
      out,
      HasSubstr(" xen_hypervisor /boot/xen.efi quiet\n xen_module /boot/vmlinuz b\n initrd /a /seed.cpio\n"));
}

TEST(BootConfig, RefusesAFileThatStartsNothing) {
  EXPECT_THAT(edited("set timeout=5\n", grub_edit(), {"a"}), HasSubstr("no line of it starts a kernel"));
  EXPECT_THAT(edited("linux /k\n", grub_edit(), {"a"}), HasSubstr("no menu entry"));
}

TEST(BootConfig, KeyValueFilesKeepEveryOtherByte) {
  config::BootEdit edit;
  edit.set_syntax("keyvalue");
  edit.add_drop("cdromBoot");
  const std::string text =
      "bootstate=0\r\nkernelopt=runweasel cdromBoot\r\nmodules=/a.b00 --- /b.b00\r\nbuild=";
  EXPECT_EQ(edited(text, edit, {"ks=cdrom:/KS.CFG"}),
            "bootstate=0\r\nkernelopt=runweasel ks=cdrom:/KS.CFG\r\nmodules=/a.b00 --- /b.b00\r\nbuild=");
  EXPECT_EQ(edited("kernelopt=\n", edit, {"a"}), "kernelopt=a\n");
  EXPECT_THAT(edited("kernel=/k\n", edit, {"a"}), HasSubstr("no line of it carries kernel options"));
}

}  // namespace
}  // namespace metalmesh::media
