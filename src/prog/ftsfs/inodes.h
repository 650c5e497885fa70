/* inodes.h - which file of the peer each of the kernel's node numbers stands for.
 *
 * Invariants
 *  1. One inode a handle: the same file looked up under two names is one node, so that hard
 *     links share attributes and cached data.
 *  2. A number is never used again while the mount lives.  A number the kernel made up (file
 *     handles of an NFS export) is simply not found.
 *  3. An inode lives as long as the kernel remembers it (lookups counted up here and down by
 *     forget) or somebody here uses it (references).  The root always lives.
 *
 * Names: with pushed changes (push.h) the kernel may keep names for long, present and absent ones;
 * they are noted here, so that each can be taken from it.  A name goes with its inode.
 *
 * Trust: `trusted_since` is the clock (fts_fs_now) from which on the peer tells of changes without
 * a gap.  What was asked for before it is kept for the short time-outs only.
 *
 * The table is as large as the kernel's own cache of names, which forgets under memory pressure.
 * Threads: all calls from any thread.
 */
#pragma once

#include "fts/wire.h"

#include <pthread.h>
#include <stdatomic.h>

typedef struct FtsInodes FtsInodes;

/* What tells two states of a file's data apart. */
typedef struct {
  uint64_t size;
  FtsTime mtime, ctime;
} FtsVersion;

typedef struct {
  atomic_bool is_locked; /* programs lock it: closing it must say so to the peer */
  uint64_t id;           /* the kernel's node number; constant, like the handle */
  FtsHandle handle;

  /* written under the lock, read without */
  atomic_uint_fast64_t
    changed; /* clock of the last change we know of, see fts_fs_tick() */
  atomic_uint_fast64_t pushed; /* clock of the last change the peer told us of */
  atomic_bool is_kept; /* the peer watches it, and nothing changed since it said so */

  pthread_mutex_t lock; /* those up to `xattr_changed` */
  FtsVersion version;   /* of the data in the kernel's cache */
  bool has_version;     /* false: our own writes made it unknown */
  FtsVersion told;      /* what the kernel was told last */
  bool has_told;
  FtsAttr known;     /* the newest state that may be told to the kernel */
  int64_t known_us;  /* since when; 0 = not known */
  uint64_t known_at; /* the same by the clock */
  int64_t plain_us; /* since when it is known to have no extended attributes; 0 = not */
  int64_t no_capability_until_us; /* the file is known to have no security.capability */
  uint64_t xattr_changed;         /* as `changed`, of extended attributes */

  /* the table's */
  struct FtsName *names; /* of this file, as the kernel has been told for long */
  uint64_t lookups;
  unsigned refs;
  FtsInodes *table;
} FtsInode;

#define FTS_INODE_ROOT 1u

FtsInodes *fts_inodes_new (const FtsHandle *root);
void fts_inodes_free (FtsInodes *inodes); /* nobody may hold a reference any more */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (FtsInodes, fts_inodes_free)

/* A reference to the inode with number ID, or NULL. */
FtsInode *fts_inodes_find (FtsInodes *inodes, uint64_t id);
/* A reference to the inode of HANDLE if there is one. */
FtsInode *fts_inodes_peek (FtsInodes *inodes, const FtsHandle *handle);
/* A reference to the inode of HANDLE, made when new; the kernel's count grows by one: it is told
 * of the inode, or fts_inodes_forget() takes it back. */
FtsInode *fts_inodes_learn (FtsInodes *inodes, const FtsHandle *handle);
/* The same when there is one already, or NULL. */
FtsInode *fts_inodes_learn_known (FtsInodes *inodes, const FtsHandle *handle);
void fts_inodes_forget (FtsInodes *inodes, uint64_t id, uint64_t n);
unsigned fts_inodes_count (FtsInodes *inodes);

/* ---- what the kernel may keep for long ---- */

/* The file of HANDLE changed at clock NOW: *INODE is a reference to its inode, or NULL; then an inode
 * made later from an older answer counts as changed. */
void fts_inodes_note_unknown_file (FtsInodes *inodes, const FtsHandle *handle,
                                   uint64_t now, FtsInode **inode);
