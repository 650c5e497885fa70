/* fs.h - the mounted file system: what all operations share.
 *
 * ops_names.c   lookup, forget, and all that makes, names and removes files
 * ops_attr.c    getattr, setattr, statfs
 * ops_data.c    open (opening.c, ahead.c), create, read, write, flush, fsync, release
 * ops_xattr.c   extended attributes and POSIX ACL
 * ops_range.c   fallocate, lseek, copy_file_range
 * ops_lock.c    getlk, setlk, flock
 * ops_control.c ioctl: questions about the mount itself
 * ops_dir.c     opendir, readdir, readdirplus, releasedir
 * file.c        an open file; behind.c data not yet at the peer; inodes.c node numbers
 *
 * Each operation answers its request exactly once and holds no lock while it does: the answer
 * can free, on another thread, what the request was about.
 *
 * Coherence: close-to-open.  At open (or within the last second while the peer tells of changes,
 * opening.h) the peer's attributes are compared with those that the
 * kernel's cached data had; a difference drops the data.  Between opens attributes and names are
 * trusted for the time-outs: long ones for what the peer watches for us, as it tells of changes
 * (push.h), short ones for the rest.  Our own changes are seen at once: the kernel knows them, and what
 * was learned from the peer before a change of our own is not told to the kernel after it (the
 * clock, below).
 *
 * Threads: any number of operations at once; the object is constant but for what it points to.
 */
#pragma once

#define FUSE_USE_VERSION 314

#include "fts/client.h"
#include "prog/ftsfs/absent.h"
#include "prog/ftsfs/ahead.h"
#include "prog/ftsfs/behind.h"
#include "prog/ftsfs/known.h"
#include "prog/ftsfs/meanwhile.h"
#include "prog/ftsfs/options.h"
#include "prog/ftsfs/people.h"
#include "prog/ftsfs/who.h"

#include <fuse_lowlevel.h>
#include <stdatomic.h>

typedef struct {
  const FtsMountOptions *options;
  FtsClient *client;
  FtsPeople people;
  FtsInodes *inodes;
  FtsAbsent *absent;
  FtsAhead *ahead;
  struct FtsOpenings *openings;
  FtsMeanwhile *lister; /* of pages of directories */
  FtsBuffers *buffers;
  FtsKnown known;
  struct FtsLocking *locking;
  struct FtsPush *push; /* NULL: nothing is pushed */
  FtsBehind *behind;    /* NULL: every write waits for the peer */
  struct fuse_session *session;
  bool passes_umask;          /* the peer applies it, as a default ACL overrules it */
  atomic_uint_fast64_t clock; /* grows with each change we make at the peer */
  /* When a name last went or moved by ourselves: whose it was is not known, so of no file is its
   * number of names, or its ctime. */
  atomic_uint_fast64_t names_went;
  atomic_uint n_served; /* requests under way, for which the kernel may hold locks */
  atomic_int_fast64_t warned_us; /* when trouble with the peer was last logged */
  /* The kernel has opened the session; runs on a worker. */
  void (*on_init) (void *user_data);
  void *on_init_data;
} FtsFs;

extern const struct fuse_lowlevel_ops fts_fs_ops; /* userdata = FtsFs */

/* For fts_behind_new(): FILE is an FtsFile. */
bool fts_file_send (void *file, uint64_t offset, const uint8_t *data, size_t len,
                    void *fs);

/* ---- the clock of our own changes ----
 * A reader takes the time, asks the peer, and tells the kernel only what was not changed since.
 * A changer ticks after the peer has answered, before the kernel is. */
uint64_t fts_fs_now (FtsFs *fs);
uint64_t fts_fs_tick (FtsFs *fs);

/* ---- who asks ---- */

/* The caller of REQ; its supplementary groups too unless it is root. */
const FtsCaller *fts_fs_caller (fuse_req_t req, FtsWho *who);

/* ---- answers ---- */
FtsFs *fts_fs_of (fuse_req_t req);
/* The request's inode, or NULL after ESTALE was answered. */
FtsInode *fts_fs_inode (fuse_req_t req, fuse_ino_t ino);
/* Answers with ERROR's errno and frees it. */
void fts_fs_fail (fuse_req_t req, GError *error);
/* The errno of ERROR towards a program: never one that means something about the file when the
 * trouble is on the way to it. */
int fts_fs_errno (FtsFs *fs, const GError *error);
/* Statfs and what is asked about the root must not hang: this request does not wait for a peer
 * that is away. */
void fts_fs_limit_wait (FtsFs *fs);
/* Is the way to the peer in trouble, or nobody waiting, rather than the answer an error? */
bool fts_fs_is_trouble (const GError *error);
/* Answers 0, or with ERROR. */
void fts_fs_done (fuse_req_t req, bool well, GError *error);
void fts_fs_stat (const FtsFs *fs, const FtsAttr *attr, struct stat *out);
/* For so long what is known of INODE is trusted: long while the peer watches it. */
int64_t fts_fs_attr_timeout_us (const FtsFs *fs, FtsInode *inode);
/* Where an entry was found. */
typedef struct {
  FtsInode *parent;
  const char *name;
  uint64_t asked; /* the clock before the peer was asked */
} FtsPlaceOfEntry;
/* NODE as the answer to lookup, mkdir and their like; AT = the clock from which on our own
 * changes are not in it. */
