/* Requests that come again: answered as the first time, by the same server and by the next one. */
#include "fts/replay.h"
#include "lib/server_rig.h"
#include "lib/suite.h"

#include <errno.h>
#include <linux/falloc.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#define INSTANCE 77u

static Rig rig;
static char *file;

static void
attach (void)
{
  FtsRequest request = { .op = FTS_OP_ATTACH,
                         .name = rig_text ("/data"),
                         .cookie = INSTANCE };

  ck_assert (fts_server_remember (rig.server, file, NULL));
  ck_assert_int_eq (rig_run (&rig, &request, NULL, 0), 0);
}

static void
start (void)
{
  rig_open (&rig, "", NULL);
  file = g_strconcat (rig.dir, ".answers", NULL);
  rig_attach (&rig);
  attach ();
}

static void
end (void)
{
  rig_close (&rig);
  unlink (file);
  g_free (file);
}

static void
restart (void)
{
  rig_restart (&rig, NULL);
  attach ();
}

/* NAME in the root, in slot 1. */
static FtsRequest
named (FtsOp op, const char *name, uint64_t sequence)
{
  return (FtsRequest){ .op = op,
                       .slot = 1,
                       .sequence = sequence,
                       .handle = rig.root,
                       .name = rig_text (name),
                       .mode = 0755 };
}

static int
send_again (FtsRequest *request)
{
  request->handle = rig.root; /* as the server of now calls it */
  if (request->op == FTS_OP_RENAME)
    request->handle2 = rig.root;
  return rig_run (&rig, request, NULL, 0);
}

static uint64_t
inode_of (const char *name)
{
  g_autofree char *path = rig_path (&rig, name);
  struct stat st;

  return lstat (path, &st) == 0 ? st.st_ino : 0;
}

static void
remove_here (const char *name)
{
  g_autofree char *path = rig_path (&rig, name);
  ck_assert_int_eq (remove (path), 0);
}

/* As a server leaves it that died between doing REQUEST and answering, or before doing it. */
static void
leave_begun (const FtsRequest *request, uint64_t ino, uint64_t size)
{
  FtsReplayNote note = { .ino = ino, .size = size };
  FtsReplayRecord *record = NULL;
  FtsAnswer answer;
  FtsReplay *replay = fts_replay_new (file, NULL);

  ck_assert_ptr_nonnull (replay);
  ck_assert_int_eq (fts_replay_begin (replay, INSTANCE + g_str_hash ("alpha"), request,
                                      &record, &answer),
                    FTS_REPLAY_NEW);
  fts_replay_set_note (record, &note);
  fts_replay_abandon (replay, record);
  fts_replay_free (replay);
  restart ();
}

START_TEST (test_a_request_sent_again_is_answered_as_the_first_time)
{
  FtsRequest make, rename, unlink;

  start ();
  rig_write_file (&rig, "a", "a");
  make = named (FTS_OP_MKDIR, "dir", 1);
  ck_assert_int_eq (send_again (&make), 0);
  ck_assert_int_eq (send_again (&make), 0);
  ck_assert_uint_gt (rig.answer.handle.len, 0);
  rename = named (FTS_OP_RENAME, "a", 2);
  rename.handle2 = rig.root;
  rename.name2 = rig_text ("b");
  ck_assert_int_eq (send_again (&rename), 0);
  ck_assert_int_eq (send_again (&rename), 0);
  unlink = named (FTS_OP_UNLINK, "b", 3);
  ck_assert_int_eq (send_again (&unlink), 0);
  ck_assert_int_eq (send_again (&unlink), 0);
  unlink.sequence = 4;
  ck_assert_int_eq (send_again (&unlink), ENOENT);
  ck_assert_int_eq (send_again (&unlink), ENOENT);
  end ();
}
END_TEST

START_TEST (test_the_next_server_answers_for_the_one_before)
{
  FtsRequest unlink, make;

  start ();
  rig_write_file (&rig, "a", "a");
  unlink = named (FTS_OP_UNLINK, "a", 1);
  ck_assert_int_eq (send_again (&unlink), 0);
  make = named (FTS_OP_MKDIR, "dir", 1);
  make.slot = 2;
  ck_assert_int_eq (send_again (&make), 0);
  restart ();
  ck_assert_int_eq (send_again (&unlink), 0);
  ck_assert_int_eq (send_again (&make), 0);
  make.sequence = 2;
  ck_assert_int_eq (send_again (&make), EEXIST);
  end ();
}
END_TEST

