#include "lun.h"

#include "path/options.h"

static bool
read_names (LunOptions *options, const char *names)
{
  g_autoptr (GError) error = NULL;

  return lun_options_read (options, names, &error);
}

START_TEST (test_options_overrule_the_program)
{
  g_auto (LunOptions) options = { .config = { .policy = "round-robin", .try_ms = 1 } };

  ck_assert (
    read_names (&options, "ram:p|?policy=weighted&weights=3:1|ram:q|?try-ms=70"));
  ck_assert_str_eq (options.config.policy, "weighted");
  ck_assert_uint_eq (options.config.try_ms, 70);
  ck_assert_uint_eq (options.weights[0], 3);
  ck_assert_uint_eq (options.weights[1], 1);
  ck_assert_uint_eq (options.weights[2], 0);
}
END_TEST

START_TEST (test_path_names_are_left_alone)
{
  g_auto (LunOptions) options = { 0 };

  ck_assert (read_names (&options, "file:/a?path=1|trace(?x=1)+ram:p"));
  ck_assert_ptr_null (options.config.policy);
}
END_TEST

START_TEST (test_wrong_options_are_told)
{
  open_fails ("ram:p|?colour=red", "\"colour=red\": there is no such option");
  open_fails ("ram:p|?try-ms", "wants NAME=VALUE");
  open_fails ("ram:p|?try-ms=0", "wants 1 to");
  open_fails ("ram:p|?flaps=17", "wants 1 to 16");
  open_fails ("ram:p|?weights=1:x", "3:1");
  open_fails ("ram:p|?policy=fastest", "no path policy is called \"fastest\"");
  open_fails ("?policy=weighted", "no path");
}
END_TEST

LUN_SUITE ("lunpath/options", test_options_overrule_the_program,
           test_path_names_are_left_alone, test_wrong_options_are_told)
