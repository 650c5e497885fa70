/* remount.h - `mount -o remount`: what of a live mount can change, and how.
 *
 * The helper asks the daemon of the mount, by an ioctl on its root, whether all options that were
 * given are flags of the kernel's or stand as they did at mount time (fstab repeats them); only
 * then it changes the kernel's flags.  The daemon's own options stay what they are.
 *
 * Errors: FTS_ERROR_CONFIG naming the option or the directory; FTS_ERRNO of mount(2).
 */
#pragma once

#include "prog/ftsfs/options.h"

#include <sys/ioctl.h>

#define FTS_REMOUNT_TEXT_MAX 8192u

/* In: the options, with commas between them.  Out: what is against it; empty = nothing. */
typedef struct {
  char text[FTS_REMOUNT_TEXT_MAX];
} FtsRemountAsk;

#define FTS_REMOUNT_ASK _IOWR ('F', 0x54, FtsRemountAsk)

/* The helper's part. */
bool fts_remount (const FtsMountOptions *options, GError **error);
/* The daemon's part: answers ASK for a mount with the options RUNNING.  Pure. */
void fts_remount_judge (const FtsMountOptions *running, FtsRemountAsk *ask);
