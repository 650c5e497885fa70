#include "volume/text.h"

#include <glib.h>

char *
fts_text_uuid (const uint8_t uuid[FTS_UUID_LEN])
{
  GString *out = g_string_sized_new (36);

  for (unsigned i = 0; i < FTS_UUID_LEN; i++)
    g_string_append_printf (out, "%s%02x",
                            i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", uuid[i]);
  return g_string_free (out, FALSE);
}

const char *
fts_text_placement (FtsPlacement placement)
{
  switch (placement) {
  case FTS_PLACE_RANDOM:
    return "random";
  case FTS_PLACE_STRIPED:
    return "striped";
  case FTS_PLACE_CHUNKED:
    return "chunked";
  }
  return "unknown";
}

const char *
fts_text_fence (FtsFenceMode mode)
{
  switch (mode) {
  case FTS_FENCE_OFF:
    return "off";
  case FTS_FENCE_ALL_REGISTRANTS:
    return "all-registrants";
  case FTS_FENCE_REGISTRANTS_ONLY:
    return "registrants-only";
  }
  return "unknown";
}

const char *
fts_text_con_rc (FtsConRc rc)
{
  switch (rc) {
  case FTS_CON_OK:
    return "ok";
  case FTS_CON_PENDING:
    return "pending";
  case FTS_CON_DENIED:
    return "denied";
  case FTS_CON_BUSY:
    return "busy";
  case FTS_CON_NO_SERVICE:
    return "no service";
  case FTS_CON_VERSION:
    return "version";
  case FTS_CON_PROTOCOL:
    return "protocol";
  case FTS_CON_DAMAGED:
    return "damaged";
  case FTS_CON_SHUTDOWN:
    return "shutdown";
  }
  return "unknown";
}

const char *
fts_text_service (FtsService service)
{
  switch (service) {
  case FTS_SERVICE_FILES:
    return "files";
  case FTS_SERVICE_SOCKET:
    return "socket";
  }
  return "none";
}
