/* server_again.h - a request that was begun once and comes again: was it carried out?
 *
 * Before a request is carried out, a note is made of what it is about: which inodes its names
 * lead to, how long the file is.  When the same request comes again without an answer being
 * known (the server died under it, or its data broke off), the note is compared with what is
 * there now:
 *
 *   unlink, rmdir, rename   the name leads no more to the inode it led to: done
 *   mkdir, mknod, symlink,  nothing was there before and now there is something of that kind: done
 *   link, create
 *   write at the end        the file has grown: the rest is written
 *   setxattr, removexattr   the attribute came or went: done
 *   collapse, insert range  the file has another length: done
 *
 * Somebody else who does the same to the same names within the same moment cannot be told from
 * ourselves.  Everything else is as good done twice as once.
 */
#pragma once

#include "fts/server_ops.h"

/* Carries JOB out by FUNC, unless it was done already.  The job's files are pinned and it has the
 * caller's rights.  0 or an errno. */
int fts_again_run (FtsJob *job, FtsCommandFunc func);
