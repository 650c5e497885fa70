#include "prog/common/control.h"

#include "base/error.h"
#include "prog/common/run_dir.h"
#include "prog/common/stats_json.h"
#include "volume/config.h"
#include "volume/paths.h"

#include <lunpath/transport.h>

#include <errno.h>
#include <json-glib/json-glib.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define REQUEST_MAX 65536
#define RELOAD      UINT64_C (1)
#define STOP        (UINT64_C (1) << 32)
#define PATIENCE_S  5 /* with a client that says nothing */

struct FtsControl {
  FtsControlConfig config; /* its spec is our own, complete */
  struct sockaddr_un address;
  int socket;
  int bell; /* eventfd: RELOAD times, STOP */
  pthread_t thread;
};

/* ---- requests ---- */

static char *
say (bool ok, const char *key, const char *text)
{
  g_autoptr (JsonBuilder) json = json_builder_new ();

  json_builder_begin_object (json);
  json_builder_set_member_name (json, "ok");
  json_builder_add_boolean_value (json, ok);
  if (key != NULL) {
    g_autofree char *valid = g_utf8_make_valid (text, -1);
    json_builder_set_member_name (json, key);
    json_builder_add_string_value (json, valid);
  }
  json_builder_end_object (json);
  return fts_stats_text (json);
}

static void
add_text (JsonBuilder *json, const char *key, const char *text)
{
  g_autofree char *valid = g_utf8_make_valid (text, -1);

  json_builder_set_member_name (json, key);
  json_builder_add_string_value (json, valid);
}

static char *
show (const FtsControl *control)
{
  const FtsControlConfig *config = &control->config;
  g_autoptr (JsonBuilder) json = json_builder_new ();
  g_autofree char *spec = lun_path_name_mask (config->spec.volume);

  json_builder_begin_object (json);
  json_builder_set_member_name (json, "ok");
  json_builder_add_boolean_value (json, TRUE);
  add_text (json, "program", config->program);
  fts_stats_add_number (json, "pid", (uint64_t) getpid ());
  add_text (json, "what", config->what);
  add_text (json, "volume", fts_volume_mcb (config->volume)->volume_name);
  add_text (json, "spec", spec);
  fts_stats_add_devices (json, config->volume);
  json_builder_end_object (json);
  return fts_stats_text (json);
}

static char *
describe (const FtsPathChanges *changes)
{
  return g_strdup_printf ("%u added, %u removed, %u do not answer yet, %u failed",
                          changes->added, changes->removed, changes->expected,
                          changes->failed);
}

static char *
reload (const FtsControl *control)
{
  FtsPathChanges changes;
  g_autoptr (GError) error = NULL;

  if (!fts_volume_reload_paths (control->config.volume, &control->config.spec, &changes,
                                &error))
    return say (false, "error", error->message);
  g_autofree char *text = describe (&changes);
  return say (changes.failed == 0, changes.failed == 0 ? "done" : "error", text);
}

static char *
change (const FtsControl *control, const char *what, const char *path)
{
  static const struct {
    const char *name;
    bool (*apply) (FtsVolume *volume, const char *path, GError **error);
  } changes[] = {
    { "add", fts_volume_add_path },
    { "remove", fts_volume_remove_path },
    { "up", fts_volume_set_path_up },
    { "down", fts_volume_set_path_down },
  };
  g_autoptr (GError) error = NULL;

  for (unsigned i = 0; i < G_N_ELEMENTS (changes); i++) {
    if (strcmp (changes[i].name, what) != 0)
      continue;
    if (path == NULL)
      return say (false, "error", "no path is named");
    g_autofree char *shown = lun_path_name_mask (path);
    g_message ("path %s: \"%s\" by the administrator", shown, what);
    return changes[i].apply (control->config.volume, path, &error)
             ? say (true, NULL, NULL)
             : say (false, "error", error->message);
  }
  return say (false, "error", "there is no such request");
}

static const char *
text_member (JsonObject *object, const char *name)
{
  JsonNode *node = json_object_get_member (object, name);

  return node != NULL && json_node_get_value_type (node) == G_TYPE_STRING
           ? json_node_get_string (node)
           : NULL;
}

static char *
answer (const FtsControl *control, const char *request)
{
  g_autoptr (JsonParser) parser = json_parser_new ();
  bool is_json = json_parser_load_from_data (parser, request, -1, NULL);
  JsonNode *root = is_json ? json_parser_get_root (parser) : NULL;
  JsonObject *object =
    root != NULL && JSON_NODE_HOLDS_OBJECT (root) ? json_node_get_object (root) : NULL;
  const char *what = object != NULL ? text_member (object, "do") : NULL;

  if (what == NULL)
    return say (false, "error", "the request cannot be understood");
  if (strcmp (what, "show") == 0)
    return show (control);
  if (strcmp (what, "reload") == 0)
    return reload (control);
  return change (control, what, text_member (object, "path"));
}

