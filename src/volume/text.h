/* text.h - values of the format in words, for messages, dumps and status.  Pure; any thread. */
#pragma once

#include "volume/disk.h"

/* "xxxxxxxx-xxxx-..."; the caller frees it. */
char *fts_text_uuid (const uint8_t uuid[FTS_UUID_LEN]);

const char *fts_text_placement (FtsPlacement placement);
const char *fts_text_fence (FtsFenceMode mode);
const char *fts_text_con_rc (FtsConRc rc);
const char *fts_text_service (FtsService service);
