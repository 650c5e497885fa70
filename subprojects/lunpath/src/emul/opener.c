/* opener.c - who has the LUN open and lives, and the writes each has under way. */
#include "emul/state.h"

#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define DRAIN_LIMIT_US (10 * (gint64) G_USEC_PER_SEC)
#define DRAIN_CHECK_US 10000 /* how often a silent opener is checked for life */

G_STATIC_ASSERT (offsetof (LunOpener, in_use) ==
                 sizeof (LunWriteSlot) * LUN_STATE_WRITE_SLOTS);

/* ---- openers ---- */

static struct flock
opener_lock (unsigned index, short type)
{
  return (
    struct flock){ .l_type = type, .l_whence = SEEK_SET, .l_start = index, .l_len = 1 };
}

/* Another open file than FD holds the opener's byte. */
static bool
opener_is_held (int fd, unsigned index)
{
  struct flock lock = opener_lock (index, F_WRLCK);

  return fcntl (fd, F_OFD_GETLK, &lock) < 0 || lock.l_type != F_UNLCK;
}

static bool
opener_is_alive (const LunEmul *emul, unsigned index)
{
  return atomic_load (&emul->state->openers[index].in_use) &&
         (index == emul->opener_index || opener_is_held (emul->state_fd, index));
}

static void
clear_opener (LunEmulState *state, LunOpener *opener)
{
  for (unsigned w = 0; w < LUN_STATE_WAKE_WORDS; w++) {
    uint16_t n = atomic_exchange (&opener->waits[w], 0);
    if (n)
      atomic_fetch_sub (&state->waiters[w], n);
  }
  for (unsigned i = 0; i < sizeof opener->ports; i++)
    atomic_store (&opener->ports[i], 0);
  for (unsigned i = 0; i < LUN_STATE_WRITE_SLOTS; i++) {
    uint64_t count = atomic_load (&opener->slots[i]) | 0xffff;
    atomic_store (&opener->slots[i], count + 1);
  }
  atomic_store (&opener->in_use, 0);
}

bool
lun_state_claim_opener (LunEmul *emul, GError **error)
{
  bool claimed = false;

  for (unsigned i = 0; i < LUN_STATE_OPENERS; i++) {
    LunOpener *opener = &emul->state->openers[i];
    bool in_use = atomic_load (&opener->in_use);
    if (in_use && opener_is_held (emul->state_fd, i))
      continue;
    if (in_use)
      clear_opener (emul->state, opener); /* its process died */
    struct flock lock = opener_lock (i, F_WRLCK);
    if (claimed || fcntl (emul->state_fd, F_OFD_SETLK, &lock) < 0)
      continue;
    emul->opener = opener;
    emul->opener_index = i;
    opener->pid = getpid ();
    atomic_store (&opener->in_use, 1);
    claimed = true;
  }
  if (!claimed)
    g_set_error (error, LUN_ERROR, LUN_ERROR_BUSY,
                 "%s: %d openers already, or the file system has no locks",
                 emul->image_name, LUN_STATE_OPENERS);
  return claimed;
}

void
lun_state_release_opener (LunEmul *emul)
{
  struct flock lock = opener_lock (emul->opener_index, F_UNLCK);

  clear_opener (emul->state, emul->opener);
  (void) fcntl (emul->state_fd, F_OFD_SETLK, &lock);
}

bool
lun_state_has_openers (const LunEmulState *state, int fd)
{
  for (unsigned i = 0; i < LUN_STATE_OPENERS; i++)
    if (atomic_load (&state->openers[i].in_use) && opener_is_held (fd, i))
      return true;
  return false;
}

bool
lun_state_port_is_open (LunEmul *emul, unsigned port)
{
  for (unsigned i = 0; i < LUN_STATE_OPENERS; i++) {
    const LunOpener *opener = &emul->state->openers[i];
    if ((atomic_load (&opener->ports[port / 8]) >> port % 8 & 1) &&
        opener_is_alive (emul, i))
      return true;
  }
  return false;
}

/* ---- writes under way ---- */

LunWriteSlot *
lun_state_write_start (LunEmul *emul, unsigned port)
{
  static _Atomic unsigned next_hint;
  static _Thread_local unsigned hint;

  if (hint == 0)
    hint = 1 + atomic_fetch_add (&next_hint, 1) % LUN_STATE_WRITE_SLOTS;
  for (unsigned i = hint - 1;; i++) {
    LunWriteSlot *slot = &emul->opener->slots[i % LUN_STATE_WRITE_SLOTS];
    uint64_t idle = atomic_load_explicit (slot, memory_order_relaxed);
    if ((idle & 0xffff) == 0 &&
        atomic_compare_exchange_strong (slot, &idle, idle + 0x10000 + port + 1))
      return slot;
    if (i >= hint - 1 + LUN_STATE_WRITE_SLOTS)
      sched_yield ();
  }
}

/* Waits for one slot; gives up when its process is dead or DEADLINE has come. */
static bool
drain_slot (LunEmul *emul, unsigned opener, LunWriteSlot *slot, uint64_t busy,
            gint64 deadline)
{
  struct timespec pause = { .tv_nsec = 50000 };
  gint64 next_check = 0;

  while (atomic_load (slot) == busy) {
    gint64 now = g_get_monotonic_time ();
    if (now >= next_check) {
      if (!opener_is_alive (emul, opener))
        return true;
      next_check = now + DRAIN_CHECK_US;
    }
    if (now >= deadline)
      return false;
    nanosleep (&pause, NULL);
  }
  return true;
}

bool
lun_state_drain (LunEmul *emul, const uint8_t victims[LUN_EMUL_PORTS / 8])
{
  gint64 deadline = g_get_monotonic_time () + DRAIN_LIMIT_US;

  for (unsigned o = 0; o < LUN_STATE_OPENERS; o++) {
    LunOpener *opener = &emul->state->openers[o];
    if (!atomic_load (&opener->in_use))
      continue;
    for (unsigned i = 0; i < LUN_STATE_WRITE_SLOTS; i++) {
      uint64_t busy = atomic_load (&opener->slots[i]);
      unsigned port = (unsigned) (busy & 0xffff);
      if (port == 0 || port > LUN_EMUL_PORTS ||
          !(victims[(port - 1) / 8] >> (port - 1) % 8 & 1))
        continue;
      if (!drain_slot (emul, o, &opener->slots[i], busy, deadline))
        return false;
    }
  }
  return true;
}
