#include "fts/status.h"

#include "lib/suite.h"

#include <errno.h>

START_TEST (test_errno_of_file_systems_survive_the_trip)
{
  const int all[] = { EPERM,  ENOENT,    EINTR,        EIO,     EBADF,  EAGAIN,
                      EACCES, EBUSY,     EEXIST,       EXDEV,   ENODEV, ENOTDIR,
                      EISDIR, EINVAL,    ENFILE,       EMFILE,  EFBIG,  ENOSPC,
                      EROFS,  EMLINK,    ERANGE,       ENOSYS,  ELOOP,  ESTALE,
                      EDQUOT, ENOTEMPTY, ENAMETOOLONG, ENODATA, ENXIO,  ENOTSUP };

  for (size_t i = 0; i < sizeof all / sizeof *all; i++)
    ck_assert_int_eq (fts_status_to_errno (fts_status_from_errno (all[i])), all[i]);
}
END_TEST

START_TEST (test_no_two_errnos_share_a_status)
{
  for (uint32_t a = FTS_STATUS_FIRST_ERRNO; a < FTS_STATUS_FIRST_ERRNO + 256; a++) {
    int errnum = fts_status_to_errno (a);
    if (errnum != EIO)
      ck_assert_uint_eq (fts_status_from_errno (errnum), a);
  }
}
END_TEST

START_TEST (test_numbers_on_the_wire_stay)
{
  ck_assert_uint_eq (fts_status_from_errno (0), 0);
  ck_assert_uint_eq (fts_status_from_errno (EIO), 1);
  ck_assert_uint_eq (fts_status_from_errno (EPERM), 2);
  ck_assert_uint_eq (fts_status_from_errno (ENOSPC), 25);
  ck_assert_uint_eq (fts_status_from_errno (ESTALE), 57);
}
END_TEST

START_TEST (test_unknown_ones_are_input_output_errors)
{
  ck_assert_uint_eq (fts_status_from_errno (123456), FTS_STATUS_IO);
  ck_assert_uint_eq (fts_status_from_errno (-1), FTS_STATUS_IO);
  ck_assert_int_eq (fts_status_to_errno (UINT32_MAX), EIO);
}
END_TEST

FTS_SUITE ("fts/status", test_errno_of_file_systems_survive_the_trip,
           test_no_two_errnos_share_a_status, test_numbers_on_the_wire_stay,
           test_unknown_ones_are_input_output_errors)
