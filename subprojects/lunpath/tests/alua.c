/* alua.c - paths to target ports in different states, over the emulation with threads. */
#include "lun.h"

#include "base/alua.h"

#include <lunpath/paths.h>

#define BLOCK 512

typedef struct {
  FileLun lun;
  LunEmul *emul; /* the target's own hand */
  LunDevice *device;
  char *names[2];
} World;

/* Paths 1 and 2 at target ports 1 and 2, which are in STATES when the device is opened. */
static World
world_new (LunAlua first, LunAlua second, const char *options)
{
  World world = { .lun = file_lun_new (1 << 20, BLOCK) };
  g_autoptr (GError) error = NULL;

  world.emul = lun_emul_open (world.lun.image, false, &error);
  ck_assert_msg (world.emul != NULL, "%s", error ? error->message : "");
  ck_assert (lun_emul_set_port_state (world.emul, 1, first));
  ck_assert (lun_emul_set_port_state (world.emul, 2, second));
  for (unsigned i = 0; i < 2; i++)
    world.names[i] = g_strdup_printf ("file:%s?path=%u&port=%u&threaded=1",
                                      world.lun.image, i + 1, i + 1);
  g_autofree char *all = g_strdup_printf ("%s|%s|?check-ms=100&check-max-ms=100%s",
                                          world.names[0], world.names[1], options);
  const char *const paths[] = { all, NULL };
  world.device = open_with (
    &(LunDeviceConfig){ .paths = paths, .timeout_ms = 20000, .policy = "round-robin" });
  return world;
}

