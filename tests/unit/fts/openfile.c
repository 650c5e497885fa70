#include "fts/openfile.h"

#include "lib/suite.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define N 6

typedef struct {
  FtsOpenFiles *registry;
  FtsOpenFile *files[N];
  char names[N][64];
} Fixture;

static FtsHandle
handle (int n)
{
  return (FtsHandle){ .len = 2, .bytes = { 'h', (uint8_t) n } };
}

/* N open files, of which MOST may be awake. */
static Fixture
make (unsigned most)
{
  Fixture f = { .registry = fts_open_files_new (most) };

  for (int i = 0; i < N; i++) {
    FtsHandle h = handle (i);
    g_strlcpy (f.names[i], "/dev/shm/fts-openfile-XXXXXX", sizeof f.names[i]);
    f.files[i] =
      fts_open_file_new (f.registry, mkstemp (f.names[i]), FTS_OPEN_READ, &h);
  }
  return f;
}

static void
end (Fixture *f)
{
  for (int i = 0; i < N; i++) {
    fts_open_file_drop (f->files[i]);
    unlink (f->names[i]);
  }
  fts_open_files_free (f->registry);
}

static bool
rests (Fixture *f, int i)
{
  return fts_open_file_fd (f->files[i]) < 0;
}

START_TEST (test_those_used_longest_ago_rest)
{
  Fixture f = make (4);

  for (int i = 0; i < N; i++)
    ck_assert_int_eq (rests (&f, i), i < N - 4);
  end (&f);
}
END_TEST

START_TEST (test_without_a_limit_none_rests)
{
  Fixture f = make (0);

  for (int i = 0; i < N; i++)
    ck_assert (!rests (&f, i));
  end (&f);
}
END_TEST

START_TEST (test_a_file_in_use_stays_awake_and_another_rests)
{
  Fixture f = make (N);
  FtsHandle h = handle (9);

  fts_open_file_use (f.files[0]);
  FtsOpenFile *more =
    fts_open_file_new (f.registry, open ("/dev/null", O_RDONLY), 0, &h);
  ck_assert (!rests (&f, 0));
  ck_assert (rests (&f, 1));
  fts_open_file_unref (f.files[0]);
  fts_open_file_drop (more);
  end (&f);
}
END_TEST

START_TEST (test_a_file_without_a_name_stays_awake)
{
  Fixture f = make (N);
  FtsHandle h = handle (9);

  unlink (f.names[0]);
  FtsOpenFile *more =
    fts_open_file_new (f.registry, open ("/dev/null", O_RDONLY), 0, &h);
  ck_assert (!rests (&f, 0));
  ck_assert (rests (&f, 1));
  fts_open_file_drop (more);
  end (&f);
}
END_TEST

START_TEST (test_waking_lays_another_down)
{
  Fixture f = make (4);

  fts_open_file_use (f.files[0]);
  fts_open_file_wake (f.files[0], open (f.names[0], O_RDONLY));
  ck_assert (!rests (&f, 0));
  ck_assert (rests (&f, 2));
  int useless = open (f.names[0], O_RDONLY); /* another thread woke it, too */
  fts_open_file_wake (f.files[0], useless);
  ck_assert_int_ne (fts_open_file_fd (f.files[0]), useless);
  ck_assert_int_lt (fcntl (useless, F_GETFD), 0);
  fts_open_file_unref (f.files[0]);
  end (&f);
}
END_TEST

START_TEST (test_resting_files_are_found_by_handle)
{
  Fixture f = make (4);
  FtsHandle first = handle (0), last = handle (N - 1);

  ck_assert_ptr_null (fts_open_files_find_resting (f.registry, &last));
  FtsOpenFile *file = fts_open_files_find_resting (f.registry, &first);
  ck_assert_ptr_eq (file, f.files[0]);
  fts_open_file_wake (file, open (f.names[0], O_RDONLY));
  ck_assert_ptr_null (fts_open_files_find_resting (f.registry, &first));
  fts_open_file_unref (file);
  end (&f);
}
END_TEST

START_TEST (test_a_resting_file_may_be_dropped_while_it_is_used)
{
  FtsOpenFiles *registry = fts_open_files_new (1);
  FtsHandle a = handle (1), b = handle (2);

  FtsOpenFile *file = fts_open_file_new (registry, open ("/dev/null", O_RDONLY), 0, &a);
  FtsOpenFile *other =
    fts_open_file_new (registry, open ("/dev/null", O_RDONLY), 0, &b);
  ck_assert_int_lt (fts_open_file_fd (file), 0);
  fts_open_file_use (file);
  fts_open_file_drop (file);
  fts_open_file_wake (file, open ("/dev/null", O_RDONLY));
  ck_assert_int_ge (fts_open_file_fd (file), 0);
  fts_open_file_unref (file);
  fts_open_file_drop (other);
  fts_open_files_free (registry);
}
END_TEST

FTS_SUITE ("fts/openfile", test_those_used_longest_ago_rest,
           test_without_a_limit_none_rests,
           test_a_file_in_use_stays_awake_and_another_rests,
           test_a_file_without_a_name_stays_awake, test_waking_lays_another_down,
           test_resting_files_are_found_by_handle,
           test_a_resting_file_may_be_dropped_while_it_is_used)
