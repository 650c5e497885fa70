/* reservation.h - what the commands on reservations share: a device, this host's key, a view.
 *
 * They work on one device, a volume's or not: --device, or else the master that --volume names.
 * The key is the same in every process of a host, so that one command can release what another
 * one reserved.
 */
#pragma once

#include "prog/admin/command.h"

#include <lunpath/reservation.h>

typedef struct {
  char *host;       /* --host */
  char *key_text;   /* --key */
  int type;         /* --type */
  gboolean persist; /* --persist */
  uint64_t key;
  LunDevice *device;
  LunReservation *reservation;
} FtsResv;

void fts_resv_clear (FtsResv *resv);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (FtsResv, fts_resv_clear)

/* The device that the options name: --device, or else the volume's master. */
LunDevice *fts_admin_open_device (const FtsAdmin *admin, GError **error);

/* Parses the command line: the options above, ENTRIES (or NULL), and at most MAX_ARGS arguments.
 * Then opens the device. */
bool fts_resv_open (FtsResv *resv, FtsAdmin *admin, const FtsCommand *command,
                    const GOptionEntry *entries, int max_args, int *argc, char ***argv,
                    GError **error);

/* A key as 0x and hexadecimal digits, or decimal; never 0. */
bool fts_resv_parse_key (const char *text, uint64_t *out, GError **error);

/* What is on the device now, as text or JSON. */
bool fts_resv_show (FtsResv *resv, const FtsAdmin *admin, GError **error);

/* A whole command: open, ACT, show. */
FtsExit fts_resv_run (FtsAdmin *admin, const FtsCommand *command, int argc, char **argv,
                      bool (*act) (FtsResv *resv, GError **error));
