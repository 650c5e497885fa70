/* suite.h - main() of a Check program: runs one suite and speaks TAP on stdout.
 *
 * A test program lists its test functions once:
 *
 *   FTS_SUITE ("volume/head", test_round_trip, test_rejects_bad_crc)
 *
 * Tests run forked unless CK_FORK=no; a test gets 60 s.
 */
#pragma once

#include <check.h>
#include <stdlib.h>

static inline int
fts_suite_run (const char *name, int n_variants, const TTest *const *tests, int n_tests)
{
  Suite *suite = suite_create (name);
  TCase *tcase = tcase_create (name);

  tcase_set_timeout (tcase, 60);
  for (int i = 0; i < n_tests; i++)
    tcase_add_loop_test (tcase, tests[i], 0, n_variants);
  suite_add_tcase (suite, tcase);

  SRunner *runner = srunner_create (suite);
  srunner_set_tap (runner, "-");
  srunner_run_all (runner, CK_SILENT);
  int failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* Each test runs for each variant: `_i` counts them from 0. */
#define FTS_SUITE_VARIANTS(name, n_variants, ...)                \
  int main (void)                                                \
  {                                                              \
    const TTest *const tests[] = { __VA_ARGS__ };                \
    return fts_suite_run (name, n_variants, tests,               \
                          (int) (sizeof tests / sizeof *tests)); \
  }

#define FTS_SUITE(name, ...) FTS_SUITE_VARIANTS (name, 1, __VA_ARGS__)
