/* opening.c - see opening.h. */
#include "prog/ftsfs/opening.h"

#include "base/error.h"
#include "prog/ftsfs/file.h"

#include <fcntl.h>
#include <pthread.h>

#define AWAIT_MS 100

/* O_SYNC and O_DSYNC stay here: the kernel asks for fsync after each write.  O_DIRECT too: it
 * passes by the kernel's cache on this side. */
uint32_t
fts_opening_flags (int flags)
{
  int mode = flags & O_ACCMODE;

  return (mode != O_WRONLY ? FTS_OPEN_READ : 0u) |
         (mode != O_RDONLY ? FTS_OPEN_WRITE : 0u) |
         (flags & O_APPEND ? FTS_OPEN_APPEND : 0u) |
         (flags & O_TRUNC ? FTS_OPEN_TRUNC : 0u) |
         (flags & O_EXCL ? FTS_OPEN_EXCL : 0u);
}

/* ---- alone ---- */

static bool
append_bytes (const uint8_t *data, size_t len, void *user_data, GError **error)
{
  GByteArray *into = user_data;

  if (len > FTS_FIRST_LEN - into->len) {
    g_set_error (error, FTS_ERROR, FTS_ERROR_PROTOCOL,
                 "more first bytes than asked for");
    return false;
  }
  g_byte_array_append (into, data, (guint) len);
  return true;
}

/* How much to ask for with open: all of a small file, unless the kernel may have it. */
static size_t
first_len_of (FtsInode *inode, int flags)
{
  uint64_t size = fts_inode_told_size (inode);

  if ((flags & O_ACCMODE) == O_WRONLY || (flags & O_TRUNC))
    return 0;
  return size > 0 && size <= FTS_FIRST_LEN ? FTS_FIRST_LEN : 0;
}

static bool
open_alone (FtsFs *fs, const FtsOpening *opening, FtsAheadFile *out, GError **error)
{
  FtsInode *inode = opening->inode;

  out->first = g_byte_array_new ();
  out->at = fts_fs_now (fs);
  if (fts_client_open (fs->client, opening->caller, &inode->handle,
                       fts_opening_flags (opening->flags),
                       first_len_of (inode, opening->flags), append_bytes, out->first,
                       &out->open_id, &out->attr, &out->eof, error))
    return true;
  g_clear_pointer (&out->first, g_byte_array_unref);
  return false;
}

/* ---- ahead ---- */

/* Does the peer tell of changes of INODE, and may that be relied upon? */
static bool
is_told_of (FtsFs *fs, FtsInode *inode)
{
  return fts_inode_is_kept (inode) && fts_fs_attr_seconds (fs, inode) > 0;
}

static bool
is_still_right (FtsFs *fs, FtsInode *inode, const FtsAheadFile *file)
{
  return is_told_of (fs, inode) && file->attr.flags & FTS_ATTR_WATCHED &&
         fts_inodes_are_trusted (fs->inodes, file->at) &&
         fts_inode_changed (inode) <= file->at;
}

static bool
take (FtsFs *fs, const FtsOpening *opening, FtsAheadFile *out)
{
  FtsInode *inode = opening->inode;

  if (!fts_ahead_take (fs->ahead, inode->id, opening->caller, g_get_monotonic_time (),
                       out))
    return false;
  if (is_still_right (fs, inode, out))
    return true;
  fts_client_close_file (fs->client, out->open_id);
  g_clear_pointer (&out->first, g_byte_array_unref);
  return false;
}

static void
unref_inode (gpointer inode)
{
  fts_inode_unref (inode);
}

/* Those of the N files that the peer tells of. */
static void
choose (FtsFs *fs, const uint64_t *ids, unsigned n, GPtrArray *chosen)
{
  for (unsigned i = 0; i < n; i++) {
    g_autoptr (FtsInode) inode = fts_inodes_find (fs->inodes, ids[i]);
    if (inode != NULL && is_told_of (fs, inode) &&
        !(fs->behind && fts_behind_is_dirty (fs->behind, inode)))
      g_ptr_array_add (chosen, g_steal_pointer (&inode));
  }
}

static FtsAheadFile
file_of (const FtsOpened *opened, uint64_t at)
{
  FtsAheadFile file = { opened->open_id, opened->attr, g_byte_array_new (),
                        (opened->flags & FTS_ANSWER_EOF) != 0, at };

  if (opened->first_len > 0)
    g_byte_array_append (file.first, opened->first, opened->first_len);
  return file;
}

/* Opens the files CHOSEN (FTS_AHEAD_MOST + 1 at most) in one request; FIRST (may be NULL) gets the
 * first of them, the store the others. */
static bool
open_chosen (FtsFs *fs, const GPtrArray *chosen, const FtsCaller *caller,
             FtsAheadFile *first)
{
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  FtsHandle handles[FTS_AHEAD_MOST + 1];
  FtsOpened opened[FTS_AHEAD_MOST + 1];
  uint64_t at = fts_fs_now (fs);

  for (guint i = 0; i < chosen->len; i++)
    handles[i] = ((FtsInode *) chosen->pdata[i])->handle;
  if (!fts_client_opens (fs->client, caller, handles, chosen->len, FTS_AHEAD_BATCH,
                         bytes, opened, NULL))
    return false;
  for (guint i = 0; i < chosen->len; i++) {
    if (opened[i].status != 0)
      continue;
    const FtsAheadFile file = file_of (&opened[i], at);
    if (i == 0 && first != NULL)
      *first = file;
    else
      fts_ahead_put (fs->ahead, ((FtsInode *) chosen->pdata[i])->id, caller, &file,
                     g_get_monotonic_time ());
  }
  return true;
}