START_TEST (test_an_outdated_request_does_nothing)
{
  FtsRequest first, second;

  start ();
  first = named (FTS_OP_MKDIR, "late", 1);
  second = named (FTS_OP_MKDIR, "dir", 2);
  ck_assert_int_eq (send_again (&second), 0);
  ck_assert_int_eq (send_again (&first), EIO);
  ck_assert_uint_eq (inode_of ("late"), 0);
  end ();
}
END_TEST

START_TEST (test_an_exclusive_create_gives_the_same_open_file)
{
  FtsRequest create;

  start ();
  create = named (FTS_OP_CREATE, "new", 1);
  create.open_flags = FTS_OPEN_WRITE | FTS_OPEN_EXCL;
  ck_assert_int_eq (send_again (&create), 0);
  uint64_t open_id = rig.answer.open_id;
  ck_assert_int_eq (send_again (&create), 0);
  ck_assert_uint_eq (rig.answer.open_id, open_id);
  create.sequence = 2;
  ck_assert_int_eq (send_again (&create), EEXIST);
  end ();
}
END_TEST

static FtsRequest
append (uint64_t open_id, const FtsHandle *handle, size_t len)
{
  return (FtsRequest){ .op = FTS_OP_WRITE,
                       .slot = 1,
                       .sequence = 9,
                       .flags = FTS_REQUEST_APPENDS,
                       .handle = *handle,
                       .open_id = open_id,
                       .length = len };
}

START_TEST (test_an_append_is_written_once)
{
  FtsHandle handle;
  uint64_t open_id;

  start ();
  ck_assert_int_eq (rig_create (&rig, &rig.root, "log",
                                FTS_OPEN_WRITE | FTS_OPEN_APPEND, &handle, &open_id),
                    0);
  FtsRequest request = append (open_id, &handle, 5);
  ck_assert_int_eq (rig_run (&rig, &request, "hello", 5), 0);
  ck_assert_int_eq (rig_run (&rig, &request, "hello", 5), 0);
  ck_assert_uint_eq (rig.answer.length, 5);
  g_autofree char *text = rig_read_file (&rig, "log");
  ck_assert_str_eq (text, "hello");
  end ();
}
END_TEST

START_TEST (test_of_an_append_that_broke_off_the_rest_is_written)
{
  FtsHandle handle = { 0 };
  uint64_t open_id;

  start ();
  FtsRequest request = append (0, &handle, 5);
  rig_write_file (&rig, "log", "he");
  leave_begun (&request, 0, 0);
  ck_assert_int_eq (rig_lookup (&rig, &rig.root, "log", &handle), 0);
  request.handle = handle;
  FtsRequest open = { .op = FTS_OP_OPEN,
                      .handle = handle,
                      .open_flags = FTS_OPEN_WRITE | FTS_OPEN_APPEND };
  ck_assert_int_eq (rig_run (&rig, &open, NULL, 0), 0);
  open_id = rig.answer.open_id;
  request.open_id = 4711; /* of the server before */
  ck_assert_int_eq (rig_run (&rig, &request, "hello", 5), ESTALE);
  request.open_id = open_id;
  ck_assert_int_eq (rig_run (&rig, &request, "hello", 5), 0);
  ck_assert_uint_eq (rig.answer.length, 5);
  g_autofree char *text = rig_read_file (&rig, "log");
  ck_assert_str_eq (text, "hello");
  end ();
}
END_TEST

/* Died after it, and before it. */
START_TEST (test_an_unlink_in_doubt_is_told_by_what_is_there)
{
  FtsRequest unlink;

  start ();
  rig_write_file (&rig, "a", "a");
  unlink = named (FTS_OP_UNLINK, "a", 1);
  uint64_t ino = inode_of ("a");
  remove_here ("a");
  leave_begun (&unlink, ino, 0);
  ck_assert_int_eq (send_again (&unlink), 0);

  rig_write_file (&rig, "a", "a");
  unlink.sequence = 2;
  leave_begun (&unlink, inode_of ("a"), 0);
  ck_assert_int_eq (send_again (&unlink), 0);
  ck_assert_uint_eq (inode_of ("a"), 0);

  unlink.sequence = 3; /* it was not there before either */
  leave_begun (&unlink, 0, 0);
  ck_assert_int_eq (send_again (&unlink), ENOENT);
  end ();
}
END_TEST

