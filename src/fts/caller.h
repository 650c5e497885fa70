/* caller.h - whose rights the calling thread has when it touches files.
 *
 * A server that runs as root does each command with the file-system user, group, groups and
 * umask of the request (setfsuid(2) and its relatives are of a thread, not of the process).  A
 * change of the file-system user away from 0 also takes the capabilities that override file
 * permissions away, so the kernel checks the caller's rights as if it were here.  A server that
 * runs as another user does everything as that user, only the umask is the caller's.
 *
 * No thread that acts for others may go beyond quotas or use the blocks that a file system keeps for
 * root (CAP_SYS_RESOURCE), whoever the caller is: data is written without becoming the caller again.
 *
 * A thread keeps the last caller's identity until the next one comes, so that a run of commands
 * of one user costs nothing; what needs the server's own rights says so first.
 *
 * Errors: EPERM where an identity cannot be taken (numbers that do not exist here); the command
 * must then not be done.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

typedef struct {
  uint32_t uid, gid, umask;
  uint32_t n_groups;
  const uint32_t *groups;
} FtsIdentity;

/* The calling thread acts for WHO until it says otherwise.  0 or an errno. */
int fts_caller_become (const FtsIdentity *who);
/* The calling thread acts as the server itself (groups and umask stay). */
int fts_caller_become_server (void);
#define FTS_FD_PATH_LEN 32

/* A path that leads to the very file of the descriptor FD, for calls that take none that is O_PATH.
 * Good on the calling thread only: a thread that acts for others has the folder of descriptors as
 * its working directory, as each step of a path costs. */
void fts_caller_path_of_fd (int fd, char out[FTS_FD_PATH_LEN]);
/* Can this process take other identities at all? */
bool fts_caller_can_switch (void);
