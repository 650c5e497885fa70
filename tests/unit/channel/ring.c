#include "channel/ring.h"

#include "lib/suite.h"

START_TEST (test_a_writer_may_fill_the_ring_and_no_more)
{
  FtsTx tx;

  fts_tx_init (&tx, 4);
  for (uint64_t s = 1; s <= 4; s++) {
    ck_assert (fts_tx_is_free (&tx));
    ck_assert_uint_eq (fts_tx_take (&tx, false, false), s);
  }
  ck_assert (!fts_tx_is_free (&tx));
  tx.published = 4;
  ck_assert (fts_tx_acknowledge (&tx, 1));
  ck_assert (fts_tx_is_free (&tx));
  ck_assert_uint_eq (fts_tx_take (&tx, true, false), 5);
  ck_assert (!fts_tx_is_free (&tx));
}
END_TEST

START_TEST (test_a_ring_of_one_entry_goes_in_lock_step)
{
  FtsTx tx;
  FtsRx rx;

  fts_tx_init (&tx, 1);
  fts_rx_init (&rx, 1);
  for (uint64_t s = 1; s < 10; s++) {
    ck_assert (fts_tx_is_free (&tx));
    fts_tx_take (&tx, true, false);
    ck_assert (fts_tx_must_publish (&tx, 4));
    tx.published = s;
    ck_assert (fts_rx_publish (&rx, s));
    fts_rx_deliver (&rx, true);
    ck_assert (fts_rx_must_acknowledge (&rx));
    rx.told = rx.consumed;
    ck_assert (fts_tx_acknowledge (&tx, rx.told));
  }
}
END_TEST

START_TEST (test_indexes_wrap_and_start_at_the_first_entry)
{
  ck_assert_uint_eq (fts_ring_index (1, 16), 0);
  ck_assert_uint_eq (fts_ring_index (16, 16), 15);
  ck_assert_uint_eq (fts_ring_index (17, 16), 0);
  ck_assert_uint_eq (fts_ring_index (641, 640), 0);
  ck_assert_uint_eq (fts_ring_index (UINT64_MAX, 1), 0);
}
END_TEST

START_TEST (test_request_numbers_count_messages_on_both_sides)
{
  FtsTx tx;
  FtsRx rx;

  fts_tx_init (&tx, 8);
  fts_rx_init (&rx, 8);
  fts_rx_publish (&rx, 4);
  for (int i = 0; i < 4; i++) {
    bool last = i == 2 || i == 3;

    fts_tx_take (&tx, last, false);
    ck_assert_uint_eq (fts_rx_request (&rx), tx.request);
    fts_rx_deliver (&rx, last);
  }
  ck_assert_uint_eq (tx.request, 2);
  ck_assert_uint_eq (rx.request, 2);
}
END_TEST

START_TEST (test_up_to_n_fragments_share_a_table_update)
{
  FtsTx tx;

  fts_tx_init (&tx, 16);
  for (int i = 0; i < 3; i++) {
    fts_tx_take (&tx, false, false);
    ck_assert (!fts_tx_must_publish (&tx, 4));
  }
  fts_tx_take (&tx, false, false);
  ck_assert (fts_tx_must_publish (&tx, 4));
  tx.published = 4;
  ck_assert (!fts_tx_must_publish (&tx, 4));
}
END_TEST

START_TEST (test_the_end_of_a_message_publishes_at_once)
{
  FtsTx tx;

  fts_tx_init (&tx, 16);
  fts_tx_take (&tx, false, false);
  fts_tx_take (&tx, true, false);
  ck_assert (fts_tx_must_publish (&tx, 4));
}
END_TEST

START_TEST (test_a_full_ring_publishes_at_once)
{
  FtsTx tx;

  fts_tx_init (&tx, 2);
  fts_tx_take (&tx, false, false);
  ck_assert (!fts_tx_must_publish (&tx, 4));
  fts_tx_take (&tx, false, false);
  ck_assert (fts_tx_must_publish (&tx, 4));
}
END_TEST

