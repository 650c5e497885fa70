/* fts-format - make a volume.
 *
 * Describe the devices, refuse those that hold data, plan, and only then touch anything.
 */
#include "prog/common/program.h"
#include "prog/format/exclusive.h"
#include "prog/format/options.h"
#include "prog/format/show.h"
#include "prog/format/target.h"
#include "volume/identity.h"
#include "volume/lock.h"

#include <stdio.h>
#include <string.h>

static void
free_target (gpointer target)
{
  fts_target_free (target);
}

static GPtrArray *
describe_targets (const FtsFormatOptions *options, GError **error)
{
  g_autoptr (GPtrArray) targets = g_ptr_array_new_with_free_func (free_target);
  g_autoptr (GError) why = NULL;

  for (char **spec = options->devices; *spec != NULL; spec++) {
    FtsTarget *target =
      fts_target_describe (*spec, options->size, options->wish.block_size,
                           options->force && !options->dry_run, error);
    if (target == NULL)
      return NULL;
    g_ptr_array_add (targets, target);
    if (!options->force && !fts_target_examine (target, &why)) {
      if (target->device != NULL)
        fts_exclusive_explain (target->device, &why);
      g_propagate_error (error, g_steal_pointer (&why));
      return NULL;
    }
  }
  return g_steal_pointer (&targets);
}

static bool
is_same_device (const FtsTarget *a, const FtsTarget *b)
{
  if (a->image != NULL && b->image != NULL && strcmp (a->image, b->image) == 0)
    return true;
  return a->device != NULL && b->device != NULL &&
         strcmp (a->identity, b->identity) == 0;
}

static bool
check_alike (GPtrArray *targets, GError **error)
{
  for (guint i = 1; i < targets->len; i++)
    for (guint k = 0; k < i; k++) {
      const FtsTarget *target = g_ptr_array_index (targets, i);
      const FtsTarget *other = g_ptr_array_index (targets, k);
      if (is_same_device (target, other))
        g_set_error (error, FTS_ERROR, FTS_ERROR_CONFIG,
                     "%s and %s are the same device", fts_target_name (target),
                     fts_target_name (other));
      else if (target->block_size != other->block_size)
        g_set_error (error, FTS_ERROR, FTS_ERROR_CONFIG,
                     "%s has blocks of %u bytes, %s of %u; all devices must be alike",
                     fts_target_name (target), target->block_size,
                     fts_target_name (other), other->block_size);
      else
        continue;
      return false;
    }
  return true;
}

/* Without a device to try anything on, as for a dry run: what is likely. */
static FtsLockMethod
guess_lock (const FtsTarget *master, FtsFenceMode fence_mode)
{
  if (master->image != NULL)
    return FTS_LOCK_CAW;
  if (lun_device_facts (master->device)->has_pr)
    return FTS_LOCK_PR;
  return fence_mode == FTS_FENCE_OFF ? FTS_LOCK_SCSI2 : FTS_LOCK_DELAY;
}

static bool
find_lock (FtsFormatOptions *options, const FtsTarget *master, GError **error)
{
  FtsFormatWish *wish = &options->wish;
  FtsLockTrial trial = { .master = master->device,
                         .is_image = master->image != NULL,
                         .fence_mode = wish->fence_mode,
                         .dead_ms =
                           wish->dead_ms != 0 ? wish->dead_ms : FTS_FORMAT_DEAD_MS };

  if (!options->has_lock_method)
    return fts_lock_choose (&trial, &wish->lock_method, error);
  if (fts_lock_try_method (&trial, wish->lock_method, error))
    return true;
  if (!g_error_matches (*error, LUN_ERROR, LUN_ERROR_RESERVED))
    g_prefix_error (error,
                    "--lock %s does not work here (--lock auto finds what does): ",
                    fts_lock_method_name (wish->lock_method));
  return false;
}

static bool
choose_lock (FtsFormatOptions *options, const FtsTarget *master, GError **error)
{
  g_autoptr (GError) why = NULL;

  if (find_lock (options, master, &why))
    return true;
  fts_exclusive_explain (master->device, &why);
  g_propagate_error (error, g_steal_pointer (&why));
  return false;
}

static FtsFormatPlan *
plan_targets (FtsFormatOptions *options, GPtrArray *targets, bool is_tried,
              GError **error)
{
  g_autofree FtsFormatDevice *devices = g_new0 (FtsFormatDevice, targets->len);
  FtsTarget *master = g_ptr_array_index (targets, 0);

  if (!check_alike (targets, error))
    return NULL;
  for (guint i = 0; i < targets->len; i++) {
    FtsTarget *target = g_ptr_array_index (targets, i);
    devices[i] = (FtsFormatDevice){ target->n_blocks, target->identity };
  }
  options->wish.block_size = master->block_size;
  options->wish.master_path = fts_target_name (master);
  if (!options->has_lock_method && !is_tried)
    options->wish.lock_method = guess_lock (master, options->wish.fence_mode);
  return fts_format_plan (&options->wish, devices, targets->len, error);
}

