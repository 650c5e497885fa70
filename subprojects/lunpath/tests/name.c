#include "suite.h"

#include <lunpath/transport.h>

#include <string.h>

static LunPathName *
parse (const char *text)
{
  g_autoptr (GError) error = NULL;
  LunPathName *name = lun_path_name_parse (text, &error);

  ck_assert_msg (name != NULL, "%s", error ? error->message : "no error");
  return name;
}

static void
assert_refused (const char *text, const char *why, int at)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *place = g_strdup_printf ("at character %d", at);

  ck_assert_ptr_null (lun_path_name_parse (text, &error));
  ck_assert (g_error_matches (error, LUN_ERROR, LUN_ERROR_CONFIG));
  ck_assert_msg (strstr (error->message, why) != NULL, "%s", error->message);
  ck_assert_msg (g_str_has_suffix (error->message, place), "%s", error->message);
}

START_TEST (test_kind_and_target)
{
  g_autoptr (LunPathName) name = parse ("file:/tmp/a.img");

  ck_assert_str_eq (name->kind, "file");
  ck_assert_str_eq (name->target, "/tmp/a.img");
  ck_assert_uint_eq (name->n_layers, 0);
  ck_assert_ptr_null (name->keys[0]);
}
END_TEST

START_TEST (test_without_kind_is_a_file)
{
  g_autoptr (LunPathName) absolute = parse ("/tmp/a:b+c.img");
  g_autoptr (LunPathName) relative = parse ("./x:y");
  g_autoptr (LunPathName) bare = parse ("lun.img?path=3");

  ck_assert_str_eq (absolute->kind, "file");
  ck_assert_str_eq (absolute->target, "/tmp/a:b+c.img");
  ck_assert_str_eq (relative->target, "./x:y");
  ck_assert_str_eq (bare->target, "lun.img");
  ck_assert_str_eq (lun_path_name_option (bare, "path"), "3");
}
END_TEST

START_TEST (test_options)
{
  g_autoptr (LunPathName) name = parse ("file:/a?path=2&host=b%26c&size=4k");
  uint64_t number;

  ck_assert_str_eq (lun_path_name_option (name, "host"), "b&c");
  ck_assert_ptr_null (lun_path_name_option (name, "other"));
  ck_assert (lun_path_name_number (name, "size", 1, &number, NULL));
  ck_assert_uint_eq (number, 4096);
  ck_assert (lun_path_name_number (name, "none", 7, &number, NULL));
  ck_assert_uint_eq (number, 7);
  ck_assert (!lun_path_name_number (name, "host", 7, &number, NULL));
}
END_TEST

START_TEST (test_unknown_option_is_named)
{
  static const char *const known[] = { "path", NULL };
  g_autoptr (LunPathName) name = parse ("file:/a?path=2&pth=3");
  g_autoptr (GError) error = NULL;

  ck_assert (!lun_path_name_only (name, known, &error));
  ck_assert_ptr_nonnull (strstr (error->message, "\"pth\""));
}
END_TEST

START_TEST (test_layers_outermost_first)
{
  g_autoptr (LunPathName) name =
    parse ("stats+trace(/tmp/t%29.log)+fault(down=after:5;ua=29/00(x))+ram:a");

  ck_assert_uint_eq (name->n_layers, 3);
  ck_assert_str_eq (name->layers[0].name, "stats");
  ck_assert_ptr_null (name->layers[0].args);
  ck_assert_str_eq (name->layers[1].args, "/tmp/t).log");
  ck_assert_str_eq (name->layers[2].args, "down=after:5;ua=29/00(x)");
  ck_assert_str_eq (name->kind, "ram");
  ck_assert_str_eq (name->text + name->layers[2].at,
                    "fault(down=after:5;ua=29/00(x))+ram:a");
}
END_TEST

