/* ops_dir.c - directories: opendir, readdir, readdirplus, releasedir, fsyncdir.
 *
 * An open directory: one page of the peer's listing, served to the kernel in pieces.
 *
 * Offsets are the peer's cookies, so they stay right across pages, other opens and the peer's
 * restart.  "." and ".." are made here and stand in front; their offsets are values no file
 * system gives: offset 0 -> ".", DOT_DONE -> "..", DOTS_DONE -> the peer's cookie 0.
 *
 * Attributes of a page are told to the kernel only while nothing of this mount touched the
 * entry or the directory's names since the page was fetched; later the names alone are. */
#include "base/error.h"
#include "prog/ftsfs/fs.h"

#include <errno.h>

#define DOT_DONE      (INT64_MAX - 2)
#define DOTS_DONE     (INT64_MAX - 1)

#define PAGE_LEN      (200u * 1024u)
#define PAGE_VALID_US G_USEC_PER_SEC /* of attributes in a page */

/* Who only lists a long directory does not want to fill the kernel's memory, and ours, with all
 * its files: with so many known, only files that somebody asks for are told of. */
#define MOST_UNASKED  (1u << 18)

typedef struct {
  FtsInode *inode;
  pthread_mutex_t lock; /* the rest */
  GByteArray *page;     /* NULL: none fetched */
  size_t pos;           /* next entry in it */
  uint64_t pos_cookie;  /* its cookie as an offset: that of the entry before */
  uint64_t start, next; /* cookies the page begins at, and ends at */
  bool eof;             /* nothing after the page */
  uint64_t clock;
  int64_t fetched_us;
} Dir;

static Dir *
dir_of (const struct fuse_file_info *fi)
{
  return (Dir *) (uintptr_t) fi->fh;
}

static void
free_dir (Dir *dir)
{
  g_clear_pointer (&dir->page, g_byte_array_unref);
  pthread_mutex_destroy (&dir->lock);
  fts_inode_unref (dir->inode);
  g_free (dir);
}

void
fts_op_opendir (fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
  FtsInode *inode = fts_fs_inode (req, ino);

  if (inode == NULL)
    return;
  Dir *dir = g_new0 (Dir, 1);
  dir->inode = inode;
  pthread_mutex_init (&dir->lock, NULL);
  fi->fh = (uintptr_t) dir;
  /* The kernel keeps the listing while the peer says that nothing changed. */
  fi->cache_readdir = 1;
  fi->keep_cache = fts_inode_is_kept (inode);
  if (fuse_reply_open (req, fi) != 0)
    free_dir (dir);
}

void
fts_op_releasedir (fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
  free_dir (dir_of (fi));
  fuse_reply_err (req, 0);
}

void
fts_op_fsyncdir (fuse_req_t req, fuse_ino_t ino, int datasync,
                 struct fuse_file_info *fi)
{
  GError *error = NULL;
  bool well = fts_client_fsync (fts_fs_of (req)->client, &dir_of (fi)->inode->handle, 0,
                                datasync != 0, &error);

  fts_fs_done (req, well, error);
}

/* ---- pages ---- */
static bool
fetch_locked (fuse_req_t req, Dir *dir, uint64_t cookie, GError **error)
{
  FtsFs *fs = fts_fs_of (req);
  FtsWho who;

  g_clear_pointer (&dir->page, g_byte_array_unref);
  dir->clock = fts_fs_now (fs);
  dir->fetched_us = g_get_monotonic_time ();
  g_autoptr (GByteArray) page = g_byte_array_new ();
  if (!fts_client_dir (fs->client, fts_fs_caller (req, &who), &dir->inode->handle,
                       cookie, PAGE_LEN, NULL, page, &dir->next, &dir->eof, error))
    return false;
  dir->page = g_steal_pointer (&page);
  dir->pos = 0;
  dir->pos_cookie = dir->start = cookie;
  return true;
}

