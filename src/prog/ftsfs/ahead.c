/* ahead.c - see ahead.h. */
#include "prog/ftsfs/ahead.h"

#include "prog/ftsfs/who.h"

#include <pthread.h>
#include <string.h>

typedef struct {
  uint64_t id;
  GArray *files;  /* of Listed */
  gint64 last;    /* position that was opened last; -1 = none */
  int step;       /* 1 or -1: the way it goes */
  gint64 guessed; /* position of the last file that was guessed */
  unsigned batch; /* files to open together; 0 = it is not read on */
  GList link;     /* in `order` */
} Listing;

typedef struct {
  uint64_t file, size;
} Listed;

typedef struct {
  uint64_t file;
  Listing *listing;
  guint position;
} Place;

typedef struct {
  uint64_t file;
  FtsAheadFile opened;
  FtsWho who;
  int64_t until_us;
  GList link; /* in `kept`, the oldest first */
} Kept;

struct FtsAhead {
  void (*close) (uint64_t open_id, void *user_data);
  void *user_data;

  pthread_mutex_t lock; /* all below */
  GHashTable *listings; /* directory -> Listing */
  GHashTable *places;   /* file -> Place */
  GQueue order;         /* of Listing, the one listed last is the head */
  guint n_listed;
  GHashTable *store; /* file -> Kept */
  GQueue kept;
  size_t n_bytes;
};

/* ---- life ---- */

static void
free_listing (gpointer data)
{
  Listing *listing = data;

  g_array_unref (listing->files);
  g_free (listing);
}

FtsAhead *
fts_ahead_new (void (*close) (uint64_t open_id, void *user_data), void *user_data)
{
  FtsAhead *ahead = g_new0 (FtsAhead, 1);

  ahead->close = close;
  ahead->user_data = user_data;
  pthread_mutex_init (&ahead->lock, NULL);
  ahead->listings =
    g_hash_table_new_full (g_int64_hash, g_int64_equal, NULL, free_listing);
  ahead->places = g_hash_table_new_full (g_int64_hash, g_int64_equal, NULL, g_free);
  g_queue_init (&ahead->order);
  ahead->store = g_hash_table_new (g_int64_hash, g_int64_equal);
  g_queue_init (&ahead->kept);
  return ahead;
}

void
fts_ahead_free (FtsAhead *ahead)
{
  if (ahead == NULL)
    return;
  fts_ahead_drop (ahead, 0);
  g_hash_table_unref (ahead->store);
  g_hash_table_unref (ahead->places);
  g_hash_table_unref (ahead->listings);
  pthread_mutex_destroy (&ahead->lock);
  g_free (ahead);
}

/* ---- listings ---- */

static void
forget_listing_locked (FtsAhead *ahead, Listing *listing)
{
  for (guint i = 0; i < listing->files->len; i++) {
    const Listed *listed = &g_array_index (listing->files, Listed, i);
    const Place *place = g_hash_table_lookup (ahead->places, &listed->file);
    if (place != NULL && place->listing == listing)
      g_hash_table_remove (ahead->places, &listed->file);
  }
  ahead->n_listed -= listing->files->len;
  g_queue_unlink (&ahead->order, &listing->link);
  g_hash_table_remove (ahead->listings, &listing->id);
}

static Listing *
new_listing_locked (FtsAhead *ahead, uint64_t dir)
{
  Listing *listing = g_new0 (Listing, 1);

  listing->id = dir;
  listing->files = g_array_new (FALSE, FALSE, sizeof (Listed));
  listing->last = -1;
  listing->link.data = listing;
  g_hash_table_insert (ahead->listings, &listing->id, listing);
  g_queue_push_head_link (&ahead->order, &listing->link);
  return listing;
}

void
fts_ahead_list (FtsAhead *ahead, uint64_t dir)
{
  pthread_mutex_lock (&ahead->lock);
  Listing *listing = g_hash_table_lookup (ahead->listings, &dir);
  if (listing != NULL)
    forget_listing_locked (ahead, listing);
  pthread_mutex_unlock (&ahead->lock);
}

