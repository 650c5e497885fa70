/* base/memory.c - memory that is kept for the next, and lent to devices (lunpath/memory.h, loan.h). */
#include <lunpath/memory.h>

#include "base/loan.h"
#include "base/lock.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE    4096u
#define CLASSES 20 /* of lengths: a page, two, four, ... */

struct LunBlock {
  char *front, *back; /* back is NULL where the system maps nothing twice: never lent */
  size_t len;
  unsigned n_class;
  unsigned n_loans; /* under the lock, as all below */
  bool is_taken;    /* its owner has it */
  bool is_parted;
  LunBlock *next; /* of the same class, kept */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of all below */
static GPtrArray *blocks; /* LunBlock that are not freed, by address of their front */
static LunBlock *kept[CLASSES];
static size_t kept_bytes;

/* ---- all blocks ---- */

/* Of the first block that begins beyond MEMORY. */
static unsigned
index_beyond_locked (const void *memory)
{
  unsigned low = 0, high = blocks ? blocks->len : 0;

  while (low < high) {
    unsigned middle = (low + high) / 2;
    const LunBlock *block = g_ptr_array_index (blocks, middle);
    if (block->front > (const char *) memory)
      high = middle;
    else
      low = middle + 1;
  }
  return low;
}

/* The one that has all of it, or NULL. */
static LunBlock *
find_locked (const void *memory, size_t len)
{
  unsigned beyond = index_beyond_locked (memory);
  LunBlock *block = beyond > 0 ? g_ptr_array_index (blocks, beyond - 1) : NULL;

  if (!block)
    return NULL;
  size_t at = (size_t) ((const char *) memory - block->front);
  return at < block->len && len <= block->len - at ? block : NULL;
}

/* ---- a child has the lists, and none of the memory ---- */

static void
before_fork (void)
{
  g_assert (pthread_mutex_lock (&lock) == 0);
}

static void
after_fork (void)
{
  g_assert (pthread_mutex_unlock (&lock) == 0);
}

static void
forget_all (void)
{
  for (unsigned i = 0; blocks && i < blocks->len; i++)
    g_free (g_ptr_array_index (blocks, i));
  g_clear_pointer (&blocks, g_ptr_array_unref);
  memset (kept, 0, sizeof kept);
  kept_bytes = 0;
  after_fork ();
}

static void
watch_forks (void)
{
  g_assert (pthread_atfork (before_fork, after_fork, forget_all) == 0);
}

static void
enlist (LunBlock *block)
{
  static pthread_once_t once = PTHREAD_ONCE_INIT;

  pthread_once (&once, watch_forks);
  LUN_LOCKED (&lock);
  if (!blocks)
    blocks = g_ptr_array_new ();
  g_ptr_array_insert (blocks, (int) index_beyond_locked (block->front), block);
}

/* ---- making and freeing ---- */

static char *
map (size_t len, int flags, int fd)
{
  void *memory = mmap (NULL, len, PROT_READ | PROT_WRITE, flags, fd, 0);

  if (memory == MAP_FAILED)
    return NULL;
  madvise (memory, len, MADV_DONTFORK);
  return memory;
}

static void
map_twice (LunBlock *block)
{
  int fd = memfd_create ("lunpath", MFD_CLOEXEC);

  if (fd < 0)
    return;
  if (ftruncate (fd, (off_t) block->len) == 0)
    block->front = map (block->len, MAP_SHARED, fd);
  if (block->front)
    block->back = map (block->len, MAP_SHARED, fd);
  close (fd);
}

static LunBlock *
make (unsigned n_class)
{
  LunBlock *block = g_new0 (LunBlock, 1);

  block->n_class = n_class;
  block->len = (size_t) PAGE << n_class;
  block->is_taken = true;
  map_twice (block);
  if (!block->front)
    block->front = map (block->len, MAP_PRIVATE | MAP_ANONYMOUS, -1);
  if (!block->front)
    g_error ("out of memory for %zu bytes of data", block->len);
  enlist (block);
  return block;
}

/* It is off all lists. */
static void
destroy (LunBlock *block)
{
  munmap (block->front, block->len);
  if (block->back)
    munmap (block->back, block->len);
  g_free (block);
}

/* ---- taking and giving ---- */

static unsigned
class_of (size_t len)
{
  unsigned n_class = 0;

  while (n_class < CLASSES && ((size_t) PAGE << n_class) < len)
    n_class++;
  if (n_class == CLASSES)
    g_error ("%zu bytes of data in one piece", len);
  return n_class;
}

static LunBlock *
take_kept (unsigned n_class)
{
  LUN_LOCKED (&lock);
  LunBlock *block = kept[n_class];

  if (!block)
    return NULL;
  kept[n_class] = block->next;
  kept_bytes -= block->len;
  block->is_taken = true;
  return block;
}

void *
lun_memory_take (size_t len)
{
  unsigned n_class = class_of (len);
  LunBlock *block = take_kept (n_class);

  return (block ? block : make (n_class))->front;
}

/* The block when it is to be destroyed; NULL when it is in use or kept. */
static LunBlock *
retire_locked (LunBlock *block)
{
  if (block->is_taken || block->n_loans > 0)
    return NULL;
  if (!block->is_parted && kept_bytes + block->len <= LUN_MEMORY_KEPT) {
    block->next = kept[block->n_class];
    kept[block->n_class] = block;
    kept_bytes += block->len;
    return NULL;
  }
  g_ptr_array_remove (blocks, block);
  return block;
}

static LunBlock *
give_back (void *memory)
{
  LUN_LOCKED (&lock);
  LunBlock *block = find_locked (memory, 1);

  if (!block) /* of the process that forked this one */
    return NULL;
  g_assert (block->front == memory && block->is_taken);
  block->is_taken = false;
  return retire_locked (block);
}

void
lun_memory_give (void *memory)
{
  LunBlock *unused = memory ? give_back (memory) : NULL;

  if (unused)
    destroy (unused);
}

/* ---- lending ---- */

void *
lun_loan_take (const void *memory, size_t len, LunBlock **loan)
{
  if ((uintptr_t) memory % PAGE != 0 || len % PAGE != 0)
    return NULL;
  LUN_LOCKED (&lock);
  LunBlock *block = find_locked (memory, len);

  if (!block || !block->back || block->is_parted)
    return NULL;
  block->n_loans++;
  *loan = block;
  return block->back + ((const char *) memory - block->front);
}

static LunBlock *
take_back (LunBlock *block)
{
  LUN_LOCKED (&lock);
  block->n_loans--;
  return retire_locked (block);
}

void
lun_loan_return (LunBlock *loan)
{
  LunBlock *unused = loan ? take_back (loan) : NULL;

  if (unused)
    destroy (unused);
}

static void
mark_parted (const void *memory, size_t len)
{
  LUN_LOCKED (&lock);
  LunBlock *block = find_locked (memory, len);

  g_assert (block && block->is_taken);
  block->is_parted = true;
}

void
lun_loan_part (void *memory, size_t len)
{
  mark_parted (memory, len);
  char *own = map (len, MAP_PRIVATE | MAP_ANONYMOUS, -1);
  if (!own)
    g_error ("out of memory for %zu bytes that a device does not give back", len);
  memcpy (own, memory, len);
  g_assert (mremap (own, len, len, MREMAP_MAYMOVE | MREMAP_FIXED, memory) == memory);
}
