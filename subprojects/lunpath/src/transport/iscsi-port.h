/* transport/iscsi-port.h - an initiator port of our own for each path of each process.
 *
 * Reservations belong to initiator ports (name and ISID), so no two users of one LUN may share
 * one, not even two processes of one host over one path: with equal names and ISIDs each would
 * end the other's session, and some targets tell ports apart by the name alone.  On the other
 * hand a port should be the same after each start, for targets that admit known names only, and
 * so that what a target still knows about it can be found.
 *
 * So: the name is made of host and path, and of a number: the lowest one that no other process
 * of this host holds.  Held means: bound to an abstract socket of that name, which the kernel lets
 * go when the process ends, however that comes.
 */
#pragma once

#include "transport/iscsi-target.h"

typedef struct {
  char *name;      /* "iqn.2026-01.ftsfs:HOST:PATH.N", or as the path's name says */
  uint32_t isid;   /* random format (RFC 7143 11.12.5): 24 bits ... */
  uint16_t number; /* ... and the qualifier */
  int fd;          /* holds the number */
} LunIscsiPort;

/* LUN_ERROR_IO when all numbers are taken or no socket can be had. */
LunIscsiPort *lun_iscsi_port_take (const LunIscsiTarget *target, GError **error);
void lun_iscsi_port_leave (LunIscsiPort *port);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LunIscsiPort, lun_iscsi_port_leave)