static void
draw_identity (FtsFormatWish *wish)
{
  uint64_t uuid[2] = { fts_identity_random (), fts_identity_random () };

  memcpy (wish->volume_uuid, uuid, FTS_UUID_LEN);
  wish->volume_uuid[6] = (uint8_t) ((wish->volume_uuid[6] & 0x0f) | 0x40);
  wish->volume_uuid[8] = (uint8_t) ((wish->volume_uuid[8] & 0x3f) | 0x80);
  wish->seed = fts_identity_random ();
  wish->time_us = (uint64_t) g_get_real_time ();
}

static void
show (const FtsFormatOptions *options, const FtsFormatPlan *plan, GPtrArray *targets)
{
  g_autofree const char **names = g_new0 (const char *, targets->len);
  g_autofree char *text = NULL;
  bool is_guess;

  for (guint i = 0; i < targets->len; i++)
    names[i] = fts_target_name (g_ptr_array_index (targets, i));
  is_guess = options->dry_run && !options->has_lock_method;
  text = options->json ? fts_show_plan_json (plan, names)
                       : fts_show_plan_text (plan, names, is_guess);
  printf ("%s%s", text, options->json ? "\n" : "");
}

/* A dead host cannot be shut out of a device without reservations. */
static bool
check_fencing (const FtsFormatOptions *options, LunDevice *const *devices, unsigned n,
               GError **error)
{
  for (unsigned i = 0; i < n && options->wish.fence_mode != FTS_FENCE_OFF; i++)
    if (!lun_device_facts (devices[i])->has_pr) {
      g_set_error (error, FTS_ERROR, FTS_ERROR_UNSUPPORTED,
                   "%s: has no persistent reservations; only --fence off is possible",
                   lun_device_name (devices[i]));
      return false;
    }
  return true;
}

/* By force nobody has them reserved any more, so that what they can do can be tried. */
static bool
free_devices (const FtsFormatOptions *options, LunDevice *const *devices, unsigned n,
              GError **error)
{
  g_autoptr (FtsExclusive) exclusive = NULL;

  if (!options->force)
    return true;
  exclusive = fts_exclusive_open (devices, n, true, error);
  return exclusive != NULL;
}

static FtsFormatPlan *
make_volume (FtsFormatOptions *options, GPtrArray *targets, GError **error)
{
  g_autofree LunDevice **devices = g_new0 (LunDevice *, targets->len);
  g_autoptr (FtsExclusive) exclusive = NULL;
  g_autoptr (FtsFormatPlan) plan = NULL;

  for (guint i = 0; i < targets->len; i++) {
    FtsTarget *target = g_ptr_array_index (targets, i);
    if (!fts_target_make (target, error))
      return NULL;
    devices[i] = target->device;
  }
  if (!check_fencing (options, devices, targets->len, error) ||
      !free_devices (options, devices, targets->len, error) ||
      !choose_lock (options, g_ptr_array_index (targets, 0), error))
    return NULL;
  plan =
    plan_targets (options, targets, true, error); /* now with the devices' own facts */
  if (plan == NULL ||
      (exclusive = fts_exclusive_open (devices, targets->len, false, error)) == NULL ||
      !fts_format_write (plan, devices, error))
    return NULL;
  return g_steal_pointer (&plan);
}

static bool
run (FtsFormatOptions *options, GError **error)
{
  g_autoptr (GPtrArray) targets = describe_targets (options, error);
  g_autoptr (FtsFormatPlan) plan = NULL;

  if (targets == NULL)
    return false;
  draw_identity (&options->wish);
  plan = plan_targets (options, targets, false, error);
  if (plan == NULL)
    return false;
  if (!options->dry_run) {
    g_clear_pointer (&plan, fts_format_plan_free);
    plan = make_volume (options, targets, error);
    if (plan == NULL)
      return false;
  }
  if (!options->quiet)
    show (options, plan, targets);
  return true;
}

int
main (int argc, char **argv)
{
  g_auto (FtsFormatOptions) options = { 0 };
  g_autoptr (GError) error = NULL;

  argv = fts_program_take_arguments (argc, argv);
  fts_program_start ("fts-format");
  if (!fts_format_options_parse (&options, &argc, &argv, &error))
    return fts_error_to_exit (error) == FTS_EXIT_USAGE
             ? fts_program_usage ("%s", error->message)
             : fts_program_fail (error);
  if (options.version) {
    puts ("fts-format " FTS_VERSION);
    return FTS_EXIT_OK;
  }
  if (!run (&options, &error))
    return fts_program_fail (error);
  return FTS_EXIT_OK;
}
