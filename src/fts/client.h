/* client.h - the client half of the file commands: what a mount and the fts program call.
 *
 * A client is attached to one export of one peer through a pool of connections that grows on
 * demand (a call takes a free one) and shrinks when idle.  Calls are synchronous; many threads
 * call at once.  When the peer or the way to it is away, calls wait for its return as long as the
 * configuration says (patience.h), find it again by new connections, and open files are opened
 * again by their handles; one that is gone answers ESTALE.  The ids of open files are the
 * client's own.  A thread that listens to an interrupt (interrupt.h) can be freed by another.
 *
 * Errors: FTS_ERRNO with the server's exact errno, or FTS_ERROR and LUN_ERROR for what failed in
 * between.  Both have an errno by fts_error_to_errno().
 */
#pragma once

#include "channel/connect.h"
#include "fts/wire.h"

typedef struct FtsClient FtsClient;

typedef struct {
  const char *peer;
  const char *export_name;
  const char *secret;       /* NULL = none */
  unsigned max_connections; /* 0 = 8 */
  uint32_t wait_ms;         /* to wait for the peer at start */
  uint32_t timeout_ms;      /* deadline of a call; 0 = none */
  uint32_t
    grace_ms; /* how long calls wait for a peer that is away, from when it went */
  bool read_only;
  bool no_xattr; /* nobody will ask for extended attributes: none are looked for */
} FtsClientConfig;

#define FTS_GRACE_FOREVER UINT32_MAX

/* Connects and attaches; the root's handle and attributes are there after it. */
FtsClient *fts_client_new (FtsMember *member, const FtsClientConfig *config,
                           GError **error);
void fts_client_free (FtsClient *client); /* closes all connections */
/* Did a call find the peer, or the way to it, away a moment ago, and none got through since, or is there no
 * path now? */
bool fts_client_is_away (FtsClient *client);
/* Another number whenever all connections of calls were lost, and with them what the peer knew of this client; 0
 * while there is none. */
uint64_t fts_client_session (FtsClient *client);
/* Before the end: from now on nobody waits for a peer that is away. */
void fts_client_hurry (FtsClient *client);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (FtsClient, fts_client_free)

const FtsHandle *fts_client_root (const FtsClient *client);
bool fts_client_is_read_only (const FtsClient *client); /* the export or our wish */

/* Request/answer pairs so far, by operation, and connections now and at most. */
typedef struct {
  uint64_t calls[FTS_OP_N];
  unsigned connections, most_connections;
  FtsChannelStats channels;
} FtsClientStats;
void fts_client_get_stats (FtsClient *client, FtsClientStats *out);

/* Whose rights count at the server. */
typedef struct {
  uint32_t uid, gid, umask;
  uint32_t n_groups;
  const uint32_t *groups;
} FtsCaller;

typedef struct {
  FtsHandle handle;
  FtsAttr attr;
  FtsAttr dir; /* of what was just made: its directory afterwards; ino 0 = not known */
  bool exact;  /* a directory just made, in which each name has one spelling */
} FtsNode;

/* A name that is not there (ENOENT) leaves in OUT's attributes whether that is watched. */
bool fts_client_lookup (FtsClient *client, const FtsCaller *caller,
                        const FtsHandle *parent, const char *name, FtsNode *out,
                        GError **error);
/* PATH from DIR; symlinks are followed inside the export.  *FULL (may be NULL) is the path from
 * the export root; free it. */
bool fts_client_walk (FtsClient *client, const FtsCaller *caller, const FtsHandle *dir,
                      const char *path, FtsNode *out, char **full, GError **error);
/* OPEN_ID 0 = by handle alone. */
bool fts_client_getattr (FtsClient *client, const FtsCaller *caller,
                         const FtsHandle *handle, uint64_t open_id, FtsAttr *out,
                         GError **error);
bool fts_client_setattr (FtsClient *client, const FtsCaller *caller,
                         const FtsHandle *handle, uint64_t open_id, uint32_t mask,
                         const FtsAttr *attr, FtsAttr *out, GError **error);
char *fts_client_readlink (FtsClient *client, const FtsCaller *caller,
                           const FtsHandle *handle, GError **error);

