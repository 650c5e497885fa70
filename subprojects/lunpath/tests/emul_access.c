/* Who may do what under which reservation: every type, every role, every family of commands. */
#include "emul_lun.h"

#define KEY 0x1111

typedef enum {
  ROLE_HOLDER,
  ROLE_REGISTERED,
  ROLE_STRANGER,
  N_ROLES,
} Role;

typedef struct {
  const char *name;
  LunDirection dir;
  uint8_t cdb[16];
  uint8_t cdb_len;
} Family;

static const Family readers[] = {
  { "READ(6)", LUN_DIR_IN, { 0x08, 0, 0, 0, 1 }, 6 },
  { "READ(10)", LUN_DIR_IN, { 0x28, 0, 0, 0, 0, 0, 0, 0, 1 }, 10 },
  { "READ(12)", LUN_DIR_IN, { 0xa8, 0, 0, 0, 0, 0, 0, 0, 0, 1 }, 12 },
  { "READ(16)", LUN_DIR_IN, { 0x88, [13] = 1 }, 16 },
};

static const Family writers[] = {
  { "WRITE(6)", LUN_DIR_OUT, { 0x0a, 0, 0, 0, 1 }, 6 },
  { "WRITE(10)", LUN_DIR_OUT, { 0x2a, 0, 0, 0, 0, 0, 0, 0, 1 }, 10 },
  { "WRITE(12)", LUN_DIR_OUT, { 0xaa, 0, 0, 0, 0, 0, 0, 0, 0, 1 }, 12 },
  { "WRITE(16)", LUN_DIR_OUT, { 0x8a, [13] = 1 }, 16 },
  { "COMPARE AND WRITE", LUN_DIR_OUT, { 0x89, [13] = 1 }, 16 },
  { "SYNCHRONIZE CACHE(10)", LUN_DIR_NONE, { 0x35 }, 10 },
  { "SYNCHRONIZE CACHE(16)", LUN_DIR_NONE, { 0x91 }, 16 },
};

static const Family free_for_all[] = {
  { "TEST UNIT READY", LUN_DIR_NONE, { 0x00 }, 6 },
  { "REQUEST SENSE", LUN_DIR_IN, { 0x03, 0, 0, 0, 18 }, 6 },
  { "INQUIRY", LUN_DIR_IN, { 0x12, 0, 0, 0, 96 }, 6 },
  { "REPORT LUNS", LUN_DIR_IN, { 0xa0, [9] = 16 }, 12 },
  { "READ CAPACITY(10)", LUN_DIR_IN, { 0x25 }, 10 },
  { "READ CAPACITY(16)", LUN_DIR_IN, { 0x9e, 0x10, [13] = 32 }, 16 },
  { "READ KEYS", LUN_DIR_IN, { 0x5e, 0, [8] = 64 }, 10 },
  { "READ RESERVATION", LUN_DIR_IN, { 0x5e, 1, [8] = 64 }, 10 },
  { "REPORT CAPABILITIES", LUN_DIR_IN, { 0x5e, 2, [8] = 64 }, 10 },
  { "READ FULL STATUS", LUN_DIR_IN, { 0x5e, 3, [8] = 64 }, 10 },
};

static const Family mode_sense[] = {
  { "MODE SENSE(6)", LUN_DIR_IN, { 0x1a, 8, 0x3f, 0, 64 }, 6 },
};

/* SPC-4 table 65 and SBC-3 table 13, by role; true = allowed. */
typedef struct {
  uint8_t type;
  bool read[N_ROLES], write[N_ROLES], mode[N_ROLES];
} Row;

static const Row matrix[] = {
  /*      holder registered stranger */
  { 1, { true, true, true }, { true, false, false }, { true, true, true } },
  { 3, { true, false, false }, { true, false, false }, { true, true, false } },
  { 5, { true, true, true }, { true, true, false }, { true, true, true } },
  { 6, { true, true, false }, { true, true, false }, { true, true, false } },
  { 7, { true, true, true }, { true, true, false }, { true, true, true } },
  { 8, { true, true, false }, { true, true, false }, { true, true, false } },
};

/* CAW data that never differs from a zeroed LUN is two zero blocks. */
static void
check_family (LunEmulNexus *nexus, const Family *family, uint8_t type, Role role,
              bool allowed)
{
  uint8_t buf[1024] = { 0 };
  LunCdb cdb = { .len = family->cdb_len };
  LunResult result;

  memcpy (cdb.b, family->cdb, sizeof family->cdb);
  if (family->dir == LUN_DIR_IN)
    result = test_in (nexus, cdb, buf, sizeof buf);
  else if (family->dir == LUN_DIR_OUT)
    result = test_out (nexus, cdb, buf, sizeof buf);
  else
    result = test_none (nexus, cdb);
  ck_assert_msg (
    result.outcome == (allowed ? LUN_OUTCOME_GOOD : LUN_OUTCOME_RESERVATION_CONFLICT),
    "%s, type %u, role %d: outcome %d", family->name, type, role, result.outcome);
}

