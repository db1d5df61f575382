#include "image/helper/lockdown.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <csignal>
#include <cstddef>
#include <initializer_list>
#include <vector>

#include "image/sandbox/protocol.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SAN_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SAN_SANITIZED 1
#endif
#endif
#ifndef SAN_SANITIZED
#define SAN_SANITIZED 0
#endif

#if defined(__x86_64__)
#define SAN_AUDIT_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define SAN_AUDIT_ARCH AUDIT_ARCH_AARCH64
#endif

namespace san::sandbox {
namespace {

bool limit_resources() {
  const auto at_most = [](__rlimit_resource what, rlim_t value) {
    const rlimit limit{value, value};
    return ::setrlimit(what, &limit) == 0;
  };
  // Processor time and address space: the program sets them anew for each picture.
  bool done = at_most(RLIMIT_FSIZE, 0);
  done &= at_most(RLIMIT_NOFILE, kOutputFd + 1);
  done &= at_most(RLIMIT_NPROC, 0);
  done &= at_most(RLIMIT_CORE, 0);
  done &= at_most(RLIMIT_MEMLOCK, 0);
  done &= at_most(RLIMIT_MSGQUEUE, 0);
  return done;
}

/// Every right to files and sockets that this kernel's landlock knows is given up.
bool forbid_files() {
  const long version =
      ::syscall(SYS_landlock_create_ruleset, nullptr, 0, 1 /* LANDLOCK_CREATE_RULESET_VERSION */);
  if (version < 1) return false;
  // The structure as later kernels define it; this system's header may be older than its kernel.
  struct Ruleset {
    std::uint64_t files, network, scopes;
  } ruleset{};
  constexpr std::uint64_t kFirst = (1u << 13) - 1, kRefer = 1u << 13, kTruncate = 1u << 14,
                          kDevices = 1u << 15;
  ruleset.files =
      kFirst | (version >= 2 ? kRefer : 0) | (version >= 3 ? kTruncate : 0) | (version >= 5 ? kDevices : 0);
  if (version >= 4) ruleset.network = 3;  // bind and connect TCP
  if (version >= 6) ruleset.scopes = 3;   // abstract sockets and signals of others
  const std::size_t size = version >= 6 ? 24 : version >= 4 ? 16 : 8;
  const long fd = ::syscall(SYS_landlock_create_ruleset, &ruleset, size, 0);
  if (fd < 0) return false;
  const bool done = ::syscall(SYS_landlock_restrict_self, fd, 0) == 0;
  ::close(static_cast<int>(fd));
  return done;
}

#ifdef SAN_AUDIT_ARCH
/// Classic BPF over seccomp_data, written out: thirty instructions are less to trust than a library that
/// makes them.
class Filter {
 public:
  Filter() {
    load(offsetof(seccomp_data, arch));
    skip_if_equal(SAN_AUDIT_ARCH, 1);
    end(SECCOMP_RET_KILL_PROCESS);
    load(offsetof(seccomp_data, nr));
  }

  void allow(std::initializer_list<long> calls) {
    for (const long call : calls) {
      skip_unless_equal(call, 1);
      end(SECCOMP_RET_ALLOW);
    }
  }
  /// The argument (of which the lower half is looked at) must be one of `values`.
  void allow_if(long call, unsigned argument, std::initializer_list<std::uint32_t> values) {
    skip_unless_equal(call, static_cast<unsigned>(2 + 2 * values.size()));
    load(offset_of(argument));
    for (const std::uint32_t value : values) {
      skip_unless_equal(value, 1);
      end(SECCOMP_RET_ALLOW);
    }
    end(SECCOMP_RET_KILL_PROCESS);
  }
  /// The argument must have none of `bits`.
  void allow_without(long call, unsigned argument, std::uint32_t bits) {
    skip_unless_equal(call, 4);
    load(offset_of(argument));
    add(BPF_JMP | BPF_JSET | BPF_K, bits, 1, 0);
    end(SECCOMP_RET_ALLOW);
    end(SECCOMP_RET_KILL_PROCESS);
  }

  bool install() {
    end(SECCOMP_RET_KILL_PROCESS);
    const sock_fprog program{static_cast<unsigned short>(code_.size()), code_.data()};
    return ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0;
  }

 private:
  static std::uint32_t offset_of(unsigned argument) {
    return static_cast<std::uint32_t>(offsetof(seccomp_data, args) + 8 * argument);  // little-endian
  }
  void add(unsigned code, std::uint32_t k, unsigned yes, unsigned no) {
    code_.push_back(
        {static_cast<std::uint16_t>(code), static_cast<std::uint8_t>(yes), static_cast<std::uint8_t>(no), k});
  }
  void load(std::size_t offset) { add(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(offset), 0, 0); }
  void skip_if_equal(std::uint32_t value, unsigned count) { add(BPF_JMP | BPF_JEQ | BPF_K, value, count, 0); }
  void skip_unless_equal(long value, unsigned count) {
    add(BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::uint32_t>(value), 0, count);
  }
  void end(std::uint32_t action) { add(BPF_RET | BPF_K, action, 0, 0); }

  std::vector<sock_filter> code_;
};

bool filter_system_calls() {
  Filter filter;
  // The protocol, memory, and ending. Numbers of the x32 interface equal none of these.
  filter.allow({SYS_recvfrom, SYS_sendto, SYS_munmap, SYS_mremap, SYS_brk, SYS_madvise, SYS_futex, SYS_exit,
                SYS_exit_group, SYS_rt_sigreturn, SYS_rt_sigprocmask, SYS_clock_gettime, SYS_getpid,
                SYS_gettid, SYS_sched_yield});
  // No memory becomes code.
  filter.allow_without(SYS_mmap, 2, PROT_EXEC);
  filter.allow_without(SYS_mprotect, 2, PROT_EXEC);
  // Libraries print complaints (to the null device); abort() ends the process.
  filter.allow_if(SYS_write, 0, {STDOUT_FILENO, STDERR_FILENO});
  filter.allow_if(SYS_tgkill, 0, {static_cast<std::uint32_t>(::getpid())});
#if SAN_SANITIZED
  // What the sanitizers' run time looks at when it finds something or maps its shadow.
  filter.allow({SYS_rt_sigaction, SYS_sigaltstack, SYS_getrlimit, SYS_prlimit64, SYS_nanosleep,
                SYS_clock_nanosleep, SYS_getrandom});
#endif
  return filter.install();
}
#else
bool filter_system_calls() {
  return false;
}
#endif

}  // namespace

std::uint32_t lock_down() {
  std::uint32_t walls = 0;
  ::syscall(SYS_close_range, kOutputFd + 1, ~0u, 0);
  ::syscall(SYS_close_range, STDERR_FILENO + 1, kInputFd - 1, 0);
  ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  // A ruleset needs a descriptor for a moment: resource limits come after.
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0) {
    walls |= kNoNewPrivileges;
    if (forbid_files()) walls |= kLandlock;
  }
  if (limit_resources()) walls |= kResourceLimits;
  if (!SAN_SANITIZED) walls |= kAddressSpaceLimit;  // a sanitizer's shadow takes terabytes of addresses
  if ((walls & kNoNewPrivileges) && filter_system_calls()) walls |= kSystemCallFilter;
  return walls;
}

}  // namespace san::sandbox