uint64_t fts_inodes_unknown (FtsInodes *inodes);

/* NEVER: nothing is told. */
#define FTS_INODES_NEVER UINT64_MAX
void fts_inodes_trust (FtsInodes *inodes, uint64_t since);
bool fts_inodes_are_trusted (FtsInodes *inodes, uint64_t at);

/* NAME in PARENT is CHILD (NULL = absent), asked for at AT: true when the kernel may keep it for
 * TIMEOUT seconds. */
bool fts_inodes_keep_name (FtsInodes *inodes, const FtsInode *parent, const char *name,
                           FtsInode *child, uint64_t at, double timeout);
/* NAME means something else now; NEW_NAME (NULL = none) gets what it meant. */
void fts_inodes_move_name (FtsInodes *inodes, const FtsInode *parent, const char *name,
                           const FtsInode *new_parent, const char *new_name);
void fts_inodes_exchange_names (FtsInodes *inodes, const FtsInode *parent,
                                const char *name, const FtsInode *other_parent,
                                const char *other_name);

/* Trust begins anew at SINCE, NOW is the clock, and all that was kept until now is the caller's: references to all
 * inodes, and all names (as FtsKeptName). */
typedef struct {
  uint64_t parent;
  char *name;
} FtsKeptName;
void fts_inodes_take_kept (FtsInodes *inodes, uint64_t since, uint64_t now,
                           GPtrArray **all, GArray **names);

FtsInode *fts_inode_ref (FtsInode *inode);
void fts_inode_unref (FtsInode *inode); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (FtsInode, fts_inode_unref)

/* Remembers ATTR as the state of the cached data.  True when it was known to be that already:
 * then what the kernel has cached is still right. */
bool fts_inode_set_version (FtsInode *inode, const FtsAttr *attr);
/* Remembers ATTR as what the kernel is told now. */
void fts_inode_set_told (FtsInode *inode, const FtsAttr *attr);
/* Was the kernel told something else than ATTR? */
bool fts_inode_told_other (FtsInode *inode, const FtsAttr *attr);
uint64_t fts_inode_told_size (FtsInode *inode);
/* The data was changed by ourselves, or might be, at clock NOW. */
void fts_inode_set_changed (FtsInode *inode, uint64_t now, bool data);
uint64_t fts_inode_changed (FtsInode *inode);
/* The peer told ATTR when asked at clock AT; WATCHED: and that it watches the file, which holds unless
 * a change came since. */
void fts_inode_set_known (FtsInode *inode, const FtsAttr *attr, uint64_t at,
                          bool watched);
/* Our own change, begun at clock AT, ended at clock NOW, and the peer told the state afterwards:
 * ATTR, with ino 0 when it could not.  It is known from here on, unless a further change of ours
 * came between. */
void fts_inode_set_after (FtsInode *inode, const FtsAttr *attr, uint64_t at,
                          uint64_t now);
/* The state that was known last, however old; ino 0 = none. */
void fts_inode_last_known (FtsInode *inode, FtsAttr *out);
/* The state known for less than TIMEOUT_US and not before clock SINCE; *LEFT_US = how much longer
 * it may be trusted. */
bool fts_inode_get_known (FtsInode *inode, uint64_t since, int64_t timeout_us,
                          FtsAttr *out, int64_t *left_us);

/* Known, since less than TIMEOUT_US, to have no extended attributes at all? */
bool fts_inode_is_plain (FtsInode *inode, int64_t timeout_us);
/* Its extended attributes were changed by ourselves, or might be, at clock NOW. */
void fts_inode_set_xattr_changed (FtsInode *inode, uint64_t now);
/* The peer said at clock NOW that it changed. */
void fts_inode_set_pushed (FtsInode *inode, uint64_t now);
uint64_t fts_inode_pushed (FtsInode *inode);
bool fts_inode_is_kept (FtsInode *inode);
/* The kernel asks for security.capability before each write; files without one are remembered
 * until UNTIL_US (0 = no more). */
void fts_inode_set_no_capability (FtsInode *inode, int64_t until_us);
bool fts_inode_has_no_capability (FtsInode *inode);
