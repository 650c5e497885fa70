/* transport/iscsi-target.h - where an iSCSI path leads, read from its name.
 *
 *   iscsi://[USER[%SECRET]@]HOST[:PORT]/IQN/LUN[?OPTIONS]
 *
 *   secret-file=FILE  its first line is the CHAP secret (names of paths show in lists of processes); only
 *                     its owner may be able to read it
 *   initiator=NAME    the initiator's name, where the target admits only names that it knows
 *   isid=N            the initiator port's number, 0 to 16,777,215
 */
#pragma once

#include <lunpath/transport.h>

typedef struct {
  char *portal; /* "host:port" */
  char *iqn;
  int lun;
  char *user; /* NULL = no CHAP */
  char *secret;
  char *initiator; /* NULL = derived from the host and the path */
  bool has_isid;
  uint32_t isid;
} LunIscsiTarget;

/* LUN_ERROR_CONFIG says what is wrong.  Reads the secret's file. */
LunIscsiTarget *lun_iscsi_target_new (const LunPathName *name, GError **error);
/* Where targets are asked for: iscsi://[USER[%SECRET]@]HOST[:PORT][?OPTIONS]; no `iqn`. */
LunIscsiTarget *lun_iscsi_target_new_portal (const LunPathName *name, GError **error);
void lun_iscsi_target_free (LunIscsiTarget *target);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LunIscsiTarget, lun_iscsi_target_free)
