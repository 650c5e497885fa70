/* Whose rights count: two users and a group, a full disk, peers and exports. */
#include "lib/server_rig.h"
#include "lib/suite.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define ANNA  20001u
#define BERT  20002u
#define STAFF 30001u

static Rig rig;

static bool
needs_root (void)
{
  return geteuid () != 0;
}

static FtsRequest
as (uint32_t uid, FtsOp op, const FtsHandle *handle, const char *name)
{
  return (FtsRequest){ .op = op,
                       .handle = *handle,
                       .uid = uid,
                       .gid = uid,
                       .umask = 022,
                       .name = rig_text (name),
                       .mode = 0644 };
}

static int
run_as (uint32_t uid, FtsOp op, const FtsHandle *handle, const char *name)
{
  FtsRequest request = as (uid, op, handle, name);

  if (op == FTS_OP_CREATE)
    request.open_flags = FTS_OPEN_WRITE;
  if (op == FTS_OP_OPEN)
    request.open_flags = FTS_OPEN_READ;
  return rig_run (&rig, &request, NULL, 0);
}

static FtsHandle
make_private_dir (uint32_t owner, uint32_t mode)
{
  FtsHandle dir;
  g_autofree char *path = rig_path (&rig, "d");

  ck_assert_int_eq (mkdir (path, 0777), 0);
  ck_assert_int_eq (chown (path, owner, owner), 0);
  ck_assert_int_eq (chmod (path, mode), 0);
  ck_assert_int_eq (rig_lookup (&rig, &rig.root, "d", &dir), 0);
  return dir;
}

START_TEST (test_what_a_user_makes_is_hers)
{
  if (needs_root ())
    return;
  rig_open (&rig, "", NULL);
  FtsHandle dir = make_private_dir (ANNA, 0700);
  ck_assert_int_eq (run_as (ANNA, FTS_OP_CREATE, &dir, "f"), 0);
  ck_assert_uint_eq (rig.answer.attr.uid, ANNA);
  ck_assert_uint_eq (rig.answer.attr.gid, ANNA);
  ck_assert_int_eq (run_as (ANNA, FTS_OP_MKDIR, &dir, "e"), 0);
  ck_assert_uint_eq (rig.answer.attr.uid, ANNA);
  rig_close (&rig);
}
END_TEST

START_TEST (test_another_user_is_kept_out)
{
  const FtsOp ops[] = { FTS_OP_LOOKUP, FTS_OP_CREATE, FTS_OP_MKDIR, FTS_OP_UNLINK,
                        FTS_OP_GET };

  if (needs_root ())
    return;
  rig_open (&rig, "", NULL);
  FtsHandle dir = make_private_dir (ANNA, 0700);
  rig_write_file (&rig, "d/f", "");
  for (size_t i = 0; i < G_N_ELEMENTS (ops); i++)
    ck_assert_int_eq (run_as (BERT, ops[i], &dir, "f"), EACCES);
  FtsRequest page = as (BERT, FTS_OP_DIR, &dir, "");
  page.length = 65536;
  ck_assert_int_eq (rig_run (&rig, &page, NULL, 0), EACCES);
  FtsRequest chmod_request = as (BERT, FTS_OP_SETATTR, &dir, "");
  chmod_request.mask = FTS_SET_MODE;
  ck_assert_int_eq (rig_run (&rig, &chmod_request, NULL, 0), EPERM);
  ck_assert_int_eq (run_as (0, FTS_OP_LOOKUP, &dir, "f"), 0); /* root again */
  rig_close (&rig);
}
END_TEST

START_TEST (test_a_cached_directory_is_not_read_with_anothers_right)
{
  if (needs_root ())
    return;
  rig_open (&rig, "", NULL);
  FtsHandle dir = make_private_dir (ANNA, 0700);
  rig_write_file (&rig, "d/f", "");
  FtsRequest page = as (ANNA, FTS_OP_DIR, &dir, "");
  page.length = 65536;
  ck_assert_int_eq (rig_run (&rig, &page, NULL, 0), 0);
  page.uid = BERT;
  ck_assert_int_eq (rig_run (&rig, &page, NULL, 0), EACCES);
  page.uid = ANNA;
  ck_assert_int_eq (rig_run (&rig, &page, NULL, 0), 0);
  ck_assert_uint_gt (rig.data->len, 0);
  rig_close (&rig);
}
END_TEST

