#include "prog/admin/running.h"

#include "base/error.h"
#include "prog/common/run_dir.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PATIENCE_S 60 /* a path that is removed carries its last commands first */

/* ---- one request ---- */

static int
connect_to (const char *socket_name, GError **error)
{
  const struct timeval patience = { .tv_sec = PATIENCE_S };
  g_autofree char *dir = g_path_get_dirname (socket_name);
  g_autofree char *name = g_path_get_basename (socket_name);
  struct sockaddr_un address;

  if (!fts_run_dir_address (dir, name, &address, error))
    return -1;
  int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || connect (fd, (struct sockaddr *) &address, sizeof address) != 0) {
    fts_set_errno (error, errno, "%s", socket_name);
    if (fd >= 0)
      close (fd);
    return -1;
  }
  setsockopt (fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  return fd;
}

static char *
request_text (const char *what, const char *path)
{
  g_autoptr (JsonBuilder) json = json_builder_new ();

  json_builder_begin_object (json);
  fts_json_text (json, "do", what);
  if (path != NULL)
    fts_json_text (json, "path", path);
  json_builder_end_object (json);
  g_autoptr (JsonNode) root = json_builder_get_root (json);
  g_autofree char *line = json_to_string (root, FALSE);
  return g_strconcat (line, "\n", NULL);
}

static GString *
exchange (int fd, const char *request)
{
  GString *text = g_string_new (NULL);
  char piece[4096];
  ssize_t n = send (fd, request, strlen (request), MSG_NOSIGNAL);

  while (n > 0 && (n = recv (fd, piece, sizeof piece, 0)) > 0)
    g_string_append_len (text, piece, n);
  return text;
}

/* The answer's object; NULL with GError when it says no, or nothing. */
static JsonNode *
ask (const char *socket_name, const char *what, const char *path, GError **error)
{
  g_autofree char *request = request_text (what, path);
  int fd = connect_to (socket_name, error);

  if (fd < 0)
    return NULL;
  GString *text = exchange (fd, request);
  close (fd);
  g_autoptr (JsonNode) root = json_from_string (text->str, NULL);
  g_string_free (text, TRUE);
  if (root == NULL || !JSON_NODE_HOLDS_OBJECT (root)) {
    g_set_error (error, FTS_ERROR, FTS_ERROR_IO, "%s: no answer", socket_name);
    return NULL;
  }
  JsonObject *object = json_node_get_object (root);
  if (json_object_get_boolean_member_with_default (object, "ok", FALSE))
    return g_steal_pointer (&root);
  g_set_error (error, FTS_ERROR, FTS_ERROR_CONFIG, "%s",
               json_object_get_string_member_with_default (object, "error", "refused"));
  return NULL;
}

bool
fts_running_ask (const FtsRunning *running, const char *what, const char *path,
                 char **done, GError **error)
{
  g_autoptr (JsonNode) root = ask (running->socket, what, path, error);

  if (root == NULL) {
    g_prefix_error (error, "%s %d: ", running->program, running->pid);
    return false;
  }
  *done = g_strdup (json_object_get_string_member_with_default (
    json_node_get_object (root), "done", NULL));
  return true;
}

/* ---- which there are ---- */

static void
free_running (void *data)
{
  FtsRunning *running = data;

  g_free (running->socket);
  g_free (running->program);
  g_free (running->what);
  g_free (running->volume);
  json_node_unref (running->shown);
  g_free (running);
}

static FtsRunning *
look (const char *socket_name)
{
  g_autoptr (JsonNode) root = ask (socket_name, "show", NULL, NULL);

  if (root == NULL)
    return NULL;
  JsonObject *object = json_node_get_object (root);
  FtsRunning *running = g_new0 (FtsRunning, 1);
  running->socket = g_strdup (socket_name);
  running->program =
    g_strdup (json_object_get_string_member_with_default (object, "program", "?"));
  running->what =
    g_strdup (json_object_get_string_member_with_default (object, "what", ""));
  running->volume =
    g_strdup (json_object_get_string_member_with_default (object, "volume", ""));
  running->pid = (int) json_object_get_int_member_with_default (object, "pid", 0);
  running->shown = g_steal_pointer (&root);
  return running;
}

static bool
fits (const FtsRunning *running, const FtsRunningWhich *which)
{
  JsonObject *object = json_node_get_object (running->shown);
  const char *spec = json_object_get_string_member_with_default (object, "spec", "");

  if (which->pid != 0 && which->pid != running->pid)
    return false;
  return which->volume == NULL || strcmp (which->volume, running->volume) == 0 ||
         strcmp (which->volume, spec) == 0;
}

static int
by_pid (const void *a, const void *b)
{
  const FtsRunning *const *one = a, *const *two = b;

  return ((*one)->pid > (*two)->pid) - ((*one)->pid < (*two)->pid);
}

GPtrArray *
fts_running_find (const FtsRunningWhich *which, GError **error)
{
  g_autoptr (GPtrArray) all = g_ptr_array_new_with_free_func (free_running);
  g_autofree char *dir_name = fts_run_dir ();
  g_autoptr (GDir) dir = g_dir_open (dir_name, 0, NULL);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL) {
    g_autofree char *socket_name = g_build_filename (dir_name, name, NULL);
    FtsRunning *running = look (socket_name);
    if (running != NULL && fits (running, which))
      g_ptr_array_add (all, running);
    else if (running != NULL)
      free_running (running);
  }
  if (all->len == 0) {
    g_set_error (error, FTS_ERROR, FTS_ERROR_NOT_FOUND,
                 "no such ftsd or ftsfs of yours runs here (looked in %s)", dir_name);
    return NULL;
  }
  g_ptr_array_sort (all, by_pid);
  return g_steal_pointer (&all);
}
