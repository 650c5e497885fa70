/* lunpath/device.h - one LUN under one name, however many paths lead to it (D1).
 *
 * Errors that another path or a later try can heal are healed here; what comes back is final.
 * All calls from any thread.  Nothing here calls back but LunIo.done.  A device does not survive
 * fork(): open it in the process that uses it.
 *
 * Path names (each may be wrapped: "WRAPPER(ARGS)+...+KIND:REST", see transport.h and README.md):
 *   file:/path/lun.img[?path=N][&host=NAME]   mapped file with our LUN emulation
 *   sg:/dev/sgN, sg:/dev/sdX                  a disk through the kernel's SCSI stack (SG_IO)
 *   iscsi://[USER[%SECRET]@]HOST[:PORT]/IQN/LUN[?secret-file=FILE][&initiator=NAME][&isid=N]
 *                                             a LUN of an iSCSI target
 *   blk:/dev/nvme0n1, blk:/dev/mapper/NAME    any block device
 *   ram:NAME[?size=BYTES]                     memory of this process, for tests
 *   null:[?size=BYTES]                        reads zeroes, forgets writes
 */
#pragma once

#include <lunpath/error.h>
#include <lunpath/io.h>

#include <glib.h>

typedef struct LunDevice LunDevice;

typedef struct {
  const char *const
    *paths;            /* NULL-terminated path names, each may hold several: "A|B" */
  const char *policy;  /* path choice by name; NULL = default */
  uint32_t timeout_ms; /* deadline of a command; 0 = 30,000 */
  bool read_only;      /* never writes; the LUN may be write-protected */
  /* Opens too when the target does not even tell the size, as some do while another host has
   * exclusive access: for reservation commands.  lun_device_learn_size() asks again. */
  bool may_lack_size;

  /* Paths.  0 = the default each.  The same, and the policy, may stand in a path name, after a
   * question mark where a path would (README.md), and count more there. */
  uint32_t try_ms; /* longest try while another path is usable; 4,000 */
  uint32_t
    no_path_wait_ms; /* longest wait for a path, within the command's time; all of it */
  uint32_t
    failback_ms;     /* how long a path that returned is used after the others; none */
  uint32_t check_ms; /* between checks of a path at first ... 5,000 */
  uint32_t check_max_ms;     /* ... and after a while without trouble; 20,000 */
  uint32_t check_timeout_ms; /* 3,000 */
  uint32_t flaps;            /* a path that failed so often (up to 16) ... 5 */
  uint32_t
    flap_ms; /* ... within this time is used last, until it did not for as long; 60,000 */

  uint32_t
    conflict_ms; /* patience with reservations of others, from the start; 0 = none */
} LunDeviceConfig;

/* What the LUN is and can do; found out by trial at open, constant while open (but for a size that
 * was not told: n_blocks, block_size and max_io_blocks are 0 until it is). */
typedef struct {
  uint32_t block_size; /* bytes: 512 or 4096 */
  uint64_t n_blocks;   /* capacity */
  uint32_t
    max_io_blocks; /* longest single READ/WRITE; longer ones are split by the device */
  char *identity;  /* VPD 83h designator as text, or "uuid:..." of a file LUN */
  bool can_wake;   /* lun_device_wait() sleeps until woken instead of polling */
  bool in_memory;  /* commands complete in the caller's thread */
  bool has_caw;    /* COMPARE AND WRITE works (tried) */
  bool has_pr;     /* PERSISTENT RESERVE works (tried) */
} LunFacts;

/* Commands and bytes of a device since open; also shown by the stats wrapper a path. */
typedef struct {
  uint64_t reads, read_bytes;
  uint64_t writes, written_bytes;
  uint64_t caws, cdbs, flushes;
  uint64_t polls; /* reads made inside lun_device_wait() that found nothing new */
  uint64_t wakes; /* waits ended by a change */
  uint64_t errors, retries;
} LunStats;

LunDevice *lun_device_open (const LunDeviceConfig *config, GError **error);
/* Waits for commands under way.  NULL is fine. */
void lun_device_close (LunDevice *device);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LunDevice, lun_device_close)

const LunFacts *lun_device_facts (const LunDevice *device);
/* The size that was not told at open (may_lack_size), and what the LUN can do then.  RESERVED as
 * long as it is not told.  Before anybody reads or writes blocks; nothing when it is known. */
bool lun_device_learn_size (LunDevice *device, GError **error);
const char *lun_device_name (const LunDevice *device);
void lun_device_get_stats (const LunDevice *device, LunStats *out);

/* Everything countable, one call a number: the device's own counters (layer "device", path the
 * device's name), the state of each path (layer "path") and what its layers count ("stats",
 * "fault").  Keys are words with dots, stable enough for scripts. */
typedef void (*LunStatsVisit) (const char *path, const char *layer, const char *key,
                               uint64_t value, void *user_data);
void lun_device_visit_stats (LunDevice *device, LunStatsVisit visit, void *user_data);

/* Asynchronous: exactly one io->done() for each submit.  Any number in flight.  Where
 * facts.in_memory, done() runs before submit returns: loop over commands there, a chain of
 * submits from done() to done() would grow the stack. */
