#include "prog/fts/shell.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>

#define PAGE_LEN (256 * 1024) /* of a directory */

/* ---- opening ---- */

static bool
load_secret (const char *file, char **secret, GError **error)
{
  g_autoptr (GError) cause = NULL;
  struct stat st;

  if (file == NULL)
    return true;
  if (stat (file, &st) == 0 && (st.st_mode & (S_IRWXG | S_IRWXO))) {
    g_set_error (error, FTS_ERROR, FTS_ERROR_CONFIG,
                 "secret file %s can be used by others; chmod 600 it", file);
    return false;
  }
  if (!g_file_get_contents (file, secret, NULL, &cause)) {
    g_set_error (error, FTS_ERROR, FTS_ERROR_CONFIG, "secret file: %s", cause->message);
    return false;
  }
  g_strstrip (*secret);
  return true;
}

static bool
join_volume (FtsShell *shell, GError **error)
{
  if (shell->member != NULL)
    return true;
  if (shell->volume == NULL)
    shell->volume = fts_volume_options_open (&shell->volume_options, false, error);
  if (shell->volume == NULL)
    return false;
  const FtsMemberConfig config = { .name = shell->volume_options.name,
                                   .role = FTS_ROLE_CLIENT,
                                   .program = "fts",
                                   .rejoins = true };
  shell->member = fts_member_join (shell->volume, &config, error);
  return shell->member != NULL;
}

bool
fts_shell_open (FtsShell *shell, const char *where, GError **error)
{
  g_autofree char *secret = NULL;
  g_auto (GStrv) parts = g_strsplit (where, ":", 2);

  fts_shell_close (shell);
  if (!join_volume (shell, error) ||
      !load_secret (shell->volume_options.secret_file, &secret, error))
    return false;
  const FtsClientConfig config = {
    .peer = parts[0],
    .export_name = parts[1] ? parts[1] : shell->export_name,
    .secret = secret,
    .wait_ms = (uint32_t) (shell->wait_s * 1000),
    .no_xattr = true,
  };
  if (config.export_name == NULL) {
    g_set_error (error, FTS_ERROR, FTS_ERROR_CONFIG,
                 "which export? say %s:/EXPORT or --export NAME", where);
    return false;
  }
  shell->client = fts_client_new (shell->member, &config, error);
  if (shell->client == NULL)
    return false;
  shell->peer = g_strdup (parts[0]);
  shell->dir = *fts_client_root (shell->client);
  shell->dir_path = g_strdup ("");
  return true;
}

void
fts_shell_close (FtsShell *shell)
{
  g_clear_pointer (&shell->client, fts_client_free);
  g_clear_pointer (&shell->peer, g_free);
  g_clear_pointer (&shell->dir_path, g_free);
}

void
fts_shell_clear (FtsShell *shell)
{
  fts_shell_close (shell);
  g_clear_pointer (&shell->member, fts_member_leave);
  g_clear_pointer (&shell->volume, fts_volume_close);
  fts_volume_options_clear (&shell->volume_options);
  g_clear_pointer (&shell->export_name, g_free);
}

/* ---- paths of the other side ---- */

const FtsHandle *
fts_shell_base (const FtsShell *shell, const char *path, const char **rest)
{
  const FtsHandle *base = *path == '/' ? fts_client_root (shell->client) : &shell->dir;

  path += strspn (path, "/");
  *rest = *path ? path : ".";
  return base;
}

bool
fts_shell_walk (FtsShell *shell, const char *path, FtsNode *out, char **full,
                GError **error)
{
  const char *rest;
  const FtsHandle *base = fts_shell_base (shell, path, &rest);

  return fts_client_walk (shell->client, NULL, base, rest, out, full, error);
}

/* A name that a directory can have: what a server sends becomes a local path. */
static bool
is_plain_name (const char *name)
{
  return *name != '\0' && strchr (name, '/') == NULL && strcmp (name, ".") != 0 &&
         strcmp (name, "..") != 0;
}

static bool
visit_page (const GByteArray *page, FtsVisit visit, void *user_data, GError **error)
{
  FtsDirent entry;
  size_t used;

  for (size_t at = 0; at < page->len; at += used) {
    if (!fts_wire_decode_dirent (page->data + at, page->len - at, &entry, &used)) {
      g_set_error (error, FTS_ERROR, FTS_ERROR_PROTOCOL,
                   "a damaged directory entry came");
      return false;
    }
    g_autofree char *name = g_strndup (entry.name.bytes, entry.name.len);
    if (is_plain_name (name) && !visit (name, &entry, user_data, error))
      return false;
  }
  return true;
}

bool
fts_shell_list (FtsShell *shell, const FtsHandle *dir, const char *pattern,
                FtsVisit visit, void *user_data, GError **error)
{
  uint64_t cookie = 0;
  bool eof = false;

  while (!eof) {
    g_autoptr (GByteArray) page = g_byte_array_new ();
    uint64_t next;
    if (!fts_client_dir (shell->client, NULL, dir, cookie, PAGE_LEN, pattern, page,
                         &next, &eof, error) ||
        !visit_page (page, visit, user_data, error))
      return false;
    if (page->len == 0 && next == cookie)
      return true;
    cookie = next;
  }
  return true;
}

/* ---- signals ---- */

static volatile sig_atomic_t caught;

static void
on_signal (int signal)
{
  caught = signal;
}

void
fts_shell_watch_signals (void)
{
  struct sigaction action = { .sa_handler = on_signal, .sa_flags = (int) SA_RESETHAND };

  sigaction (SIGINT, &action, NULL);
  sigaction (SIGTERM, &action, NULL);
  sigaction (SIGHUP, &action, NULL);
  signal (SIGPIPE, SIG_IGN);
}

int
fts_shell_signal (void)
{
  return caught;
}

void
fts_shell_forget_signal (void)
{
  caught = 0;
  fts_shell_watch_signals ();
}
