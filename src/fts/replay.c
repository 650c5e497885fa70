#include "fts/replay.h"

#include "base/crc.h"
#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define MAGIC      UINT64_C (0x79616c7065727466) /* "ftreplay" */
#define ANSWER_MAX 640u

enum {
  FREE,
  BEGUN,
  DONE
};

struct FtsReplayRecord {
  uint64_t instance; /* 0 = unused */
  uint64_t sequence;
  uint32_t slot;
  atomic_uint state;
  uint32_t op, answer_len;
  FtsReplayNote note;
  uint64_t last_used; /* counts requests */
  uint8_t answer[ANSWER_MAX];
};

/* The file: this process's own layout, for a later process of the same program on this host. */
typedef struct {
  uint64_t magic;
  uint32_t record_len, host_start;
  FtsReplayRecord records[FTS_REPLAY_RECORDS];
} Memory;

struct FtsReplay {
  pthread_mutex_t lock; /* all below, and the records but those in use */
  pthread_cond_t freed; /* a record is in use no more */
  Memory *memory;
  GHashTable *by_slot; /* record as key by instance and slot */
  bool in_use[FTS_REPLAY_RECORDS];
  uint64_t n_used;
};

/* ---- the table ---- */

static guint
hash_record (gconstpointer key)
{
  const FtsReplayRecord *record = key;
  uint64_t h = (record->instance ^ record->slot) * UINT64_C (0x9e3779b97f4a7c15);
  return (guint) (h >> 32);
}

static gboolean
equal_record (gconstpointer a, gconstpointer b)
{
  const FtsReplayRecord *left = a, *right = b;
  return left->instance == right->instance && left->slot == right->slot;
}

static bool *
in_use (FtsReplay *replay, const FtsReplayRecord *record)
{
  return &replay->in_use[record - replay->memory->records];
}

static FtsReplayRecord *
find_locked (FtsReplay *replay, uint64_t instance, uint32_t slot)
{
  const FtsReplayRecord key = { .instance = instance, .slot = slot };
  return g_hash_table_lookup (replay->by_slot, &key);
}

/* An unused record, or the one that was not used for longest; NULL when all are in use. */
static FtsReplayRecord *
choose_locked (FtsReplay *replay)
{
  FtsReplayRecord *oldest = NULL;

  for (unsigned i = 0; i < FTS_REPLAY_RECORDS; i++) {
    FtsReplayRecord *record = &replay->memory->records[i];
    if (record->instance == 0)
      return record;
    if (!replay->in_use[i] && (oldest == NULL || record->last_used < oldest->last_used))
      oldest = record;
  }
  return oldest;
}

static FtsReplayRecord *
make_locked (FtsReplay *replay, uint64_t instance, uint32_t slot)
{
  FtsReplayRecord *record = choose_locked (replay);

  if (record == NULL)
    return NULL;
  if (record->instance != 0)
    g_hash_table_remove (replay->by_slot, record);
  atomic_store (&record->state, FREE);
  record->sequence = 0;
  record->slot = slot;
  record->instance = instance;
  g_hash_table_add (replay->by_slot, record);
  return record;
}

/* Waits until nobody else carries out a request of the slot. */
static FtsReplayRecord *
claim_locked (FtsReplay *replay, uint64_t instance, uint32_t slot)
{
  for (;;) {
    FtsReplayRecord *record = find_locked (replay, instance, slot);
    if (record == NULL)
      record = make_locked (replay, instance, slot);
    if (record != NULL && !*in_use (replay, record)) {
      record->last_used = ++replay->n_used;
      return record;
    }
    pthread_cond_wait (&replay->freed, &replay->lock);
  }
}

/* ---- requests ---- */

static bool
recall (const FtsReplayRecord *record, FtsAnswer *answer)
{
  size_t used;

  return fts_wire_decode_answer (record->answer, MIN (record->answer_len, ANSWER_MAX),
                                 answer, &used);
}

static FtsReplayVerdict
judge (FtsReplayRecord *record, const FtsRequest *request, FtsAnswer *answer)
{
  if (request->sequence < record->sequence)
    return FTS_REPLAY_OUTDATED;
  if (request->sequence == record->sequence && record->op == (uint32_t) request->op) {
    unsigned state = atomic_load (&record->state);
    if (state == DONE && recall (record, answer))
      return FTS_REPLAY_DONE;
    if (state == BEGUN)
      return FTS_REPLAY_DOUBTFUL;
  }
  atomic_store (&record->state, FREE);
  record->op = (uint32_t) request->op;
  record->sequence = request->sequence;
  return FTS_REPLAY_NEW;
}