/* False: it is to be opened alone; so is learned what is wrong with it, too. */
static bool
open_together (FtsFs *fs, const FtsOpening *opening, FtsAheadFile *out)
{
  g_autoptr (GPtrArray) chosen = g_ptr_array_new_with_free_func (unref_inode);
  uint64_t next[FTS_AHEAD_MOST];
  unsigned n = fts_ahead_guess (fs->ahead, opening->inode->id, next);

  g_ptr_array_add (chosen, fts_inode_ref (opening->inode));
  choose (fs, next, n, chosen);
  return chosen->len > 1 && open_chosen (fs, chosen, opening->caller, out);
}

/* ---- meanwhile ---- */

struct FtsOpenings {
  FtsFs *fs;
  FtsMeanwhile *meanwhile;
  pthread_mutex_t lock; /* all below */
  pthread_cond_t changed;
  GPtrArray *coming; /* inodes that are being opened, or NULL */
  FtsWho who;        /* for whom */
};

FtsOpenings *
fts_openings_new (FtsFs *fs)
{
  FtsOpenings *openings = g_new0 (FtsOpenings, 1);
  pthread_condattr_t attr;

  openings->fs = fs;
  openings->meanwhile = fts_meanwhile_new ();
  pthread_mutex_init (&openings->lock, NULL);
  pthread_condattr_init (&attr);
  pthread_condattr_setclock (&attr, CLOCK_MONOTONIC);
  pthread_cond_init (&openings->changed, &attr);
  pthread_condattr_destroy (&attr);
  return openings;
}

void
fts_openings_free (FtsOpenings *openings)
{
  if (openings == NULL)
    return;
  fts_meanwhile_free (openings->meanwhile);
  pthread_cond_destroy (&openings->changed);
  pthread_mutex_destroy (&openings->lock);
  g_free (openings);
}

static void
open_coming (void *data)
{
  FtsOpenings *openings = data;

  open_chosen (openings->fs, openings->coming, &openings->who.caller, NULL);
  pthread_mutex_lock (&openings->lock);
  GPtrArray *done = g_steal_pointer (&openings->coming);
  pthread_cond_broadcast (&openings->changed);
  pthread_mutex_unlock (&openings->lock);
  g_ptr_array_unref (done);
}

static void
hand_over (FtsOpenings *openings, GPtrArray *chosen, const FtsCaller *caller)
{
  if (chosen->len == 0) {
    fts_meanwhile_run (openings->meanwhile, NULL, NULL, NULL);
    return;
  }
  pthread_mutex_lock (&openings->lock);
  fts_who_set (&openings->who, caller);
  openings->coming = g_ptr_array_ref (chosen);
  pthread_mutex_unlock (&openings->lock);
  fts_meanwhile_run (openings->meanwhile, open_coming, NULL, openings);
}

/* OPENING's file was there: the next ones are opened while those that are there are read. */
static void
open_meanwhile (FtsFs *fs, const FtsOpening *opening)
{
  uint64_t next[FTS_AHEAD_MOST];

  if (!fts_meanwhile_reserve (fs->openings->meanwhile))
    return;
  g_autoptr (GPtrArray) chosen = g_ptr_array_new_with_free_func (unref_inode);
  unsigned n = fts_ahead_guess_on (fs->ahead, opening->inode->id, next);
  choose (fs, next, n, chosen);
  hand_over (fs->openings, chosen, opening->caller);
}

static bool
is_coming_locked (const FtsOpenings *openings, const FtsInode *inode)
{
  return openings->coming != NULL && g_ptr_array_find (openings->coming, inode, NULL);
}

/* True when OPENING's file was being opened, and that has ended.  It is opened alone when it takes
 * longer: that way of waiting can be ended by a signal. */
static bool
await (FtsOpenings *openings, const FtsOpening *opening)
{
  int64_t until_us = g_get_monotonic_time () + AWAIT_MS * INT64_C (1000);
  const struct timespec until = { until_us / G_USEC_PER_SEC,
                                  until_us % G_USEC_PER_SEC * 1000 };
  bool was_coming = false;
  int failed = 0;

  pthread_mutex_lock (&openings->lock);
  while (failed == 0 && is_coming_locked (openings, opening->inode)) {
    was_coming = true;
    failed = pthread_cond_timedwait (&openings->changed, &openings->lock, &until);
  }
  pthread_mutex_unlock (&openings->lock);
  return was_coming && failed == 0;
}

/* ---- all of it ---- */

static bool
open_ahead (FtsFs *fs, const FtsOpening *opening, FtsAheadFile *out)
{
  if (take (fs, opening, out) ||
      (await (fs->openings, opening) && take (fs, opening, out))) {
    open_meanwhile (fs, opening);
    return true;
  }
  return open_together (fs, opening, out);
}

bool
fts_opening_run (FtsFs *fs, const FtsOpening *opening, FtsAheadFile *out,
                 GError **error)
{
  bool reads = (opening->flags & (O_ACCMODE | O_TRUNC | O_DIRECT)) == O_RDONLY &&
               fs->options->data_cache != FTS_DATA_CACHE_NONE;

  *out = (FtsAheadFile){ 0 };
  if (reads && is_told_of (fs, opening->inode) && open_ahead (fs, opening, out))
    return true;
  return open_alone (fs, opening, out, error);
}
