#include "lib/server_rig.h"
#include "lib/suite.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

static const FtsServerConfig configs[] = { { .by_path = false }, { .by_path = true } };

static Rig rig;

static FtsRequest
setattr_of (const char *name, uint32_t mask)
{
  FtsRequest request = { .op = FTS_OP_SETATTR, .mask = mask };

  ck_assert_int_eq (rig_lookup (&rig, &rig.root, name, &request.handle), 0);
  return request;
}

START_TEST (test_attributes_are_those_of_the_file)
{
  struct stat st;
  g_autofree char *path = NULL;

  rig_open (&rig, "", &configs[_i]);
  rig_write_file (&rig, "f", "some text");
  path = rig_path (&rig, "f");
  ck_assert_int_eq (stat (path, &st), 0);
  ck_assert_int_eq (rig_lookup (&rig, &rig.root, "f", NULL), 0);
  const FtsAttr *attr = &rig.answer.attr;
  ck_assert_uint_eq (attr->ino, st.st_ino);
  ck_assert_uint_eq (attr->mode, st.st_mode);
  ck_assert_uint_eq (attr->nlink, st.st_nlink);
  ck_assert_uint_eq (attr->size, (uint64_t) st.st_size);
  ck_assert_uint_eq (attr->blocks, (uint64_t) st.st_blocks);
  ck_assert_int_eq (attr->mtime.sec, st.st_mtim.tv_sec);
  ck_assert_uint_eq (attr->mtime.nsec, (uint32_t) st.st_mtim.tv_nsec);
  ck_assert_int_eq (attr->ctime.sec, st.st_ctim.tv_sec);
  rig_close (&rig);
}
END_TEST

START_TEST (test_mode_size_and_times_are_set_together)
{
  rig_open (&rig, "", &configs[_i]);
  rig_write_file (&rig, "f", "0123456789");
  FtsRequest request =
    setattr_of ("f", FTS_SET_MODE | FTS_SET_SIZE | FTS_SET_ATIME | FTS_SET_MTIME);
  request.attr = (FtsAttr){ .mode = S_IFREG | 0604,
                            .size = 4,
                            .atime = { 1000, 123456789 },
                            .mtime = { -5, 999999999 } };
  ck_assert_int_eq (rig_run (&rig, &request, NULL, 0), 0);
  ck_assert_uint_eq (rig.answer.attr.mode, S_IFREG | 0604);
  ck_assert_uint_eq (rig.answer.attr.size, 4);
  ck_assert_int_eq (rig.answer.attr.atime.sec, 1000);
  ck_assert_uint_eq (rig.answer.attr.atime.nsec, 123456789);
  ck_assert_int_eq (rig.answer.attr.mtime.sec, -5);
  ck_assert_uint_eq (rig.answer.attr.mtime.nsec, 999999999);
  rig_close (&rig);
}
END_TEST

START_TEST (test_one_time_is_set_without_the_other)
{
  rig_open (&rig, "", &configs[_i]);
  rig_write_file (&rig, "f", "");
  FtsRequest request = setattr_of ("f", FTS_SET_ATIME | FTS_SET_MTIME);
  request.attr = (FtsAttr){ .atime = { 1, 0 }, .mtime = { 2, 0 } };
  rig_run (&rig, &request, NULL, 0);
  request.mask = FTS_SET_ATIME;
  request.attr.atime.sec = 7;
  ck_assert_int_eq (rig_run (&rig, &request, NULL, 0), 0);
  ck_assert_int_eq (rig.answer.attr.atime.sec, 7);
  ck_assert_int_eq (rig.answer.attr.mtime.sec, 2);
  request.mask = FTS_SET_MTIME_NOW;
  ck_assert_int_eq (rig_run (&rig, &request, NULL, 0), 0);
  ck_assert_int_ge (rig.answer.attr.mtime.sec,
                    g_get_real_time () / G_USEC_PER_SEC - 60);
  ck_assert_int_eq (rig.answer.attr.atime.sec, 7);
  rig_close (&rig);
}
END_TEST

START_TEST (test_a_symlinks_own_times_and_owner_are_set)
{
  g_autofree char *path = NULL;
  struct stat st;

  rig_open (&rig, "", &configs[_i]);
  rig_write_file (&rig, "target", "");
  path = rig_path (&rig, "l");
  ck_assert_int_eq (symlink ("target", path), 0);
  FtsRequest request = setattr_of ("l", FTS_SET_MTIME);
  request.attr.mtime.sec = 42;
  if (geteuid () == 0) {
    request.mask |= FTS_SET_UID | FTS_SET_GID;
    request.attr.uid = 1234;
    request.attr.gid = 5678;
  }
  ck_assert_int_eq (rig_run (&rig, &request, NULL, 0), 0);
  ck_assert_int_eq (lstat (path, &st), 0);
  ck_assert_int_eq (st.st_mtim.tv_sec, 42);
  ck_assert_uint_eq (st.st_uid, geteuid () == 0 ? 1234 : geteuid ());
  ck_assert_int_eq (stat (path, &st), 0);
  ck_assert_int_ne (st.st_mtim.tv_sec, 42);
  request.mask = FTS_SET_MODE;
  ck_assert_int_eq (rig_run (&rig, &request, NULL, 0), EOPNOTSUPP);
  rig_close (&rig);
}
END_TEST