void lun_device_submit (LunDevice *device, LunIo *io);

/* Synchronous; LEN in bytes, a multiple of the block size; no alignment asked of BUF. */
bool lun_device_read (LunDevice *device, uint64_t lba, void *buf, size_t len,
                      LunPriority priority, GError **error);
bool lun_device_write (LunDevice *device, uint64_t lba, const void *buf, size_t len,
                       LunPriority priority, GError **error);
bool lun_device_readv (LunDevice *device, uint64_t lba, const struct iovec *iov,
                       int n_iov, LunPriority priority, GError **error);
bool lun_device_writev (LunDevice *device, uint64_t lba, const struct iovec *iov,
                        int n_iov, LunPriority priority, GError **error);
/* For records that several hosts write (LunIo.settle), at control priority. */
bool lun_device_write_settled (LunDevice *device, uint64_t lba, const void *buf,
                               size_t len, GError **error);
bool lun_device_flush (LunDevice *device, GError **error);

/* False with GError when IO, which has ended, did not succeed. */
bool lun_device_check (const LunDevice *device, const LunIo *io, GError **error);

typedef enum {
  LUN_CAW_DONE,     /* the block was EXPECT and is REPLACE now */
  LUN_CAW_MISMATCH, /* the block was something else; nothing was written */
  LUN_CAW_ERROR,    /* GError set */
} LunCaw;

/* One block; EXPECT and REPLACE are block-size bytes.  After a lost answer the device reads the
 * block to learn what happened, it never repeats blindly. */
LunCaw lun_device_compare_and_write (LunDevice *device, uint64_t lba,
                                     const void *expect, const void *replace,
                                     GError **error);

/* Out-of-band SCSI command (B6).  RESULT gets status and sense; false only when none arrived. */
bool lun_device_cdb (LunDevice *device, const uint8_t *cdb, size_t cdb_len,
                     LunDirection dir, void *data, size_t len, const char *via_path,
                     LunResult *result, GError **error);

/* ---- waiting for a change ----
 * A watch is a run of blocks and a copy of what the caller saw there last.  The call returns
 * when any run differs from its copy; `buf` of each differing watch then holds the new content
 * (read once; it may be torn, records check themselves) and `differs` is set.
 *
 * Where the LUN can wake (facts.can_wake) the caller spins `spin_us`, then sleeps until a
 * writer wakes it.  Elsewhere it polls: spin, then sleep from poll_min_us doubling to
 * poll_max_us between reads. */
typedef struct {
  uint64_t lba;
  uint32_t blocks;
  const void *seen; /* blocks * block size bytes; owned by the caller */
  void *buf; /* as long; may equal `seen` (then it is overwritten by the new content) */
  bool differs; /* out */
} LunWatch;

typedef struct {
  uint32_t spin_us;
  uint32_t poll_min_us;
  uint32_t poll_max_us;
  int64_t timeout_us; /* from now; < 0 = no limit */
  bool is_fresh;      /* `seen` has just been read: where it polls, it pauses first */
  /* Optional: the wait ends early when *cancel becomes non-zero and lun_device_wake() is called. */
  const int *cancel;
} LunWaitPlan;

typedef enum {
  LUN_WAIT_CHANGED,
  LUN_WAIT_TIMEOUT,
  LUN_WAIT_CANCELLED,
  LUN_WAIT_ERROR,
} LunWait;

LunWait lun_device_wait (LunDevice *device, LunWatch *watches, int n_watches,
                         const LunWaitPlan *plan, GError **error);

/* Ends every lun_device_wait() of this process on DEVICE whose *cancel is set. */
void lun_device_wake (LunDevice *device);

/* ---- the gate: for whoever protects the device (reservation.h) ----
 * Commands of lun_device_cdb() always pass. */
typedef enum {
  LUN_GATE_OPEN,
  LUN_GATE_HELD,    /* data commands wait, until their deadline */
  LUN_GATE_STOPPED, /* data commands end with LUN_ERROR_FENCED */
} LunGate;

/* A STOPPED gate stays so; data commands under way are given up. */
void lun_device_set_gate (LunDevice *device, LunGate gate);
/* For who begins anew after a STOPPED gate: it is open.  No reservation is on DEVICE, and nobody who used
 * it before uses it any more. */
void lun_device_reopen_gate (LunDevice *device);

/* A data command ended with a reservation conflict, or with a unit attention that can mean that
 * registrations were lost (29h, 2Ah/03h to 05h).  True: it is being looked into; the gate is HELD
 * until lun_device_set_gate(), and the command is sent again then.  False: the result stands.  Any
 * thread; must not block. */
typedef bool (*LunDoubt) (const LunResult *result, void *user_data);
/* NULL: nobody.  From one thread, while no data command is under way. */
void lun_device_set_doubt (LunDevice *device, LunDoubt doubt, void *user_data);

/* For LUNs that their users reserve for moments (swap.h): a data command that meets a reservation
 * of another host is sent again for so long, within its deadline, before it fails.  0 = at once. */
void lun_device_set_patience (LunDevice *device, uint32_t ms);
