/* suite.h - main() of a Check program: runs one suite and speaks TAP on stdout.
 *
 *   LUN_SUITE ("lunpath/name", test_a, test_b)
 *
 * lun_suite_run_loops() runs some tests N_ROUNDS times each, with _i counting from 0.
 * Tests run forked unless CK_FORK=no; a test gets 60 s.
 */
#pragma once

#include <check.h>
#include <stdlib.h>

static inline int
lun_suite_run_loops (const char *name, const TTest *const *loops, int n_loops,
                     int n_rounds, const TTest *const *tests, int n_tests)
{
  Suite *suite = suite_create (name);
  TCase *tcase = tcase_create (name);

  tcase_set_timeout (tcase, 60);
  for (int i = 0; i < n_loops; i++)
    tcase_add_loop_test (tcase, loops[i], 0, n_rounds);
  for (int i = 0; i < n_tests; i++)
    tcase_add_test (tcase, tests[i]);
  suite_add_tcase (suite, tcase);

  SRunner *runner = srunner_create (suite);
  srunner_set_tap (runner, "-");
  srunner_run_all (runner, CK_SILENT);
  int failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

static inline int
lun_suite_run (const char *name, const TTest *const *tests, int n_tests)
{
  return lun_suite_run_loops (name, NULL, 0, 0, tests, n_tests);
}

#define LUN_SUITE(name, ...)                                                  \
  int main (void)                                                             \
  {                                                                           \
    const TTest *const tests[] = { __VA_ARGS__ };                             \
    return lun_suite_run (name, tests, (int) (sizeof tests / sizeof *tests)); \
  }
