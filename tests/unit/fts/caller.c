/* caller.c - whose rights a thread has, above all a new one. */
#include "fts/caller.h"

#include "lib/suite.h"

#include <glib.h>
#include <glib/gstdio.h>
#include <pthread.h>
#include <sys/fsuid.h>
#include <unistd.h>

enum {
  SOMEBODY = 4321
};

static const FtsIdentity somebody = { .uid = SOMEBODY, .gid = SOMEBODY, .umask = 022 };
static const FtsIdentity root = { .umask = 022 };

static uid_t
file_user (void)
{
  return (uid_t) setfsuid ((uid_t) -1);
}

static gid_t
file_group (void)
{
  return (gid_t) setfsgid ((gid_t) -1);
}

/* Root may do what permissions forbid: only with the capability that comes with the number. */
static void
check_is_root (void)
{
  ck_assert_uint_eq (file_user (), 0);
  ck_assert_uint_eq (file_group (), 0);
  g_autofree char *folder = g_dir_make_tmp ("fts-caller-XXXXXX", NULL);
  ck_assert_ptr_nonnull (folder);
  ck_assert_int_eq (chown (folder, SOMEBODY, SOMEBODY), 0);
  ck_assert_int_eq (access (folder, W_OK), 0);
  g_autofree char *inner = g_build_filename (folder, "inner", NULL);
  ck_assert_int_eq (g_mkdir (inner, 0700), 0);
  rmdir (inner);
  rmdir (folder);
}

static void *
act_for_root (void *data)
{
  (void) data;
  ck_assert_int_eq (fts_caller_become (&root), 0);
  check_is_root ();
  return NULL;
}

static void *
act_as_server (void *data)
{
  (void) data;
  ck_assert_int_eq (fts_caller_become_server (), 0);
  check_is_root ();
  return NULL;
}

static void *
act_for_somebody_and_start (void *next)
{
  pthread_t thread;

  ck_assert_int_eq (fts_caller_become (&somebody), 0);
  ck_assert_uint_eq (file_user (), SOMEBODY);
  ck_assert_int_eq (
    pthread_create (&thread, NULL, (void *(*) (void *) ) (uintptr_t) next, NULL), 0);
  pthread_join (thread, NULL);
  ck_assert_uint_eq (file_user (), SOMEBODY);
  return NULL;
}

static void
start_from_somebody (void *(*next) (void *) )
{
  pthread_t thread;

  if (!fts_caller_can_switch ())
    return; /* there is no identity to inherit */
  ck_assert_int_eq (pthread_create (&thread, NULL, act_for_somebody_and_start,
                                    (void *) (uintptr_t) next),
                    0);
  pthread_join (thread, NULL);
}

START_TEST (test_a_thread_started_by_one_who_acts_for_somebody_can_act_for_root)
{
  start_from_somebody (act_for_root);
}
END_TEST

START_TEST (test_a_thread_started_by_one_who_acts_for_somebody_can_act_as_the_server)
{
  start_from_somebody (act_as_server);
}
END_TEST

FTS_SUITE ("fts/caller",
           test_a_thread_started_by_one_who_acts_for_somebody_can_act_for_root,
           test_a_thread_started_by_one_who_acts_for_somebody_can_act_as_the_server)
