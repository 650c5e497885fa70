/* transport/iscsi-session.h - one login to one target, from connecting to its end.
 *
 *              start          logged in
 *   (nothing) -------> LOGIN ------------> OPEN
 *       ^                |  refused, cut,    |  cut, time-out, abort: all commands end
 *       '----------------+-------------------+
 *              end (the object is freed)
 *
 * One thread at a time (a lock of iscsi-path.h); libiscsi has no locks.  A session that had any trouble is not
 * used again but thrown away whole, with a reset of its connection:
 *   - after a time-out libiscsi goes on in the middle of the unfinished PDU, and another write's
 *     bytes land in the blocks of the one that timed out;
 *   - a connection that is closed politely has its backlog executed by the target, later than
 *     what is written over another path meanwhile; with a reset the target drops it;
 *   - libiscsi's own reconnection repeats writes, with another ISID.
 * Time is kept here, in microseconds: libiscsi's time-outs are whole seconds, and early.
 *
 * One WRITE is one PDU as long as it has at most LUN_ISCSI_MAX_BYTES: no R2T, in whose handling
 * libiscsi loses data when the target asks for a sign of life meanwhile.
 */
#pragma once

#include "transport/iscsi-port.h"

#define LUN_ISCSI_MAX_BYTES (256 * 1024)

typedef struct LunIscsiSession LunIscsiSession;

/* Begins to log in; never blocks but for the name service.  TARGET, PORT and ENDED outlive it.
 * Commands that have ended are put into ENDED: whoever holds no lock tells their callers. */
LunIscsiSession *lun_iscsi_session_start (const LunIscsiTarget *target,
                                          const LunIscsiPort *port, GQueue *ended);
/* Calls done of the commands in ENDED, and empties it.  May be called without the session. */
void lun_iscsi_tell_ended (GQueue *ended);
/* What is under way ends: as TIMEOUT what was overdue or given up, as ABORTED after a reset, else
 * as TRANSPORT_ERROR.  NULL is fine. */
void lun_iscsi_session_end (LunIscsiSession *session);

int lun_iscsi_session_fd (const LunIscsiSession *session);
int lun_iscsi_session_events (const LunIscsiSession *session);
/* Does what can be done after poll() said REVENTS, and at any time with 0. */
void lun_iscsi_session_service (LunIscsiSession *session, int revents);

bool lun_iscsi_session_is_open (const LunIscsiSession *session);
/* Why it must be ended; NULL while it is well. */
const char *lun_iscsi_session_trouble (const LunIscsiSession *session);
/* False when trying again will not help: the target was reached and does not want us. */
bool lun_iscsi_session_is_worth_retrying (const LunIscsiSession *session);
unsigned lun_iscsi_session_n_commands (const LunIscsiSession *session);

/* The session is open.  IO gets its end from the target within service, else within end. */
void lun_iscsi_session_submit (LunIscsiSession *session, LunIo *io);
/* Gives up the command TAG: trouble, if it is there. */
void lun_iscsi_session_abort (LunIscsiSession *session, uint64_t tag);
/* Looks for what is overdue at NOW_US: trouble.  Returns when to look again, < 0 = never. */
int64_t lun_iscsi_session_check_time (LunIscsiSession *session, int64_t now_us);

/* Politely: the answer (or none within a while) is trouble, too. */
void lun_iscsi_session_logout (LunIscsiSession *session);
/* LUN RESET.  DONE is called with what came of it, or with false when the session ends first.
 * Commands that have had no answer by then are aborted ones: trouble. */
void lun_iscsi_session_reset (LunIscsiSession *session,
                              void (*done) (bool ok, void *user_data), void *user_data);