#define CHECK_FAMILIES(list, allowed)              \
  for (size_t f = 0; f < G_N_ELEMENTS (list); f++) \
  check_family (nexus, &list[f], row->type, role, allowed)

static void
check_role (LunEmulNexus *nexus, const Row *row, Role role)
{
  CHECK_FAMILIES (readers, row->read[role]);
  CHECK_FAMILIES (writers, row->write[role]);
  CHECK_FAMILIES (mode_sense, row->mode[role]);
  CHECK_FAMILIES (free_for_all, true);
}

START_TEST (test_every_type_admits_whom_the_standard_admits)
{
  for (size_t i = 0; i < G_N_ELEMENTS (matrix); i++) {
    g_auto (TestLun) lun = test_lun_new (8);
    LunEmulNexus *holder = test_nexus (&lun, "holder");
    LunEmulNexus *registered = test_nexus (&lun, "registered");
    LunEmulNexus *stranger = test_nexus (&lun, "stranger");

    assert_good (test_register (holder, KEY));
    assert_good (test_register (registered, KEY + 1));
    assert_good (test_reserve (holder, matrix[i].type, KEY));
    check_role (holder, &matrix[i], ROLE_HOLDER);
    check_role (registered, &matrix[i], ROLE_REGISTERED);
    check_role (stranger, &matrix[i], ROLE_STRANGER);
  }
}
END_TEST

START_TEST (test_registrations_alone_shut_nobody_out)
{
  static const Row open_row = {
    0, { true, true, true }, { true, true, true }, { true, true, true }
  };
  g_auto (TestLun) lun = test_lun_new (8);

  assert_good (test_register (test_nexus (&lun, "a"), KEY));
  check_role (test_nexus (&lun, "a"), &open_row, ROLE_REGISTERED);
  check_role (test_nexus (&lun, "b"), &open_row, ROLE_STRANGER);
}
END_TEST

START_TEST (test_fast_path_and_cdbs_agree)
{
  uint8_t block[512] = { 0 };

  for (size_t i = 0; i < G_N_ELEMENTS (matrix); i++) {
    g_auto (TestLun) lun = test_lun_new (8);
    LunEmulNexus *holder = test_nexus (&lun, "holder");
    LunEmulNexus *stranger = test_nexus (&lun, "stranger");
    assert_good (test_register (holder, KEY));
    assert_good (test_reserve (holder, matrix[i].type, KEY));
    assert_good (test_read (holder, 0, block, 1));
    assert_good (test_write (holder, 0, block, 1));
    ck_assert_int_eq (test_read (stranger, 0, block, 1).outcome,
                      matrix[i].read[ROLE_STRANGER] ? LUN_OUTCOME_GOOD
                                                    : LUN_OUTCOME_RESERVATION_CONFLICT);
    assert_conflict (test_write (stranger, 0, block, 1));
  }
}
END_TEST

START_TEST (test_second_path_of_the_holder_is_somebody_else_under_types_1_and_3)
{
  static const uint8_t types[] = { 1, 3 };

  for (size_t i = 0; i < G_N_ELEMENTS (types); i++) {
    g_auto (TestLun) lun = test_lun_new (8);
    LunEmulNexus *one = test_nexus (&lun, "path1"), *two = test_nexus (&lun, "path2");
    assert_good (test_register (one, KEY));
    assert_good (test_register (two, KEY));
    assert_good (test_reserve (one, types[i], KEY));
    assert_conflict (test_write_byte (two, 0, 1));
    assert_conflict (test_reserve (two, types[i], KEY));
  }
}
END_TEST

START_TEST (test_refused_write_changes_nothing)
{
  g_auto (TestLun) lun = test_lun_new (8);
  LunEmulNexus *a = test_nexus (&lun, "a"), *b = test_nexus (&lun, "b");

  assert_good (test_write_byte (a, 1, 0x11));
  assert_good (test_register (a, KEY));
  assert_good (test_reserve (a, 7, KEY));
  assert_conflict (test_write_byte (b, 1, 0x22));
  assert_conflict (test_caw (b, 1, 0x11, 0x22));
  ck_assert_uint_eq (lun_emul_map (lun.emul, 1, 1)[0], 0x11);
}
END_TEST

LUN_SUITE ("emul/access", test_every_type_admits_whom_the_standard_admits,
           test_registrations_alone_shut_nobody_out, test_fast_path_and_cdbs_agree,
           test_second_path_of_the_holder_is_somebody_else_under_types_1_and_3,
           test_refused_write_changes_nothing)
