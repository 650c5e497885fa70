/* state.c - the state file: making, checking, mapping it; its lock, transactions, ports. */
#include "emul/state.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

G_STATIC_ASSERT (sizeof (LunEmulPort) == 240);
G_STATIC_ASSERT (offsetof (LunEmulCore, ports) == 16);

static bool
fail_io (GError **error, const char *what, const char *name)
{
  g_set_error (error, LUN_ERROR, LUN_ERROR_IO, "%s %s: %s", what, name,
               g_strerror (errno));
  return false;
}

/* ---- gates ---- */

static void
update_gates (LunEmulState *state)
{
  for (unsigned i = 0; i < LUN_EMUL_PORTS; i++) {
    uint32_t gate = 0;
    if (state->core.ports[i].attentions != 0)
      gate |= LUN_GATE_ATTENTION;
    if (!lun_core_permits (&state->core, i, LUN_ACCESS_READ) ||
        lun_core_not_ready (&state->core, i, LUN_ACCESS_READ) != 0)
      gate |= LUN_GATE_READ;
    if (!lun_core_permits (&state->core, i, LUN_ACCESS_WRITE) ||
        lun_core_not_ready (&state->core, i, LUN_ACCESS_WRITE) != 0)
      gate |= LUN_GATE_WRITE;
    atomic_store (&state->gates[i], gate);
  }
}

/* ---- making a state ---- */

static void
read_boot_id (char out[40])
{
  g_autofree char *text = NULL;

  memset (out, 0, 40);
  if (g_file_get_contents ("/proc/sys/kernel/random/boot_id", &text, NULL, NULL))
    g_strlcpy (out, g_strchomp (text), 40);
}

static void
make_uuid (uint8_t uuid[16])
{
  if (getrandom (uuid, 16, 0) != 16)
    for (int i = 0; i < 16; i++)
      uuid[i] = (uint8_t) g_random_int ();
  uuid[6] = (uint8_t) ((uuid[6] & 0x0f) | 0x40); /* RFC 4122: random */
  uuid[8] = (uint8_t) ((uuid[8] & 0x3f) | 0x80);
}

static void
init_mutex (pthread_mutex_t *mutex)
{
  pthread_mutexattr_t attr;

  memset (mutex, 0, sizeof *mutex);
  pthread_mutexattr_init (&attr);
  pthread_mutexattr_setpshared (&attr, PTHREAD_PROCESS_SHARED);
  pthread_mutexattr_setrobust (&attr, PTHREAD_MUTEX_ROBUST);
  g_assert (pthread_mutex_init (mutex, &attr) == 0);
  pthread_mutexattr_destroy (&attr);
}

/* No process of this boot has the LUN in use. */
static void
power_on (LunEmulState *state, const char *boot_id)
{
  if (atomic_load (&state->undo_valid))
    state->core = state->undo;
  init_mutex (&state->lock);
  atomic_store (&state->undo_valid, 0);
  memset (state->openers, 0, sizeof state->openers);
  memset (state->waiters, 0, sizeof state->waiters);
  lun_core_power_cycle (&state->core);
  update_gates (state);
  memcpy (state->boot_id, boot_id, sizeof state->boot_id);
}

static void
make_state (LunEmulState *state, uint32_t block_size)
{
  char boot_id[40];

  read_boot_id (boot_id);
  state->version = LUN_STATE_VERSION;
  state->size = sizeof *state;
  state->block_size = block_size;
  make_uuid (state->uuid);
  power_on (state, boot_id);
  atomic_thread_fence (memory_order_release);
  memcpy (state->magic, LUN_STATE_MAGIC, sizeof state->magic);
}

static bool
check_state (const LunEmulState *state, uint32_t block_size, const char *name,
             GError **error)
{
  const char *flaw = NULL;

  if (memcmp (state->magic, LUN_STATE_MAGIC, sizeof state->magic) != 0)
    flaw = "is not the state of an emulated LUN";
  else if (state->version != LUN_STATE_VERSION || state->size != sizeof *state)
    flaw = "has another version; remove it while no process uses the LUN";
  else if (state->block_size != 512 && state->block_size != 4096)
    flaw = "is damaged; remove it while no process uses the LUN";
  if (flaw) {
    g_set_error (error, LUN_ERROR, LUN_ERROR_CONFIG, "%s %s", name, flaw);
    return false;
  }
  if (block_size != 0 && state->block_size != block_size) {
    g_set_error (error, LUN_ERROR, LUN_ERROR_CONFIG,
                 "%s: the LUN has blocks of %u bytes, not %u", name, state->block_size,
                 block_size);
    return false;
  }
  return true;
}

static bool
is_blank (const LunEmulState *state)
{
  static const char zeros[sizeof state->magic];

  return memcmp (state->magic, zeros, sizeof zeros) == 0;
}

/* Another boot id and living openers: they run on another kernel, with which neither the lock
 * nor the wake words can be shared. */
static bool
refuse_other_kernel (const char *name, GError **error)
{
  g_set_error (error, LUN_ERROR, LUN_ERROR_BUSY,
               "%s: in use on another machine; an emulated LUN serves one only", name);
  return false;
}

