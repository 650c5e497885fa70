#include "suite.h"

#include "transport/fault-rule.h"

#include <lunpath/error.h>

#include <string.h>

static GArray *
parse (const char *text)
{
  g_autoptr (GError) error = NULL;
  GArray *rules = lun_fault_rules_parse (text, &error);

  ck_assert_msg (rules != NULL, "%s", error ? error->message : "no error");
  return rules;
}

static LunFaultRule *
rule (GArray *rules, unsigned i)
{
  return &g_array_index (rules, LunFaultRule, i);
}

static unsigned
count_fires (LunFaultRule *one, LunOp op, uint64_t lba, unsigned n)
{
  LunIo io = { .op = op, .lba = lba, .blocks = 4 };
  unsigned fires = 0;

  for (unsigned i = 0; i < n; i++)
    fires += lun_fault_rule_fires (one, &io);
  return fires;
}

START_TEST (test_several_rules)
{
  g_autoptr (GArray) rules =
    parse ("flip-write=0.01:lba=100-2000:seed=7;lose-write=1/50;delay-ms=5:jitter=3");

  ck_assert_uint_eq (rules->len, 3);
  ck_assert_int_eq (rule (rules, 0)->kind, LUN_FAULT_FLIP_WRITE);
  ck_assert_uint_eq (rule (rules, 0)->last_lba, 2000);
  ck_assert_uint_eq (rule (rules, 1)->every, 50);
  ck_assert_uint_eq (rule (rules, 2)->jitter_ms, 3);
}
END_TEST

START_TEST (test_every_nth)
{
  g_autoptr (GArray) rules = parse ("lose-write=1/50");

  ck_assert_uint_eq (count_fires (rule (rules, 0), LUN_OP_WRITE, 0, 49), 0);
  ck_assert_uint_eq (count_fires (rule (rules, 0), LUN_OP_WRITE, 0, 1), 1);
  ck_assert_uint_eq (count_fires (rule (rules, 0), LUN_OP_WRITE, 0, 50), 1);
  ck_assert_uint_eq (count_fires (rule (rules, 0), LUN_OP_READ, 0, 100), 0);
}
END_TEST

START_TEST (test_after_and_count)
{
  g_autoptr (GArray) rules = parse ("fail-read:after=3:count=2");

  ck_assert_uint_eq (count_fires (rule (rules, 0), LUN_OP_READ, 0, 3), 0);
  ck_assert_uint_eq (count_fires (rule (rules, 0), LUN_OP_READ, 0, 9), 2);
}
END_TEST

START_TEST (test_lba_means_overlap)
{
  g_autoptr (GArray) rules = parse ("fail-read:lba=10-20");

  ck_assert_uint_eq (count_fires (rule (rules, 0), LUN_OP_READ, 6, 1), 0); /* 6 to 9 */
  ck_assert_uint_eq (count_fires (rule (rules, 0), LUN_OP_READ, 7, 1), 1);
  ck_assert_uint_eq (count_fires (rule (rules, 0), LUN_OP_READ, 20, 1), 1);
  ck_assert_uint_eq (count_fires (rule (rules, 0), LUN_OP_READ, 21, 1), 0);
}
END_TEST

START_TEST (test_random_rate_is_repeatable_and_near_its_value)
{
  g_autoptr (GArray) first = parse ("flip-read=0.1:seed=7");
  g_autoptr (GArray) again = parse ("flip-read=0.1:seed=7");
  LunIo io = { .op = LUN_OP_READ, .blocks = 1 };

  for (int i = 0; i < 1000; i++)
    ck_assert (lun_fault_rule_fires (rule (first, 0), &io) ==
               lun_fault_rule_fires (rule (again, 0), &io));
  ck_assert_uint_gt (rule (first, 0)->n_fired, 60);
  ck_assert_uint_lt (rule (first, 0)->n_fired, 150);
}
END_TEST

START_TEST (test_seeds_differ)
{
  g_autoptr (GArray) rules = parse ("flip-read:seed=1;flip-read:seed=2");

  ck_assert_uint_ne (lun_fault_rule_random (rule (rules, 0), 1 << 30),
                     lun_fault_rule_random (rule (rules, 1), 1 << 30));
}
END_TEST

START_TEST (test_chosen_operations)
{
  g_autoptr (GArray) rules = parse ("lose-answer:op=caw/flush");

  ck_assert_uint_eq (count_fires (rule (rules, 0), LUN_OP_COMPARE_AND_WRITE, 0, 1), 1);
  ck_assert_uint_eq (count_fires (rule (rules, 0), LUN_OP_FLUSH, 0, 1), 1);
  ck_assert_uint_eq (count_fires (rule (rules, 0), LUN_OP_WRITE, 0, 1), 0);
}
END_TEST

START_TEST (test_sense_of_an_attention)
{
  g_autoptr (GArray) rules = parse ("ua=2a/03:every=100");

  ck_assert_uint_eq (rule (rules, 0)->result.sense[12], 0x2a);
  ck_assert_uint_eq (rule (rules, 0)->result.sense[13], 0x03);
  ck_assert_uint_eq (rule (rules, 0)->every, 100);
}
END_TEST