START_TEST (test_sizes_that_cannot_be_are_refused)
{
  rig_open (&rig, "", &configs[_i]);
  rig_write_file (&rig, "f", "");
  rig_make_dir (&rig, &rig.root, "d", NULL);
  FtsRequest request = setattr_of ("f", FTS_SET_SIZE);
  request.attr.size = UINT64_MAX;
  ck_assert_int_eq (rig_run (&rig, &request, NULL, 0), EFBIG);
  request = setattr_of ("d", FTS_SET_SIZE);
  ck_assert_int_eq (rig_run (&rig, &request, NULL, 0), EISDIR);
  rig_close (&rig);
}
END_TEST

START_TEST (test_truncating_an_open_file_needs_no_right_to_its_mode)
{
  uint64_t id;

  rig_open (&rig, "", &configs[_i]);
  FtsRequest create = { .op = FTS_OP_CREATE,
                        .handle = rig.root,
                        .name = rig_text ("f"),
                        .mode = 0400,
                        .open_flags = FTS_OPEN_READ | FTS_OPEN_WRITE };
  ck_assert_int_eq (rig_run (&rig, &create, NULL, 0), 0);
  id = rig.answer.open_id;
  FtsRequest request = setattr_of ("f", FTS_SET_SIZE);
  request.uid = request.gid = geteuid () == 0 ? 4321 : 0;
  request.attr.size = 100;
  request.open_id = id;
  ck_assert_int_eq (rig_run (&rig, &request, NULL, 0), 0);
  ck_assert_uint_eq (rig.answer.attr.size, 100);
  rig_close (&rig);
}
END_TEST

START_TEST (test_statfs_tells_of_the_file_system_behind)
{
  struct statvfs fs;

  rig_open (&rig, "", &configs[_i]);
  ck_assert_int_eq (rig_name_op (&rig, FTS_OP_STATFS, &rig.root, ""), 0);
  ck_assert_int_eq (statvfs (rig.dir, &fs), 0);
  ck_assert_uint_eq (rig.answer.statfs.blocks, fs.f_blocks);
  ck_assert_uint_eq (rig.answer.statfs.namemax, fs.f_namemax);
  ck_assert_uint_eq (rig.answer.statfs.frsize, fs.f_frsize);
  rig_close (&rig);
}
END_TEST

/* Flags of file f in all answers that tell its attributes. */
static void
check_flags (uint32_t flags)
{
  FtsRequest list = { .op = FTS_OP_DIR, .handle = rig.root, .length = 65536 };
  FtsDirent entry;
  FtsHandle file;
  size_t used;

  ck_assert_int_eq (rig_lookup (&rig, &rig.root, "f", &file), 0);
  ck_assert_uint_eq (rig.answer.attr.flags, flags);
  ck_assert_int_eq (rig_getattr (&rig, &file), 0);
  ck_assert_uint_eq (rig.answer.attr.flags, flags);
  ck_assert_int_eq (rig_run (&rig, &list, NULL, 0), 0);
  ck_assert (fts_wire_decode_dirent (rig.data->data, rig.data->len, &entry, &used));
  ck_assert_uint_eq (entry.attr.flags, flags);
}

START_TEST (test_a_plain_file_is_told_of_where_that_is_of_use)
{
  FtsRequest attach = { .op = FTS_OP_ATTACH,
                        .name = rig_text ("/data"),
                        .open_flags = FTS_OPEN_NO_XATTR };

  rig_open (&rig, "", &configs[_i]);
  rig_write_file (&rig, "f", "");
  check_flags (FTS_ATTR_PLAIN);
  ck_assert_int_eq (rig_run (&rig, &attach, NULL, 0), 0);
  check_flags (0);
  rig_attach (&rig);
  check_flags (FTS_ATTR_PLAIN);
  rig_close (&rig);
}
END_TEST

FTS_SUITE_VARIANTS ("fts/server_attr", G_N_ELEMENTS (configs),
                    test_attributes_are_those_of_the_file,
                    test_mode_size_and_times_are_set_together,
                    test_one_time_is_set_without_the_other,
                    test_a_symlinks_own_times_and_owner_are_set,
                    test_sizes_that_cannot_be_are_refused,
                    test_truncating_an_open_file_needs_no_right_to_its_mode,
                    test_a_plain_file_is_told_of_where_that_is_of_use,
                    test_statfs_tells_of_the_file_system_behind)
