/* lunpath/transport.h - the contract of a transport: one path to one LUN.
 *
 * A transport moves commands and decides nothing: it reports each command's end as a LunResult
 * and leaves retry, failover and errors to the device (device.h).  Nothing above this header
 * knows which transport is used.
 *
 * How it works
 *   - A transport is a LunTransport with a table of functions (LunTransportOps).  It embeds
 *     LunTransport as its first member and registers its table under a kind ("file").
 *   - A layer is a transport that wraps another one ("stats", "trace", "fault").  It sets
 *     `lower`; every optional operation it leaves out goes to the lower transport.
 *   - The table is called by the lun_transport_*() functions below and by nobody else: they
 *     assert the preconditions, so that an implementation need not.
 *
 * Path names
 *   path  := [ layer "+" ]... ( kind ":" rest | file name )
 *   layer := name [ "(" arguments ")" ]
 *   rest  := [ "//" [ user [ "%" secret ] "@" ] ] target
 *            [ "?" key "=" value [ "&" key "=" value ]... ]
 *   %XX stands for the byte with that hexadecimal value in target, values and arguments, and
 *   is needed there for '|', '?', '&', '%', and for parentheses that do not pair up.  In user and
 *   secret the same goes for '@' and '/' too; the first '%' there is the one between the two.
 *   A secret is replaced by "***" wherever a name is shown.
 */
#pragma once

#include <lunpath/device.h>
#include <lunpath/error.h>
#include <lunpath/io.h>

#include <glib.h>

typedef struct LunTransport LunTransport;

/* ---- path names ---- */

typedef struct {
  char *name;
  char *args; /* decoded text between the parentheses; NULL without them */
  size_t at;  /* where it starts in the whole text */
} LunNameLayer;

typedef struct {
  char *text;           /* as given, but for the secret */
  LunNameLayer *layers; /* outermost first */
  unsigned n_layers;
  char *kind;
  size_t kind_at; /* where the part below all layers starts in `text` */
  char *user;     /* NULL without one, like the secret */
  char *secret;
  char *target;  /* without user and secret; begins with "//" where the text does */
  char **keys;   /* NULL-terminated, as long as `values` */
  char **values; /* decoded */
} LunPathName;

/* Pure.  LUN_ERROR_CONFIG says what is wrong and at which character. */
LunPathName *lun_path_name_parse (const char *text, GError **error);
void lun_path_name_free (LunPathName *name);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LunPathName, lun_path_name_free)

/* Value of KEY, or NULL. */
const char *lun_path_name_option (const LunPathName *name, const char *key);
/* Value of KEY as a number (decimal, or with k, M, G for powers of 1024), FALLBACK without it. */
bool lun_path_name_number (const LunPathName *name, const char *key, uint64_t fallback,
                           uint64_t *out, GError **error);
/* Refuses options other than the NULL-terminated KNOWN ones. */
bool lun_path_name_only (const LunPathName *name, const char *const *known,
                         GError **error);
/* TEXT (one name or several) as it may be shown: "***" instead of each secret. */
char *lun_path_name_mask (const char *text);
/* Overwrites each secret in TEXT itself; true when there was one. */
bool lun_path_name_hide (char *text);
/* Splits "A|B" at bars outside parentheses; free with g_strfreev(). */
char **lun_path_name_split (const char *text);

/* ---- what a transport is ---- */

typedef enum {
  /* submit() may be called by any thread at any time, completes the command before it returns
   * and does not block for long: it answers from memory. */
  LUN_RUN_CALLER,
  /* submit() is called by the path's own threads only, by queue_depth of them at a time (16 at
   * most); it may block, and completes the command before it returns.  Data is one iovec of
   * memory that begins at a page, a copy or lent (memory.h), which stays when the device gives the
   * command up. */
  LUN_RUN_PATH_THREAD,
  /* submit() returns at once and is called by the path's own thread only, or, with
   * facts.any_thread, by any thread; the command is completed on a thread of the transport.  Up
   * to queue_depth commands in flight.  Data is the caller's memory: abort() must end a command
   * soon, whatever the path does.  With facts.holds_data it need not: then data is as with
   * LUN_RUN_PATH_THREAD, and stays until the command ends.  With facts.n_threads only READ,
   * WRITE and FLUSH are so; all else is as with LUN_RUN_PATH_THREAD, n_threads at a time. */
  LUN_RUN_ASYNC,
} LunRun;

typedef struct {
  LunRun run;
  uint32_t
    queue_depth;       /* commands in flight at most; 0 = any number (LUN_RUN_CALLER) */
  uint32_t block_size; /* bytes */
  uint64_t n_blocks;   /* 0, and the two around it: the target does not tell now */
  uint32_t max_io_blocks; /* longest READ/WRITE it takes */
  uint32_t max_io_bytes;  /* that, where the block size is not told */
  bool can_wake;          /* has wait() */
  bool any_thread;        /* LUN_RUN_ASYNC: who may call submit() */
  bool holds_data;        /* LUN_RUN_ASYNC: what was given up may still use its data */
  uint32_t n_threads;     /* LUN_RUN_ASYNC: see there; 0 = no submit() blocks */
  bool real_scsi;         /* a SCSI device answers, not an emulation of ours */
  const char
    *nexus; /* initiator port, as far as processes of this machine may share it; NULL:
                        nobody else has it.  The transport's own. */
  const char
    *method; /* how blocks go, in words, where that differs; or NULL.  Likewise */
} LunTransportFacts;

typedef struct {
  bool read_only; /* WRITE, FLUSH and COMPARE AND WRITE will not be submitted */
} LunTransportConfig;

