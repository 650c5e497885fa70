#include "prog/ftsfs/remount.h"

#include "lib/suite.h"

#include <string.h>

/* What is against remounting with LIST a mount that was made with GIVEN. */
static char *
judge (const char *given, const char *list)
{
  char *argv[] = { (char *) "ftsfs", (char *) "a:b", (char *) "/m", (char *) "-o",
                   (char *) given };
  g_auto (FtsMountOptions) running = { 0 };
  g_autofree FtsRemountAsk *ask = g_new0 (FtsRemountAsk, 1);

  ck_assert (fts_mount_options_parse (5, argv, &running, NULL));
  g_strlcpy (ask->text, list, sizeof ask->text);
  fts_remount_judge (&running, ask);
  return g_strdup (ask->text);
}

static void
check_accepted (const char *given, const char *list)
{
  g_autofree char *against = judge (given, list);
  ck_assert_str_eq (against, "");
}

static void
check_refused (const char *given, const char *list, const char *word)
{
  g_autofree char *against = judge (given, list);
  ck_assert_msg (strstr (against, word) != NULL, "%s: '%s'", list, against);
}

START_TEST (test_flags_of_the_kernel_change)
{
  check_accepted ("volume=v", "remount,ro,nosuid,nodev,noexec,noatime");
  check_accepted ("volume=v,ro,nosuid", "rw,suid,dev,exec,relatime,sync,defaults");
}
END_TEST

START_TEST (test_what_fstab_repeats_is_no_change)
{
  check_accepted (
    "volume=/x\\,y,attr_timeout=5,allow_root",
    "ro,volume=/x\\,y,allow_root,attr_timeout=5,_netdev,x-systemd.automount,"
    "wait=3,bg,retry=7");
}
END_TEST

START_TEST (test_what_cannot_change_is_named)
{
  check_refused ("volume=v", "ro,volume=w", "volume=w");
  check_refused ("volume=v,attr_timeout=5", "attr_timeout=6", "attr_timeout=6");
  check_refused ("volume=v", "allow_other", "allow_other");
}
END_TEST

START_TEST (test_a_text_without_end_is_no_trouble)
{
  g_auto (FtsMountOptions) running = { .given = g_ptr_array_new () };
  g_autofree FtsRemountAsk *ask = g_new0 (FtsRemountAsk, 1);

  memset (ask->text, 'x', sizeof ask->text);
  fts_remount_judge (&running, ask);
  ck_assert_uint_lt (strlen (ask->text), sizeof ask->text);
  ck_assert_uint_gt (strlen (ask->text), 0);
}
END_TEST

FTS_SUITE ("ftsfs/remount", test_flags_of_the_kernel_change,
           test_what_fstab_repeats_is_no_change, test_what_cannot_change_is_named,
           test_a_text_without_end_is_no_trouble)