START_TEST (test_a_file_is_opened_with_the_callers_right)
{
  FtsHandle file;

  if (needs_root ())
    return;
  rig_open (&rig, "", NULL);
  FtsHandle dir = make_private_dir (ANNA, 0755);
  ck_assert_int_eq (run_as (ANNA, FTS_OP_CREATE, &dir, "f"), 0);
  file = rig.answer.handle;
  ck_assert_int_eq (run_as (BERT, FTS_OP_OPEN, &file, ""), 0);
  FtsRequest open = as (BERT, FTS_OP_OPEN, &file, "");
  open.open_flags = FTS_OPEN_WRITE;
  ck_assert_int_eq (rig_run (&rig, &open, NULL, 0), EACCES);
  FtsRequest write = as (BERT, FTS_OP_WRITE, &file, "");
  write.length = 1;
  ck_assert_int_eq (rig_run (&rig, &write, "x", 1), EACCES);
  rig_close (&rig);
}
END_TEST

START_TEST (test_supplementary_groups_count)
{
  g_autofree char *path = NULL;

  if (needs_root ())
    return;
  rig_open (&rig, "", NULL);
  FtsHandle dir = make_private_dir (ANNA, 0770);
  path = rig_path (&rig, "d");
  ck_assert_int_eq (chown (path, ANNA, STAFF), 0);
  FtsRequest request = as (BERT, FTS_OP_MKDIR, &dir, "x");
  ck_assert_int_eq (rig_run (&rig, &request, NULL, 0), EACCES);
  request.n_groups = 2;
  request.groups[0] = 12;
  request.groups[1] = STAFF;
  ck_assert_int_eq (rig_run (&rig, &request, NULL, 0), 0);
  request.n_groups = 0;
  request.name = rig_text ("y");
  ck_assert_int_eq (rig_run (&rig, &request, NULL, 0), EACCES);
  rig_close (&rig);
}
END_TEST

START_TEST (test_impossible_ids_are_refused_and_do_no_harm)
{
  if (needs_root ())
    return;
  rig_open (&rig, "", NULL);
  ck_assert_int_eq (run_as (UINT32_MAX, FTS_OP_MKDIR, &rig.root, "x"), EPERM);
  FtsRequest request = as (ANNA, FTS_OP_MKDIR, &rig.root, "x");
  request.n_groups = 1;
  request.groups[0] = UINT32_MAX;
  ck_assert_int_eq (rig_run (&rig, &request, NULL, 0), EPERM);
  ck_assert_int_eq (run_as (0, FTS_OP_MKDIR, &rig.root, "x"), 0);
  rig_close (&rig);
}
END_TEST

START_TEST (test_files_are_found_after_switching_users_with_a_cold_cache)
{
  const FtsServerConfig small = { .most_descriptors = 1 };

  if (needs_root ())
    return;
  rig_open (&rig, "", &small);
  FtsHandle dir = make_private_dir (ANNA, 0755);
  for (int i = 0; i < 100; i++) {
    g_autofree char *name = g_strdup_printf ("f%d", i);
    ck_assert_int_eq (run_as (ANNA, FTS_OP_CREATE, &dir, name), 0);
    FtsHandle file = rig.answer.handle;
    ck_assert_int_eq (run_as (BERT, FTS_OP_OPEN, &file, ""), 0);
  }
  rig_close (&rig);
}
END_TEST

