/* transport/iscsi-discover.c - what an iSCSI portal has to offer (lunpath/discover.h).
 *
 * A discovery session for SendTargets, then a session with each target over the first of its portals
 * that answers, for REPORT LUNS.  libiscsi's synchronous calls do; each is limited to some seconds.
 */
#include <lunpath/discover.h>

#include "transport/iscsi-port.h"
#include "transport/iscsi-result.h"

#include <iscsi/iscsi.h>
#include <iscsi/scsi-lowlevel.h>
#include <signal.h>
#include <string.h>

#define LIMIT_S  5
#define LUNS_LEN 4096

typedef struct iscsi_context Context;

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Context, iscsi_destroy_context)

typedef struct {
  const LunPathName *name;
  LunIscsiTarget
    *target; /* the portal that was named; `iqn` of the target that is asked */
  GPtrArray *paths;
} Search;

/* A connection that breaks must not end the program: the signal is taken away before others see it. */
static void
hold_sigpipe (bool hold, sigset_t *old)
{
  const struct timespec now = { 0 };
  sigset_t pipe;

  sigemptyset (&pipe);
  sigaddset (&pipe, SIGPIPE);
  if (hold) {
    pthread_sigmask (SIG_BLOCK, &pipe, old);
    return;
  }
  if (!sigismember (old, SIGPIPE))
    sigtimedwait (&pipe, NULL, &now);
  pthread_sigmask (SIG_SETMASK, old, NULL);
}

/* ---- sessions ---- */

static Context *
log_in (const LunIscsiTarget *target, const char *portal, GError **error)
{
  g_autoptr (LunIscsiPort) port = lun_iscsi_port_take (target, error);
  g_autoptr (Context) context = port ? iscsi_create_context (port->name) : NULL;
  enum iscsi_session_type type =
    target->iqn ? ISCSI_SESSION_NORMAL : ISCSI_SESSION_DISCOVERY;
  bool is_wanted;

  if (!context)
    return NULL;
  iscsi_set_timeout (context, LIMIT_S);
  iscsi_set_tcp_syncnt (context, 2);
  iscsi_set_noautoreconnect (context, 1);
  iscsi_set_session_type (context, type);
  if (target->iqn)
    iscsi_set_targetname (context, target->iqn);
  if (target->user)
    iscsi_set_initiator_username_pwd (context, target->user, target->secret);
  if (iscsi_connect_sync (context, portal) != 0) {
    g_set_error (error, LUN_ERROR, LUN_ERROR_NO_PATH, "%s: cannot connect: %s", portal,
                 lun_iscsi_connect_text (iscsi_get_error (context)));
    return NULL;
  }
  if (iscsi_login_sync (context) == 0)
    return g_steal_pointer (&context);
  g_autofree char *why =
    lun_iscsi_login_text (iscsi_get_error (context), target, &is_wanted);
  g_set_error (error, LUN_ERROR, is_wanted ? LUN_ERROR_NO_PATH : LUN_ERROR_CONFIG,
               "%s: %s", portal, why);
  return NULL;
}

/* ---- the LUNs of one target ---- */

static void
append_escaped (GString *out, const char *text)
{
  for (; *text != '\0'; text++)
    if (strchr ("%?&|@/ ", *text) != NULL)
      g_string_append_printf (out, "%%%02X", (unsigned char) *text);
    else
      g_string_append_c (out, *text);
}

static char *
path_name (const Search *search, const char *portal, const char *iqn, unsigned lun)
{
  const LunPathName *name = search->name;
  GString *out = g_string_new ("iscsi://");

  if (name->user)
    append_escaped (out, name->user);
  if (name->secret) {
    g_string_append_c (out, '%');
    append_escaped (out, name->secret);
  }
  if (name->user)
    g_string_append_c (out, '@');
  g_string_append_printf (out, "%s/%s/%u", portal, iqn, lun);
  for (unsigned i = 0; name->keys[i]; i++) {
    g_string_append_printf (out, "%c%s=", i == 0 ? '?' : '&', name->keys[i]);
    append_escaped (out, name->values[i]);
  }
  return g_string_free (out, FALSE);
}

/* "127.0.0.1:3260,1": without the portal group. */
static char *
portal_address (const struct iscsi_target_portal *portal)
{
  const char *comma = strrchr (portal->portal, ',');

  return comma ? g_strndup (portal->portal, (gsize) (comma - portal->portal))
               : g_strdup (portal->portal);
}