static bool
setup_state (LunEmulState *state, int fd, uint32_t block_size, const char *name,
             GError **error)
{
  char boot_id[40];

  if (is_blank (state)) {
    make_state (state, block_size ? block_size : 512);
    return true;
  }
  if (!check_state (state, block_size, name, error))
    return false;
  read_boot_id (boot_id);
  if (memcmp (state->boot_id, boot_id, sizeof boot_id) == 0)
    return true;
  if (lun_state_has_openers (state, fd))
    return refuse_other_kernel (name, error);
  power_on (state, boot_id);
  return true;
}

/* With room on the file system: a hole that cannot be filled would be a SIGBUS. */
static bool
fill_state_file (int fd)
{
  errno = posix_fallocate (fd, 0, sizeof (LunEmulState));
  if (errno == 0)
    return true;
  int cause = errno;
  (void) !ftruncate (fd, 0);
  errno = cause;
  return false;
}

/* Gives a new (empty) file its size; another size than ours is refused, for mapping it could
 * kill us with SIGBUS. */
static bool
size_state_file (int fd, const char *name, GError **error)
{
  struct stat st;

  if (fstat (fd, &st) < 0)
    return fail_io (error, "cannot examine", name);
  if (st.st_size == 0 && !fill_state_file (fd))
    return fail_io (error, "cannot make", name);
  if (st.st_size != 0 && st.st_size != (off_t) sizeof (LunEmulState)) {
    g_set_error (error, LUN_ERROR, LUN_ERROR_CONFIG,
                 "%s: not the state of an emulated LUN of this version (%jd bytes)",
                 name, (intmax_t) st.st_size);
    return false;
  }
  return true;
}

int
lun_state_flock (int fd)
{
  return TEMP_FAILURE_RETRY (flock (fd, LOCK_EX));
}

static LunEmulState *
map_state (int fd, uint32_t block_size, const char *name, GError **error)
{
  if (lun_state_flock (fd) < 0) {
    fail_io (error, "cannot lock", name);
    return NULL;
  }
  if (!size_state_file (fd, name, error))
    return NULL;

  LunEmulState *state =
    mmap (NULL, sizeof *state, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (state == MAP_FAILED) {
    fail_io (error, "cannot map", name);
    return NULL;
  }
  if (!setup_state (state, fd, block_size, name, error)) {
    munmap (state, sizeof *state);
    return NULL;
  }
  return state;
}

LunEmulState *
lun_state_open (const char *image, uint32_t block_size, int *fd, GError **error)
{
  g_autofree char *name = g_strconcat (image, ".lun", NULL);

  *fd = open (name, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (*fd < 0) {
    fail_io (error, "cannot open", name);
    return NULL;
  }
  LunEmulState *state = map_state (*fd, block_size, name, error);
  if (state == NULL) {
    close (*fd);
    *fd = -1;
  }
  return state;
}

/* ---- lock and transactions ---- */

static void
finish_caw (LunEmul *emul)
{
  LunCawIntent *caw = &emul->state->caw;
  uint32_t len = atomic_load (&caw->len);

  if (len == 0 || emul->read_only)
    return;
  if (len <= sizeof caw->data && caw->offset <= emul->n_blocks * emul->block_size - len)
    memcpy (emul->image + caw->offset, caw->data, len);
  atomic_store (&caw->len, 0);
}

static void
recover (LunEmul *emul)
{
  LunEmulState *state = emul->state;

  if (atomic_load (&state->undo_valid)) {
    state->core = state->undo;
    atomic_store (&state->undo_valid, 0);
  }
  update_gates (state);
  g_assert (pthread_mutex_consistent (&state->lock) == 0);
}

void
lun_state_lock (LunEmul *emul)
{
  int rc = pthread_mutex_lock (&emul->state->lock);

  if (rc == EOWNERDEAD)
    recover (emul);
  else
    g_assert (rc == 0);
  finish_caw (emul);
}

void
lun_state_unlock (LunEmul *emul)
{
  g_assert (pthread_mutex_unlock (&emul->state->lock) == 0);
}

void
lun_state_begin (LunEmul *emul)
{
  emul->state->undo = emul->state->core;
  atomic_store (&emul->state->undo_valid, 1);
}

void
lun_state_commit (LunEmul *emul)
{
  update_gates (emul->state);
  atomic_store (&emul->state->undo_valid, 0);
}

/* ---- ports ---- */

static bool
port_is_idle (LunEmul *emul, unsigned port)
{
  const LunEmulCore *core = &emul->state->core;

  return !core->ports[port].registered &&
         !(core->scsi2 && core->scsi2_holder == port) &&
         !lun_state_port_is_open (emul, port);
}

int
lun_state_make_port (LunEmul *emul, const char *name, unsigned target_port)
{
  LunEmulCore *core = &emul->state->core;
  int port = lun_core_find_port (core, name, target_port);

  if (port >= 0)
    return port;
  for (unsigned i = 0; i < LUN_EMUL_PORTS && port < 0; i++)
    if (core->ports[i].name[0] == '\0')
      port = (int) i;
  for (unsigned i = 0; i < LUN_EMUL_PORTS && port < 0; i++)
    if (port_is_idle (emul, i))
      port = (int) i;
  if (port < 0)
    return -1;
  memset (&core->ports[port], 0, sizeof core->ports[port]);
  g_strlcpy (core->ports[port].name, name, LUN_EMUL_NAME_MAX);
  core->ports[port].target_port = (uint16_t) target_port;
  core->has_groups |= target_port > 1;
  return port;
}
