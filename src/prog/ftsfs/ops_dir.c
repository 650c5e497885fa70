/* ops_dir.c - directories: opendir, readdir, readdirplus, releasedir, fsyncdir.
 *
 * An open directory: one page of the peer's listing (pages.h), served to the kernel in pieces
 * (listing.h).  A piece ends with the page unless the next one is here: the kernel takes it in
 * meanwhile.
 *
 * Offsets are the peer's cookies, so they stay right across pages, other opens and the peer's
 * restart. */
#include "base/error.h"
#include "prog/ftsfs/listing.h"

#include <errno.h>

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

/* ---- pieces ---- */

/* Entries that are here; at least one, unless it is the end. */
static bool
fill_locked (Dir *dir, fuse_req_t req, FtsListing *listing, GError **error)
{
  if (!fts_listing_add_dots (listing))
    return true;
  for (;;) {
    FtsPagesPatience patience = listing->used > 0 ? FTS_PAGES_AT_ONCE : FTS_PAGES_WAIT;
    FtsDirent entry;
    size_t used;

    Place place =
      go_to_locked (dir, req, listing->last, patience, &entry, &used, error);
    if (place == FAILED)
      return listing->used > 0 && (g_clear_error (error), true);
    if (place != FOUND || !fts_listing_add (listing, &dir->page, &entry))
      return true;
    step_locked (dir, &entry, used);
  }
}

static void
list (fuse_req_t req, size_t size, off_t off, const struct fuse_file_info *fi,
      bool plus)
{
  Dir *dir = dir_of (fi);
  g_autoptr (FtsListing) listing =
    fts_listing_new (fts_fs_of (req), dir->inode, off, size, plus);
  GError *error = NULL;

  pthread_mutex_lock (&dir->lock);
  bool well = fill_locked (dir, req, listing, &error);
  pthread_mutex_unlock (&dir->lock);
  if (!well)
    fts_fs_fail (req, error);
  else if (fuse_reply_buf (req, listing->buf, listing->used) != 0)
    fts_listing_take_back (listing);
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
