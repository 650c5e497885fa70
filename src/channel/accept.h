/* accept.h - the connector's answer to one entry of the Process Id Table (Fig. 9). */
#pragma once

#include "channel/door.h"

/* Is ENTRY a request to this member that waits for an answer? */
bool fts_accept_is_due (FtsMember *member, const FtsPid *entry);

/* Under the volume lock: reads the entry of SLOT again, judges it and writes acceptance or
 * refusal.  *CHANNEL is set when it was accepted, *RC says how it went (PENDING: nothing to do
 * any more).  False with ERROR when lock or LUN failed. */
bool fts_accept (FtsMember *member, const FtsDoorConfig *config, uint32_t slot,
                 FtsChannel **channel, FtsConRc *rc, GError **error);
