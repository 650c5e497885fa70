/* transport/iscsi-result.h - what libiscsi says, in our words.  Pure. */
#pragma once

#include "transport/iscsi-target.h"

struct scsi_task;

/* How IO ended.  False when no answer came: the session is lost. */
bool lun_iscsi_result (int status, const struct scsi_task *task, const LunIo *io,
                       LunResult *out);

/* Why a login was refused, for people.  *IS_WANTED: trying again may help. */
char *lun_iscsi_login_text (const char *said, const LunIscsiTarget *target,
                            bool *is_wanted);
/* The cause in libiscsi's account of a failed connection. */
const char *lun_iscsi_connect_text (const char *said);
