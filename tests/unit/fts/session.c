#include "fts/session.h"

#include "lib/suite.h"

#include <fcntl.h>
#include <unistd.h>

static const FtsHandle handle = { .len = 24 };

static int
open_null (void)
{
  return open ("/dev/null", O_RDONLY | O_CLOEXEC);
}

START_TEST (test_connections_of_one_incarnation_share_a_session)
{
  FtsSessions *sessions = fts_sessions_new ();
  FtsSession *a = fts_sessions_open (sessions, 3, 100);
  FtsSession *b = fts_sessions_open (sessions, 3, 100);
  FtsSession *later = fts_sessions_open (sessions, 3, 101);
  FtsSession *other = fts_sessions_open (sessions, 4, 100);

  ck_assert_ptr_eq (a, b);
  ck_assert_ptr_ne (a, later);
  ck_assert_ptr_ne (a, other);
  uint64_t id = fts_session_add (a, open_null (), FTS_OPEN_READ, &handle);
  fts_open_file_unref (fts_session_find (b, id));
  ck_assert_ptr_null (fts_session_find (later, id));
  fts_sessions_close (sessions, a);
  FtsOpenFile *file = fts_session_find (b, id);
  ck_assert_ptr_nonnull (file);
  fts_open_file_unref (file);
  fts_sessions_close (sessions, b);
  fts_sessions_close (sessions, later);
  fts_sessions_close (sessions, other);
  fts_sessions_free (sessions);
}
END_TEST

START_TEST (test_a_file_in_use_is_closed_after_its_last_user)
{
  FtsSessions *sessions = fts_sessions_new ();
  FtsSession *session = fts_sessions_open (sessions, 1, 1);
  uint64_t id = fts_session_add (session, open_null (), FTS_OPEN_READ, &handle);
  FtsOpenFile *file = fts_session_find (session, id);
  int fd = file->fd;

  ck_assert (fts_session_remove (session, id));
  ck_assert (!fts_session_remove (session, id));
  ck_assert_ptr_null (fts_session_find (session, id));
  ck_assert_int_ge (fcntl (fd, F_GETFD), 0);
  fts_open_file_unref (file);
  ck_assert_int_lt (fcntl (fd, F_GETFD), 0);
  fts_sessions_close (sessions, session);
  fts_sessions_free (sessions);
}
END_TEST

START_TEST (test_open_ids_are_never_zero_and_never_used_twice)
{
  FtsSessions *sessions = fts_sessions_new ();
  FtsSession *session = fts_sessions_open (sessions, 1, 1);
  uint64_t last = 0;

  for (int i = 0; i < 1000; i++) {
    uint64_t id = fts_session_add (session, open_null (), 0, &handle);
    ck_assert_uint_gt (id, last);
    last = id;
    fts_session_remove (session, id);
  }
  fts_sessions_close (sessions, session);
  fts_sessions_free (sessions);
}
END_TEST

START_TEST (test_only_ids_from_before_the_session_are_opened_again)
{
  FtsSessions *sessions = fts_sessions_new ();
  FtsSession *session = fts_sessions_open (sessions, 1, 1);
  uint32_t flags;
  uint64_t id = fts_session_add (
    session, open_null (), FTS_OPEN_READ | FTS_OPEN_SYNC | FTS_OPEN_TRUNC, &handle);

  fts_session_remove (session, id);
  ck_assert (!fts_session_may_reopen (session, id, &flags)); /* closed */
  fts_sessions_close (sessions, session);
  session = fts_sessions_open (sessions, 1, 1);
  ck_assert (fts_session_may_reopen (session, id, &flags));
  ck_assert_uint_eq (flags, FTS_OPEN_READ | FTS_OPEN_SYNC);
  ck_assert (!fts_session_may_reopen (session, id ^ UINT64_C (1) << 63, &flags));
  fts_open_file_unref (fts_session_restore (session, id, open_null (), flags, &handle));
  FtsOpenFile *file = fts_session_find (session, id);
  ck_assert_uint_eq (file->open_flags, flags);
  fts_open_file_unref (file);
  fts_sessions_close (sessions, session);
  fts_sessions_free (sessions);
}
END_TEST

START_TEST (test_a_later_server_gives_higher_ids)
{
  uint64_t last = 0;

  for (int i = 0; i < 3; i++) {
    FtsSessions *sessions = fts_sessions_new ();
    FtsSession *session = fts_sessions_open (sessions, 1, 1);
    uint64_t id = fts_session_add (session, open_null (), 0, &handle);
    ck_assert_uint_gt (id, last);
    last = id;
    fts_sessions_close (sessions, session);
    fts_sessions_free (sessions);
    g_usleep (50);
  }
}
END_TEST

FTS_SUITE ("fts/session", test_connections_of_one_incarnation_share_a_session,
           test_a_file_in_use_is_closed_after_its_last_user,
           test_open_ids_are_never_zero_and_never_used_twice,
           test_only_ids_from_before_the_session_are_opened_again,
           test_a_later_server_gives_higher_ids)
