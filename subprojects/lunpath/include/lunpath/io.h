/* lunpath/io.h - one command to a LUN and its result.
 *
 * A LunIo is filled in by the caller, given to lun_device_submit(), and belongs to the device
 * until its `done` callback has run.  Buffers and the iovec array must stay untouched as long.
 * A transport reports a LunResult by value and decides nothing.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

typedef enum {
  LUN_OP_READ,              /* READ(16) */
  LUN_OP_WRITE,             /* WRITE(16) */
  LUN_OP_FLUSH,             /* SYNCHRONIZE CACHE(16), whole LUN */
  LUN_OP_COMPARE_AND_WRITE, /* COMPARE AND WRITE: iov = compare data, then write data */
  LUN_OP_CDB,               /* any other command: `cdb` with data in or out */
} LunOp;

/* Control I/O (heads, tables, lock, heartbeats) goes before bulk data on every path. */
typedef enum {
  LUN_PRIO_CONTROL,
  LUN_PRIO_BULK,
} LunPriority;

typedef enum {
  LUN_DIR_NONE,
  LUN_DIR_IN,
  LUN_DIR_OUT,
} LunDirection;

/* How a command ended, in the order in which a result is looked at. */
typedef enum {
  LUN_OUTCOME_GOOD,
  LUN_OUTCOME_CHECK_CONDITION,      /* `sense` is valid */
  LUN_OUTCOME_RESERVATION_CONFLICT, /* never a path error */
  LUN_OUTCOME_BUSY,                 /* BUSY or TASK SET FULL */
  LUN_OUTCOME_ABORTED,              /* TASK ABORTED, or we aborted it */
  LUN_OUTCOME_TRANSPORT_ERROR,      /* the path failed; executed or not is unknown */
  LUN_OUTCOME_TIMEOUT, /* no answer in time; it may still be executed later */
} LunOutcome;

#define LUN_SENSE_MAX 64
#define LUN_CDB_MAX   16

typedef struct {
  LunOutcome outcome;
  uint8_t status; /* SAM status byte */
  uint8_t
    sense_len; /* bytes valid in `sense`, fixed or descriptor format (SPC-4 4.5) */
  uint8_t sense[LUN_SENSE_MAX];
  int os_errno;      /* cause of a transport error where there is one, else 0 */
  uint32_t residual; /* bytes not transferred */
} LunResult;

typedef struct LunIo LunIo;
typedef struct LunPath LunPath;

struct LunIo {
  /* what to do: set by the caller */
  LunOp op;
  LunPriority priority;
  LunDirection direction; /* LUN_OP_CDB only; implied otherwise */
  uint64_t lba;
  uint32_t blocks; /* COMPARE AND WRITE: blocks compared (and as many written) */
  const struct iovec *iov;
  int n_iov;
  uint8_t cdb[LUN_CDB_MAX]; /* LUN_OP_CDB */
  uint8_t cdb_len;
  uint32_t timeout_ms; /* whole time the device may take; 0 = the device's default */
  /* Wanted path by name (out-of-band commands, B6), or NULL.  Commands that read or write
   * blocks go elsewhere while it is not usable. */
  const char *via_path;
  /* WRITE: not repeated while an earlier try may still be executed.  For records that several
   * hosts write: an old image that lands late would undo a newer one.  (COMPARE AND WRITE is
   * always treated so.) */
  bool settle;
  /* READ, WRITE: one try, over via_path if it is usable.  For who must know that nothing happened
   * in between. */
  bool once;

  /* Called once, on a path's thread or on the caller's own before submit returns.  Must not
   * block; may submit again.  `result` is valid then. */
  void (*done) (LunIo *io);
  void *user_data;

  LunResult result;

  /* the device's and the transport's own; zero before submit */
  struct {
    void *device;
    void *path;
    void *queue_next;
    int64_t start_us;
    int64_t deadline_us;
    unsigned tries;
    uint64_t tag; /* names the command in lun_transport_abort() */
    void *transport_data;
  } priv;
};
