/* xstate.c - lets user-mode Linux run on processors with more registers than it knows.
 *
 * Loaded before the C library (boot).  User-mode Linux keeps the extended registers of its processes
 * (NT_X86_XSTATE) in memory of a fixed size, 2696 bytes in Debian's 6.1.  On a processor with AMX there are
 * 11 KiB of them; reading some is allowed, setting less than all is not, and the guest's first process
 * dies of it.  Here what it does not know stays as it is: such a process does not use it.
 */
#include <elf.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define AREA_MAX (64 * 1024)

static long
call (int request, pid_t pid, void *addr, void *data)
{
  return syscall (SYS_ptrace, request, pid, addr, data);
}

/* The system call writes what it peeks at, where the C library returns it. */
static long
peek (int request, pid_t pid, void *addr)
{
  long word = 0, rc = call (request, pid, addr, &word);

  return rc < 0 ? rc : word;
}

static long
set_registers (pid_t pid, void *type, const struct iovec *known)
{
  static _Thread_local char area[AREA_MAX] __attribute__ ((aligned (64)));
  struct iovec all = { area, sizeof area };
  long rc = call (PTRACE_GETREGSET, pid, type, &all);

  if (rc < 0)
    return rc;
  memcpy (area, known->iov_base,
          known->iov_len < all.iov_len ? known->iov_len : all.iov_len);
  return call (PTRACE_SETREGSET, pid, type, &all);
}

__attribute__ ((visibility ("default"))) long
ptrace (enum __ptrace_request request, ...)
{
  va_list args;

  va_start (args, request);
  pid_t pid = va_arg (args, pid_t);
  void *addr = va_arg (args, void *);
  void *data = va_arg (args, void *);
  va_end (args);
  if (request == PTRACE_PEEKTEXT || request == PTRACE_PEEKDATA ||
      request == PTRACE_PEEKUSER)
    return peek ((int) request, pid, addr);
  if (request == PTRACE_SETREGSET && addr == (void *) NT_X86_XSTATE)
    return set_registers (pid, addr, data);
  return call ((int) request, pid, addr, data);
}
