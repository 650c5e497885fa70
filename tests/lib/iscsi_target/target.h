/* target.h - an iSCSI target for tests: the LUN emulation over TCP, on the loopback only.
 *
 * A thread a connection, one connection a session, one session an I_T nexus named
 * "INITIATORNAME,i,0xISID".  A thread reads its requests in order and executes each command with
 * lun_emul_execute() before it reads the next: commands of one session never run at the same
 * time, those of several do.  Each session opens the image for itself, so that its end is the
 * end of its nexus (a SCSI-2 reservation goes).  A command whose data has not all come is a task
 * in waiting; task management can only meet those.
 *
 * Error recovery level 0: a peer that breaks the protocol loses its connection.
 *
 * target.c   what connections share; accepting them
 * login.c    from the first PDU to full feature phase      text.c, chap.c: its words
 * connection.c  requests of full feature phase             pdu.c: their frame
 * command.c  a SCSI command, its data, its status
 * main.c     the program
 */
#pragma once

#include "lib/iscsi_target/text.h"

#include <pthread.h>
#include <stdatomic.h>

#define TARGET_PORTALS_MAX     16
#define TARGET_CONNECTIONS_MAX 128

typedef struct {
  char *user;
  char *secret;
} TargetAccount;

typedef struct TargetConnection TargetConnection;

typedef struct {
  /* set before the first connection, constant then */
  char *image;
  char *iqn;
  TargetParams params;
  TargetAccount chap;   /* user NULL: anybody may log in */
  TargetAccount mutual; /* who we are for initiators that ask */
  char *portals[TARGET_PORTALS_MAX];
  int n_portals;

  _Atomic uint32_t resets; /* a task begun before the last LUN reset is gone */

  pthread_mutex_t lock; /* of all below */
  pthread_cond_t left;  /* a connection has ended */
  GPtrArray *connections;
  uint16_t last_tsih;
  bool stopping;
} Target;

void target_init (Target *target, const char *image, const char *iqn);
/* Ends all connections and waits for their threads. */
void target_clear (Target *target);

/* Serves the connection FD on a thread of its own, and closes it in the end. */
void target_serve (Target *target, int fd);

/* Connections that are there now. */
unsigned target_n_connections (Target *target);

/* Ends the older session of the same initiator port, and counts CONNECTION's among those in
 * full feature phase.  False when the target is stopping. */
bool target_claim_session (Target *target, TargetConnection *connection);