static void
add_locked (FtsAhead *ahead, uint64_t dir, uint64_t file, uint64_t size)
{
  Listing *listing = g_hash_table_lookup (ahead->listings, &dir);
  const Listed listed = { file, size };

  if (listing == NULL)
    listing = new_listing_locked (ahead, dir);
  while (ahead->n_listed >= FTS_AHEAD_LISTED) {
    Listing *oldest = ahead->order.tail->data;
    if (oldest == listing)
      return;
    forget_listing_locked (ahead, oldest);
  }
  Place *place = g_new (Place, 1);
  *place = (Place){ file, listing, listing->files->len };
  g_array_append_val (listing->files, listed);
  g_hash_table_replace (ahead->places, &place->file, place);
  ahead->n_listed++;
}

void
fts_ahead_add (FtsAhead *ahead, uint64_t dir, uint64_t file, uint64_t size)
{
  if (size > FTS_AHEAD_SMALL)
    return;
  pthread_mutex_lock (&ahead->lock);
  add_locked (ahead, dir, file, size);
  pthread_mutex_unlock (&ahead->lock);
}

/* Where the listing is read on: one further in the same direction, or the second file at all. */
static bool
goes_on (Listing *listing, gint64 position)
{
  gint64 step = position - listing->last;

  if (listing->last < 0 || (step != 1 && step != -1))
    return false;
  if (listing->batch > 0 && step != listing->step)
    return false;
  listing->step = (int) step;
  return true;
}

static unsigned
collect (const Listing *listing, gint64 position, unsigned most, uint64_t *next)
{
  size_t room =
    FTS_AHEAD_BATCH - FTS_AHEAD_SMALL; /* the rest is for the one that is needed */
  unsigned n = 0;

  for (gint64 i = position + listing->step;
       n < most && i >= 0 && i < listing->files->len; i += listing->step) {
    const Listed *listed = &g_array_index (listing->files, Listed, i);
    if (listed->size > room)
      break;
    room -= listed->size;
    next[n++] = listed->file;
  }
  return n;
}

static unsigned
guess_locked (FtsAhead *ahead, uint64_t file, uint64_t *next)
{
  const Place *place = g_hash_table_lookup (ahead->places, &file);

  if (place == NULL)
    return 0;
  Listing *listing = place->listing;
  gint64 position = place->position;
  if (goes_on (listing, position))
    listing->batch = MIN (MAX (listing->batch * 2, 8), FTS_AHEAD_MOST);
  else
    listing->batch = 0;
  listing->last = position;
  if (listing->batch == 0)
    return 0;
  unsigned n = collect (listing, position, listing->batch - 1, next);
  listing->guessed = position + listing->step * (gint64) n;
  return n;
}

static unsigned
guess_on_locked (FtsAhead *ahead, uint64_t file, uint64_t *next)
{
  const Place *place = g_hash_table_lookup (ahead->places, &file);
  Listing *listing = place ? place->listing : NULL;

  if (listing == NULL || listing->batch == 0 ||
      (listing->guessed - (gint64) place->position) * listing->step >
        listing->batch / 2)
    return 0;
  listing->batch = MIN (listing->batch * 2, FTS_AHEAD_MOST);
  unsigned n = collect (listing, listing->guessed, listing->batch, next);
  listing->guessed += listing->step * (gint64) n;
  return n;
}

unsigned
fts_ahead_guess_on (FtsAhead *ahead, uint64_t file, uint64_t next[FTS_AHEAD_MOST])
{
  pthread_mutex_lock (&ahead->lock);
  unsigned n = guess_on_locked (ahead, file, next);
  pthread_mutex_unlock (&ahead->lock);
  return n;
}

unsigned
fts_ahead_guess (FtsAhead *ahead, uint64_t file, uint64_t next[FTS_AHEAD_MOST])
{
  pthread_mutex_lock (&ahead->lock);
  unsigned n = guess_locked (ahead, file, next);
  pthread_mutex_unlock (&ahead->lock);
  return n;
}

/* FILE was there when it was asked for. */
static void
note_taken_locked (FtsAhead *ahead, uint64_t file)
{
  const Place *place = g_hash_table_lookup (ahead->places, &file);

  if (place != NULL)
    place->listing->last = place->position;
}