static bool
peek_entry_locked (const Dir *dir, FtsDirent *entry, size_t *used)
{
  return dir->page && dir->pos < dir->page->len &&
         fts_wire_decode_dirent (dir->page->data + dir->pos, dir->page->len - dir->pos,
                                 entry, used);
}

static void
step_locked (Dir *dir, const FtsDirent *entry, size_t used)
{
  dir->pos += used;
  dir->pos_cookie = entry->cookie;
}

/* Looks for the place in the page that COOKIE names: true when it is there. */
static bool
seek_in_page_locked (Dir *dir, uint64_t cookie)
{
  FtsDirent entry;
  size_t used;

  if (dir->page == NULL)
    return false;
  if (dir->pos_cookie == cookie && dir->pos > 0)
    return true;
  dir->pos = 0;
  dir->pos_cookie = dir->start;
  while (dir->pos_cookie != cookie || dir->pos == 0) {
    if (!peek_entry_locked (dir, &entry, &used))
      return false;
    step_locked (dir, &entry, used);
  }
  return true;
}

static bool
malformed (GError **error)
{
  g_set_error (error, FTS_ERROR, FTS_ERROR_PROTOCOL, "malformed directory page");
  return false;
}

/* Makes ENTRY the first one after COOKIE; *END when there is none.  A listing that begins
 * anew is asked for anew.  A page may be empty only at the end, or a peer could keep us here. */
static bool
go_to_locked (fuse_req_t req, Dir *dir, uint64_t cookie, FtsDirent *entry, size_t *used,
              bool *end, GError **error)
{
  *end = false;
  if ((cookie == 0 || !seek_in_page_locked (dir, cookie)) &&
      !fetch_locked (req, dir, cookie, error))
    return false;
  while (!peek_entry_locked (dir, entry, used)) {
    if (dir->pos < dir->page->len || (dir->page->len == 0 && !dir->eof))
      return malformed (error);
    *end = dir->eof;
    if (*end)
      return true;
    if (!fetch_locked (req, dir, dir->next, error))
      return false;
  }
  return true;
}

/* ---- answers ---- */
typedef struct {
  fuse_req_t req;
  bool plus;
  char *buf;
  size_t size, used;
} Listing;

/* Adds a name, with E's attributes when there are some; false when it does not fit. */
static bool
add (Listing *listing, const char *name, struct fuse_entry_param *e, off_t next)
{
  char *at = listing->buf + listing->used;
  size_t room = listing->size - listing->used;
  size_t len = listing->plus
                 ? fuse_add_direntry_plus (listing->req, at, room, name, e, next)
                 : fuse_add_direntry (listing->req, at, room, name, &e->attr, next);

  if (len > room)
    return false;
  listing->used += len;
  return true;
}

static bool
has_room (const Listing *listing, const char *name)
{
  size_t len = listing->plus
                 ? fuse_add_direntry_plus (listing->req, NULL, 0, name, NULL, 0)
                 : fuse_add_direntry (listing->req, NULL, 0, name, NULL, 0);

  return len <= listing->size - listing->used;
}

/* The node of ENTRY in E when its attributes may still be told. */
static FtsInode *
learn_entry (FtsFs *fs, const Dir *dir, const FtsDirent *entry, const char *name,
             struct fuse_entry_param *e)
{
  if (entry->handle.len == 0 || fts_inode_changed (dir->inode) > dir->clock ||
      g_get_monotonic_time () - dir->fetched_us > PAGE_VALID_US)
    return NULL;
  /* Another of its names may have gone without our knowing whose it was. */
  if (entry->attr.nlink > 1 && !S_ISDIR (entry->attr.mode) &&
      fts_fs_now (fs) > dir->clock)
    return NULL;
  g_autoptr (FtsInode) known = fts_inodes_peek (fs->inodes, &entry->handle);
  if (known && (fts_inode_changed (known) > dir->clock ||
                (fs->behind && fts_behind_is_dirty (fs->behind, known))))
    return NULL;
  if (known == NULL && (fts_inodes_unknown (fs->inodes) > dir->clock ||
                        fts_inodes_count (fs->inodes) >= MOST_UNASKED))
    return NULL;
  const FtsPlaceOfEntry place = { dir->inode, name, dir->clock };
  FtsNode node = { .handle = entry->handle, .attr = entry->attr };
  FtsInode *inode = fts_fs_learn (fs, &place, &node, dir->clock, e);
  if (S_ISREG (node.attr.mode))
    fts_ahead_add (fs->ahead, dir->inode->id, inode->id, node.attr.size);
  return inode;
}

