/* options.h - what the command line of ftsfs and mount.fuse.ftsfs says.
 *
 * Two grammars share one parser.  As a program: `ftsfs PEER:/EXPORT DIR [-o …] [-f] [-d] [-s]`.
 * As a mount helper (called as mount.*, by mount(8)): -f means "do everything but mount" and -s
 * "ignore unknown options".  Options known to the kernel are kept for libfuse; those that only
 * mount(8) and systemd read are dropped; anything else unknown is an error.
 *
 * Pure but for the host name; any thread.  Errors: FTS_ERROR_CONFIG naming the option.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

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
  uint32_t timeout_ms;
  unsigned max_connections;
  bool read_only;
  /* behaviour towards the kernel */
  double attr_timeout, entry_timeout, negative_timeout; /* seconds */
  unsigned readahead_kb;                                /* 0 = leave the kernel's */
  unsigned behind_kb; /* most bytes written behind; 0 = every write waits */
  unsigned threads;
  char *kernel_options; /* for libfuse, comma-separated, maybe empty */
  /* this run */
  char *stats_file;
  bool foreground, debug, single_thread, verbose, fake, help, version;
} FtsMountOptions;

bool fts_mount_options_parse (int argc, char *const *argv, FtsMountOptions *out,
                              GError **error);
void fts_mount_options_clear (FtsMountOptions *options);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (FtsMountOptions, fts_mount_options_clear)

extern const char fts_mount_usage[];
