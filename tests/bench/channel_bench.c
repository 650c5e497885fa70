/* channel_bench.c - round trips and streaming over one connection between two processes, on a
 * file LUN in /dev/shm; prints a line a measurement.
 *
 *   channel_bench [--poll] [--mib N] [--trips N] [--segment BYTES] [--entries N]
 */
#include "channel/connect.h"
#include "channel/door.h"
#include "volume/format.h"

#include <lunpath/emul.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static int mib = 1024, trips = 20000, segment = 256 << 10, entries = 16, multi = 4;
static gboolean poll_only;

static void
must (bool ok, const GError *error)
{
  if (ok)
    return;
  fprintf (stderr, "channel_bench: %s\n", error ? error->message : "failed");
  exit (1);
}

static void
format_image (const char *image)
{
  uint64_t size = (8u << 20) + (uint64_t) 8 * (uint64_t) entries * (uint64_t) segment;
  FtsFormatWish wish = {
    .block_size = 512,
    .segment_bytes = (uint32_t) segment,
    .entries = (uint32_t) entries,
    .connections = 4,
    .multi_buffer = (uint32_t) multi,
    .lock_method = FTS_LOCK_CAW,
    .volume_uuid = { 1 },
    .time_us = 1,
    .seed = 7,
  };
  g_autofree char *path = g_strdup_printf ("file:%s", image);
  const char *paths[] = { path, NULL };
  LunDeviceConfig config = { .paths = paths };
  GError *error = NULL;

  must (lun_emul_create (image, size, 512, &error), error);
  g_autoptr (LunDevice) device = lun_device_open (&config, &error);
  must (device, error);
  FtsFormatDevice shape = { .n_blocks = lun_device_facts (device)->n_blocks,
                            .identity = lun_device_facts (device)->identity };
  g_autoptr (FtsFormatPlan) plan = fts_format_plan (&wish, &shape, 1, &error);
  must (plan, error);
  must (fts_format_write (plan, &device, &error), error);
}

static FtsMember *
join (const char *image, const char *name, FtsHostRole role)
{
  g_autofree char *spec = g_strdup_printf ("file:%s?host=%s", image, name);
  FtsVolumeSpec volume_spec = { .volume = spec };
  FtsMemberConfig config = { .name = name, .role = role, .program = "bench" };
  GError *error = NULL;
  FtsVolume *volume = fts_volume_open (&volume_spec, &error);

  must (volume, error);
  FtsMember *member = fts_member_join (volume, &config, &error);
  must (member, error);
  return member;
}

/* Requests: "e" echo; "g" and a length: stream so much; "p": a stream follows, count it. */
static bool
serve_stream (FtsChannel *channel, uint64_t len)
{
  while (len > 0) {
    uint8_t *data;
    size_t room;

    if (!fts_channel_reserve (channel, &data, &room, NULL))
      return false;
    size_t n = MIN (room, len);
    len -= n;
    if (!fts_channel_commit (channel, n, NULL, len == 0, NULL))
      return false;
  }
  return true;
}

static bool
serve (FtsChannel *channel, void *connection, void *user_data)
{
  FtsFragment fragment;
  uint64_t len;

  if (!fts_channel_receive (channel, &fragment, NULL))
    return false;
  if (fragment.data[0] == 'g') {
    memcpy (&len, fragment.data + 1, sizeof len);
    return serve_stream (channel, len);
  }
  if (!fts_channel_discard_message (channel, NULL))
    return false;
  struct iovec iov = { (void *) "answer", 6 };
  return fts_channel_send (channel, &iov, 1, NULL);
}

static void
run_server (const char *image)
{
  GError *error = NULL;
  FtsMember *member = join (image, "south", FTS_ROLE_SERVER);
  FtsDoorConfig config = { .service = FTS_SERVICE_FILES,
                           .serve = serve,
                           .always_poll = poll_only };
  FtsDoor *door = fts_door_start (member, &config, &error);

  must (door, error);
  for (;;)
    pause ();
}

static double
seconds_since (int64_t start_us)
{
  return (double) (g_get_monotonic_time () - start_us) / 1e6;
}

static void
print_counts (LunDevice *device, const LunStats *before, double per)
{
  LunStats now;

  lun_device_get_stats (device, &now);
  printf ("   client's LUN commands each: %.3f reads %.3f writes %.3f polls\n",
          (double) (now.reads - before->reads) / per,
          (double) (now.writes - before->writes) / per,
          (double) (now.polls - before->polls) / per);
}

static void
measure_trips (FtsChannel *channel, LunDevice *device, size_t len, int pause_us)
{
  g_autofree uint8_t *bytes = g_malloc0 (len);
  struct iovec iov = { bytes, len };
  int n = pause_us ? trips / 20 : trips;
  FtsFragment fragment;
  GError *error = NULL;
  LunStats before;

  bytes[0] = 'e';
  lun_device_get_stats (device, &before);
  int64_t start_us = g_get_monotonic_time ();
  for (int i = 0; i < n; i++) {
    must (fts_channel_send (channel, &iov, 1, &error), error);
    must (fts_channel_receive (channel, &fragment, &error), error);
    if (pause_us)
      g_usleep ((gulong) pause_us);
  }
  double s = seconds_since (start_us) - (double) pause_us * n / 1e6;
  printf ("%7zu-byte request, pause %5d us: %9.0f round trips/s  %7.1f us each\n", len,
          pause_us, n / s, s / n * 1e6);
  print_counts (device, &before, n);
}

