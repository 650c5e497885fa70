/* state.h - the shared state of an emulated LUN ("IMAGE.lun"): layout, lock, transactions,
 * openers.
 *
 * Every process that uses the LUN maps this file.  It belongs to one boot of one machine: a
 * boot id that differs from the running kernel's means that power was lost, and the state is
 * set up again as after a power cycle, the lock included.
 *
 * The lock is a robust process-shared mutex over `core`.  Whoever changes `core` does so between
 * lun_state_begin() and lun_state_commit(): begin keeps a copy, and when a process dies in
 * between, the next one that gets the lock puts the copy back.  COMPARE AND WRITE notes what it
 * is going to write before it does, and the next holder of the lock finishes it.  So the death
 * of a process at any instruction leaves the LUN as it was before or after the command.
 *
 * Invariants
 *  1. gates[i] follows from `core`; it is recomputed before the lock is given back.  A command
 *     that finds its gate open needs no lock.
 *  2. A WRITE occupies a slot of its opener from before it looks at its gate until its last
 *     byte is copied.  Slot and gate are accessed seq_cst: after closing a gate, the one who
 *     waits until the slots of that port have changed knows that no older write is under way.
 *  3. An opener's slot is in use exactly as long as its open file holds the lock on the byte of
 *     the state file with the slot's number (F_OFD_SETLK): the kernel tells who is dead.
 *  4. waiters[w] >= number of live waiters on word w.  An opener that dies leaves it too high,
 *     which costs useless wake-ups until the next open corrects it from the opener's own counts.
 *
 * Lock order: flock of the state file (open, create, close only), then the mutex.
 */
#pragma once

#include "emul/core.h"

#include <lunpath/emul.h>

#include <pthread.h>
#include <stdatomic.h>

#define LUN_STATE_MAGIC       "LUNEMUL"
#define LUN_STATE_VERSION     2
#define LUN_STATE_OPENERS     256
#define LUN_STATE_WAKE_WORDS  4096
#define LUN_STATE_WRITE_SLOTS 32
#define LUN_STATE_CAW_MAX     16384 /* bytes of one COMPARE AND WRITE */
#define LUN_STATE_LINE        64    /* cache line */

/* Why a port's next command has to take the slow way. */
typedef enum {
  LUN_GATE_ATTENTION = 1 << 0,
  LUN_GATE_READ = 1 << 1,
  LUN_GATE_WRITE = 1 << 2,
} LunGate;

/* A WRITE under way: count << 16 | port + 1; port field 0 = idle.  Each use raises the count. */
typedef _Atomic uint64_t LunWriteSlot;

typedef struct {
  _Alignas(LUN_STATE_LINE) LunWriteSlot slots[LUN_STATE_WRITE_SLOTS];
  _Atomic uint32_t in_use;
  int32_t pid;                               /* for people */
  _Atomic uint8_t ports[LUN_EMUL_PORTS / 8]; /* ports this opener speaks for */
  _Atomic uint16_t waits[LUN_STATE_WAKE_WORDS];
} LunOpener;

/* COMPARE AND WRITE under way; len != 0: to be finished by the next holder of the lock. */
typedef struct {
  uint64_t offset;
  _Atomic uint32_t len;
  uint8_t data[LUN_STATE_CAW_MAX];
} LunCawIntent;

typedef struct LunEmulState {
  char magic[8]; /* written last */
  uint32_t version;
  uint32_t size; /* sizeof (LunEmulState) */
  uint32_t block_size;
  uint8_t uuid[16];
  char boot_id[40];

  _Alignas(LUN_STATE_LINE) pthread_mutex_t lock;
  _Atomic uint32_t undo_valid;
  LunEmulCore core; /* under the lock */
  LunEmulCore undo;
  LunCawIntent caw;

  _Alignas(LUN_STATE_LINE) _Atomic uint32_t gates[LUN_EMUL_PORTS];
  _Alignas(LUN_STATE_LINE) _Atomic uint32_t waiters[LUN_STATE_WAKE_WORDS];
  _Alignas(LUN_STATE_LINE) uint32_t words[LUN_STATE_WAKE_WORDS];
  LunOpener openers[LUN_STATE_OPENERS];
} LunEmulState;

/* One open LUN in this process. */
struct LunEmul {
  char *image_name;
  int image_fd;
  int state_fd;
  bool read_only;
  uint32_t block_size;
  uint64_t n_blocks;
  uint8_t *image; /* n_blocks * block_size bytes */
  LunEmulState *state;
  LunOpener *opener;
  unsigned opener_index;
  char uuid[37];
  pthread_mutex_t nexuses_lock; /* protects the table below */
  GHashTable *nexuses;          /* name -> LunEmulNexus, owned */
};

struct LunEmulNexus {
  LunEmul *emul;
  unsigned port;
  _Atomic uint32_t *gate; /* state->gates[port] */
};

/* Opens (and makes, with BLOCK_SIZE or 512) the state file of IMAGE and maps it.  Returns with
 * the flock held: the caller releases it by flock (*fd, LOCK_UN) or close(). */
LunEmulState *lun_state_open (const char *image, uint32_t block_size, int *fd,
                              GError **error);

/* Waits for the flock of the state file. */
int lun_state_flock (int fd);

/* Under the flock. */
bool lun_state_claim_opener (LunEmul *emul, GError **error);
void lun_state_release_opener (LunEmul *emul);
bool lun_state_has_openers (const LunEmulState *state, int fd);

/* The lock.  Puts right what a dead holder left behind. */
void lun_state_lock (LunEmul *emul);
void lun_state_unlock (LunEmul *emul);

/* A change of `core`, inside the lock; commit recomputes the gates. */
void lun_state_begin (LunEmul *emul);
void lun_state_commit (LunEmul *emul);

/* Some living opener speaks for PORT.  Inside the lock. */
bool lun_state_port_is_open (LunEmul *emul, unsigned port);
/* The port of NAME at TARGET_PORT, made when there is none; -1 when the table is full of ports in use.
 * Inside a transaction. */
int lun_state_make_port (LunEmul *emul, const char *name, unsigned target_port);

/* ---- writes under way ---- */
LunWriteSlot *lun_state_write_start (LunEmul *emul, unsigned port);

static inline void
lun_state_write_end (LunWriteSlot *slot)
{
  uint64_t busy = atomic_load_explicit (slot, memory_order_relaxed);

  atomic_store_explicit (slot, busy & ~(uint64_t) 0xffff, memory_order_release);
}

/* Waits until every WRITE has ended that a port of VICTIMS (bit set) had started before; writes
 * of dead processes do not count.  False after ten seconds.  Outside the lock. */
bool lun_state_drain (LunEmul *emul, const uint8_t victims[LUN_EMUL_PORTS / 8]);
