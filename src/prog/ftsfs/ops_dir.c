/* ops_dir.c - directories: opendir, readdir, readdirplus, releasedir, fsyncdir.
 *
 * An open directory: one page of the peer's listing (pages.h), served to the kernel in pieces.  A
 * piece may end with the page: the kernel takes it in while the next page is on its way.
 *
 * Offsets are the peer's cookies, so they stay right across pages, other opens and the peer's
 * restart.  "." and ".." are made here and stand in front; their offsets are values no file
 * system gives: offset 0 -> ".", DOT_DONE -> "..", DOTS_DONE -> the peer's cookie 0.
 *
 * Attributes of a page are told to the kernel only while nothing of this mount touched the
 * entry or the directory's names since the page was fetched; later the names alone are. */
#include "base/error.h"
#include "prog/ftsfs/fs.h"
#include "prog/ftsfs/pages.h"

#include <errno.h>

#define DOT_DONE      (INT64_MAX - 2)
#define DOTS_DONE     (INT64_MAX - 1)

#define PAGE_VALID_US G_USEC_PER_SEC /* of attributes in a page */

/* Who only lists a long directory does not want to fill the kernel's memory, and ours, with all
 * its files: with so many known, only files that somebody asks for are told of. */
#define MOST_UNASKED  (1u << 18)

typedef struct {
  FtsInode *inode;
  FtsPages *pages;
  pthread_mutex_t lock; /* the rest, and calls for pages */
  FtsPage page;         /* no entries: none fetched */
  size_t pos;           /* next entry in it */
  uint64_t pos_cookie;  /* its cookie as an offset: that of the entry before */
} Dir;

static Dir *
dir_of (const struct fuse_file_info *fi)
{
  return (Dir *) (uintptr_t) fi->fh;
}

/* ---- pages ---- */

typedef struct {
  FtsFs *fs;
  FtsInode *inode;
} Source;

static bool
fetch_page (void *user_data, const FtsCaller *caller, size_t max, FtsPage *page,
            GError **error)
{
  Source *source = user_data;

  page->clock = fts_fs_now (source->fs);
  page->entries = g_byte_array_new ();
  return fts_client_dir (source->fs->client, caller, &source->inode->handle,
                         page->start, max, NULL, page->entries, &page->next, &page->eof,
                         error);
}

static bool
is_page_current (void *user_data, const FtsPage *page)
{
  const Source *source = user_data;

  return fts_inode_changed (source->inode) <= page->clock &&
         fts_inodes_unknown (source->fs->inodes) <= page->clock;
}

static void
free_source (void *user_data)
{
  Source *source = user_data;

  fts_inode_unref (source->inode);
  g_free (source);
}

static FtsPages *
pages_of (FtsFs *fs, FtsInode *inode)
{
  Source *source = g_new (Source, 1);

  *source = (Source){ fs, fts_inode_ref (inode) };
  return fts_pages_new (
    &(FtsPagesSource){ fetch_page, is_page_current, free_source, source }, fs->lister);
}

/* ---- from opendir to releasedir ---- */

