/* rivals.c - who may enter, who waits, who goes back, who is removed: the rules of flags. */
#include "reservation/rivals.h"

#include <lunpath/reservation.h>

#include "suite.h"

#define VOLUME 77
#define STALE  1000

static uint64_t
flag_of (uint32_t host, uint8_t turn)
{
  return lun_flag_of (lun_resv_key (VOLUME, host, 5), turn);
}

static LunRivals
rivals_new (void)
{
  LunRivals rivals;

  lun_rivals_init (&rivals);
  return rivals;
}

static void
see (LunRivals *rivals, uint64_t own, int64_t now_us, unsigned n, uint64_t *flags)
{
  LunPrKeys keys = { .n_total = n, .n_keys = n, .keys = flags };

  lun_rivals_see (rivals, &keys, own, now_us);
}

#define SEE(rivals, own, now_us, ...)                                                 \
  see (rivals, own, now_us, sizeof ((uint64_t[]){ __VA_ARGS__ }) / sizeof (uint64_t), \
       (uint64_t[]){ __VA_ARGS__ })

START_TEST (test_a_flag_tells_the_key_that_it_stands_for)
{
  uint64_t key = lun_resv_key (VOLUME, 3, 0x123456789a), flag = lun_flag_of (key, 200);

  ck_assert (lun_flag_is_of_volume (flag, key));
  ck_assert (!lun_flag_is_of_volume (key, key));
  ck_assert (!lun_flag_is_of_volume (flag, lun_resv_key (VOLUME + 1, 3, 1)));
  ck_assert (lun_flag_base (flag, lun_resv_key (VOLUME, 9, 9)) == key);
  ck_assert (lun_flag_of (key, 201) != flag);
}
END_TEST

START_TEST (test_who_sees_no_other_flag_is_inside)
{
  LunRivals rivals = rivals_new ();
  uint64_t own = flag_of (1, 1), stale;

  SEE (&rivals, own, 0, own, lun_resv_key (VOLUME, 2, 5), 0xfeed);
  ck_assert_int_eq (lun_rivals_judge (&rivals, own, 0, STALE, &stale), LUN_RIVALS_NONE);
  lun_rivals_clear (&rivals);
}
END_TEST

START_TEST (test_of_two_exactly_one_stays)
{
  for (unsigned turn = 0; turn < 256; turn += 5) {
    LunRivals a = rivals_new (), b = rivals_new ();
    uint64_t flag_a = flag_of (1, 100), flag_b = flag_of (2, (uint8_t) turn), stale;
    SEE (&a, flag_a, 0, flag_a, flag_b);
    SEE (&b, flag_b, 0, flag_a, flag_b);
    LunRivalsVerdict of_a = lun_rivals_judge (&a, flag_a, 0, STALE, &stale);
    LunRivalsVerdict of_b = lun_rivals_judge (&b, flag_b, 0, STALE, &stale);
    ck_assert_int_ne (of_a, LUN_RIVALS_NONE);
    ck_assert_int_ne (of_b, LUN_RIVALS_NONE);
    ck_assert ((of_a == LUN_RIVALS_STAY) != (of_b == LUN_RIVALS_STAY));
    lun_rivals_clear (&a);
    lun_rivals_clear (&b);
  }
}
END_TEST

START_TEST (test_a_flag_that_stands_still_is_stale_and_one_that_moves_is_not)
{
  LunRivals rivals = rivals_new ();
  uint64_t own = flag_of (1, 1), dead = flag_of (2, 2), stale = 0;

  SEE (&rivals, own, 0, own, dead);
  SEE (&rivals, own, STALE - 1, own, dead);
  ck_assert_int_ne (lun_rivals_judge (&rivals, own, STALE - 1, STALE, &stale),
                    LUN_RIVALS_STALE);
  ck_assert_int_eq (lun_rivals_judge (&rivals, own, STALE, STALE, &stale),
                    LUN_RIVALS_STALE);
  ck_assert (stale == dead);
  SEE (&rivals, own, STALE, own, flag_of (2, 3)); /* the same host, another turn */
  ck_assert_int_ne (lun_rivals_judge (&rivals, own, STALE, STALE, &stale),
                    LUN_RIVALS_STALE);
  lun_rivals_clear (&rivals);
}
END_TEST

START_TEST (test_a_flag_that_was_away_meanwhile_is_a_new_one)
{
  LunRivals rivals = rivals_new ();
  uint64_t own = flag_of (1, 1), other = flag_of (2, 2), stale;

  SEE (&rivals, own, 0, own, other);
  SEE (&rivals, own, STALE / 2, own);
  SEE (&rivals, own, STALE, own, other);
  ck_assert_int_ne (lun_rivals_judge (&rivals, own, STALE, STALE, &stale),
                    LUN_RIVALS_STALE);
  lun_rivals_clear (&rivals);
}
END_TEST

START_TEST (test_nobody_is_removed_while_a_live_one_is_there)
{
  LunRivals rivals = rivals_new ();
  uint64_t own = flag_of (1, 100), stale;

  SEE (&rivals, own, 0, own, flag_of (2, 50));
  SEE (&rivals, own, STALE, own, flag_of (2, 50), flag_of (3, 150));
  ck_assert_int_eq (lun_rivals_judge (&rivals, own, STALE, STALE, &stale),
                    LUN_RIVALS_STAY);
  SEE (&rivals, own, STALE, own, flag_of (2, 50), flag_of (3, 20));
  ck_assert_int_eq (lun_rivals_judge (&rivals, own, STALE, STALE, &stale),
                    LUN_RIVALS_YIELD);
  lun_rivals_clear (&rivals);
}
END_TEST

START_TEST (test_a_flag_of_our_own_that_was_left_behind_is_stale_at_once)
{
  LunRivals rivals = rivals_new ();
  uint64_t own = flag_of (1, 1), left = flag_of (1, 9), stale = 0;

  ck_assert (!lun_rivals_expire (&rivals, left));
  SEE (&rivals, own, 5, own, left);
  ck_assert (lun_rivals_expire (&rivals, left));
  ck_assert_int_eq (lun_rivals_judge (&rivals, own, 5, STALE, &stale),
                    LUN_RIVALS_STALE);
  ck_assert (stale == left);
  lun_rivals_clear (&rivals);
}
END_TEST

LUN_SUITE ("lunpath/rivals", test_a_flag_tells_the_key_that_it_stands_for,
           test_who_sees_no_other_flag_is_inside, test_of_two_exactly_one_stays,
           test_a_flag_that_stands_still_is_stale_and_one_that_moves_is_not,
           test_a_flag_that_was_away_meanwhile_is_a_new_one,
           test_nobody_is_removed_while_a_live_one_is_there,
           test_a_flag_of_our_own_that_was_left_behind_is_stale_at_once)