START_TEST (test_down_happens_once)
{
  g_autoptr (GArray) rules = parse ("down=after:1000:for=5;down=while:/tmp/x");

  ck_assert_uint_eq (rule (rules, 0)->after, 1000);
  ck_assert_uint_eq (rule (rules, 0)->down_for, 5);
  ck_assert_uint_eq (count_fires (rule (rules, 0), LUN_OP_READ, 0, 5000), 1);
  ck_assert_str_eq (rule (rules, 1)->while_file, "/tmp/x");
}
END_TEST

START_TEST (test_chosen_commands)
{
  g_autoptr (GArray) rules = parse ("lose-answer:cdb=5f;lose-answer:cdb=5f/06");
  LunIo release = { .op = LUN_OP_CDB, .cdb = { 0x5f, 0x02 } };
  LunIo ignore = { .op = LUN_OP_CDB, .cdb = { 0x5f, 0x06 } };
  LunIo keys = { .op = LUN_OP_CDB, .cdb = { 0x5e, 0x06 } };

  ck_assert (lun_fault_rule_fires (rule (rules, 0), &release));
  ck_assert (!lun_fault_rule_fires (rule (rules, 0), &keys));
  ck_assert (lun_fault_rule_fires (rule (rules, 1), &ignore));
  ck_assert (!lun_fault_rule_fires (rule (rules, 1), &release));
  ck_assert_uint_eq (count_fires (rule (rules, 0), LUN_OP_WRITE, 0, 1), 0);
}
END_TEST

START_TEST (test_a_reset_is_seen_by_who_asks_for_it)
{
  g_autoptr (GArray) rules =
    parse ("fail;fail:op=reset;kill=after:0;fail:op=reset:lba=1");

  ck_assert (!lun_fault_rule_fires (rule (rules, 0), NULL));
  ck_assert (lun_fault_rule_fires (rule (rules, 1), NULL));
  ck_assert (lun_fault_rule_fires (rule (rules, 2), NULL));
  ck_assert (!lun_fault_rule_fires (rule (rules, 3), NULL));
}
END_TEST

START_TEST (test_a_rule_sleeps_while_its_file_is_missing)
{
  g_autoptr (GArray) rules = parse ("fail:while=/nowhere:after=1;fail:while=/:after=1");

  ck_assert_uint_eq (count_fires (rule (rules, 0), LUN_OP_READ, 0, 5), 0);
  ck_assert_uint_eq (rule (rules, 0)->n_seen, 0);
  ck_assert_uint_eq (count_fires (rule (rules, 1), LUN_OP_READ, 0, 5), 4);
}
END_TEST

START_TEST (test_nonsense_is_named)
{
  static const char *const bad[][2] = {
    { "flip", "flip" },
    { "lose-write=2", "lose-write=2" },
    { "lose-write=1/0", "1/0" },
    { "fail-read:lba=9-8", "lba=9-8" },
    { "ua=2900", "ua=2900" },
    { "ua", "ua" },
    { "fail:as=sad", "as=sad" },
    { "down=1000", "down=1000" },
    { "delay-ms=x", "delay" },
    { "lose-write:for=3", "for=3" },
    { "fail:op=eat", "op=eat" },
    { "fail=nan", "fail=nan" },
    { "fail:seed=-1", "seed=-1" },
    { "fail;", "" },
    { "fail:cdb=5f/20", "cdb=5f/20" },
    { "fail:cdb=x", "cdb=x" },
    { "fail:while=", "while=" },
    { "flip-write:op=flush", "op=flush" },
    { "torn-write:op=reset", "op=reset" },
    { "kill=5", "kill=5" },
    { "kill=after:5:when=later", "when=later" },
  };

  for (unsigned i = 0; i < G_N_ELEMENTS (bad); i++) {
    g_autoptr (GError) error = NULL;
    ck_assert_msg (lun_fault_rules_parse (bad[i][0], &error) == NULL, "%s", bad[i][0]);
    ck_assert (g_error_matches (error, LUN_ERROR, LUN_ERROR_CONFIG));
    ck_assert_msg (strstr (error->message, bad[i][1]) != NULL, "%s", error->message);
  }
}
END_TEST

START_TEST (test_survives_mutations)
{
  static const char seed[] =
    "flip-write=0.01:lba=100-2000:seed=7;ua=29/00:every=100;down=after:5:for=2;fail:as=busy";
  static const char bytes[] = "=:;/-.0129aefx\xff%";
  g_autoptr (GRand) rand = g_rand_new_with_seed (1);

  for (int i = 0; i < 20000; i++) {
    g_autofree char *text = g_strdup (seed);
    for (int n = g_rand_int_range (rand, 1, 5); n > 0; n--)
      text[g_rand_int_range (rand, 0, sizeof seed - 1)] =
        bytes[g_rand_int_range (rand, 0, sizeof bytes - 1)];
    g_autoptr (GError) error = NULL;
    g_autoptr (GArray) rules = lun_fault_rules_parse (text, &error);
    ck_assert ((rules != NULL) == (error == NULL));
  }
}
END_TEST

LUN_SUITE ("lunpath/fault-rule", test_several_rules, test_every_nth,
           test_after_and_count, test_lba_means_overlap,
           test_random_rate_is_repeatable_and_near_its_value, test_seeds_differ,
           test_chosen_operations, test_sense_of_an_attention, test_down_happens_once,
           test_chosen_commands, test_a_reset_is_seen_by_who_asks_for_it,
           test_a_rule_sleeps_while_its_file_is_missing, test_nonsense_is_named,
           test_survives_mutations)
