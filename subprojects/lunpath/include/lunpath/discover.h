/* lunpath/discover.h - finding paths, and looking at one without using it.
 *
 * Nothing here changes a LUN or its reservations.  An iSCSI path that is looked at logs in for as long
 * as that takes.  Blocks; any thread.
 */
#pragma once

#include <lunpath/error.h>
#include <lunpath/pr-type.h>

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* What one path shows.  Texts are without blanks around them, NULL where the LUN does not say. */
typedef struct {
  char *name;     /* the path's, without its secret */
  char *identity; /* as LunFacts.identity */
  char *vendor, *product, *revision;
  uint64_t n_blocks;
  uint32_t block_size;
  const char *port_state; /* of its target port group (ALUA); NULL without groups */
  bool has_pr;            /* tried: it answers PERSISTENT RESERVE IN */
  unsigned n_keys;        /* registered keys */
  bool is_reserved;
  LunPrType reservation;
} LunPathFacts;

bool lun_path_probe (const char *name, LunPathFacts *out, GError **error);
void lun_path_facts_clear (LunPathFacts *facts);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (LunPathFacts, lun_path_facts_clear)

/* The names of a path to each SCSI device of this machine: "sg:/dev/disk/by-path/..." where udev has such
 * a link, which outlives a restart, else "sg:/dev/sg0" ...; which of them are disks,
 * and free, a probe tells. */
GPtrArray *lun_discover_local (void);

/* True for "iscsi://[USER[%SECRET]@]HOST[:PORT][?OPTIONS]": no target, no LUN. */
bool lun_discover_is_portal (const char *name);

/* Asks such a portal for its targets (SendTargets), and each target for its LUNs (REPORT LUNS): names
 * of paths over all portals that a target has, with user, secret and options of NAME. */
GPtrArray *lun_discover_portal (const char *name, GError **error);