START_TEST (test_devices_are_made_where_allowed_and_by_root_alone)
{
  if (needs_root ())
    return;
  rig_open (&rig, ",devices", NULL);
  FtsRequest request = as (0, FTS_OP_MKNOD, &rig.root, "null");
  request.mode = S_IFCHR | 0666;
  request.rdev = 0x103;
  ck_assert_int_eq (rig_run (&rig, &request, NULL, 0), 0);
  ck_assert_uint_eq (rig.answer.attr.rdev, 0x103);
  ck_assert_int_eq (chmod (rig.dir, 0777), 0);
  request = as (ANNA, FTS_OP_MKNOD, &rig.root, "zero");
  request.mode = S_IFCHR | 0666;
  ck_assert_int_eq (rig_run (&rig, &request, NULL, 0), EPERM);
  rig_close (&rig);
}
END_TEST

/* ---- threads: the identity is of a thread ---- */

typedef struct {
  FtsServer *server;
  uint32_t uid;
  unsigned wrong;
} Worker;

static void *
make_files_as_a_user (void *data)
{
  Worker *worker = data;
  Rig mine = rig;

  mine.memory = (MemoryStream){ .stream = rig.memory.stream, .room = rig.memory.room };
  mine.data = g_byte_array_new ();
  mine.header = g_byte_array_new ();
  mine.connection = fts_server_connect (worker->server, worker->uid, 1, "alpha");
  rig_attach (&mine);
  for (int i = 0; i < 300; i++) {
    g_autofree char *name = g_strdup_printf ("%u-%d", worker->uid, i);
    FtsRequest request = as (worker->uid, FTS_OP_CREATE, &mine.root, name);
    request.open_flags = FTS_OPEN_WRITE;
    request.umask = worker->uid & 0777;
    if (rig_run (&mine, &request, NULL, 0) != 0 ||
        mine.answer.attr.uid != worker->uid ||
        mine.answer.attr.mode != (S_IFREG | (0644 & ~(worker->uid & 0777))))
      worker->wrong++;
  }
  fts_server_disconnect (mine.connection);
  return NULL;
}

START_TEST (test_threads_do_not_mix_their_users)
{
  Worker workers[4];
  pthread_t threads[4];

  if (needs_root ())
    return;
  rig_open (&rig, "", NULL);
  ck_assert_int_eq (chmod (rig.dir, 0777), 0);
  for (int i = 0; i < 4; i++) {
    workers[i] = (Worker){ rig.server, ANNA + (uint32_t) i, 0 };
    pthread_create (&threads[i], NULL, make_files_as_a_user, &workers[i]);
  }
  for (int i = 0; i < 4; i++) {
    pthread_join (threads[i], NULL);
    ck_assert_uint_eq (workers[i].wrong, 0);
  }
  rig_close (&rig);
}
END_TEST

/* ---- a full disk ---- */

START_TEST (test_a_full_disk_is_enospc)
{
  g_autofree char *dir = NULL;
  g_autofree uint8_t *data = g_malloc0 (1u << 20);
  FtsHandle root;
  uint64_t id;
  uint64_t at = 0;
  int failed;

  if (needs_root ())
    return;
  rig_open (&rig, "", NULL);
  dir = rig_path (&rig, "small");
  ck_assert_int_eq (mkdir (dir, 0755), 0);
  if (mount ("none", dir, "tmpfs", 0, "size=3m") != 0) {
    rig_close (&rig);
    return;
  }
  g_autofree char *spec = g_strdup_printf ("small=%s", dir);
  ck_assert (fts_exports_add (rig.exports, spec, NULL));
  rig_restart (&rig, NULL);
  FtsRequest attach = { .op = FTS_OP_ATTACH, .name = rig_text ("small") };
  ck_assert_int_eq (rig_run (&rig, &attach, NULL, 0), 0);
  root = rig.answer.handle;
  ck_assert_int_eq (rig_create (&rig, &root, "f", FTS_OPEN_WRITE, NULL, &id), 0);
  do {
    FtsRequest write = {
      .op = FTS_OP_WRITE, .open_id = id, .offset = at, .length = 1u << 20
    };
    failed = rig_run (&rig, &write, data, 1u << 20);
    at += rig.answer.length;
  } while (!failed && at < (8u << 20));
  ck_assert_int_eq (failed, ENOSPC);
  ck_assert_uint_ge (at, 2u << 20);
  ck_assert_uint_le (at, 3u << 20);
  /* The connection still works, and so does making room. */
  FtsRequest close_request = { .op = FTS_OP_CLOSE, .open_id = id };
  ck_assert_int_eq (rig_run (&rig, &close_request, NULL, 0), 0);
  ck_assert_int_eq (rig_name_op (&rig, FTS_OP_UNLINK, &root, "f"), 0);
  ck_assert_int_eq (rig_name_op (&rig, FTS_OP_STATFS, &root, ""), 0);
  ck_assert_uint_ge (rig.answer.statfs.bfree * rig.answer.statfs.frsize, 2u << 20);
  rig_restart (&rig, NULL);
  umount2 (dir, MNT_DETACH);
  rig_close (&rig);
}
END_TEST

