/* options.h - what the command line of ftsfs and mount.fuse.ftsfs says.
 *
 * Two grammars share one parser.  As a program: `ftsfs PEER:/EXPORT DIR [-o …] [-f] [-d] [-s]`.
 * As a mount helper (called as mount.*, by mount(8)): -f means "do everything but mount" and -s
 * "ignore unknown options".  Options known to the kernel are kept for libfuse; those that only
 * mount(8) and systemd read are dropped; anything else unknown is an error.
 *
 * With "remount" the words name a live mount; only its options are looked at (remount.h).
 *
 * Pure but for the host name; any thread.  Errors: FTS_ERROR_CONFIG naming the option.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef enum {
  FTS_MOUNT_IDMAP_NONE,
  FTS_MOUNT_IDMAP_USER,
  FTS_MOUNT_IDMAP_FILE,
  FTS_MOUNT_IDMAP_SQUASH,
} FtsMountIdmap;

#define FTS_NO_ID UINT32_MAX

/* What becomes of a file's cached data when it is opened. */
typedef enum {
  FTS_DATA_CACHE_AUTO, /* dropped when the file changed */
  FTS_DATA_CACHE_KEEP, /* kept */
  FTS_DATA_CACHE_NONE, /* the kernel caches none */
} FtsDataCache;

typedef struct {
  /* what to mount, and where */
  char *source; /* as shown in /proc/mounts: PEER:/EXPORT */
  char *peer;
  char *export_name; /* without leading slash */
  char *mountpoint;
  /* the way there */
  char *volume;
  GPtrArray *devices; /* of char*, NULL-terminated when parsed */
  char *name;         /* own name in the host table, or NULL */
  char *secret_file;
  uint32_t wait_ms;
  bool has_retry;
  unsigned retry_minutes; /* to try again for, when it cannot be reached */
  bool background;        /* but let the caller go on meanwhile */
  bool is_hard;           /* wait for ever, for everything */
  unsigned timeo; /* tenths of a second; times `retrans` the deadline of a request */
  unsigned retrans;
  uint32_t grace_ms; /* to wait for a peer that went away */
  unsigned max_connections;
  bool read_only;
  /* behaviour towards the kernel */
  /* seconds, for what the peer does not watch (option_cache.h) */
  double file_attr_min, file_attr_max, dir_attr_min, dir_attr_max;
  double entry_timeout, negative_timeout;
  double watch_timeout; /* seconds, for what the peer watches; 0 = it need not tell */
  FtsDataCache data_cache;
  bool no_xattr;         /* neither extended attributes nor ACL */
  unsigned readahead_kb; /* 0 = leave the kernel's */
  unsigned behind_kb;    /* most bytes written behind; 0 = every write waits */
  unsigned threads;
  char *kernel_options; /* for libfuse, comma-separated, maybe empty */
  /* users here and there (people.h); FTS_NO_ID where nothing was said */
  FtsMountIdmap idmap;
  char *uid_file, *gid_file;
  bool default_permissions; /* the kernel judges, even when everybody is one */
  bool nomap_ignore;        /* numbers that the files do not name stay */
  uint32_t anon_uid, anon_gid;
  uint32_t uid, gid, umask, fmask, dmask;
  /* this run */
  GPtrArray *given; /* of char*: each option as it was given */
  bool remount;     /* change a live mount: the peer and the volume may be NULL */
  char *stats_file;
  bool is_helper; /* called by mount(8) */
  bool foreground, debug, single_thread, verbose, fake, help, version;
} FtsMountOptions;

bool fts_mount_options_parse (int argc, char *const *argv, FtsMountOptions *out,
                              GError **error);
void fts_mount_options_clear (FtsMountOptions *options);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (FtsMountOptions, fts_mount_options_clear)

/* Does OPTION count at mount time alone, so that a remount may say another value? */
bool fts_mount_option_is_for_start (const char *option);

extern const char fts_mount_usage[];