static void
measure_get (FtsChannel *channel, LunDevice *device)
{
  uint64_t len = (uint64_t) mib << 20, got = 0;
  uint8_t request[9] = { 'g' };
  struct iovec iov = { request, sizeof request };
  FtsFragment fragment = { 0 };
  GError *error = NULL;
  LunStats before;

  memcpy (request + 1, &len, sizeof len);
  lun_device_get_stats (device, &before);
  int64_t start_us = g_get_monotonic_time ();
  must (fts_channel_send (channel, &iov, 1, &error), error);
  while (!fragment.last) {
    must (fts_channel_receive (channel, &fragment, &error), error);
    got += fragment.len;
  }
  double s = seconds_since (start_us);
  printf ("get %d MiB: %.2f GB/s\n", mib, (double) got / s / 1e9);
  print_counts (device, &before, (double) len / (1 << 20));
}

static void
measure_put (FtsChannel *channel, LunDevice *device)
{
  uint64_t len = (uint64_t) mib << 20;
  FtsFragment fragment;
  GError *error = NULL;
  LunStats before;
  bool first = true;

  lun_device_get_stats (device, &before);
  int64_t start_us = g_get_monotonic_time ();
  for (uint64_t left = len; left > 0;) {
    uint8_t *data;
    size_t room;

    must (fts_channel_reserve (channel, &data, &room, &error), error);
    size_t n = MIN (room, left);
    if (first)
      data[0] = 'p';
    first = false;
    left -= n;
    must (fts_channel_commit (channel, n, NULL, left == 0, &error), error);
  }
  must (fts_channel_receive (channel, &fragment, &error), error);
  double s = seconds_since (start_us);
  printf ("put %d MiB: %.2f GB/s\n", mib, (double) len / s / 1e9);
  print_counts (device, &before, (double) len / (1 << 20));
}

static void
measure_memcpy (void)
{
  size_t piece = 256 << 10;
  g_autofree uint8_t *from = g_malloc (piece), *to = g_malloc (64u << 20);

  memset (from, 1, piece);
  memset (to, 2, 64u << 20);
  int64_t start_us = g_get_monotonic_time ();
  for (size_t i = 0; i < (size_t) mib * 4; i++)
    memcpy (to + i % 256 * piece, from, piece);
  printf ("memcpy of as much, one process: %.2f GB/s\n",
          (double) mib * 1048576 / seconds_since (start_us) / 1e9);
}

int
main (int argc, char **argv)
{
  GOptionEntry options[] = {
    { "poll", 0, 0, G_OPTION_ARG_NONE, &poll_only, "the door polls", NULL },
    { "mib", 0, 0, G_OPTION_ARG_INT, &mib, "MiB to stream", "N" },
    { "trips", 0, 0, G_OPTION_ARG_INT, &trips, "round trips", "N" },
    { "segment", 0, 0, G_OPTION_ARG_INT, &segment, "segment size", "BYTES" },
    { "entries", 0, 0, G_OPTION_ARG_INT, &entries, "ring size", "N" },
    { "multi", 0, 0, G_OPTION_ARG_INT, &multi, "segments a table update", "N" },
    { NULL, 0, 0, G_OPTION_ARG_NONE, NULL, NULL, NULL },
  };
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);
  char dir[] = "/dev/shm/fts-bench-XXXXXX";
  GError *error = NULL;

  g_option_context_add_main_entries (context, options, NULL);
  must (g_option_context_parse (context, &argc, &argv, &error), error);
  must (g_mkdtemp (dir) != NULL, NULL);
  g_autofree char *image = g_build_filename (dir, "lun", NULL);
  g_autofree char *state = g_strconcat (image, ".lun", NULL);
  format_image (image);
  pid_t server = fork ();
  if (server == 0) {
    prctl (PR_SET_PDEATHSIG, SIGKILL);
    run_server (image);
  }
  FtsMember *member = join (image, "north", FTS_ROLE_MOUNT);
  LunDevice *device = fts_volume_master (fts_member_volume (member));
  FtsConnectConfig config = { .peer = "south",
                              .service = FTS_SERVICE_FILES,
                              .wait_ms = 5000 };
  FtsChannel *channel = fts_connect (member, &config, &error);
  must (channel, error);
  measure_trips (channel, device, 100, 0);
  measure_trips (channel, device, 100, 300);
  measure_trips (channel, device, 100, 5000);
  measure_trips (channel, device, 4096, 0);
  for (int i = 0; i < 2; i++) {
    measure_get (channel, device);
    measure_put (channel, device);
  }
  measure_memcpy ();
  fts_channel_close (channel);
  kill (server, SIGKILL);
  waitpid (server, NULL, 0);
  unlink (image);
  unlink (state);
  rmdir (dir);
  return 0;
}
