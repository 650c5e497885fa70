/* emul.c - making, opening and closing an emulated LUN, its nexuses, reset and power. */
#include "emul/state.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static bool
fail (GError **error, LunError code, const char *image, const char *what)
{
  g_set_error (error, LUN_ERROR, code, "%s: %s", image, what);
  return false;
}

static bool
fail_errno (GError **error, const char *image, const char *what)
{
  g_set_error (error, LUN_ERROR, LUN_ERROR_IO, "%s: cannot %s: %s", image, what,
               g_strerror (errno));
  return false;
}

/* ---- create ---- */

static bool
size_image (const char *image, int fd, uint64_t size, bool in_use, GError **error)
{
  struct stat st;

  if (fstat (fd, &st) < 0)
    return fail_errno (error, image, "examine it");
  if (in_use && (uint64_t) st.st_size != size)
    return fail (error, LUN_ERROR_BUSY, image, "in use; its size cannot be changed");
  if (in_use)
    return true;
  /* through zero: old content goes */
  if (ftruncate (fd, 0) < 0 || ftruncate (fd, (off_t) size) < 0)
    return fail_errno (error, image, "set its size");
  return true;
}

static bool
create_image (const char *image, uint64_t size, LunEmulState *state, int state_fd,
              GError **error)
{
  if (size % state->block_size != 0)
    return fail (error, LUN_ERROR_CONFIG, image,
                 "size is no multiple of the block size");

  int fd = open (image, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (fd < 0)
    return fail_errno (error, image, "create it");
  bool in_use = lun_state_has_openers (state, state_fd);
  bool ok = size_image (image, fd, size, in_use, error);
  if (ok && !in_use)
    atomic_store (&state->caw.len, 0);
  close (fd);
  return ok;
}

static bool
is_image (const char *image, GError **error)
{
  struct stat st;

  if (stat (image, &st) < 0)
    return fail_errno (error, image, "make it a LUN");
  if (!S_ISREG (st.st_mode))
    return fail (error, LUN_ERROR_CONFIG, image, "not a file");
  return true;
}

bool
lun_emul_create (const char *image, uint64_t size, uint32_t block_size, GError **error)
{
  int state_fd;

  if (block_size != 0 && block_size != 512 && block_size != 4096)
    return fail (error, LUN_ERROR_CONFIG, image, "block size must be 512 or 4096");
  if (size == 0 && !is_image (image, error))
    return false;

  LunEmulState *state = lun_state_open (image, block_size, &state_fd, error);
  if (state == NULL)
    return false;
  bool ok = size == 0 || create_image (image, size, state, state_fd, error);
  munmap (state, sizeof *state);
  close (state_fd); /* and its flock */
  return ok;
}

/* ---- open ---- */

/* Before the state file is made beside it. */
static bool
open_image (LunEmul *emul, struct stat *st, GError **error)
{
  int flags = (emul->read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC | O_NONBLOCK;

  emul->image_fd = open (emul->image_name, flags);
  if (emul->image_fd < 0)
    return fail_errno (error, emul->image_name, "open it");
  if (fstat (emul->image_fd, st) < 0)
    return fail_errno (error, emul->image_name, "examine it");
  if (!S_ISREG (st->st_mode) || st->st_size < 512)
    return fail (error, LUN_ERROR_CONFIG, emul->image_name,
                 "not a file of at least one block");
  return true;
}

static bool
map_image (LunEmul *emul, uint64_t size, GError **error)
{
  int prot = emul->read_only ? PROT_READ : PROT_READ | PROT_WRITE;

  emul->n_blocks = size / emul->block_size;
  if (emul->n_blocks == 0)
    return fail (error, LUN_ERROR_CONFIG, emul->image_name, "shorter than one block");
  void *map =
    mmap (NULL, emul->n_blocks * emul->block_size, prot, MAP_SHARED, emul->image_fd, 0);
  if (map == MAP_FAILED)
    return fail_errno (error, emul->image_name, "map it");
  emul->image = map;
  return true;
}

static void
free_emul (LunEmul *emul)
{
  if (emul->image)
    munmap (emul->image, emul->n_blocks * emul->block_size);
  if (emul->state)
    munmap (emul->state, sizeof *emul->state);
  if (emul->state_fd >= 0)
    close (emul->state_fd);
  if (emul->image_fd >= 0)
    close (emul->image_fd);
  g_clear_pointer (&emul->nexuses, g_hash_table_unref);
  pthread_mutex_destroy (&emul->nexuses_lock);
  g_free (emul->image_name);
  g_free (emul);
}

static void
format_uuid (const uint8_t uuid[16], char out[37])
{
  char *p = out;

  for (int i = 0; i < 16; i++) {
    if (i == 4 || i == 6 || i == 8 || i == 10)
      *p++ = '-';
    p += g_snprintf (p, 3, "%02x", uuid[i]);
  }
}

static bool
open_parts (LunEmul *emul, GError **error)
{
  struct stat st;

  if (!open_image (emul, &st, error))
    return false;
  emul->state = lun_state_open (emul->image_name, 0, &emul->state_fd, error);
  if (emul->state == NULL)
    return false;
  emul->block_size = emul->state->block_size;
  format_uuid (emul->state->uuid, emul->uuid);
  return map_image (emul, (uint64_t) st.st_size, error) &&
         lun_state_claim_opener (emul, error);
}

LunEmul *
lun_emul_open (const char *image, bool read_only, GError **error)
{
  LunEmul *emul = g_new0 (LunEmul, 1);

  emul->image_name = g_strdup (image);
  emul->image_fd = emul->state_fd = -1;
  emul->read_only = read_only;
  pthread_mutex_init (&emul->nexuses_lock, NULL);
  emul->nexuses = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  if (!open_parts (emul, error)) {
    free_emul (emul);
    return NULL;
  }
  (void) flock (emul->state_fd, LOCK_UN);
  return emul;
}

/* ---- close ---- */

/* The last opener of a port leaves: I_T nexus loss, which ends a SCSI-2 reservation. */
static void
leave_ports (LunEmul *emul)
{
  LunEmulCore *core = &emul->state->core;

  lun_state_lock (emul);
  for (unsigned i = 0; i < sizeof emul->opener->ports; i++)
    atomic_store (&emul->opener->ports[i], 0);
  if (core->scsi2 && !lun_state_port_is_open (emul, core->scsi2_holder)) {
    lun_state_begin (emul);
    core->scsi2 = false;
    lun_state_commit (emul);
  }
  lun_state_unlock (emul);
}

void
lun_emul_close (LunEmul *emul)
{
  if (emul == NULL)
    return;
  leave_ports (emul);
  (void) lun_state_flock (emul->state_fd);
  lun_state_release_opener (emul);
  (void) flock (emul->state_fd, LOCK_UN);
  free_emul (emul);
}

/* ---- facts ---- */

uint32_t
lun_emul_block_size (const LunEmul *emul)
{
  return emul->block_size;
}

uint64_t
lun_emul_n_blocks (const LunEmul *emul)
{
  return emul->n_blocks;
}

const char *
lun_emul_uuid (const LunEmul *emul)
{
  return emul->uuid;
}

/* ---- nexuses ---- */

static bool
name_is_valid (const char *name)
{
  size_t len = strlen (name);

  for (size_t i = 0; i < len; i++)
    if (!g_ascii_isgraph (name[i]))
      return false;
  return len > 0 && len < LUN_EMUL_NAME_MAX;
}

static int
join_port (LunEmul *emul, const char *name, unsigned target_port)
{
  lun_state_lock (emul);
  lun_state_begin (emul);
  int port = lun_state_make_port (emul, name, target_port);
  if (port >= 0)
    atomic_fetch_or (&emul->opener->ports[port / 8], (uint8_t) (1 << port % 8));
  lun_state_commit (emul);
  lun_state_unlock (emul);
  return port;
}

LunEmulNexus *
lun_emul_nexus (LunEmul *emul, const char *name, GError **error)
{
  return lun_emul_nexus_at (emul, name, 1, error);
}

LunEmulNexus *
lun_emul_nexus_at (LunEmul *emul, const char *name, unsigned target_port,
                   GError **error)
{
  g_autofree char *key = g_strdup_printf ("%u %s", target_port, name);

  if (target_port == 0 || target_port > LUN_EMUL_GROUPS) {
    g_set_error (error, LUN_ERROR, LUN_ERROR_CONFIG, "%s: its target ports are 1 to %d",
                 emul->image_name, LUN_EMUL_GROUPS);
    return NULL;
  }
  if (!name_is_valid (name)) {
    g_set_error (error, LUN_ERROR, LUN_ERROR_CONFIG,
                 "%s: \"%s\" is no name of an initiator port", emul->image_name, name);
    return NULL;
  }

  pthread_mutex_lock (&emul->nexuses_lock);
  LunEmulNexus *nexus = g_hash_table_lookup (emul->nexuses, key);
  int port = nexus ? (int) nexus->port : join_port (emul, name, target_port);
  if (nexus == NULL && port >= 0) {
    nexus = g_new0 (LunEmulNexus, 1);
    nexus->emul = emul;
    nexus->port = (unsigned) port;
    nexus->gate = &emul->state->gates[port];
    g_hash_table_insert (emul->nexuses, g_steal_pointer (&key), nexus);
  }
  pthread_mutex_unlock (&emul->nexuses_lock);
  if (nexus == NULL)
    g_set_error (error, LUN_ERROR, LUN_ERROR_BUSY, "%s: all %d ports are in use",
                 emul->image_name, LUN_EMUL_PORTS);
  return nexus;
}

/* ---- target ports ---- */

bool
lun_emul_set_port_state (LunEmul *emul, unsigned target_port, unsigned state)
{
  if (target_port == 0 || target_port > LUN_EMUL_GROUPS || state > 0xf)
    return false;
  lun_state_lock (emul);
  lun_state_begin (emul);
  lun_core_set_alua (&emul->state->core, target_port, (LunAlua) state);
  lun_state_commit (emul);
  lun_state_unlock (emul);
  return true;
}

/* ---- reset and power ---- */

static void
change_all (LunEmul *emul, void (*change) (LunEmulCore *core))
{
  uint8_t all[LUN_EMUL_PORTS / 8];

  lun_state_lock (emul);
  lun_state_begin (emul);
  change (&emul->state->core);
  lun_state_commit (emul);
  lun_state_unlock (emul);
  memset (all, 0xff, sizeof all);
  (void) lun_state_drain (emul, all);
}

void
lun_emul_lun_reset (LunEmul *emul)
{
  change_all (emul, lun_core_reset);
}

void
lun_emul_power_cycle (LunEmul *emul)
{
  change_all (emul, lun_core_power_cycle);
}
