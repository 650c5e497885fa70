#include "prog/ftsd/background.h"

#include "prog/common/program.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* The caller's half: one byte says ready; an end without it is a failure, whose message the
 * daemon has printed. */
static void
await_daemon (int fd, pid_t daemon)
{
  char byte;
  int status = 0;

  if (TEMP_FAILURE_RETRY (read (fd, &byte, 1)) == 1)
    _exit (FTS_EXIT_OK);
  if (TEMP_FAILURE_RETRY (waitpid (daemon, &status, 0)) != daemon)
    _exit (FTS_EXIT_FAILURE);
  if (WIFEXITED (status) && WEXITSTATUS (status) != 0)
    _exit (WEXITSTATUS (status));
  if (WIFSIGNALED (status))
    fprintf (stderr, "%s: killed by signal %d before it was ready\n", g_get_prgname (),
             WTERMSIG (status));
  _exit (FTS_EXIT_FAILURE);
}

bool
ftsd_background_split (FtsdBackground *background, GError **error)
{
  int ends[2];

  if (pipe2 (ends, O_CLOEXEC) != 0)
    return fts_set_errno (error, errno, "pipe");
  pid_t daemon = fork ();
  if (daemon < 0)
    return fts_set_errno (error, errno, "fork");
  if (daemon > 0) {
    close (ends[1]);
    await_daemon (ends[0], daemon);
  }
  close (ends[0]);
  setsid ();
  background->report_fd = ends[1];
  return true;
}

void
ftsd_background_ready (FtsdBackground *background)
{
  if (background->report_fd < 0)
    return;
  int null = open ("/dev/null", O_RDWR | O_CLOEXEC);
  fts_program_use_syslog ();
  (void) !chdir ("/");
  for (int fd = STDIN_FILENO; null >= 0 && fd <= STDERR_FILENO; fd++)
    dup2 (null, fd);
  if (null > STDERR_FILENO)
    close (null);
  (void) !write (background->report_fd, "", 1);
  close (background->report_fd);
  background->report_fd = -1;
}
