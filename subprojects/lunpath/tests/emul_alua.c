/* Target port groups of the emulation: what a LUN says and does at ports in each state (SPC-4 5.16). */
#include "emul_lun.h"

#include "base/alua.h"
#include "base/vpd.h"

#define HOST "iqn.2026-01.test:a,i,0x1"

static LunEmulNexus *
at_port (TestLun *lun, unsigned port)
{
  LunEmulNexus *nexus = lun_emul_nexus_at (lun->emul, HOST, port, NULL);

  ck_assert_ptr_nonnull (nexus);
  return nexus;
}

static void
set (TestLun *lun, unsigned port, LunAlua state)
{
  ck_assert (lun_emul_set_port_state (lun->emul, port, state));
}

static void
drop_attention (LunEmulNexus *nexus)
{
  ck_assert_uint_eq (test_next_attention (nexus), 0x2a06);
}

static LunAlua
reported (LunEmulNexus *nexus, uint16_t group)
{
  uint8_t data[128];
  LunAlua state;

  assert_good (test_in (nexus, lun_cdb_report_target_port_groups (sizeof data), data,
                        sizeof data));
  ck_assert (lun_port_groups_decode (data, sizeof data, group, &state));
  return state;
}

START_TEST (test_a_lun_without_groups_says_so)
{
  g_auto (TestLun) lun = test_lun_new (8);
  LunEmulNexus *one = lun_emul_nexus (lun.emul, HOST, NULL);
  uint8_t data[96];

  assert_good (test_in (one, lun_cdb_inquiry (96), data, 96));
  ck_assert (!lun_alua_has_groups (data, 96));
  at_port (&lun, 2);
  assert_good (test_in (one, lun_cdb_inquiry (96), data, 96));
  ck_assert (lun_alua_has_groups (data, 96));
}
END_TEST

START_TEST (test_a_port_says_which_it_is)
{
  g_auto (TestLun) lun = test_lun_new (8);
  uint8_t page[LUN_VPD_MAX_LEN];
  uint16_t group;

  for (unsigned port = 1; port <= 4; port++) {
    assert_good (test_in (at_port (&lun, port),
                          lun_cdb_inquiry_vpd (LUN_VPD_DEVICE_ID, sizeof page), page,
                          sizeof page));
    ck_assert (lun_alua_group_decode (page, sizeof page, &group));
    ck_assert_uint_eq (group, port);
    g_autofree char *identity = lun_vpd_device_id_decode (page, sizeof page);
    ck_assert (g_str_has_prefix (identity, "naa.6"));
  }
  ck_assert_ptr_null (lun_emul_nexus_at (lun.emul, HOST, 5, NULL));
  ck_assert_ptr_null (lun_emul_nexus_at (lun.emul, HOST, 0, NULL));
}
END_TEST

START_TEST (test_each_group_has_its_state)
{
  g_auto (TestLun) lun = test_lun_new (8);
  LunEmulNexus *one = at_port (&lun, 1);

  set (&lun, 2, LUN_ALUA_NON_OPTIMIZED);
  set (&lun, 3, LUN_ALUA_STANDBY);
  set (&lun, 4, LUN_ALUA_TRANSITIONING);
  ck_assert_int_eq (reported (one, 1), LUN_ALUA_OPTIMIZED);
  ck_assert_int_eq (reported (one, 2), LUN_ALUA_NON_OPTIMIZED);
  ck_assert_int_eq (reported (one, 3), LUN_ALUA_STANDBY);
  ck_assert_int_eq (reported (one, 4), LUN_ALUA_TRANSITIONING);
  ck_assert (!lun_emul_set_port_state (lun.emul, 5, LUN_ALUA_OPTIMIZED));
}
END_TEST

START_TEST (test_a_change_is_told_to_every_nexus)
{
  g_auto (TestLun) lun = test_lun_new (8);
  LunEmulNexus *one = at_port (&lun, 1), *two = at_port (&lun, 2);

  set (&lun, 2, LUN_ALUA_NON_OPTIMIZED);
  drop_attention (one);
  drop_attention (two);
  ck_assert_uint_eq (test_next_attention (one), 0);
}
END_TEST

/* What a port in STATE answers: the sense of READ, TEST UNIT READY, READ CAPACITY, READ KEYS; 0 = good. */
static const struct {
  LunAlua state;
  uint16_t read, ready, capacity, keys;
} answers[] = {
  { LUN_ALUA_OPTIMIZED, 0, 0, 0, 0 },
  { LUN_ALUA_NON_OPTIMIZED, 0, 0, 0, 0 },
  { LUN_ALUA_STANDBY, 0x040b, 0x040b, 0, 0 },
  { LUN_ALUA_UNAVAILABLE, 0x040c, 0x040c, 0x040c, 0x040c },
  { LUN_ALUA_TRANSITIONING, 0x040a, 0x040a, 0x040a, 0x040a },
};

static void
assert_answer (LunResult result, uint16_t sense)
{
  if (sense == 0)
    assert_good (result);
  else
    assert_check (result, 2, sense);
}

START_TEST (test_what_a_port_answers_in_each_state)
{
  g_auto (TestLun) lun = test_lun_new (8);
  LunEmulNexus *one = at_port (&lun, 1), *two = at_port (&lun, 2);
  uint8_t block[512], data[64];

  for (unsigned i = 0; i < G_N_ELEMENTS (answers); i++) {
    set (&lun, 2, answers[i].state);
    drop_attention (one);
    drop_attention (two);
    assert_answer (test_read (two, 0, block, 1), answers[i].read);
    assert_answer (test_write_byte (two, 0, 1), answers[i].read);
    assert_answer (test_none (two, lun_cdb_test_unit_ready ()), answers[i].ready);
    assert_answer (test_in (two, lun_cdb_read_capacity_16 (32), data, 32),
                   answers[i].capacity);
    assert_answer (test_in (two, lun_cdb_pr_in (LUN_PR_IN_READ_KEYS, 64), data, 64),
                   answers[i].keys);
    assert_good (test_in (two, lun_cdb_inquiry (36), data, 36));
    assert_good (test_read (one, 0, block, 1)); /* the other port is what it was */
  }
}
END_TEST

START_TEST (test_one_initiator_at_two_ports_is_two_nexuses)
{
  g_auto (TestLun) lun = test_lun_new (8);
  LunEmulNexus *one = at_port (&lun, 1), *two = at_port (&lun, 2);

  ck_assert_ptr_ne (one, two);
  ck_assert_ptr_eq (one, lun_emul_nexus (lun.emul, HOST, NULL));
  lun_emul_lun_reset (lun.emul);
  ck_assert_uint_eq (test_next_attention (one), 0x2903);
  ck_assert_uint_eq (test_next_attention (two), 0x2903);
}
END_TEST

LUN_SUITE ("lunpath/emul_alua", test_a_lun_without_groups_says_so,
           test_a_port_says_which_it_is, test_each_group_has_its_state,
           test_a_change_is_told_to_every_nexus, test_what_a_port_answers_in_each_state,
           test_one_initiator_at_two_ports_is_two_nexuses)