typedef enum {
  LUN_WAKE_DIFFERS, /* a watched run is not as seen (or, blind, may have been written) */
  LUN_WAKE_TIMEOUT,
  LUN_WAKE_BELL, /* *bell is no longer bell_value */
} LunWake;

typedef struct {
  uint32_t spin_us; /* look without sleeping for so long first */
  uint32_t
    nap_us; /* sleep between two looks where sleeping until woken is not possible */
  int64_t until_us;     /* g_get_monotonic_time(); < 0 = no limit */
  const uint32_t *bell; /* process-local futex word, bumped and woken to end the wait */
  uint32_t bell_value;
  bool blind; /* do not compare: sleep until one of the runs is written */
} LunWakePlan;

/* One statistic of a path: LAYER ("stats"), KEY ("read.count"), VALUE. */
typedef void (*LunStatVisit) (const char *layer, const char *key, uint64_t value,
                              void *user_data);

typedef struct {
  const char *kind; /* the word before ':' */

  /* Opens the path; fills in `facts` completely.  May block.  NAME is valid during the call
   * only.  NULL with GError (LUN_ERROR_CONFIG, LUN_ERROR_IO, ...). */
  LunTransport *(*open) (const LunPathName *name, const LunTransportConfig *config,
                         GError **error);

  /* No command is in flight.  Frees the transport (not `lower`, `name`: the caller's work). */
  void (*close) (LunTransport *transport);

  /* Asks the LUN, each time anew, who it is: "uuid:..." or a VPD 83h designator as text.  Same
   * threads as submit; may block.  Layers may leave it out. */
  char *(*identify) (LunTransport *transport, GError **error);

  /* Starts IO; io->done (io) follows exactly once with io->result set, before or after the
   * return as facts.run says.  Reads io's op, lba, blocks, iov, cdb, direction, timeout_ms
   * (remaining time, 0 = none) and priv.tag; may use priv.transport_data.  The run lies within
   * the LUN and the iovecs are exactly as long as it (COMPARE AND WRITE: twice).  Never fails
   * otherwise than through io->result. */
  void (*submit) (LunTransport *transport, LunIo *io);

  /* Optional.  Gives up the command with this priv.tag if it is still there; its done() then
   * follows soon, with LUN_OUTCOME_ABORTED where it was not executed.  Any thread; harmless
   * when the command has just ended.  Does not block. */
  void (*abort) (LunTransport *transport, uint64_t tag);

  /* Optional.  LUN RESET; commands in flight end as aborted.  May block.  Without it:
   * LUN_ERROR_UNSUPPORTED. */
  bool (*reset) (LunTransport *transport, GError **error);

  /* Optional (facts.can_wake).  Blocks the caller until a run differs from `seen`, the time
   * is over or the bell rang.  Issues no command and leaves `buf` alone.  LUN_WAKE_DIFFERS:
   * `differs` tells which ones (blind: all of them).  Spurious only in blind mode.  Any
   * thread, any number at once. */
  LunWake (*wait) (LunTransport *transport, LunWatch *watches, int n_watches,
                   const LunWakePlan *plan);

  /* Optional.  Reports the layer's or transport's own statistics.  Any thread. */
  void (*visit_stats) (LunTransport *transport, LunStatVisit visit, void *user_data);
} LunTransportOps;

struct LunTransport {
  LunTransportOps ops; /* complete after opening: no NULL inside */
  char *name;          /* the whole path name from this layer down */
  LunTransport *lower; /* what a layer wraps; NULL for the lowest */
  LunTransportFacts facts;
};

typedef struct {
  const char *name; /* the word before '+' */
  /* Wraps LOWER (then owned by the result, closed after it).  ARGS is the text between the
   * parentheses or NULL.  Fills in `ops` as far as it has operations of its own and `facts`
   * where they differ (they start as a copy of LOWER's).  On error LOWER stays the caller's. */
  LunTransport *(*wrap) (LunTransport *lower, const char *args, GError **error);
} LunLayerOps;

/* What is given up may use its data until it ends. */
static inline bool
lun_transport_holds_data (const LunTransport *transport)
{
  const LunTransportFacts *facts = &transport->facts;

  return facts->run == LUN_RUN_PATH_THREAD ||
         (facts->run == LUN_RUN_ASYNC && facts->holds_data);
}

/* IO is of those whose submit() does not block beside facts.n_threads. */
static inline bool
lun_transport_is_swift (const LunIo *io)
{
  return io->op == LUN_OP_READ || io->op == LUN_OP_WRITE || io->op == LUN_OP_FLUSH;
}

/* ---- the registry: before the first device is opened, from one thread ---- */

void lun_transport_register (const LunTransportOps *ops);
void lun_layer_register (const LunLayerOps *ops);

/* ---- the wrappers: the only callers of the table ---- */

LunTransport *lun_transport_open (const char *name, const LunTransportConfig *config,
                                  GError **error);
/* NULL is fine. */
void lun_transport_close (LunTransport *transport);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LunTransport, lun_transport_close)

char *lun_transport_identify (LunTransport *transport, GError **error);
void lun_transport_submit (LunTransport *transport, LunIo *io);
void lun_transport_abort (LunTransport *transport, uint64_t tag);
bool lun_transport_reset (LunTransport *transport, GError **error);
LunWake lun_transport_wait (LunTransport *transport, LunWatch *watches, int n_watches,
                            const LunWakePlan *plan);
/* Of the transport and all layers of it. */
void lun_transport_visit_stats (LunTransport *transport, LunStatVisit visit,
                                void *user_data);
