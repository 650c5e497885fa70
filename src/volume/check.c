#include "volume/check.h"

#include "volume/check_pass.h"

#include <string.h>

static void
free_finding (gpointer data)
{
  FtsFinding *finding = data;

  g_free (finding->what);
  g_free (finding);
}

static FtsCheck *
new_check (void)
{
  FtsCheck *check = g_new0 (FtsCheck, 1);

  check->findings = g_ptr_array_new_with_free_func (free_finding);
  return check;
}

void
fts_check_free (FtsCheck *check)
{
  if (check == NULL)
    return;
  g_ptr_array_unref (check->findings);
  g_free (check);
}

const uint8_t *
fts_check_block (FtsCheckPass *pass, uint64_t lba)
{
  pass->check->n_checked++;
  return pass->control + (lba - pass->mcb->lock_ptr) * pass->mcb->block_size;
}

void
fts_check_add (FtsCheckPass *pass, FtsFindingLevel level, FtsCheckPlace place,
               const char *format, ...)
{
  FtsFinding *finding = g_new0 (FtsFinding, 1);
  va_list args;

  *finding = (FtsFinding){ .level = level,
                           .block = place.block,
                           .structure = pass->regions[place.region].name,
                           .index = place.index,
                           .repair = place.repair };
  va_start (args, format);
  finding->what = g_strdup_vprintf (format, args);
  va_end (args);
  g_ptr_array_add (pass->check->findings, finding);
}

bool
fts_check_is_member (const FtsCheckPass *pass, uint32_t index, uint64_t generation)
{
  return fts_peers_is_alive (pass->peers, index, generation);
}

static bool
read_control (FtsCheckPass *pass, GError **error)
{
  const FtsMcb *m = pass->mcb;
  size_t len =
    (size_t) (m->blk5_mast_sec_start_segment_ptr - m->lock_ptr) * m->block_size;

  pass->control = g_malloc (len);
  return fts_volume_read (pass->volume, m->lock_ptr, pass->control, len, error);
}

static FtsCheck *
run_once (FtsVolume *volume, const FtsPeers *peers, GError **error)
{
  FtsCheckPass pass = { .volume = volume,
                        .mcb = fts_volume_mcb (volume),
                        .tag = fts_volume_tag (volume),
                        .peers = peers,
                        .check = new_check () };
  bool ok;

  fts_layout_regions (pass.mcb, pass.regions);
  pass.pids = g_new0 (FtsPid, pass.mcb->blk5_max_connections);
  ok = fts_check_devices (&pass, error) && read_control (&pass, error);
  if (ok) {
    fts_check_tables (&pass);
    ok = fts_check_pointer_tables (&pass, error);
  }
  g_free (pass.control);
  g_free (pass.pids);
  if (ok)
    return pass.check;
  fts_check_free (pass.check);
  return NULL;
}

static bool
has_finding (const FtsCheck *check, const FtsFinding *wanted)
{
  for (guint i = 0; i < check->findings->len; i++) {
    const FtsFinding *finding = g_ptr_array_index (check->findings, i);
    if (finding->device == wanted->device && finding->block == wanted->block &&
        finding->repair == wanted->repair && strcmp (finding->what, wanted->what) == 0)
      return true;
  }
  return false;
}

/* Keeps in CHECK what the second look found too. */
static void
keep_common (FtsCheck *check, const FtsCheck *second)
{
  for (guint i = check->findings->len; i > 0; i--)
    if (!has_finding (second, g_ptr_array_index (check->findings, i - 1)))
      g_ptr_array_remove_index (check->findings, i - 1);
}

static unsigned
count_live (const FtsPeers *peers)
{
  unsigned n = 0;

  for (uint32_t i = 0; i < FTS_MAX_HOSTS; i++)
    if (fts_peers_is_alive (peers, i, peers->peer[i].host.generation))
      n++;
  return n;
}

FtsCheck *
fts_check_run (FtsVolume *volume, const FtsPeers *peers, GError **error)
{
  g_autoptr (FtsCheck) check = run_once (volume, peers, error);
  g_autoptr (FtsCheck) second = NULL;

  if (check == NULL)
    return NULL;
  check->n_live = count_live (peers);
  if (check->n_live == 0 || check->findings->len == 0)
    return g_steal_pointer (&check);
  g_usleep (fts_volume_mcb (volume)->heartbeat_ms * 1000UL);
  second = run_once (volume, peers, error);
  if (second == NULL)
    return NULL;
  keep_common (check, second);
  return g_steal_pointer (&check);
}

FtsFindingLevel
fts_check_worst (const FtsCheck *check, bool *none)
{
  FtsFindingLevel worst = FTS_FINDING_NOTE;

  *none = true;
  for (guint i = 0; i < check->findings->len; i++) {
    const FtsFinding *finding = g_ptr_array_index (check->findings, i);
    if (finding->is_repaired)
      continue;
    *none = false;
    worst = MAX (worst, finding->level);
  }
  return worst;
}

const char *
fts_finding_level_name (FtsFindingLevel level)
{
  switch (level) {
  case FTS_FINDING_NOTE:
    return "note";
  case FTS_FINDING_WARNING:
    return "warning";
  case FTS_FINDING_DAMAGE:
    return "damage";
  }
  return "unknown";
}