FtsReplayVerdict
fts_replay_begin (FtsReplay *replay, uint64_t instance, const FtsRequest *request,
                  FtsReplayRecord **out, FtsAnswer *answer)
{
  pthread_mutex_lock (&replay->lock);
  FtsReplayRecord *record = claim_locked (replay, instance, request->slot);
  FtsReplayVerdict verdict = judge (record, request, answer);
  if (verdict == FTS_REPLAY_NEW || verdict == FTS_REPLAY_DOUBTFUL) {
    *in_use (replay, record) = true;
    *out = record;
  }
  pthread_mutex_unlock (&replay->lock);
  return verdict;
}

void
fts_replay_set_note (FtsReplayRecord *record, const FtsReplayNote *note)
{
  record->note = *note;
  atomic_store (&record->state, BEGUN);
}

const FtsReplayNote *
fts_replay_note (const FtsReplayRecord *record)
{
  return &record->note;
}

static void
release (FtsReplay *replay, FtsReplayRecord *record)
{
  pthread_mutex_lock (&replay->lock);
  *in_use (replay, record) = false;
  pthread_cond_broadcast (&replay->freed);
  pthread_mutex_unlock (&replay->lock);
}

/* An answer too long to keep: none that changes something has one. */
void
fts_replay_end (FtsReplay *replay, FtsReplayRecord *record, const FtsAnswer *answer)
{
  g_autoptr (GByteArray) bytes = g_byte_array_sized_new (ANSWER_MAX);

  fts_wire_encode_answer (answer, bytes);
  if (bytes->len <= ANSWER_MAX) {
    memcpy (record->answer, bytes->data, bytes->len);
    record->answer_len = bytes->len;
    atomic_store (&record->state, DONE);
  }
  release (replay, record);
}

void
fts_replay_abandon (FtsReplay *replay, FtsReplayRecord *record)
{
  release (replay, record);
}

/* ---- life ---- */

static uint32_t
host_start (void)
{
  g_autofree char *boot_id = NULL;
  gsize len = 0;

  if (!g_file_get_contents ("/proc/sys/kernel/random/boot_id", &boot_id, &len, NULL))
    return g_random_int ();
  return fts_crc32c (boot_id, len);
}

static bool
is_ours (const Memory *memory, uint32_t start)
{
  return memory->magic == MAGIC && memory->record_len == sizeof (FtsReplayRecord) &&
         memory->host_start == start;
}

/* Room for all of it is there, so that a full file system cannot kill us later. */
static Memory *
map_file (const char *file, GError **error)
{
  int fd = open (file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  int failed = fd < 0 ? errno : posix_fallocate (fd, 0, sizeof (Memory));
  Memory *memory = MAP_FAILED;

  if (!failed) {
    memory = mmap (NULL, sizeof *memory, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    failed = memory == MAP_FAILED ? errno : 0;
  }
  if (fd >= 0)
    close (fd);
  if (!failed)
    return memory;
  fts_set_errno (error, failed, "memory of answers %s", file);
  return NULL;
}

static Memory *
map_memory (const char *file, GError **error)
{
  if (file != NULL)
    return map_file (file, error);
  Memory *memory = mmap (NULL, sizeof *memory, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory != MAP_FAILED)
    return memory;
  fts_set_errno (error, errno, "memory of answers");
  return NULL;
}

/* Takes over what an earlier process left, where it makes sense. */
static void
adopt (FtsReplay *replay)
{
  Memory *memory = replay->memory;
  uint32_t start = host_start ();

  if (!is_ours (memory, start)) {
    memset (memory, 0, sizeof *memory);
    memory->record_len = sizeof (FtsReplayRecord);
    memory->host_start = start;
    memory->magic = MAGIC;
  }
  for (unsigned i = 0; i < FTS_REPLAY_RECORDS; i++) {
    FtsReplayRecord *record = &memory->records[i];
    if (record->instance == 0 || atomic_load (&record->state) > DONE ||
        find_locked (replay, record->instance, record->slot) != NULL) {
      record->instance = 0;
      continue;
    }
    replay->n_used = MAX (replay->n_used, record->last_used);
    g_hash_table_add (replay->by_slot, record);
  }
}

FtsReplay *
fts_replay_new (const char *file, GError **error)
{
  Memory *memory = map_memory (file, error);

  if (memory == NULL)
    return NULL;
  FtsReplay *replay = g_new0 (FtsReplay, 1);
  replay->memory = memory;
  replay->by_slot = g_hash_table_new (hash_record, equal_record);
  pthread_mutex_init (&replay->lock, NULL);
  pthread_cond_init (&replay->freed, NULL);
  adopt (replay);
  return replay;
}

void
fts_replay_free (FtsReplay *replay)
{
  if (replay == NULL)
    return;
  munmap (replay->memory, sizeof *replay->memory);
  g_hash_table_unref (replay->by_slot);
  pthread_cond_destroy (&replay->freed);
  pthread_mutex_destroy (&replay->lock);
  g_free (replay);
}
