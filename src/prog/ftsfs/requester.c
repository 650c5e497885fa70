#include "prog/ftsfs/requester.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#define PF_EXITING 0x4u /* of the kernel's include/linux/sched.h */

/* The text of /proc/TID/NAME; false when there is no such thread. */
static bool
read_proc (pid_t tid, const char *name, char *text, size_t room)
{
  char path[64];

  g_snprintf (path, sizeof path, "/proc/%d/%s", (int) tid, name);
  int fd = open (path, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return false;
  ssize_t len = read (fd, text, room - 1);
  close (fd);
  text[MAX (len, 0)] = '\0';
  return len > 0;
}

/* "PID (NAME) STATE PPID PGRP SESSION TTY TPGID FLAGS ...", where NAME may hold anything. */
static bool
is_ending (const char *stat)
{
  const char *after = strrchr (stat, ')');
  g_auto (GStrv) fields = g_strsplit (after ? after : "", " ", 9);

  if (g_strv_length (fields) < 8)
    return false;
  return g_ascii_strtoull (fields[7], NULL, 10) & PF_EXITING;
}

static bool
has_sigkill (const char *status, const char *key)
{
  const char *at = strstr (status, key);

  return at && g_ascii_strtoull (at + strlen (key), NULL, 16) & 1u << (SIGKILL - 1);
}

bool
fts_requester_is_dying (pid_t tid)
{
  char text[4096];

  if (!read_proc (tid, "stat", text, sizeof text))
    return errno == ENOENT || errno == ESRCH;
  if (is_ending (text))
    return true;
  return read_proc (tid, "status", text, sizeof text) &&
         (has_sigkill (text, "\nSigPnd:") || has_sigkill (text, "\nShdPnd:"));
}