START_TEST (test_the_inline_area_waits_for_its_acknowledgement)
{
  FtsTx tx;

  fts_tx_init (&tx, 16);
  ck_assert (fts_tx_inline_is_free (&tx));
  fts_tx_take (&tx, true, true);
  ck_assert (!fts_tx_inline_is_free (&tx));
  tx.published = 1;
  fts_tx_acknowledge (&tx, 1);
  ck_assert (fts_tx_inline_is_free (&tx));
}
END_TEST

START_TEST (test_an_acknowledgement_of_the_unpublished_is_a_breach)
{
  FtsTx tx;

  fts_tx_init (&tx, 16);
  fts_tx_take (&tx, false, false);
  ck_assert (!fts_tx_acknowledge (&tx, 1));
  ck_assert_uint_eq (tx.acked, 0);
}
END_TEST

START_TEST (test_an_older_acknowledgement_changes_nothing)
{
  FtsTx tx;

  fts_tx_init (&tx, 16);
  tx.published = 5;
  tx.next = 6;
  ck_assert (fts_tx_acknowledge (&tx, 4));
  ck_assert (fts_tx_acknowledge (&tx, 2));
  ck_assert_uint_eq (tx.acked, 4);
}
END_TEST

START_TEST (test_the_reader_acknowledges_alone_when_half_the_ring_waits)
{
  FtsRx rx;

  fts_rx_init (&rx, 16);
  fts_rx_publish (&rx, 16);
  for (int i = 0; i < 7; i++) {
    fts_rx_deliver (&rx, i == 3);
    ck_assert (!fts_rx_must_acknowledge (&rx));
  }
  fts_rx_deliver (&rx, false);
  ck_assert (fts_rx_must_acknowledge (&rx));
}
END_TEST

START_TEST (test_more_published_than_the_ring_holds_is_a_breach)
{
  FtsRx rx;

  fts_rx_init (&rx, 16);
  ck_assert (fts_rx_publish (&rx, 16));
  ck_assert (!fts_rx_publish (&rx, 17));
  ck_assert_uint_eq (rx.published, 16);
  fts_rx_deliver (&rx, false);
  ck_assert_msg (!fts_rx_publish (&rx, 17), "the peer was not told yet");
  rx.told = 1;
  ck_assert (fts_rx_publish (&rx, 17));
}
END_TEST

START_TEST (test_published_never_goes_back)
{
  FtsRx rx;

  fts_rx_init (&rx, 16);
  fts_rx_publish (&rx, 5);
  ck_assert (fts_rx_publish (&rx, 3));
  ck_assert_uint_eq (rx.published, 5);
}
END_TEST

START_TEST (test_a_resend_request_is_served_once)
{
  FtsTx tx;

  fts_tx_init (&tx, 16);
  tx.next = 6;
  tx.published = 5;
  ck_assert_int_eq (fts_tx_resend (&tx, 0, 0), FTS_RESEND_NONE);
  ck_assert_int_eq (fts_tx_resend (&tx, 3, 1), FTS_RESEND_SERVE);
  ck_assert_int_eq (fts_tx_resend (&tx, 3, 1), FTS_RESEND_NONE);
  ck_assert_int_eq (fts_tx_resend (&tx, 3, 2), FTS_RESEND_SERVE);
}
END_TEST

START_TEST (test_a_resend_request_overtaken_by_progress_is_dropped)
{
  FtsTx tx;

  fts_tx_init (&tx, 16);
  tx.next = 6;
  tx.published = 5;
  fts_tx_acknowledge (&tx, 3);
  ck_assert_int_eq (fts_tx_resend (&tx, 3, 1), FTS_RESEND_NONE);
  ck_assert_int_eq (fts_tx_resend (&tx, 0, 2), FTS_RESEND_NONE);
}
END_TEST

START_TEST (test_a_resend_of_the_unpublished_is_a_breach)
{
  FtsTx tx;

  fts_tx_init (&tx, 16);
  tx.next = 6;
  tx.published = 5;
  ck_assert_int_eq (fts_tx_resend (&tx, 6, 1), FTS_RESEND_INVALID);
}
END_TEST

