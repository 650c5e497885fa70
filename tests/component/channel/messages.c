/* Messages of all sizes over a connection between two members. */
#include "rig.h"

#include "lib/suite.h"

static const FtsDoorConfig echo_config = { .service = FTS_SERVICE_FILES,
                                           .serve = rig_echo };

static void
echo_sizes (const RigFormat *format, const size_t *sizes, size_t n)
{
  Rig rig;
  Node server, client;

  rig_init (&rig, format);
  rig_serve (&rig, &server, "", "south", &echo_config);
  rig_join (&rig, &client, "", "north", FTS_ROLE_MOUNT);
  FtsChannel *channel = rig_connect (&client, "south");
  for (unsigned i = 0; i < n; i++)
    rig_round_trip (channel, i, sizes[i]);
  fts_channel_close (channel);
  rig_leave (&client);
  rig_leave (&server);
  rig_clear (&rig);
}

START_TEST (test_messages_of_every_size_come_back_whole)
{
  /* inline area 384 bytes, payload 7,680 bytes, ring 16 */
  static const size_t sizes[] = { 0,    1,    100,    383,    384,     385,
                                  7679, 7680, 7681,   15360,  15361,   100000,
                                  0,    384,  122880, 122881, 1000000, 1 };

  echo_sizes (NULL, sizes, G_N_ELEMENTS (sizes));
}
END_TEST

START_TEST (test_blocks_of_4096_bytes)
{
  static const RigFormat format = { .block_size = 4096, .segment_bytes = 32768 };
  static const size_t sizes[] = { 0, 1, 3968, 3969, 28672, 28673, 500000 };

  echo_sizes (&format, sizes, G_N_ELEMENTS (sizes));
}
END_TEST

START_TEST (test_a_ring_of_two_entries_carries_long_messages)
{
  static const RigFormat format = { .entries = 2, .multi_buffer = 1 };
  static const size_t sizes[] = { 1, 7680, 7681, 50000 };

  echo_sizes (&format, sizes, G_N_ELEMENTS (sizes));
}
END_TEST

START_TEST (test_a_table_of_640_entries)
{
  static const RigFormat format = { .entries = 640, .connections = 2 };
  static const size_t sizes[] = { 1, 384, 7680, 640 * 7680, 641 * 7680, 3000000 };

  echo_sizes (&format, sizes, G_N_ELEMENTS (sizes));
}
END_TEST

START_TEST (test_any_count_of_the_multi_buffer_scheme)
{
  static const size_t sizes[] = { 1, 7680 * 3, 7680 * 40 + 17 };

  for (uint32_t n = 1; n <= 16; n *= 2) {
    RigFormat format = { .multi_buffer = n };

    echo_sizes (&format, sizes, G_N_ELEMENTS (sizes));
  }
}
END_TEST

FTS_SUITE ("channel/messages", test_messages_of_every_size_come_back_whole,
           test_blocks_of_4096_bytes, test_a_ring_of_two_entries_carries_long_messages,
           test_a_table_of_640_entries, test_any_count_of_the_multi_buffer_scheme)