START_TEST (test_another_mount_beneath_is_not_entered)
{
  g_autofree char *dir = NULL;
  FtsDirent entry;
  size_t used;

  if (needs_root ())
    return;
  rig_open (&rig, "", NULL);
  dir = rig_path (&rig, "m");
  ck_assert_int_eq (mkdir (dir, 0755), 0);
  if (mount ("none", dir, "tmpfs", 0, "size=1m") != 0) {
    rig_close (&rig);
    return;
  }
  ck_assert_int_eq (rig_lookup (&rig, &rig.root, "m", NULL), EXDEV);
  ck_assert_int_eq (rig_name_op (&rig, FTS_OP_WALK, &rig.root, "m"), EXDEV);
  FtsRequest page = { .op = FTS_OP_DIR, .handle = rig.root, .length = 65536 };
  ck_assert_int_eq (rig_run (&rig, &page, NULL, 0), 0);
  ck_assert (fts_wire_decode_dirent (rig.data->data, rig.data->len, &entry, &used));
  ck_assert_uint_eq (entry.handle.len, 0);
  umount2 (dir, MNT_DETACH);
  rig_close (&rig);
}
END_TEST

/* ---- peers ---- */

START_TEST (test_an_export_is_given_only_to_its_peers)
{
  g_autofree char *spec = NULL;
  FtsRequest attach = { .op = FTS_OP_ATTACH, .name = rig_text ("private") };

  rig_open (&rig, "", NULL);
  spec = g_strdup_printf ("private=%s,peers=beta:gamma", rig.dir);
  ck_assert (fts_exports_add (rig.exports, spec, NULL));
  rig_restart (&rig, NULL);
  ck_assert_int_eq (rig_run (&rig, &attach, NULL, 0), EACCES);
  attach.name = rig_text ("missing");
  ck_assert_int_eq (rig_run (&rig, &attach, NULL, 0), ENOENT);
  rig_close (&rig);
}
END_TEST

START_TEST (test_a_client_that_will_not_write_cannot)
{
  FtsRequest attach = { .op = FTS_OP_ATTACH,
                        .name = rig_text ("data"),
                        .open_flags = FTS_OPEN_READ_ONLY };

  rig_open (&rig, "", NULL);
  ck_assert_int_eq (rig_run (&rig, &attach, NULL, 0), 0);
  ck_assert_uint_eq (rig.answer.flags & FTS_ANSWER_READ_ONLY, 0);
  ck_assert_int_eq (rig_make_dir (&rig, &rig.root, "d", NULL), EROFS);
  rig_close (&rig);
}
END_TEST

FTS_SUITE ("fts/server_rights", test_what_a_user_makes_is_hers,
           test_another_user_is_kept_out,
           test_a_cached_directory_is_not_read_with_anothers_right,
           test_a_file_is_opened_with_the_callers_right,
           test_supplementary_groups_count,
           test_impossible_ids_are_refused_and_do_no_harm,
           test_files_are_found_after_switching_users_with_a_cold_cache,
           test_devices_are_made_where_allowed_and_by_root_alone,
           test_threads_do_not_mix_their_users, test_a_full_disk_is_enospc,
           test_another_mount_beneath_is_not_entered,
           test_an_export_is_given_only_to_its_peers,
           test_a_client_that_will_not_write_cannot)