START_TEST (test_a_mkdir_in_doubt_is_told_by_what_is_there)
{
  FtsRequest make;

  start ();
  make = named (FTS_OP_MKDIR, "dir", 1);
  FtsHandle dir;
  ck_assert_int_eq (rig_make_dir (&rig, &rig.root, "dir", &dir), 0);
  leave_begun (&make, 0, 0);
  ck_assert_int_eq (send_again (&make), 0);
  ck_assert_uint_eq (rig.answer.attr.ino, inode_of ("dir"));

  make.sequence = 2; /* it was there before: another one's */
  leave_begun (&make, inode_of ("dir"), 0);
  ck_assert_int_eq (send_again (&make), EEXIST);
  end ();
}
END_TEST

START_TEST (test_a_rename_in_doubt_is_told_by_what_is_there)
{
  FtsRequest rename;

  start ();
  rig_write_file (&rig, "b", "moved");
  rename = named (FTS_OP_RENAME, "a", 1);
  rename.handle2 = rig.root;
  rename.name2 = rig_text ("b");
  leave_begun (&rename, inode_of ("b"), 0);
  ck_assert_int_eq (send_again (&rename), 0);

  rename.sequence = 2;
  leave_begun (&rename, 0, 0);
  ck_assert_int_eq (send_again (&rename), ENOENT);
  end ();
}
END_TEST

START_TEST (test_a_memory_of_another_program_is_emptied)
{
  FtsRequest unlink;

  start ();
  rig_write_file (&rig, "a", "a");
  unlink = named (FTS_OP_UNLINK, "a", 1);
  ck_assert_int_eq (send_again (&unlink), 0);
  ck_assert (g_file_set_contents (file, "something else", -1, NULL));
  restart ();
  ck_assert_int_eq (send_again (&unlink), ENOENT);
  end ();
}
END_TEST

START_TEST (test_the_slot_that_was_not_used_for_longest_is_forgotten)
{
  FtsRequest make;

  start ();
  make = named (FTS_OP_MKDIR, "dir", 1);
  ck_assert_int_eq (send_again (&make), 0);
  FtsReplay *replay = fts_replay_new (NULL, NULL);
  FtsRequest request = { .op = FTS_OP_UNLINK, .sequence = 1 };
  FtsReplayRecord *record;
  FtsAnswer answer = { .op = FTS_OP_UNLINK };
  for (uint64_t i = 0; i <= FTS_REPLAY_RECORDS; i++) {
    request.slot = 1 + (uint32_t) (i % FTS_REPLAY_SLOTS);
    ck_assert_int_eq (
      fts_replay_begin (replay, 1 + i / FTS_REPLAY_SLOTS, &request, &record, &answer),
      FTS_REPLAY_NEW);
    answer = (FtsAnswer){ .op = FTS_OP_UNLINK };
    fts_replay_end (replay, record, &answer);
  }
  request.slot = 2;
  ck_assert_int_eq (fts_replay_begin (replay, 1, &request, &record, &answer),
                    FTS_REPLAY_DONE);
  request.slot = 1;
  ck_assert_int_eq (fts_replay_begin (replay, 1, &request, &record, &answer),
                    FTS_REPLAY_NEW);
  fts_replay_abandon (replay, record);
  fts_replay_free (replay);
  end ();
}
END_TEST

FTS_SUITE ("fts/server_replay", test_a_request_sent_again_is_answered_as_the_first_time,
           test_the_next_server_answers_for_the_one_before,
           test_an_outdated_request_does_nothing,
           test_an_exclusive_create_gives_the_same_open_file,
           test_an_append_is_written_once,
           test_of_an_append_that_broke_off_the_rest_is_written,
           test_an_unlink_in_doubt_is_told_by_what_is_there,
           test_a_mkdir_in_doubt_is_told_by_what_is_there,
           test_a_rename_in_doubt_is_told_by_what_is_there,
           test_a_memory_of_another_program_is_emptied,
           test_the_slot_that_was_not_used_for_longest_is_forgotten)