static void
world_clear (World *world)
{
  lun_device_close (world->device);
  lun_emul_close (world->emul);
  for (unsigned i = 0; i < 2; i++)
    g_free (world->names[i]);
  file_lun_clear (&world->lun);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (World, world_clear)

static void
set (World *world, unsigned port, LunAlua state)
{
  ck_assert (lun_emul_set_port_state (world->emul, port, state));
}

typedef struct {
  LunPathState state;
  bool is_preferred;
  uint64_t bytes;
} Seen;

static Seen
look (World *world, unsigned path)
{
  unsigned n_paths;
  LunPathInfo *infos = lun_device_list_paths (world->device, &n_paths);
  Seen seen = { infos[path].state, infos[path].is_preferred, infos[path].bytes };

  ck_assert_uint_eq (n_paths, 2);
  lun_path_infos_free (infos, n_paths);
  return seen;
}

static void
await (World *world, unsigned path, LunPathState state, bool is_preferred)
{
  for (int i = 0; i < 30000; i++) {
    Seen seen = look (world, path);
    if (seen.state == state &&
        (state != LUN_PATH_UP || seen.is_preferred == is_preferred))
      return;
    g_usleep (1000);
  }
  ck_abort_msg ("path %u is %s", path + 1,
                lun_path_state_name (look (world, path).state));
}

/* Writes N blocks; how many of them went over path 1. */
static uint64_t
write_blocks (World *world, unsigned n)
{
  uint8_t block[BLOCK] = { 7 };
  uint64_t before[2] = { look (world, 0).bytes, look (world, 1).bytes };
  g_autoptr (GError) error = NULL;

  for (unsigned i = 0; i < n; i++) {
    lun_device_write (world->device, i, block, BLOCK, LUN_PRIO_BULK, &error);
    ck_assert_msg (error == NULL, "%s", error->message);
  }
  uint64_t first = (look (world, 0).bytes - before[0]) / BLOCK;
  /* a check reads a block by itself, and is not counted */
  ck_assert_uint_eq (first + (look (world, 1).bytes - before[1]) / BLOCK, n);
  return first;
}

START_TEST (test_optimized_paths_come_first)
{
  g_auto (World) world = world_new (LUN_ALUA_OPTIMIZED, LUN_ALUA_NON_OPTIMIZED, "");

  await (&world, 0, LUN_PATH_UP, true);
  await (&world, 1, LUN_PATH_UP, false);
  ck_assert_uint_eq (write_blocks (&world, 40), 40);
}
END_TEST

START_TEST (test_a_change_is_followed)
{
  g_auto (World) world = world_new (LUN_ALUA_OPTIMIZED, LUN_ALUA_NON_OPTIMIZED, "");

  await (&world, 1, LUN_PATH_UP, false);
  set (&world, 1, LUN_ALUA_NON_OPTIMIZED);
  set (&world, 2, LUN_ALUA_OPTIMIZED);
  await (&world, 0, LUN_PATH_UP, false);
  await (&world, 1, LUN_PATH_UP, true);
  ck_assert_uint_eq (write_blocks (&world, 40), 0);
}
END_TEST

START_TEST (test_without_optimized_paths_the_others_are_used)
{
  g_auto (World) world = world_new (LUN_ALUA_OPTIMIZED, LUN_ALUA_NON_OPTIMIZED, "");

  await (&world, 1, LUN_PATH_UP, false);
  set (&world, 1, LUN_ALUA_UNAVAILABLE);
  ck_assert_uint_eq (write_blocks (&world, 40), 0);
  await (&world, 0, LUN_PATH_STANDBY, false);
}
END_TEST

START_TEST (test_standby_is_not_used_until_it_is_active)
{
  g_auto (World) world = world_new (LUN_ALUA_OPTIMIZED, LUN_ALUA_STANDBY, "");

  await (&world, 1, LUN_PATH_STANDBY, false);
  ck_assert_uint_eq (write_blocks (&world, 20), 20);
  set (&world, 1, LUN_ALUA_STANDBY);
  set (&world, 2, LUN_ALUA_OPTIMIZED);
  ck_assert_uint_eq (write_blocks (&world, 20), 0); /* waits for the check at most */
  await (&world, 0, LUN_PATH_STANDBY, false);
}
END_TEST

static void *
end_transition (void *data)
{
  World *world = data;

  g_usleep (150 * 1000);
  set (world, 1, LUN_ALUA_OPTIMIZED);
  set (world, 2, LUN_ALUA_OPTIMIZED);
  return NULL;
}

START_TEST (test_a_transition_is_waited_for)
{
  g_auto (World) world = world_new (LUN_ALUA_OPTIMIZED, LUN_ALUA_OPTIMIZED, "");
  pthread_t thread;

  set (&world, 1, LUN_ALUA_TRANSITIONING);
  set (&world, 2, LUN_ALUA_TRANSITIONING);
  ck_assert_int_eq (pthread_create (&thread, NULL, end_transition, &world), 0);
  write_blocks (&world, 4);
  pthread_join (thread, NULL);
}
END_TEST

START_TEST (test_failback_at_once)
{
  g_auto (World) world = world_new (LUN_ALUA_OPTIMIZED, LUN_ALUA_NON_OPTIMIZED, "");

  await (&world, 1, LUN_PATH_UP, false);
  set (&world, 1, LUN_ALUA_STANDBY);
  ck_assert_uint_eq (write_blocks (&world, 20), 0);
  set (&world, 1, LUN_ALUA_OPTIMIZED);
  await (&world, 0, LUN_PATH_UP, true);
  ck_assert_uint_eq (write_blocks (&world, 20), 20);
}
END_TEST

START_TEST (test_failback_after_a_while)
{
  g_auto (World) world =
    world_new (LUN_ALUA_OPTIMIZED, LUN_ALUA_NON_OPTIMIZED, "&failback-ms=3600000");

  await (&world, 1, LUN_PATH_UP, false);
  set (&world, 1, LUN_ALUA_STANDBY);
  ck_assert_uint_eq (write_blocks (&world, 20), 0);
  set (&world, 1, LUN_ALUA_OPTIMIZED);
  await (&world, 0, LUN_PATH_UP, true);
  ck_assert_uint_eq (write_blocks (&world, 20), 0);
}
END_TEST

LUN_SUITE ("lunpath/alua", test_optimized_paths_come_first, test_a_change_is_followed,
           test_without_optimized_paths_the_others_are_used,
           test_standby_is_not_used_until_it_is_active, test_a_transition_is_waited_for,
           test_failback_at_once, test_failback_after_a_while)
