/* transport/probe.c - looking at one path (lunpath/discover.h). */
#include <lunpath/discover.h>

#include "transport/builtin.h"
#include "transport/command.h"
#include "transport/scsi.h"
#include "transport/sg-io.h"

#include "base/alua.h"
#include "base/pr.h"

#include <string.h>

#define TIMEOUT_MS 5000
#define BY_PATH    "/dev/disk/by-path"
#define KEYS_LEN   4096

/* LunScsiRun. */
static LunResult
run_cdb (void *target, const LunCdb *cdb, LunDirection direction, void *data,
         size_t len)
{
  struct iovec iov;
  LunIo io = lun_command_io (cdb, direction, data, len, &iov);

  return lun_transport_run (target, &io, 1, TIMEOUT_MS);
}

static char *
text_of (const uint8_t *data, size_t len)
{
  g_autofree char *text = g_strndup ((const char *) data, len);

  for (char *p = text; *p != '\0'; p++)
    if (!g_ascii_isprint (*p))
      *p = '?';
  g_strstrip (text);
  return *text != '\0' ? g_steal_pointer (&text) : NULL;
}

static void
ask_names (LunTransport *transport, LunPathFacts *out)
{
  uint8_t data[36];

  if (!lun_scsi_ask (transport, run_cdb, lun_cdb_inquiry (sizeof data), data,
                     sizeof data))
    return;
  out->vendor = text_of (data + 8, 8);
  out->product = text_of (data + 16, 16);
  out->revision = text_of (data + 32, 4);
}

static void
ask_reservation (LunTransport *transport, LunPathFacts *out)
{
  uint8_t data[KEYS_LEN];
  LunPrKeys keys;
  LunPrReservation reservation;

  if (!lun_scsi_ask (transport, run_cdb,
                     lun_cdb_pr_in (LUN_PR_IN_READ_KEYS, sizeof data), data,
                     sizeof data) ||
      !lun_pr_keys_decode (data, sizeof data, &keys))
    return;
  out->has_pr = true;
  out->n_keys = keys.n_total;
  g_free (keys.keys);
  if (!lun_scsi_ask (transport, run_cdb, lun_cdb_pr_in (LUN_PR_IN_READ_RESERVATION, 24),
                     data, 24) ||
      !lun_pr_reservation_decode (data, 24, &reservation))
    return;
  out->is_reserved = reservation.reserved;
  out->reservation = (LunPrType) reservation.type;
}

/* Opening a file makes it a LUN; looking must not. */
static bool
check_is_lun (const char *name, GError **error)
{
  g_autoptr (LunPathName) parsed = lun_path_name_parse (name, error);

  if (!parsed)
    return false;
  g_autofree char *state = g_strconcat (parsed->target, ".lun", NULL);
  if (!g_str_equal (parsed->kind, "file") || g_file_test (state, G_FILE_TEST_EXISTS) ||
      !g_file_test (parsed->target, G_FILE_TEST_EXISTS))
    return true;
  g_set_error (error, LUN_ERROR, LUN_ERROR_CONFIG,
               "%s: is a file, but no LUN yet (there is no %s)", parsed->target, state);
  return false;
}

bool
lun_path_probe (const char *name, LunPathFacts *out, GError **error)
{
  LunTransportConfig config = { .read_only = true };
  g_autoptr (LunTransport) transport =
    check_is_lun (name, error) ? lun_transport_open (name, &config, error) : NULL;
  LunAlua state;

  *out = (LunPathFacts){ .name = lun_path_name_mask (name) };
  if (transport)
    out->identity = lun_transport_identify (transport, error);
  if (!out->identity) {
    lun_path_facts_clear (out);
    return false;
  }
  out->n_blocks = transport->facts.n_blocks;
  out->block_size = transport->facts.block_size;
  ask_names (transport, out);
  ask_reservation (transport, out);
  if (lun_scsi_group_state (transport, run_cdb, &state))
    out->port_state = lun_alua_name (state);
  return true;
}

void
lun_path_facts_clear (LunPathFacts *facts)
{
  g_free (facts->name);
  g_free (facts->identity);
  g_free (facts->vendor);
  g_free (facts->product);
  g_free (facts->revision);
  *facts = (LunPathFacts){ 0 };
}

/* ---- this machine's ---- */

static int
by_number (const void *a, const void *b)
{
  const char *const *one = a, *const *two = b;
  size_t len_one = strlen (*one), len_two = strlen (*two);

  return len_one != len_two ? (len_one < len_two ? -1 : 1) : strcmp (*one, *two);
}

/* The disk's own name below the SCSI device of NODE ("sdc"); NULL when it is no disk. */
static char *
disk_of (const char *node)
{
  g_autofree char *folder = g_build_filename (
    lun_sg_kernel->sysfs, "class", "scsi_generic", node, "device", "block", NULL);
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);

  return dir ? g_strdup (g_dir_read_name (dir)) : NULL;
}

/* The link that udev makes for the way to DISK: unlike its number it is the same after each start. */
static char *
link_of (const char *disk)
{
  g_autoptr (GDir) dir = g_dir_open (BY_PATH, 0, NULL);
  const char *name;

  while (disk && dir && (name = g_dir_read_name (dir)) != NULL) {
    g_autofree char *link = g_build_filename (BY_PATH, name, NULL);
    g_autofree char *target = g_file_read_link (link, NULL);
    g_autofree char *base = target ? g_path_get_basename (target) : NULL;
    if (g_strcmp0 (base, disk) == 0)
      return g_steal_pointer (&link);
  }
  return NULL;
}

static char *
name_of (const char *node)
{
  g_autofree char *disk = disk_of (node);
  g_autofree char *link = link_of (disk);

  return link ? g_strconcat ("sg:", link, NULL) : g_strconcat ("sg:/dev/", node, NULL);
}

GPtrArray *
lun_discover_local (void)
{
  g_autofree char *folder =
    g_build_filename (lun_sg_kernel->sysfs, "class", "scsi_generic", NULL);
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  GPtrArray *names = g_ptr_array_new_with_free_func (g_free);
  const char *node;

  while (dir && (node = g_dir_read_name (dir)) != NULL)
    g_ptr_array_add (names, name_of (node));
  g_ptr_array_sort (names, by_number);
  return names;
}