static struct scsi_task *
report_luns (Context *context)
{
  struct scsi_task *task = iscsi_reportluns_sync (context, 0, LUNS_LEN);

  for (int tries = 0; task && task->status == SCSI_STATUS_CHECK_CONDITION && tries < 4;
       tries++) { /* unit attentions */
    scsi_free_scsi_task (task);
    task = iscsi_reportluns_sync (context, 0, LUNS_LEN);
  }
  return task;
}

static bool
ask_luns (const Search *search, const char *portal, GArray *luns, GError **error)
{
  g_autoptr (Context) context = log_in (search->target, portal, error);
  struct scsi_task *task = context ? report_luns (context) : NULL;
  const struct scsi_reportluns_list *list =
    task && task->status == SCSI_STATUS_GOOD ? scsi_datain_unmarshall (task) : NULL;

  for (uint32_t i = 0; list && i < list->num; i++) {
    unsigned lun = list->luns[i];
    g_array_append_val (luns, lun);
  }
  if (context && !list)
    g_set_error (error, LUN_ERROR, LUN_ERROR_IO, "target %s at %s: REPORT LUNS: %s",
                 search->target->iqn, portal, iscsi_get_error (context));
  if (task)
    scsi_free_scsi_task (task);
  if (context)
    iscsi_logout_sync (context);
  return list != NULL;
}

static bool
add_target (Search *search, const struct iscsi_discovery_address *found, GError **error)
{
  g_autoptr (GArray) luns = g_array_new (FALSE, FALSE, sizeof (unsigned));
  g_autoptr (GError) why = NULL;
  bool is_known = false;

  g_free (search->target->iqn);
  search->target->iqn = g_strdup (found->target_name);
  for (struct iscsi_target_portal *p = found->portals; p && !is_known; p = p->next) {
    g_autofree char *portal = portal_address (p);
    g_clear_error (&why);
    is_known = ask_luns (search, portal, luns, &why);
  }
  if (!is_known) {
    g_propagate_error (error, g_steal_pointer (&why));
    return false;
  }
  for (unsigned i = 0; i < luns->len; i++)
    for (struct iscsi_target_portal *p = found->portals; p; p = p->next) {
      g_autofree char *portal = portal_address (p);
      g_ptr_array_add (search->paths, path_name (search, portal, found->target_name,
                                                 g_array_index (luns, unsigned, i)));
    }
  return true;
}

/* ---- the portal ---- */

static bool
ask_portal (Search *search, GError **error)
{
  const char *portal = search->target->portal;
  g_autoptr (Context) context = log_in (search->target, portal, error);
  struct iscsi_discovery_address *all = context ? iscsi_discovery_sync (context) : NULL;
  g_autoptr (GError) why = NULL;

  if (!context)
    return false;
  if (!all) {
    g_set_error (error, LUN_ERROR, LUN_ERROR_NO_PATH,
                 "%s: it offers no target to this initiator", portal);
    return false;
  }
  for (struct iscsi_discovery_address *a = all; a; a = a->next) {
    g_clear_error (&why);
    if (a->portals && !add_target (search, a, &why))
      g_warning ("%s", why->message);
  }
  iscsi_free_discovery_data (context, all);
  iscsi_logout_sync (context);
  return true;
}

bool
lun_discover_is_portal (const char *name)
{
  g_autoptr (LunPathName) parsed = lun_path_name_parse (name, NULL);

  return parsed && parsed->n_layers == 0 && g_str_equal (parsed->kind, "iscsi") &&
         g_str_has_prefix (parsed->target, "//") && !strchr (parsed->target + 2, '/');
}

GPtrArray *
lun_discover_portal (const char *name, GError **error)
{
  g_autoptr (LunPathName) parsed = lun_path_name_parse (name, error);
  g_autoptr (LunIscsiTarget) target =
    parsed ? lun_iscsi_target_new_portal (parsed, error) : NULL;
  Search search = { .name = parsed, .target = target };
  sigset_t old;

  if (!target)
    return NULL;
  search.paths = g_ptr_array_new_with_free_func (g_free);
  hold_sigpipe (true, &old);
  bool ok = ask_portal (&search, error);
  hold_sigpipe (false, &old);
  if (!ok)
    g_clear_pointer (&search.paths, g_ptr_array_unref);
  return search.paths;
}