START_TEST (test_rollbacks_are_bounded_on_both_sides)
{
  FtsTx tx;
  FtsRx rx;

  fts_tx_init (&tx, 16);
  fts_rx_init (&rx, 16);
  tx.next = 6;
  tx.published = 5;
  fts_rx_publish (&rx, 5);
  for (unsigned i = 0; i < FTS_ROLLBACKS_MAX; i++) {
    ck_assert (fts_rx_ask_resend (&rx));
    ck_assert_int_eq (fts_tx_resend (&tx, rx.resend_from, rx.resend_count),
                      FTS_RESEND_SERVE);
  }
  ck_assert (!fts_rx_ask_resend (&rx));
  ck_assert_int_eq (fts_tx_resend (&tx, 1, rx.resend_count + 1), FTS_RESEND_TOO_OFTEN);
}
END_TEST

START_TEST (test_progress_starts_the_count_of_rollbacks_anew)
{
  FtsTx tx;
  FtsRx rx;

  fts_tx_init (&tx, 16);
  fts_rx_init (&rx, 16);
  tx.next = 6;
  tx.published = 5;
  fts_rx_publish (&rx, 5);
  for (unsigned i = 0; i < FTS_ROLLBACKS_MAX; i++) {
    fts_rx_ask_resend (&rx);
    fts_tx_resend (&tx, rx.resend_from, rx.resend_count);
  }
  fts_rx_deliver (&rx, false);
  fts_tx_acknowledge (&tx, 1);
  ck_assert_uint_eq (rx.resend_from, 0);
  ck_assert (fts_rx_ask_resend (&rx));
  ck_assert_uint_eq (rx.resend_from, 2);
  ck_assert_int_eq (fts_tx_resend (&tx, rx.resend_from, rx.resend_count),
                    FTS_RESEND_SERVE);
}
END_TEST

START_TEST (test_a_head_carries_both_directions_and_settles_what_the_peer_knows)
{
  FtsTx tx;
  FtsRx rx;
  FtsHead head = { 0 };

  fts_tx_init (&tx, 16);
  fts_rx_init (&rx, 16);
  fts_rx_publish (&rx, 2);
  fts_rx_deliver (&rx, true);
  fts_tx_take (&tx, true, true);
  fts_ring_fill_head (&tx, &rx, tx.next - 1, &head);
  ck_assert_uint_eq (head.published, 1);
  ck_assert_uint_eq (head.consumed, 1);
  ck_assert_uint_eq (head.inline_seq, 1);
  ck_assert_uint_eq (head.request, 1);
  ck_assert_uint_eq (tx.published, 1);
  ck_assert_uint_eq (rx.told, 1);
}
END_TEST

FTS_SUITE ("channel/ring", test_a_writer_may_fill_the_ring_and_no_more,
           test_a_ring_of_one_entry_goes_in_lock_step,
           test_indexes_wrap_and_start_at_the_first_entry,
           test_request_numbers_count_messages_on_both_sides,
           test_up_to_n_fragments_share_a_table_update,
           test_the_end_of_a_message_publishes_at_once,
           test_a_full_ring_publishes_at_once,
           test_the_inline_area_waits_for_its_acknowledgement,
           test_an_acknowledgement_of_the_unpublished_is_a_breach,
           test_an_older_acknowledgement_changes_nothing,
           test_the_reader_acknowledges_alone_when_half_the_ring_waits,
           test_more_published_than_the_ring_holds_is_a_breach,
           test_published_never_goes_back, test_a_resend_request_is_served_once,
           test_a_resend_request_overtaken_by_progress_is_dropped,
           test_a_resend_of_the_unpublished_is_a_breach,
           test_rollbacks_are_bounded_on_both_sides,
           test_progress_starts_the_count_of_rollbacks_anew,
           test_a_head_carries_both_directions_and_settles_what_the_peer_knows)