/* ---- the store ---- */

static size_t
bytes_of (const Kept *kept)
{
  return kept->opened.first ? kept->opened.first->len : 0;
}

/* Takes KEPT out; it is the caller's. */
static void
remove_locked (FtsAhead *ahead, Kept *kept)
{
  g_hash_table_remove (ahead->store, &kept->file);
  g_queue_unlink (&ahead->kept, &kept->link);
  ahead->n_bytes -= bytes_of (kept);
}

static void
drop_locked (FtsAhead *ahead, Kept *kept, GQueue *dropped)
{
  remove_locked (ahead, kept);
  g_queue_push_tail (dropped, kept);
}

static void
close_dropped (FtsAhead *ahead, GQueue *dropped)
{
  Kept *kept;

  while ((kept = g_queue_pop_head (dropped)) != NULL) {
    ahead->close (kept->opened.open_id, ahead->user_data);
    g_clear_pointer (&kept->opened.first, g_byte_array_unref);
    g_free (kept);
  }
}

static bool
has_room_locked (const FtsAhead *ahead, int64_t now_us)
{
  const Kept *oldest = ahead->kept.head ? ahead->kept.head->data : NULL;

  return oldest == NULL ||
         (oldest->until_us > now_us && ahead->kept.length < FTS_AHEAD_FILES &&
          ahead->n_bytes < FTS_AHEAD_BYTES);
}

void
fts_ahead_put (FtsAhead *ahead, uint64_t file, const FtsCaller *caller,
               const FtsAheadFile *opened, int64_t now_us)
{
  Kept *kept = g_new0 (Kept, 1);
  GQueue dropped = G_QUEUE_INIT;

  kept->file = file;
  kept->opened = *opened;
  fts_who_set (&kept->who, caller);
  kept->until_us = now_us + FTS_AHEAD_MS * INT64_C (1000);
  kept->link.data = kept;
  pthread_mutex_lock (&ahead->lock);
  Kept *same = g_hash_table_lookup (ahead->store, &file);
  if (same != NULL)
    drop_locked (ahead, same, &dropped);
  while (!has_room_locked (ahead, now_us))
    drop_locked (ahead, ahead->kept.head->data, &dropped);
  g_hash_table_insert (ahead->store, &kept->file, kept);
  g_queue_push_tail_link (&ahead->kept, &kept->link);
  ahead->n_bytes += bytes_of (kept);
  pthread_mutex_unlock (&ahead->lock);
  close_dropped (ahead, &dropped);
}

/* The umask does not count for what is read. */
static bool
is_same_caller (const FtsCaller *a, const FtsCaller *b)
{
  return a->uid == b->uid && a->gid == b->gid && a->n_groups == b->n_groups &&
         (a->n_groups == 0 ||
          memcmp (a->groups, b->groups, a->n_groups * sizeof *a->groups) == 0);
}

bool
fts_ahead_take (FtsAhead *ahead, uint64_t file, const FtsCaller *caller, int64_t now_us,
                FtsAheadFile *out)
{
  bool found = false;

  pthread_mutex_lock (&ahead->lock);
  Kept *kept = g_hash_table_lookup (ahead->store, &file);
  if (kept != NULL && kept->until_us > now_us &&
      is_same_caller (&kept->who.caller, caller)) {
    remove_locked (ahead, kept);
    note_taken_locked (ahead, file);
    *out = kept->opened;
    g_free (kept);
    found = true;
  }
  pthread_mutex_unlock (&ahead->lock);
  return found;
}

void
fts_ahead_drop (FtsAhead *ahead, uint64_t file)
{
  GQueue dropped = G_QUEUE_INIT;

  pthread_mutex_lock (&ahead->lock);
  if (file != 0) {
    Kept *kept = g_hash_table_lookup (ahead->store, &file);
    if (kept != NULL)
      drop_locked (ahead, kept, &dropped);
  } else {
    while (ahead->kept.head != NULL)
      drop_locked (ahead, ahead->kept.head->data, &dropped);
  }
  pthread_mutex_unlock (&ahead->lock);
  close_dropped (ahead, &dropped);
}
