#include "lib/server_rig.h"
#include "lib/suite.h"

#include <errno.h>

static Rig rig;
static FtsHandle handle;
static uint64_t open_id;

static void
open_with_open_file (void)
{
  rig_open (&rig, "", NULL);
  ck_assert_int_eq (rig_create (&rig, &rig.root, "f", FTS_OPEN_READ | FTS_OPEN_WRITE,
                                &handle, &open_id),
                    0);
}

static int
run (FtsOp op, FtsLockType type, uint64_t owner)
{
  FtsRequest request = {
    .op = op,
    .handle = handle,
    .open_id = open_id,
    .lock = { type, FTS_LOCK_POSIX, 0, INT64_MAX, owner, 1 },
  };

  return rig_run (&rig, &request, NULL, 0);
}

START_TEST (test_a_lock_in_the_way_is_said_at_once)
{
  open_with_open_file ();
  ck_assert_int_eq (run (FTS_OP_LOCK, FTS_LOCK_WRITE, 1), 0);
  ck_assert_uint_eq (rig.answer.length, 1);
  ck_assert_int_eq (run (FTS_OP_LOCK, FTS_LOCK_WRITE, 1), 0);
  ck_assert_uint_eq (rig.answer.length, 0);
  ck_assert_int_eq (run (FTS_OP_LOCK, FTS_LOCK_READ, 2), EAGAIN);
  ck_assert_int_eq (run (FTS_OP_TESTLOCK, FTS_LOCK_READ, 2), 0);
  ck_assert_uint_eq (rig.answer.lock.type, FTS_LOCK_WRITE);
  ck_assert_int_eq (run (FTS_OP_LOCK, FTS_LOCK_NONE, 1), 0);
  ck_assert_int_eq (run (FTS_OP_LOCK, FTS_LOCK_READ, 2), 0);
  rig_close (&rig);
}
END_TEST

START_TEST (test_a_lock_ends_with_its_client)
{
  open_with_open_file ();
  ck_assert_int_eq (run (FTS_OP_LOCK, FTS_LOCK_WRITE, 1), 0);
  fts_server_disconnect (rig.connection);
  rig.connection = fts_server_connect (rig.server, 5, 6, "another");
  rig_attach (&rig);
  FtsRequest request = { .op = FTS_OP_OPEN,
                         .handle = handle,
                         .open_flags = FTS_OPEN_WRITE };
  ck_assert_int_eq (rig_run (&rig, &request, NULL, 0), 0);
  open_id = rig.answer.open_id;
  ck_assert_int_eq (run (FTS_OP_LOCK, FTS_LOCK_WRITE, 2), 0);
  rig_close (&rig);
}
END_TEST

START_TEST (test_only_an_open_file_is_locked)
{
  open_with_open_file ();
  open_id++;
  ck_assert_int_eq (run (FTS_OP_LOCK, FTS_LOCK_WRITE, 1), ESTALE);
  open_id = 0;
  ck_assert_int_eq (run (FTS_OP_LOCK, FTS_LOCK_WRITE, 1), EBADF);
  rig_close (&rig);
}
END_TEST

FTS_SUITE ("fts/server_lock", test_a_lock_in_the_way_is_said_at_once,
           test_a_lock_ends_with_its_client, test_only_an_open_file_is_locked)
