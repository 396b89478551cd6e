#include "tests/bmcsim/qemu/qemu_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>

namespace metalmesh::bmcsim {
namespace {

namespace fs = std::filesystem;

struct Firmware {
  const char* code;
  const char* variables;  // as delivered; each machine has its own copy
};
constexpr Firmware open_firmware{"/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd"};
/// Microsoft's keys are enrolled, and only system management mode may change them.
constexpr Firmware secure_firmware{"/usr/share/OVMF/OVMF_CODE_4M.secboot.fd",
                                   "/usr/share/OVMF/OVMF_VARS_4M.ms.fd"};
constexpr char system_ca_bundle[] = "/etc/ssl/certs/ca-certificates.crt";

const Firmware& firmware_of(const QemuOptions& options) {
  return options.secure_boot ? secure_firmware : open_firmware;
}

// ---- between fork and exec: nothing but system calls, everything prepared before

void say(const char* what, const char* why) {
  for (const char* text : {"metalmesh-bmcsim: ", what, ": ", why, "\n"}) {
    if (write(STDERR_FILENO, text, std::strlen(text)) < 0) return;
  }
}

[[noreturn]] void give_up(const char* what) {
  say(what, std::strerror(errno));
  _exit(127);
}

bool write_file(const char* path, const char* text) {
  const int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return false;
  const bool written = write(fd, text, std::strlen(text)) > 0;
  close(fd);
  return written;
}

struct Namespace {
  std::string ca;  // empty: none
  std::string uid_map, gid_map;
};

/// Root needs a mount namespace only; anybody else a user namespace around it.
bool hide_system_ca(const Namespace& wish) {
  if (geteuid() == 0) {
    if (unshare(CLONE_NEWNS) != 0) return false;
  } else {
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return false;
    if (!write_file("/proc/self/setgroups", "deny") ||
        !write_file("/proc/self/uid_map", wish.uid_map.c_str()) ||
        !write_file("/proc/self/gid_map", wish.gid_map.c_str())) {
      return false;
    }
  }
  return mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
         mount(wish.ca.c_str(), system_ca_bundle, nullptr, MS_BIND, nullptr) == 0;
}

struct Plan {
  std::vector<char*> arguments;
  std::string folder;
  std::string log;
  Namespace names;
  int monitor = -1;
  pid_t parent = -1;
};

[[noreturn]] void become_qemu(const Plan& plan) {
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  const int log = open(plan.log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  const int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (log < 0 || nothing < 0) give_up("open");
  dup2(nothing, STDIN_FILENO);
  dup2(log, STDOUT_FILENO);
  dup2(log, STDERR_FILENO);
  if (!plan.names.ca.empty() && !hide_system_ca(plan.names)) {
    give_up("QEMU cannot be given a CA of its own here (run as root, or let the BMC trust any medium)");
  }
  // After the namespaces: new credentials clear it.
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != plan.parent) _exit(127);
  if (chdir(plan.folder.c_str()) != 0) give_up("chdir");
  // A terminal's ctrl-C is for us: we end QEMU, in order.
  setpgid(0, 0);
  if (plan.monitor == monitor_fd) {
    fcntl(monitor_fd, F_SETFD, 0);
  } else if (dup2(plan.monitor, monitor_fd) < 0) {
    give_up("dup2");
  }
  close_range(monitor_fd + 1, ~0U, 0);
  execvp(plan.arguments.front(), plan.arguments.data());
  give_up(plan.arguments.front());
}

}  // namespace

Status prepare_files(QemuOptions& options) {
  std::error_code ec;
  fs::create_directories(options.folder, ec);
  if (!ec) options.folder = fs::canonical(options.folder, ec).string();
  if (ec) return fail(ErrorKind::unavailable, options.folder + ": " + ec.message());
  const auto in_folder = [&](std::string& path, const char* name) {
    path = path.empty() ? options.folder + "/" + name : fs::absolute(path).string();
  };
  in_folder(options.disk, "disk.img");
  in_folder(options.serial_log, "serial.log");
  if (!options.media_ca.empty()) options.media_ca = fs::absolute(options.media_ca).string();
  const Firmware& firmware = firmware_of(options);
  if (!fs::exists(firmware.code) || !fs::exists(firmware.variables)) {
    return fail(ErrorKind::unavailable, "no UEFI firmware in /usr/share/OVMF: apt-get install ovmf");
  }
  const std::string variables = options.folder + "/vars.fd";
  if (!fs::exists(variables)) fs::copy_file(firmware.variables, variables, ec);
  if (ec) return fail(ErrorKind::unavailable, variables + ": " + ec.message());
  if (!fs::exists(options.disk)) {
    const int fd = open(options.disk.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    const bool made = fd >= 0 && ftruncate(fd, static_cast<off_t>(options.disk_mib) << 20) == 0;
    const int why = errno;
    if (fd >= 0) close(fd);
    if (!made) return fail(ErrorKind::unavailable, options.disk + ": " + std::strerror(why));
  }
  return {};
}

std::vector<std::string> qemu_command(const QemuOptions& options, const BmcOptions& identity) {
  const auto doubled = [](std::string text) {  // QEMU's way to write a comma in a value
    for (std::size_t at = 0; (at = text.find(',', at)) != std::string::npos; at += 2) text.insert(at, 1, ',');
    return text;
  };
  // Emulation always: nested KVM starts and then dies in the firmware on some hosts.
  return {"qemu-system-x86_64", "-name", identity.name, "-machine",
          options.secure_boot ? "q35,smm=on" : "q35", "-global",
          // Firmware variables can be written in system management mode only.
          std::string("driver=cfi.pflash01,property=secure,value=") + (options.secure_boot ? "on" : "off"),
          "-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "1", "-m", std::to_string(options.memory_mib),
          // A machine that is off, and stays when its guest powers off.
          "-S", "-no-shutdown", "-display", "none", "-nodefaults", "-no-user-config", "-chardev",
          fmt::format("socket,id=monitor,fd={}", monitor_fd), "-mon", "chardev=monitor,mode=control",
          // For people: socat - UNIX-CONNECT:<folder>/qmp.sock
          "-qmp", "unix:qmp.sock,server=on,wait=off", "-uuid", identity.uuid, "-smbios",
          fmt::format("type=1,manufacturer=Metalmesh,product=Simulated Server,serial={},uuid={}",
                      identity.serial, identity.uuid),
          "-drive", fmt::format("if=pflash,unit=0,format=raw,readonly=on,file={}", firmware_of(options).code),
          "-drive", "if=pflash,unit=1,format=raw,file=vars.fd", "-device", "virtio-scsi-pci,id=scsi0",
          "-device",
          fmt::format("scsi-cd,bus=scsi0.0,id={},bootindex={},rerror={}", cd_device, cd_last,
                      options.report_media_errors ? "report" : "stop"),
          "-blockdev", "driver=file,node-name=disk-file,cache.no-flush=on,filename=" + doubled(options.disk),
          "-blockdev", fmt::format("driver=raw,node-name={},file=disk-file", disk_node), "-device",
          fmt::format("virtio-blk-pci,drive={},id={},bootindex={}", disk_node, disk_device, disk_boot_index),
          // 10.0.2.0/24; our loopback is 10.0.2.2 there. No boot ROM: the network is never a boot source.
          "-netdev", "user,id=net0,ipv6=off", "-device",
          "virtio-net-pci,netdev=net0,romfile=,mac=" + identity.macs.front(), "-chardev",
          "file,id=serial0,append=on,path=" + doubled(options.serial_log), "-serial", "chardev:serial0"};
}

Result<QemuProcess> QemuProcess::start(const std::vector<std::string>& command, const QemuOptions& options) {
  Plan plan;
  for (const auto& word : command) plan.arguments.push_back(const_cast<char*>(word.c_str()));
  plan.arguments.push_back(nullptr);
  plan.folder = options.folder;
  plan.log = options.folder + "/qemu.log";
  plan.names = {options.media_ca, fmt::format("{0} {0} 1", geteuid()), fmt::format("{0} {0} 1", getegid())};
  plan.parent = getpid();
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
    return fail(ErrorKind::unavailable, std::string("socketpair: ") + std::strerror(errno));
  }
  plan.monitor = ends[1];
  const pid_t pid = fork();
  if (pid == 0) become_qemu(plan);
  const int why = errno;
  close(ends[1]);
  if (pid < 0) {
    close(ends[0]);
    return fail(ErrorKind::unavailable, std::string("fork: ") + std::strerror(why));
  }
  return QemuProcess(pid, ends[0]);
}

QemuProcess::QemuProcess(QemuProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), monitor_(std::exchange(other.monitor_, -1)) {}

QemuProcess::~QemuProcess() {
  if (monitor_ >= 0) close(monitor_);
  if (pid_ <= 0) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

int QemuProcess::take_monitor() { return std::exchange(monitor_, -1); }

}  // namespace metalmesh::bmcsim