static bool
add_entry_locked (Listing *listing, const Dir *dir, const FtsDirent *entry)
{
  FtsFs *fs = fts_fs_of (listing->req);
  struct fuse_entry_param e = { 0 };
  char name[FTS_TEXT_MAX + 1];
  g_autoptr (FtsInode) inode = NULL;

  memcpy (name, entry->name.bytes, MIN (entry->name.len, FTS_TEXT_MAX));
  name[MIN (entry->name.len, FTS_TEXT_MAX)] = '\0';
  if (!has_room (listing, name))
    return false;
  if (listing->plus)
    inode = learn_entry (fs, dir, entry, name, &e);
  if (inode == NULL) {
    e = (struct fuse_entry_param){ 0 };
    fts_fs_stat (fs, &entry->attr, &e.attr);
  }
  return add (listing, name, &e, (off_t) entry->cookie);
}

static bool
is_dot (const FtsDirent *entry)
{
  return (entry->name.len == 1 && entry->name.bytes[0] == '.') ||
         (entry->name.len == 2 && memcmp (entry->name.bytes, "..", 2) == 0);
}

/* "." and ".." when OFF stands before them; the cookie to go on with in *COOKIE. */
static bool
add_dots (Listing *listing, const Dir *dir, off_t off, uint64_t *cookie)
{
  struct fuse_entry_param e = { .attr = { .st_ino = dir->inode->id,
                                          .st_mode = S_IFDIR } };

  *cookie = 0;
  if (off == 0)
    fts_ahead_list (fts_fs_of (listing->req)->ahead, dir->inode->id);
  if (off == 0 && !add (listing, ".", &e, DOT_DONE))
    return false;
  if ((off == 0 || off == DOT_DONE) && !add (listing, "..", &e, DOTS_DONE))
    return false;
  if (off != 0 && off != DOT_DONE && off != DOTS_DONE)
    *cookie = (uint64_t) off;
  return true;
}

static bool
fill_locked (Listing *listing, Dir *dir, off_t off, GError **error)
{
  uint64_t cookie;
  bool end = false;

  if (!add_dots (listing, dir, off, &cookie))
    return true;
  for (;;) {
    FtsDirent entry;
    size_t used;

    if (!go_to_locked (listing->req, dir, cookie, &entry, &used, &end, error))
      return listing->used > 0 && (g_clear_error (error), true);
    if (end || (!is_dot (&entry) && !add_entry_locked (listing, dir, &entry)))
      return true;
    step_locked (dir, &entry, used);
    cookie = entry.cookie;
  }
}

static void
list (fuse_req_t req, size_t size, off_t off, const struct fuse_file_info *fi,
      bool plus)
{
  Dir *dir = dir_of (fi);
  g_autofree char *buf = g_malloc (size);
  Listing listing = { .req = req, .plus = plus, .buf = buf, .size = size };
  GError *error = NULL;

  pthread_mutex_lock (&dir->lock);
  bool well = fill_locked (&listing, dir, off, &error);
  pthread_mutex_unlock (&dir->lock);
  if (well)
    fuse_reply_buf (req, buf, listing.used);
  else
    fts_fs_fail (req, error);
}

void
fts_op_readdir (fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
                struct fuse_file_info *fi)
{
  list (req, size, off, fi, false);
}

void
fts_op_readdirplus (fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
                    struct fuse_file_info *fi)
{
  list (req, size, off, fi, true);
}