/* Receives data in order; false stops the transfer with ERROR set. */
typedef bool (*FtsSink) (const uint8_t *data, size_t len, void *user_data,
                         GError **error);

/* Opens and brings the first FIRST_LEN bytes along (0 = none) in the same answer. */
bool fts_client_open (FtsClient *client, const FtsCaller *caller,
                      const FtsHandle *handle, uint32_t open_flags, size_t first_len,
                      FtsSink sink, void *user_data, uint64_t *open_id, FtsAttr *attr,
                      bool *eof, GError **error);
/* N files (FTS_OPENS_MAX at most) as with fts_client_open() to be read, with their bytes, MOST of all
 * together.  OPENED has one for each, in order: `status` a FtsStatus; `first` lies in BYTES.  False:
 * the first could not be opened, or nothing at all. */
bool fts_client_opens (FtsClient *client, const FtsCaller *caller,
                       const FtsHandle *handles, unsigned n, size_t most,
                       GByteArray *bytes, FtsOpened *opened, GError **error);
bool fts_client_create (FtsClient *client, const FtsCaller *caller,
                        const FtsHandle *parent, const char *name, uint32_t mode,
                        uint32_t open_flags, FtsNode *out, uint64_t *open_id,
                        GError **error);
bool fts_client_read (FtsClient *client, const FtsHandle *handle, uint64_t open_id,
                      uint64_t offset, size_t len, FtsSink sink, void *user_data,
                      bool *eof, GError **error);
bool fts_client_write (FtsClient *client, const FtsHandle *handle, uint64_t open_id,
                       uint64_t offset, const struct iovec *iov, int n_iov,
                       size_t *written, FtsAttr *attr, GError **error);
/* Returns at once; the request goes out in the background. */
void fts_client_close_file (FtsClient *client, uint64_t open_id);
bool fts_client_fsync (FtsClient *client, const FtsHandle *handle, uint64_t open_id,
                       bool data_only, GError **error);

/* One page of a directory from COOKIE (0 = start) of at most MAX bytes; ENTRIES gets encoded
 * entries (fts_wire_decode_dirent).  PATTERN (may be NULL) is a glob the server applies. */
bool fts_client_dir (FtsClient *client, const FtsCaller *caller, const FtsHandle *dir,
                     uint64_t cookie, size_t max, const char *pattern,
                     GByteArray *entries, uint64_t *next, bool *eof, GError **error);

/* The numbers (fts_namehash) of all names in DIR as uint64_t, unless there are more than MOST. */
GArray *fts_client_names (FtsClient *client, const FtsCaller *caller,
                          const FtsHandle *dir, unsigned most, bool *watched,
                          GError **error);

bool fts_client_mknod (FtsClient *client, const FtsCaller *caller,
                       const FtsHandle *parent, const char *name, uint32_t mode,
                       uint64_t rdev, FtsNode *out, GError **error);
bool fts_client_mkdir (FtsClient *client, const FtsCaller *caller,
                       const FtsHandle *parent, const char *name, uint32_t mode,
                       FtsNode *out, GError **error);
bool fts_client_symlink (FtsClient *client, const FtsCaller *caller,
                         const FtsHandle *parent, const char *name, const char *target,
                         FtsNode *out, GError **error);
bool fts_client_link (FtsClient *client, const FtsCaller *caller, const FtsHandle *file,
                      const FtsHandle *parent, const char *name, FtsNode *out,
                      GError **error);
/* DIR, NEW_DIR (may be NULL): the directories afterwards. */
bool fts_client_unlink (FtsClient *client, const FtsCaller *caller,
                        const FtsHandle *parent, const char *name, FtsAttr *dir,
                        GError **error);
bool fts_client_rmdir (FtsClient *client, const FtsCaller *caller,
                       const FtsHandle *parent, const char *name, FtsAttr *dir,
                       GError **error);
bool fts_client_rename (FtsClient *client, const FtsCaller *caller,
                        const FtsHandle *parent, const char *name,
                        const FtsHandle *new_parent, const char *new_name,
                        uint32_t flags, FtsAttr *dir, FtsAttr *new_dir, GError **error);