static void
free_dir (Dir *dir)
{
  fts_page_clear (&dir->page);
  fts_pages_free (dir->pages);
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
  dir->pages = pages_of (fts_fs_of (req), inode);
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

/* ---- places in a page ---- */

static bool
peek_entry_locked (const Dir *dir, FtsDirent *entry, size_t *used)
{
  const GByteArray *entries = dir->page.entries;

  return entries && dir->pos < entries->len &&
         fts_wire_decode_dirent (entries->data + dir->pos, entries->len - dir->pos,
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

  if (dir->page.entries == NULL)
    return false;
  if (dir->pos_cookie == cookie && dir->pos > 0)
    return true;
  dir->pos = 0;
  dir->pos_cookie = dir->page.start;
  while (dir->pos_cookie != cookie || dir->pos == 0) {
    if (!peek_entry_locked (dir, &entry, &used))
      return false;
    step_locked (dir, &entry, used);
  }
  return true;
}

static FtsPagesResult
fetch_locked (Dir *dir, fuse_req_t req, uint64_t cookie, FtsPagesPatience patience,
              GError **error)
{
  FtsPage page;
  FtsWho who;

  FtsPagesResult result = fts_pages_get (dir->pages, cookie, fts_fs_caller (req, &who),
                                         patience, &page, error);
  if (result != FTS_PAGES_DONE)
    return result;
  fts_page_clear (&dir->page);
  dir->page = page;
  dir->pos = 0;
  dir->pos_cookie = cookie;
  return result;
}

typedef enum {
  FOUND,
  END,   /* there is none */
  LATER, /* it is on its way */
  FAILED,
} Place;

/* A page may be empty only at the end, or a peer could keep us here. */
static bool
is_malformed_locked (const Dir *dir)
{
  return dir->pos < dir->page.entries->len ||
         (dir->page.entries->len == 0 && !dir->page.eof);
}

/* Makes ENTRY the first one after COOKIE.  A listing that begins anew is asked for anew. */
static Place
go_to_locked (Dir *dir, fuse_req_t req, uint64_t cookie, FtsPagesPatience patience,
              FtsDirent *entry, size_t *used, GError **error)
{
  FtsPagesResult result = FTS_PAGES_DONE;

  if (cookie == 0 || !seek_in_page_locked (dir, cookie))
    result = fetch_locked (dir, req, cookie, patience, error);
  while (result == FTS_PAGES_DONE && !peek_entry_locked (dir, entry, used)) {
    if (is_malformed_locked (dir)) {
      g_set_error (error, FTS_ERROR, FTS_ERROR_PROTOCOL, "malformed directory page");
      return FAILED;
    }
    if (dir->page.eof)
      return END;
    result = fetch_locked (dir, req, dir->page.next, patience, error);
  }
  switch (result) {
  case FTS_PAGES_DONE:
    return FOUND;
  case FTS_PAGES_LATER:
    return LATER;
  case FTS_PAGES_FAILED:
    break;
  }
  return FAILED;
}

/* ---- answers ---- */
typedef struct {
  fuse_req_t req;
  int64_t begun_us;
  bool learns; /* files that are new here are told of */
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

/* May ENTRY's attributes still be told, as far as that can be said without its inode? */
static bool
may_be_told (const Listing *listing, const Dir *dir, const FtsDirent *entry)
{
  if (entry->handle.len == 0 || fts_inode_changed (dir->inode) > dir->page.clock ||
      listing->begun_us - dir->page.asked_us > PAGE_VALID_US)
    return false;
  /* Another of its names may have gone without our knowing whose it was. */
  return entry->attr.nlink <= 1 || S_ISDIR (entry->attr.mode) ||
         fts_fs_now (fts_fs_of (listing->req)) <= dir->page.clock;
}

/* The node of ENTRY in E when its attributes may still be told.  One that is new here counts as
 * changed when any unknown file was, since the page was asked for. */
static FtsInode *
learn_entry (const Listing *listing, const Dir *dir, const FtsDirent *entry,
             const char *name, struct fuse_entry_param *e)
{
  FtsFs *fs = fts_fs_of (listing->req);
  const FtsPlaceOfEntry place = { dir->inode, name, dir->page.clock };

  if (!may_be_told (listing, dir, entry))
    return NULL;
  FtsInode *inode = listing->learns
                      ? fts_inodes_learn (fs->inodes, &entry->handle)
                      : fts_inodes_learn_known (fs->inodes, &entry->handle);
  if (inode == NULL)
    return NULL;
  if (fts_inode_changed (inode) > dir->page.clock ||
      (fs->behind && fts_behind_is_dirty (fs->behind, inode))) {
    fts_inodes_forget (fs->inodes, inode->id, 1);
    fts_inode_unref (inode);
    return NULL;
  }
  fts_fs_tell (fs, inode, &entry->attr, dir->page.clock, e);
  e->entry_timeout =
    fts_fs_entry_seconds (fs, &place, inode, entry->attr.flags & FTS_ATTR_WATCHED);
  if (S_ISREG (entry->attr.mode))
    fts_ahead_add (fs->ahead, dir->inode->id, inode->id, entry->attr.size);
  return inode;
}

static bool
add_entry_locked (Listing *listing, const Dir *dir, const FtsDirent *entry)
{
  struct fuse_entry_param e = { 0 };
  char name[FTS_TEXT_MAX + 1];
  g_autoptr (FtsInode) inode = NULL;

  memcpy (name, entry->name.bytes, MIN (entry->name.len, FTS_TEXT_MAX));
  name[MIN (entry->name.len, FTS_TEXT_MAX)] = '\0';
  if (!has_room (listing, name))
    return false;
  if (listing->plus)
    inode = learn_entry (listing, dir, entry, name, &e);
  if (inode == NULL) {
    e = (struct fuse_entry_param){ 0 };
    fts_fs_stat (fts_fs_of (listing->req), &entry->attr, &e.attr);
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

/* What there is at once; at least one entry, unless it is the end. */
static bool
fill_locked (Listing *listing, Dir *dir, off_t off, GError **error)
{
  uint64_t cookie;

  if (!add_dots (listing, dir, off, &cookie))
    return true;
  for (;;) {
    FtsPagesPatience patience = listing->used > 0 ? FTS_PAGES_AT_ONCE : FTS_PAGES_WAIT;
    FtsDirent entry;
    size_t used;

    Place place =
      go_to_locked (dir, listing->req, cookie, patience, &entry, &used, error);
    if (place == FAILED)
      return listing->used > 0 && (g_clear_error (error), true);
    if (place != FOUND ||
        (!is_dot (&entry) && !add_entry_locked (listing, dir, &entry)))
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
  Listing listing = { .req = req,
                      .begun_us = g_get_monotonic_time (),
                      .learns =
                        fts_inodes_count (fts_fs_of (req)->inodes) < MOST_UNASKED,
                      .plus = plus,
                      .buf = buf,
                      .size = size };
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