START_TEST (test_user_and_secret)
{
  g_autoptr (LunPathName) both =
    parse ("stats+iscsi://me%a%40b%7c%25c@10.0.0.1:3260/iqn.x:y/1?isid=5");
  g_autoptr (LunPathName) user = parse ("iscsi://me@host/iqn.x:y/1");
  g_autoptr (LunPathName) none = parse ("iscsi://host/iqn.x:y/1%3f");

  ck_assert_str_eq (both->user, "me");
  ck_assert_str_eq (both->secret, "a@b|%c");
  ck_assert_str_eq (both->target, "//10.0.0.1:3260/iqn.x:y/1");
  ck_assert_str_eq (lun_path_name_option (both, "isid"), "5");
  ck_assert_str_eq (both->text, "stats+iscsi://me%***@10.0.0.1:3260/iqn.x:y/1?isid=5");
  ck_assert_str_eq (user->user, "me");
  ck_assert_ptr_null (user->secret);
  ck_assert_str_eq (user->target, "//host/iqn.x:y/1");
  ck_assert_ptr_null (none->user);
  ck_assert_str_eq (none->target, "//host/iqn.x:y/1?");
}
END_TEST

START_TEST (test_secrets_are_not_shown)
{
  g_autofree char *two = lun_path_name_mask ("a+iscsi://u%s1@h/t/1|iscsi://u%s2@i/t/1");
  g_autofree char *none = lun_path_name_mask ("file:/a%20b@c|iscsi://h/t@u%20/1");

  ck_assert_str_eq (two, "a+iscsi://u%***@h/t/1|iscsi://u%***@i/t/1");
  ck_assert_str_eq (none, "file:/a%20b@c|iscsi://h/t@u%20/1");
  assert_refused ("iscsi://u%hid%zzden@h/t/1", "u%***@h", 14);
  assert_refused ("iscsi://%hidden@h/t/1", "no user", 9);
}
END_TEST

START_TEST (test_refusals_say_where)
{
  assert_refused ("", "no kind of path", 1);
  assert_refused ("stats+", "no kind of path", 7);
  assert_refused ("trace(a+file:/x", "never closed", 6);
  assert_refused ("trace(a)file:/x", "'+' missing", 9);
  assert_refused ("file:/a%4", "hexadecimal", 8);
  assert_refused ("file:/a%00b", "%00", 8);
  assert_refused ("file:/a?path", "'=' missing", 13);
  assert_refused ("file:/a?=2", "option without a name", 9);
  assert_refused ("file:/a?path=2&", "option without a name", 16);
}
END_TEST

START_TEST (test_splits_at_bars_outside_parentheses)
{
  g_auto (GStrv) parts = lun_path_name_split ("file:/a|fault(x|y)+ram:b|c");

  ck_assert_uint_eq (g_strv_length (parts), 3);
  ck_assert_str_eq (parts[1], "fault(x|y)+ram:b");
  ck_assert_str_eq (parts[2], "c");
}
END_TEST

/* Whatever is thrown at it: a name or an error, never both, never neither. */
START_TEST (test_survives_mutations)
{
  static const char *const seeds[] = {
    "stats+trace(/tmp/t.log)+fault(lose-write=1/50;seed=7)+file:/a/b.img?path=2&host=%41",
    "ram:x?size=1M|null:", "a+b+c(d(e)f)+g:h?i=j&k=l"
  };
  static const char bytes[] = "+():?&=%|a0\x80\xff /;";
  g_autoptr (GRand) rand = g_rand_new_with_seed (1);

  for (int i = 0; i < 20000; i++) {
    g_autofree char *text = g_strdup (seeds[i % 3]);
    for (int n = g_rand_int_range (rand, 1, 6); n > 0; n--)
      text[g_rand_int_range (rand, 0, (gint32) strlen (text))] =
        bytes[g_rand_int_range (rand, 0, sizeof bytes - 1)];
    if (i % 7 == 0)
      text[g_rand_int_range (rand, 0, (gint32) strlen (text))] = '\0';
    g_autoptr (GError) error = NULL;
    g_autoptr (LunPathName) name = lun_path_name_parse (text, &error);
    ck_assert ((name != NULL) == (error == NULL));
    g_auto (GStrv) parts = lun_path_name_split (text);
    ck_assert_uint_ge (g_strv_length (parts), 1);
  }
}
END_TEST

LUN_SUITE ("lunpath/name", test_user_and_secret, test_secrets_are_not_shown,
           test_kind_and_target, test_without_kind_is_a_file, test_options,
           test_unknown_option_is_named, test_layers_outermost_first,
           test_refusals_say_where, test_splits_at_bars_outside_parentheses,
           test_survives_mutations)
