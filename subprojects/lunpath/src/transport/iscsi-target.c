#include "transport/iscsi-target.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#define DEFAULT_PORT "3260"
#define MAX_ISID     0xffffff
#define MAX_LUN      0x3fff

static bool
refuse (const LunPathName *name, const char *what, GError **error)
{
  g_set_error (error, LUN_ERROR, LUN_ERROR_CONFIG,
               "path name \"%s\": %s (iscsi://[USER%%SECRET@]HOST[:PORT]/IQN/LUN)",
               name->text, what);
  return false;
}

static bool
parse_portal (LunIscsiTarget *target, const char *text, size_t len)
{
  g_autofree char *portal = g_strndup (text, len);
  const char *bracket = strrchr (portal, ']');
  const char *colon = strrchr (portal, ':');

  if (len == 0 || (*portal == '[') != (bracket != NULL) || portal == colon)
    return false;
  if (colon && (!bracket || colon > bracket)) {
    target->portal = g_steal_pointer (&portal);
    return colon[1] != '\0' && strspn (colon + 1, "0123456789") == strlen (colon + 1);
  }
  target->portal = g_strconcat (portal, ":" DEFAULT_PORT, NULL);
  return true;
}

static bool
parse_lun (LunIscsiTarget *target, const char *text)
{
  char *end;
  uint64_t lun = g_ascii_strtoull (text, &end, 10);

  target->lun = (int) lun;
  return g_ascii_isdigit (*text) && *end == '\0' && lun <= MAX_LUN;
}

static bool
parse_place (LunIscsiTarget *target, const LunPathName *name, GError **error)
{
  if (!g_str_has_prefix (name->target, "//"))
    return refuse (name, "\"//\" missing after \"iscsi:\"", error);
  const char *portal = name->target + 2;
  const char *iqn = strchr (portal, '/');
  const char *lun = iqn ? strchr (iqn + 1, '/') : NULL;
  if (!lun || lun == iqn + 1)
    return refuse (name, "portal, target name or LUN is missing", error);
  target->iqn = g_strndup (iqn + 1, (size_t) (lun - iqn - 1));
  if (!parse_portal (target, portal, (size_t) (iqn - portal)))
    return refuse (name, "no portal that can be understood", error);
  if (!parse_lun (target, lun + 1))
    return refuse (name, "no LUN number at the end", error);
  return true;
}

/* Nobody but its owner may read the file: the secret is all that a stranger lacks. */
static bool
check_private (const char *file, GError **error)
{
  struct stat st;

  if (stat (file, &st) != 0) {
    g_set_error (error, LUN_ERROR, LUN_ERROR_CONFIG, "the CHAP secret: %s: %s", file,
                 g_strerror (errno));
    return false;
  }
  if ((st.st_mode & (S_IRWXG | S_IRWXO)) == 0)
    return true;
  g_set_error (error, LUN_ERROR, LUN_ERROR_CONFIG,
               "the CHAP secret: %s can be read or written by others (mode %04o); "
               "\"chmod 600 %s\"",
               file, st.st_mode & 07777, file);
  return false;
}

static bool
read_secret (LunIscsiTarget *target, const char *file, GError **error)
{
  g_autoptr (GError) cause = NULL;

  if (!check_private (file, error))
    return false;
  if (!g_file_get_contents (file, &target->secret, NULL, &cause)) {
    g_set_error (error, LUN_ERROR, LUN_ERROR_CONFIG, "the CHAP secret: %s",
                 cause->message);
    return false;
  }
  target->secret[strcspn (target->secret, "\r\n")] = '\0';
  return true;
}

static bool
parse_chap (LunIscsiTarget *target, const LunPathName *name, GError **error)
{
  const char *file = lun_path_name_option (name, "secret-file");

  target->user = g_strdup (name->user);
  target->secret = g_strdup (name->secret);
  if (file && target->secret)
    return refuse (name, "both a secret and a secret-file", error);
  if (file && !read_secret (target, file, error))
    return false;
  if ((target->user != NULL) != (target->secret != NULL))
    return refuse (name, "CHAP takes a user and a secret", error);
  return true;
}

static bool
parse_initiator (LunIscsiTarget *target, const LunPathName *name, GError **error)
{
  uint64_t isid;

  target->initiator = g_strdup (lun_path_name_option (name, "initiator"));
  target->has_isid = lun_path_name_option (name, "isid") != NULL;
  if (!lun_path_name_number (name, "isid", 0, &isid, error))
    return false;
  target->isid = (uint32_t) isid;
  if (isid > MAX_ISID)
    return refuse (name, "isid is 16777215 at most", error);
  return true;
}

static const char *const known[] = { "secret-file", "initiator", "isid", NULL };

LunIscsiTarget *
lun_iscsi_target_new (const LunPathName *name, GError **error)
{
  g_autoptr (LunIscsiTarget) target = g_new0 (LunIscsiTarget, 1);

  if (!lun_path_name_only (name, known, error) || !parse_place (target, name, error) ||
      !parse_chap (target, name, error) || !parse_initiator (target, name, error))
    return NULL;
  return g_steal_pointer (&target);
}

LunIscsiTarget *
lun_iscsi_target_new_portal (const LunPathName *name, GError **error)
{
  g_autoptr (LunIscsiTarget) target = g_new0 (LunIscsiTarget, 1);
  size_t len = strlen (name->target);

  if (!lun_path_name_only (name, known, error))
    return NULL;
  if (!g_str_has_prefix (name->target, "//") ||
      !parse_portal (target, name->target + 2, len - 2)) {
    refuse (name, "no portal that can be understood", error);
    return NULL;
  }
  if (!parse_chap (target, name, error) || !parse_initiator (target, name, error))
    return NULL;
  return g_steal_pointer (&target);
}

void
lun_iscsi_target_free (LunIscsiTarget *target)
{
  if (!target)
    return;
  if (target->secret)
    explicit_bzero (target->secret, strlen (target->secret));
  g_free (target->secret);
  g_free (target->user);
  g_free (target->portal);
  g_free (target->iqn);
  g_free (target->initiator);
  g_free (target);
}