static void
reload_by_signal (const FtsControl *control)
{
  FtsPathChanges changes;
  g_autoptr (GError) error = NULL;

  if (!fts_volume_reload_paths (control->config.volume, &control->config.spec, &changes,
                                &error)) {
    g_warning ("the paths stay as they were: %s", error->message);
    return;
  }
  g_autofree char *text = describe (&changes);
  if (changes.added + changes.removed + changes.expected + changes.failed > 0)
    g_message ("paths: %s", text);
}

/* ---- connections ---- */

static bool
may_ask (int fd)
{
  struct ucred peer;
  socklen_t len = sizeof peer;

  return getsockopt (fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 &&
         (peer.uid == 0 || peer.uid == geteuid ());
}

/* A line, without its end; NULL when none came. */
static char *
read_line (int fd)
{
  g_autoptr (GString) line = g_string_new (NULL);
  char piece[4096];

  while (line->len < REQUEST_MAX) {
    ssize_t n = recv (fd, piece, sizeof piece, 0);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return NULL;
    const char *end = memchr (piece, '\n', (size_t) n);
    g_string_append_len (line, piece, end != NULL ? end - piece : n);
    if (end != NULL)
      return g_string_free (g_steal_pointer (&line), FALSE);
  }
  return NULL;
}

static void
write_all (int fd, const char *text)
{
  for (size_t left = strlen (text); left > 0;) {
    ssize_t n = send (fd, text, left, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return;
    text += n;
    left -= (size_t) n;
  }
}

static void
serve_one (const FtsControl *control)
{
  const struct timeval patience = { .tv_sec = PATIENCE_S };
  int fd = accept4 (control->socket, NULL, NULL, SOCK_CLOEXEC);

  if (fd < 0)
    return;
  setsockopt (fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  setsockopt (fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  g_autofree char *request = may_ask (fd) ? read_line (fd) : NULL;
  if (request != NULL) {
    g_autofree char *text = answer (control, request);
    write_all (fd, text);
  }
  close (fd);
}

static void *
run (void *data)
{
  const FtsControl *control = data;
  struct pollfd fds[2] = { { .fd = control->bell, .events = POLLIN },
                           { .fd = control->socket, .events = POLLIN } };

  for (;;) {
    uint64_t rings = 0;
    if (poll (fds, 2, -1) < 0)
      continue;
    if (fds[0].revents != 0)
      eventfd_read (control->bell, &rings);
    if (rings >= STOP)
      return NULL;
    if (rings >= RELOAD)
      reload_by_signal (control);
    if (fds[1].revents != 0)
      serve_one (control);
  }
}

/* ---- start and end ---- */

static bool
listen_here (FtsControl *control, GError **error)
{
  const struct sockaddr *address = (struct sockaddr *) &control->address;
  g_autofree char *dir = fts_run_dir ();
  g_autofree char *name = g_strdup_printf ("%s.%d", control->config.program, getpid ());

  if (!fts_run_dir_make (dir, error) ||
      !fts_run_dir_address (dir, name, &control->address, error))
    return false;
  unlink (control->address.sun_path); /* of a process that had our number and crashed */
  control->socket = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (control->socket >= 0 &&
      bind (control->socket, address, sizeof control->address) == 0 &&
      chmod (control->address.sun_path, 0600) == 0 && listen (control->socket, 8) == 0)
    return true;
  return fts_set_errno (error, errno, "%s", control->address.sun_path);
}

static void
close_socket (FtsControl *control)
{
  if (control->socket < 0)
    return;
  close (control->socket);
  unlink (control->address.sun_path);
  control->socket = -1;
}

static void
release (FtsControl *control)
{
  close_socket (control);
  fts_volume_spec_clear (&control->config.spec);
  if (control->bell >= 0)
    close (control->bell);
  g_free (control);
}

FtsControl *
fts_control_start (const FtsControlConfig *config)
{
  FtsControl *control = g_new0 (FtsControl, 1);
  g_autoptr (GError) error = NULL;

  control->config = *config;
  fts_volume_spec_complete (&config->spec, &control->config.spec);
  control->socket = -1;
  control->bell = eventfd (0, EFD_CLOEXEC);
  if (!listen_here (control, &error)) {
    g_warning ("fts-admin cannot reach this program: %s", error->message);
    close_socket (control);
  }
  if (control->bell >= 0 && pthread_create (&control->thread, NULL, run, control) == 0)
    return control;
  g_warning ("paths cannot be changed while this program runs: no thread for that");
  release (control);
  return NULL;
}

void
fts_control_reload (FtsControl *control)
{
  if (control != NULL)
    eventfd_write (control->bell, RELOAD);
}

void
fts_control_stop (FtsControl *control)
{
  if (control == NULL)
    return;
  eventfd_write (control->bell, STOP);
  pthread_join (control->thread, NULL);
  release (control);
}
