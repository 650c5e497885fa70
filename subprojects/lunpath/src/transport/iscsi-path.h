/* iscsi-path.h - what an iSCSI path is made of; for iscsi.c and iscsi-thread.c alone.
 *
 *   iscsi.c          the transport: opening, who and how large, aborts, resets
 *   iscsi-thread.c   the path's thread, which looks after the session, and sending
 */
#pragma once

#include "transport/iscsi-session.h"

#include "base/lock.h"

#include <lunpath/transport.h>

typedef enum {
  LUN_ISCSI_DOWN,
  LUN_ISCSI_FRESH,
  LUN_ISCSI_READY,
} LunIscsiState;

typedef struct {
  bool is_done;
  bool ok;
} LunIscsiReset;

typedef struct {
  LunTransport base;
  LunIscsiTarget *target;
  LunIscsiPort *port;
  pthread_t thread;
  int bell;

  pthread_mutex_t session_lock; /* of the next three, and of all calls to libiscsi */
  LunIscsiSession *session;     /* NULL = none; made and ended by the thread */
  GQueue ended;                 /* commands whose callers are to be told */
  int64_t sleeps_until_us;      /* the thread, at the latest; < 0 = for ever */

  /* taken after session_lock where both are */
  pthread_mutex_t lock;   /* of all below up to the next heading */
  pthread_cond_t changed; /* state, n_logins + n_failed_logins, LunIscsiReset.is_done */
  LunIscsiState state;
  bool loss_is_untold;
  char *trouble; /* why it is DOWN */
  bool is_wanted;
  uint64_t n_logins, n_failed_logins, n_losses;
  GQueue waiting;       /* LunIo, from submit() */
  bool is_asleep;       /* the thread: to be rung */
  GArray *aborts;       /* tags */
  LunIscsiReset *reset; /* wanted, and not begun */
  bool stop;

  /* the thread's own */
  LunIscsiReset *reset_under_way;
  int64_t next_try_us;
  int64_t pause_us;
} LunIscsi;

/* LunIo.priv.transport_data of our own commands: they go to a session that is FRESH, too. */
extern const char lun_iscsi_probe_mark;

/* An errno value, or 0. */
int lun_iscsi_thread_start (LunIscsi *iscsi);
/* Logs out; all commands have ended then. */
void lun_iscsi_thread_stop (LunIscsi *iscsi);

/* Sends a command of the device, by this thread or the path's. */
void lun_iscsi_send (LunIscsi *iscsi, LunIo *io);
/* By the path's. */
void lun_iscsi_put (LunIscsi *iscsi, LunIo *io);
/* The thread looks what is wanted of it. */
void lun_iscsi_ring (const LunIscsi *iscsi);