bool fts_client_statfs (FtsClient *client, const FtsHandle *handle, FtsStatfs *out,
                        GError **error);

/* ---- ranges of open files ---- */

/* MODE = FALLOC_FL_* of Linux. */
bool fts_client_fallocate (FtsClient *client, const FtsHandle *handle, uint64_t open_id,
                           uint64_t offset, uint64_t len, uint32_t mode,
                           GError **error);
/* WHAT = FTS_SEEK_*; ENXIO when there is none behind OFFSET. */
bool fts_client_seek (FtsClient *client, const FtsHandle *handle, uint64_t open_id,
                      uint64_t offset, uint32_t what, uint64_t *found, GError **error);

typedef struct {
  const FtsHandle *handle;
  uint64_t open_id, offset;
} FtsPlace;

/* At the server; *COPIED may be less than LEN, and is 0 at the end of the source. */
bool fts_client_copy (FtsClient *client, const FtsPlace *from, const FtsPlace *to,
                      uint64_t len, uint64_t *copied, GError **error);

/* ---- locks ---- */

/* A lock in the way is EAGAIN; HOW = FTS_LOCK_* or 0, TICKET for those that wait, not 0.  *WAS_NEW (may be
 * NULL) tells that the server did not have it before, or that the cancelled ticket waited. */
bool fts_client_lock (FtsClient *client, const FtsHandle *handle, uint64_t open_id,
                      const FtsLock *lock, uint32_t how, uint64_t ticket, bool *was_new,
                      GError **error);
/* What is in the way of LOCK; its type is FTS_LOCK_NONE when nothing is. */
bool fts_client_test_lock (FtsClient *client, const FtsHandle *handle, uint64_t open_id,
                           const FtsLock *lock, FtsLock *out, GError **error);

/* ---- extended attributes ---- */

/* FLAGS = XATTR_CREATE, XATTR_REPLACE. */
bool fts_client_setxattr (FtsClient *client, const FtsCaller *caller,
                          const FtsHandle *handle, const char *name, const void *value,
                          size_t len, uint32_t flags, GError **error);
/* ROOM 0 asks for the length alone; a value (or list) longer than ROOM is ERANGE.  VALUE gets
 * what came. */
bool fts_client_getxattr (FtsClient *client, const FtsCaller *caller,
                          const FtsHandle *handle, const char *name, size_t room,
                          GByteArray *value, size_t *len, GError **error);
/* Names, a NUL behind each. */
bool fts_client_listxattr (FtsClient *client, const FtsCaller *caller,
                           const FtsHandle *handle, size_t room, GByteArray *names,
                           size_t *len, GError **error);
bool fts_client_removexattr (FtsClient *client, const FtsCaller *caller,
                             const FtsHandle *handle, const char *name, GError **error);

/* ---- whole files (fts get, put, replace) ---- */
typedef struct {
  /* Called now and then on the calling thread: bytes done so far of TOTAL. */
  void (*progress) (uint64_t done, uint64_t total, void *user_data);
  /* Asked as often; true ends the transfer with ECANCELED.  NULL = never. */
  bool (*cancelled) (void *user_data);
  void *user_data;
  bool replace; /* an existing target may be overwritten */
  bool resume;  /* go on with what an interrupted transfer left */
} FtsTransfer;

/* Remote PATH (from DIR) to LOCAL and back: regular files; written under a temporary name beside
 * the target (fts_wire_partial_name), then renamed; permissions (without set-id bits on a get)
 * and times kept, holes kept, checksum compared.  What a broken connection or a cancel
 * interrupted stays under the temporary name for `resume`, which goes on where it ended if the
 * source is still the same; any other error removes it.  An existing target without `replace`
 * is EEXIST; a target that somebody else is just writing is EBUSY. */
bool fts_client_get (FtsClient *client, const FtsCaller *caller, const FtsHandle *dir,
                     const char *path, const char *local, const FtsTransfer *transfer,
                     GError **error);
bool fts_client_put (FtsClient *client, const FtsCaller *caller, const FtsHandle *dir,
                     const char *local, const char *path, const FtsTransfer *transfer,
                     GError **error);
