#include "prog/ftsfs/listing.h"

#define DOT_DONE      (INT64_MAX - 2)
#define DOTS_DONE     (INT64_MAX - 1)

#define PAGE_VALID_US G_USEC_PER_SEC /* of attributes in a page */

/* Who only lists a long directory does not want to fill the kernel's memory, and ours, with all
 * its files: with so many known, only files that somebody asks for are told of. */
#define MOST_UNASKED  (1u << 18)

FtsListing *
fts_listing_new (FtsFs *fs, FtsInode *dir, off_t off, size_t size, bool plus)
{
  FtsListing *listing = g_new0 (FtsListing, 1);

  listing->fs = fs;
  listing->dir = dir;
  listing->off = off;
  listing->size = size;
  listing->plus = plus;
  listing->buf = g_malloc (size);
  listing->learns = fts_inodes_count (fs->inodes) < MOST_UNASKED;
  listing->begun_us = g_get_monotonic_time ();
  listing->told = g_array_new (FALSE, FALSE, sizeof (uint64_t));
  return listing;
}

void
fts_listing_free (FtsListing *listing)
{
  if (listing == NULL)
    return;
  g_array_unref (listing->told);
  g_free (listing->buf);
  g_free (listing);
}

void
fts_listing_take_back (FtsListing *listing)
{
  for (guint i = 0; i < listing->told->len; i++)
    fts_inodes_forget (listing->fs->inodes, g_array_index (listing->told, uint64_t, i),
                       1);
  g_array_set_size (listing->told, 0);
}

/* ---- entries ---- */

/* Adds a name, with E's attributes when there are some; false when it does not fit. */
static bool
add (FtsListing *listing, const char *name, struct fuse_entry_param *e, off_t next)
{
  char *at = listing->buf + listing->used;
  size_t room = listing->size - listing->used;
  size_t len = listing->plus ? fuse_add_direntry_plus (NULL, at, room, name, e, next)
                             : fuse_add_direntry (NULL, at, room, name, &e->attr, next);

  if (len > room)
    return false;
  listing->used += len;
  return true;
}

static bool
has_room (const FtsListing *listing, const char *name)
{
  size_t len = listing->plus ? fuse_add_direntry_plus (NULL, NULL, 0, name, NULL, 0)
                             : fuse_add_direntry (NULL, NULL, 0, name, NULL, 0);

  return len <= listing->size - listing->used;
}

bool
fts_listing_add_dots (FtsListing *listing)
{
  struct fuse_entry_param e = { .attr = { .st_ino = listing->dir->id,
                                          .st_mode = S_IFDIR } };
  off_t off = listing->off;

  if (off == 0)
    fts_ahead_list (listing->fs->ahead, listing->dir->id);
  if (off == 0 && !add (listing, ".", &e, DOT_DONE))
    return false;
  if ((off == 0 || off == DOT_DONE) && !add (listing, "..", &e, DOTS_DONE))
    return false;
  if (off != 0 && off != DOT_DONE && off != DOTS_DONE)
    listing->last = (uint64_t) off;
  return true;
}

/* May ENTRY's attributes still be told, as far as that can be said without its inode? */
static bool
may_be_told (const FtsListing *listing, const FtsPage *page, const FtsDirent *entry)
{
  if (entry->handle.len == 0 || fts_inode_changed (listing->dir) > page->clock ||
      listing->begun_us - page->asked_us > PAGE_VALID_US)
    return false;
  /* Another of its names may have gone without our knowing whose it was. */
  return entry->attr.nlink <= 1 || S_ISDIR (entry->attr.mode) ||
         fts_fs_now (listing->fs) <= page->clock;
}

/* The node of ENTRY in E when its attributes may still be told.  One that is new here counts as
 * changed when any unknown file was, since the page was asked for. */
static void
learn_entry (FtsListing *listing, const FtsPage *page, const FtsDirent *entry,
             const char *name, struct fuse_entry_param *e)
{
  FtsFs *fs = listing->fs;
  const FtsPlaceOfEntry place = { listing->dir, name, page->clock };

  if (!may_be_told (listing, page, entry))
    return;
  g_autoptr (FtsInode) inode = listing->learns
                                 ? fts_inodes_learn (fs->inodes, &entry->handle)
                                 : fts_inodes_learn_known (fs->inodes, &entry->handle);
  if (inode == NULL)
    return;
  if (fts_inode_changed (inode) > page->clock ||
      (fs->behind && fts_behind_is_dirty (fs->behind, inode))) {
    fts_inodes_forget (fs->inodes, inode->id, 1);
    return;
  }
  g_array_append_val (listing->told, inode->id);
  fts_fs_tell (fs, inode, &entry->attr, page->clock, e);
  e->entry_timeout =
    fts_fs_entry_seconds (fs, &place, inode, entry->attr.flags & FTS_ATTR_WATCHED);
  if (S_ISREG (entry->attr.mode))
    fts_ahead_add (fs->ahead, listing->dir->id, inode->id, entry->attr.size);
}

static bool
is_dot (const FtsDirent *entry)
{
  return (entry->name.len == 1 && entry->name.bytes[0] == '.') ||
         (entry->name.len == 2 && memcmp (entry->name.bytes, "..", 2) == 0);
}

bool
fts_listing_add (FtsListing *listing, const FtsPage *page, const FtsDirent *entry)
{
  struct fuse_entry_param e = { 0 };
  char name[FTS_TEXT_MAX + 1];
  size_t len = MIN (entry->name.len, FTS_TEXT_MAX);

  if (is_dot (entry)) {
    listing->last = entry->cookie;
    return true;
  }
  memcpy (name, entry->name.bytes, len);
  name[len] = '\0';
  if (!has_room (listing, name))
    return false;
  if (listing->plus)
    learn_entry (listing, page, entry, name, &e);
  if (e.ino == 0)
    fts_fs_stat (listing->fs, &entry->attr, &e.attr);
  listing->last = entry->cookie;
  return add (listing, name, &e, (off_t) entry->cookie);
}
