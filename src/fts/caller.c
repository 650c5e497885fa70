/* caller.c - see caller.h.
 *
 * glibc's setgroups() changes every thread of the process; the raw system call changes one.  The
 * umask and the working directory belong to the file-system context that threads share, so a
 * thread that acts for others gets a context of its own first (unshare, which needs no rights).
 *
 * `current` says what the kernel has for this thread: each field is set after its call worked.
 */
#include "fts/caller.h"

#include <errno.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define GROUPS_MAX 64u

typedef struct {
  bool started;
  bool can_switch;
  bool among_fds; /* the working directory is /proc/self/fd */
  uint32_t uid, gid, umask;
  uint32_t n_groups;
  uint32_t groups[GROUPS_MAX];
} Current;

static _Thread_local Current current;

bool
fts_caller_can_switch (void)
{
  return geteuid () == 0;
}

/* A thread inherits the identity of the one that started it, which may be acting for somebody. */
static void
learn_identity (void)
{
  current.uid = (uint32_t) setfsuid ((uid_t) -1);
  current.gid = (uint32_t) setfsgid ((gid_t) -1);
}

/* For good, and of this thread alone; a process without the capability has nothing to drop. */
static void
drop_resource_capability (void)
{
  struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
  struct __user_cap_data_struct caps[_LINUX_CAPABILITY_U32S_3];

  if (syscall (SYS_capget, &header, caps) != 0)
    return;
  caps[CAP_TO_INDEX (CAP_SYS_RESOURCE)].effective &= ~CAP_TO_MASK (CAP_SYS_RESOURCE);
  syscall (SYS_capset, &header, caps);
}

static int
start_thread (void)
{
  if (unshare (CLONE_FS) != 0)
    return EPERM;
  umask (022);
  current.umask = 022;
  current.among_fds = chdir ("/proc/self/fd") == 0;
  current.can_switch = fts_caller_can_switch ();
  drop_resource_capability ();
  if (current.can_switch && syscall (SYS_setgroups, 0, NULL) != 0)
    return EPERM;
  learn_identity ();
  current.started = true;
  return 0;
}

static int
take_groups (uint32_t n, const uint32_t *groups)
{
  if (n > GROUPS_MAX)
    return EPERM;
  if (n == current.n_groups &&
      (n == 0 || memcmp (groups, current.groups, n * sizeof *groups) == 0))
    return 0;
  if (syscall (SYS_setgroups, (size_t) n, groups) != 0)
    return EPERM;
  if (n > 0)
    memcpy (current.groups, groups, n * sizeof *groups);
  current.n_groups = n;
  return 0;
}

/* The calls give the old value and no error: asking with -1 tells whether it worked. */
static int
take_gid (uint32_t gid)
{
  if (gid == current.gid)
    return 0;
  setfsgid (gid);
  if ((uint32_t) setfsgid ((gid_t) -1) != gid)
    return EPERM;
  current.gid = gid;
  return 0;
}

static int
take_uid (uint32_t uid)
{
  if (uid == current.uid)
    return 0;
  setfsuid (uid);
  if ((uint32_t) setfsuid ((uid_t) -1) != uid)
    return EPERM;
  current.uid = uid;
  return 0;
}

static void
take_umask (uint32_t mask)
{
  if ((mask & 0777) == current.umask)
    return;
  current.umask = mask & 0777;
  umask (current.umask);
}

int
fts_caller_become (const FtsIdentity *who)
{
  int failed = current.started ? 0 : start_thread ();

  if (failed)
    return failed;
  take_umask (who->umask);
  if (!current.can_switch)
    return 0;
  failed = take_groups (who->n_groups, who->groups);
  if (!failed)
    failed = take_gid (who->gid);
  if (!failed)
    failed = take_uid (who->uid);
  return failed;
}

int
fts_caller_become_server (void)
{
  if (!fts_caller_can_switch ())
    return 0;
  if (!current.started)
    learn_identity ();
  int failed = take_uid (0);
  return failed ? failed : take_gid (0);
}

void
fts_caller_path_of_fd (int fd, char out[FTS_FD_PATH_LEN])
{
  snprintf (out, FTS_FD_PATH_LEN, current.among_fds ? "%d" : "/proc/self/fd/%d", fd);
}
