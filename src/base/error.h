/* error.h - the one error domain above lunpath.
 *
 * A code says what the caller can do, not where it broke; the message names object, event and
 * cause.  Errors of lunpath (LUN_ERROR) pass through unchanged; every border has exactly one
 * map: to errno here, to the wire in fts/status.h, to the exit status here.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef enum {
  FTS_ERROR_BUSY,    /* try again later: a lock or resource is held by somebody alive */
  FTS_ERROR_NO_SLOT, /* every connection or host entry is in use */
  FTS_ERROR_NOT_FOUND,  /* no such peer, export or volume */
  FTS_ERROR_DENIED,     /* wrong secret or no right */
  FTS_ERROR_REFUSED,    /* the peer is there and said no for another reason */
  FTS_ERROR_PEER_DEAD,  /* the peer's heartbeat stopped or it started anew */
  FTS_ERROR_CLOSED,     /* the connection was closed by the peer or by us */
  FTS_ERROR_TIMEOUT,    /* the deadline passed with the peer alive */
  FTS_ERROR_CORRUPT,    /* a record or segment stays wrong after reading it again */
  FTS_ERROR_PROTOCOL,   /* the peer sent what the protocol does not allow */
  FTS_ERROR_NOT_VOLUME, /* the device bears no volume */
  FTS_ERROR_VERSION,  /* volume or peer is newer or older than this program can serve */
  FTS_ERROR_MISMATCH, /* the device belongs to another volume or place in it */
  FTS_ERROR_TOO_SMALL,   /* device smaller than asked or recorded */
  FTS_ERROR_IN_USE,      /* refused to overwrite data or a volume in use */
  FTS_ERROR_FENCED,      /* this host was shut out or stopped itself */
  FTS_ERROR_IO,          /* I/O failed for good */
  FTS_ERROR_CONFIG,      /* wrong option, file or value; the message says which */
  FTS_ERROR_UNSUPPORTED, /* the peer, device or file system cannot do this */
  FTS_ERROR_SYSTEM,      /* a system call failed; errno is in the message */
} FtsError;

#define FTS_ERROR (fts_error_quark ())
GQuark fts_error_quark (void);

/* An errno as the code: what a system call here, or at the server, said.  Passed to the caller
 * of the file system unchanged. */
#define FTS_ERRNO (fts_errno_quark ())
GQuark fts_errno_quark (void);

/* Sets ERROR to FTS_ERRNO with ERRNUM and "MESSAGE: strerror"; returns false for `return`. */
bool fts_set_errno (GError **error, int errnum, const char *format, ...)
  G_GNUC_PRINTF (3, 4);

/* Exit statuses of all programs (man pages, section EXIT STATUS). */
typedef enum {
  FTS_EXIT_OK = 0,
  FTS_EXIT_FAILURE = 1,     /* the job failed; the message says why */
  FTS_EXIT_USAGE = 2,       /* bad option, argument or configuration */
  FTS_EXIT_UNAVAILABLE = 3, /* volume or peer cannot be reached (now) */
  FTS_EXIT_DAMAGED = 4,     /* the volume is damaged or no volume */
} FtsExit;

/* The errno (positive) that stands for ERROR at a system-call border; EIO for what has none.
 * Takes FTS_ERROR, FTS_ERRNO and LUN_ERROR.  Pure; any thread. */
int fts_error_to_errno (const GError *error);

/* The exit status a program ends with after ERROR; FTS_EXIT_OK for NULL. */
FtsExit fts_error_to_exit (const GError *error);
