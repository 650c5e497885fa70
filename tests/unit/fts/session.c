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
  FtsSessions *sessions = fts_sessions_new (0);
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
  FtsSessions *sessions = fts_sessions_new (0);
  FtsSession *session = fts_sessions_open (sessions, 1, 1);
  uint64_t id = fts_session_add (session, open_null (), FTS_OPEN_READ, &handle);
  FtsOpenFile *file = fts_session_find (session, id);
  int fd = fts_open_file_fd (file);

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
  FtsSessions *sessions = fts_sessions_new (0);
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

START_TEST (test_what_was_written_before_the_hosts_start_may_be_lost)
{
  FtsSessions *sessions = fts_sessions_new (0);
  FtsSession *session = fts_sessions_open (sessions, 1, 1);
  uint64_t reader = fts_session_add (session, open_null (), FTS_OPEN_READ, &handle);
  uint64_t writer = fts_session_add (session, open_null (), FTS_OPEN_WRITE, &handle);
  const uint64_t other_start = UINT64_C (1) << 63;

  ck_assert (!fts_session_is_lost (session, writer));
  ck_assert (!fts_session_is_lost (session, reader));
  ck_assert (fts_session_is_lost (session, writer ^ other_start));
  ck_assert (!fts_session_is_lost (session, reader ^ other_start));
  fts_sessions_close (sessions, session);
  fts_sessions_free (sessions);
}
END_TEST

START_TEST (test_a_later_server_gives_higher_ids)
{
  uint64_t last = 0;

  for (int i = 0; i < 3; i++) {
    FtsSessions *sessions = fts_sessions_new (0);
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
           test_what_was_written_before_the_hosts_start_may_be_lost,
           test_a_later_server_gives_higher_ids)
