/* iscsi_target.c - names of iSCSI paths. */
#include "suite.h"

#include "transport/iscsi-target.h"

#include <string.h>

static LunIscsiTarget *
read_target (const char *text, GError **error)
{
  g_autoptr (LunPathName) name = lun_path_name_parse (text, error);

  return name ? lun_iscsi_target_new (name, error) : NULL;
}

static void
assert_refused (const char *text, const char *why)
{
  g_autoptr (GError) error = NULL;

  ck_assert_ptr_null (read_target (text, &error));
  ck_assert (g_error_matches (error, LUN_ERROR, LUN_ERROR_CONFIG));
  ck_assert_msg (strstr (error->message, why) != NULL, "%s", error->message);
  ck_assert_ptr_null (strstr (error->message, "hidden"));
}

START_TEST (test_all_parts)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (LunIscsiTarget) target = read_target (
    "iscsi://me%hid@10.0.0.1:3261/iqn.x:y/12?initiator=iqn.z:me&isid=77", &error);

  g_assert_no_error (error);
  ck_assert_str_eq (target->portal, "10.0.0.1:3261");
  ck_assert_str_eq (target->iqn, "iqn.x:y");
  ck_assert_int_eq (target->lun, 12);
  ck_assert_str_eq (target->user, "me");
  ck_assert_str_eq (target->secret, "hid");
  ck_assert_str_eq (target->initiator, "iqn.z:me");
  ck_assert (target->has_isid);
  ck_assert_uint_eq (target->isid, 77);
}
END_TEST

START_TEST (test_the_port_may_be_left_out)
{
  g_autoptr (LunIscsiTarget) four = read_target ("iscsi://host.a/iqn.x/0", NULL);
  g_autoptr (LunIscsiTarget) six = read_target ("iscsi://[fe80::1]/iqn.x/0", NULL);
  g_autoptr (LunIscsiTarget) both = read_target ("iscsi://[fe80::1]:99/iqn.x/0", NULL);

  ck_assert_str_eq (four->portal, "host.a:3260");
  ck_assert_str_eq (six->portal, "[fe80::1]:3260");
  ck_assert_str_eq (both->portal, "[fe80::1]:99");
  ck_assert_ptr_null (four->user);
  ck_assert_ptr_null (four->initiator);
  ck_assert (!four->has_isid);
}
END_TEST

START_TEST (test_refusals)
{
  assert_refused ("iscsi:host/iqn.x/1", "\"//\" missing");
  assert_refused ("iscsi://host/iqn.x", "is missing");
  assert_refused ("iscsi://host//1", "is missing");
  assert_refused ("iscsi:///iqn.x/1", "no portal");
  assert_refused ("iscsi://host:/iqn.x/1", "no portal");
  assert_refused ("iscsi://host:a/iqn.x/1", "no portal");
  assert_refused ("iscsi://[::1/iqn.x/1", "no portal");
  assert_refused ("iscsi://host/iqn.x/", "no LUN number");
  assert_refused ("iscsi://host/iqn.x/1a", "no LUN number");
  assert_refused ("iscsi://host/iqn.x/16384", "no LUN number");
  assert_refused ("iscsi://me@host/iqn.x/1", "a user and a secret");
  assert_refused ("iscsi://me%hidden@host/iqn.x/1?secret-file=/x", "both");
  assert_refused ("iscsi://me@host/iqn.x/1?secret-file=/no/such", "/no/such");
  assert_refused ("iscsi://host/iqn.x/1?isid=16777216", "isid");
  assert_refused ("iscsi://me%hidden@host/iqn.x/1?port=1", "no option \"port\"");
}
END_TEST

LUN_SUITE ("lunpath/iscsi-target", test_all_parts, test_the_port_may_be_left_out,
           test_refusals)