void fts_fs_entry (fuse_req_t req, const FtsPlaceOfEntry *place, const FtsNode *node,
                   uint64_t at);
/* Fills OUT for NODE; the kernel's count of the inode is up by one.  A reference. */
FtsInode *fts_fs_learn (FtsFs *fs, const FtsPlaceOfEntry *place, FtsNode *node,
                        uint64_t at, struct fuse_entry_param *out);
/* How long the kernel may keep that the name is INODE's (NULL = that there is none); WATCHED: the
 * peer tells when that changes. */
double fts_fs_entry_seconds (FtsFs *fs, const FtsPlaceOfEntry *place, FtsInode *inode,
                             bool watched);
/* The kernel is told ATTR of INODE, which the peer gave when asked at clock ASKED: fills OUT but for its
 * entry_timeout. */
void fts_fs_tell (FtsFs *fs, FtsInode *inode, const FtsAttr *attr, uint64_t asked,
                  struct fuse_entry_param *out);
/* ATTR of INODE, asked for at clock ASKED, are what is known of it now. */
void fts_fs_note_known (FtsFs *fs, FtsInode *inode, const FtsAttr *attr,
                        uint64_t asked);
/* For so many seconds the kernel may keep them. */
double fts_fs_attr_seconds (const FtsFs *fs, FtsInode *inode);
/* The same of an answer that was asked for at clock ASKED: none when a change came meanwhile, as nothing
 * will be said of that again. */
double fts_fs_answer_seconds (const FtsFs *fs, FtsInode *inode, uint64_t asked);

/* ---- operations ---- */
void fts_op_lookup (fuse_req_t req, fuse_ino_t parent, const char *name);
void fts_op_forget (fuse_req_t req, fuse_ino_t ino, uint64_t n);
void fts_op_forget_multi (fuse_req_t req, size_t count,
                          struct fuse_forget_data *forgets);
void fts_op_mknod (fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
                   dev_t rdev);
void fts_op_mkdir (fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode);
void fts_op_unlink (fuse_req_t req, fuse_ino_t parent, const char *name);
void fts_op_rmdir (fuse_req_t req, fuse_ino_t parent, const char *name);
void fts_op_symlink (fuse_req_t req, const char *target, fuse_ino_t parent,
                     const char *name);
void fts_op_rename (fuse_req_t req, fuse_ino_t parent, const char *name,
                    fuse_ino_t new_parent, const char *new_name, unsigned int flags);
void fts_op_link (fuse_req_t req, fuse_ino_t ino, fuse_ino_t new_parent,
                  const char *new_name);
void fts_op_readlink (fuse_req_t req, fuse_ino_t ino);

void fts_op_getattr (fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void fts_op_setattr (fuse_req_t req, fuse_ino_t ino, struct stat *attr, int to_set,
                     struct fuse_file_info *fi);
void fts_op_statfs (fuse_req_t req, fuse_ino_t ino);

void fts_op_open (fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void fts_op_create (fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
                    struct fuse_file_info *fi);
void fts_op_read (fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
                  struct fuse_file_info *fi);
void fts_op_write (fuse_req_t req, fuse_ino_t ino, const char *buf, size_t size,
                   off_t off, struct fuse_file_info *fi);
void fts_op_flush (fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void fts_op_fsync (fuse_req_t req, fuse_ino_t ino, int datasync,
                   struct fuse_file_info *fi);
void fts_op_release (fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);

void fts_op_fallocate (fuse_req_t req, fuse_ino_t ino, int mode, off_t off, off_t len,
                       struct fuse_file_info *fi);
void fts_op_lseek (fuse_req_t req, fuse_ino_t ino, off_t off, int whence,
                   struct fuse_file_info *fi);
void fts_op_copy_file_range (fuse_req_t req, fuse_ino_t ino, off_t off,
                             struct fuse_file_info *fi, fuse_ino_t to_ino, off_t to_off,
                             struct fuse_file_info *to_fi, size_t len, int flags);

void fts_op_getlk (fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi,
                   struct flock *wish);
void fts_op_setlk (fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi,
                   struct flock *wish, int sleep);
void fts_op_flock (fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi, int op);

void fts_op_setxattr (fuse_req_t req, fuse_ino_t ino, const char *name,
                      const char *value, size_t size, int flags);
void fts_op_getxattr (fuse_req_t req, fuse_ino_t ino, const char *name, size_t size);
void fts_op_listxattr (fuse_req_t req, fuse_ino_t ino, size_t size);
void fts_op_removexattr (fuse_req_t req, fuse_ino_t ino, const char *name);

void fts_op_ioctl (fuse_req_t req, fuse_ino_t ino, unsigned cmd, void *arg,
                   struct fuse_file_info *fi, unsigned flags, const void *in,
                   size_t in_len, size_t out_len);

void fts_op_opendir (fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void fts_op_readdir (fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
                     struct fuse_file_info *fi);
void fts_op_readdirplus (fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
                         struct fuse_file_info *fi);
void fts_op_releasedir (fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void fts_op_fsyncdir (fuse_req_t req, fuse_ino_t ino, int datasync,
                      struct fuse_file_info *fi);
