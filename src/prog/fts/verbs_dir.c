/* dir, cd, pwd, lcd. */
#include "prog/fts/pattern.h"
#include "prog/fts/report.h"
#include "prog/fts/verb.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct {
  FtsShell *shell;
  JsonBuilder *json; /* NULL = for people */
  bool names_only, terminal;
} Listing;

static bool
show_entry (const char *name, const FtsDirent *entry, void *user_data, GError **error)
{
  Listing *listing = user_data;
  g_autofree char *link = NULL;

  if (listing->names_only && listing->json == NULL) {
    puts (name);
    return true;
  }
  if (S_ISLNK (entry->attr.mode) && entry->handle.len > 0)
    link = fts_client_readlink (listing->shell->client, NULL, &entry->handle, NULL);
  if (listing->json == NULL) {
    g_autofree char *line =
      fts_report_line (name, &entry->attr, link, listing->terminal);
    puts (line);
    return true;
  }
  json_builder_begin_object (listing->json);
  fts_report_add_name (listing->json, "name", name);
  fts_report_add_attr (listing->json, &entry->attr);
  if (link != NULL)
    fts_report_add_name (listing->json, "target", link);
  json_builder_end_object (listing->json);
  return true;
}

static bool
show_path (Listing *listing, const char *path, GError **error)
{
  FtsShell *shell = listing->shell;
  g_autoptr (GError) cause = NULL;
  FtsNode node;

  if (fts_shell_walk (shell, path, &node, NULL, &cause)) {
    if (S_ISDIR (node.attr.mode))
      return fts_shell_list (shell, &node.handle, NULL, show_entry, listing, error);
    FtsDirent entry = { .handle = node.handle, .attr = node.attr };
    return show_entry (path, &entry, listing, error);
  }
  if (!g_error_matches (cause, FTS_ERRNO, ENOENT) || !fts_pattern_is (path)) {
    g_propagate_error (error, g_steal_pointer (&cause));
    return false;
  }
  return fts_pattern_each (shell, path, show_entry, listing, error);
}

static bool
run_dir (FtsShell *shell, int argc, char **argv, GError **error)
{
  g_autoptr (JsonBuilder) json = shell->json ? json_builder_new () : NULL;
  bool names_only = argc > 1 && g_str_equal (argv[1], "-1");
  Listing listing = { shell, json, names_only, isatty (STDOUT_FILENO) };
  const char *path = argc > 1 + names_only ? argv[1 + names_only] : ".";

  if (json != NULL)
    json_builder_begin_array (json);
  bool ok = show_path (&listing, path, error);
  if (json != NULL && ok) {
    json_builder_end_array (json);
    fts_report_print (json);
  }
  return ok;
}

static bool
run_cd (FtsShell *shell, int argc, char **argv, GError **error)
{
  g_autofree char *full = NULL;
  FtsNode node;

  if (!fts_shell_walk (shell, argc > 1 ? argv[1] : "/", &node, &full, error))
    return false;
  if (!S_ISDIR (node.attr.mode))
    return fts_set_errno (error, ENOTDIR, "%s", argv[1]);
  shell->dir = node.handle;
  g_free (shell->dir_path);
  shell->dir_path = g_strdup (full + strspn (full, "/"));
  return true;
}

static bool
run_pwd (FtsShell *shell, int argc, char **argv, GError **error)
{
  printf ("/%s\n", shell->dir_path);
  return true;
}

static bool
run_lcd (FtsShell *shell, int argc, char **argv, GError **error)
{
  const char *where = argc > 1 ? argv[1] : g_get_home_dir ();

  return chdir (where) == 0 || fts_set_errno (error, errno, "%s", where);
}

const FtsVerb fts_verbs_dir[] = {
  { "dir", "[-1] [NAME|PATTERN]", "list a directory, a file, or what matches", 0, 2,
    true, run_dir },
  { "cd", "[DIR]", "change the directory over there", 0, 1, true, run_cd },
  { "pwd", "", "show it", 0, 0, true, run_pwd },
  { "lcd", "[DIR]", "change the directory here", 0, 1, false, run_lcd },
  { 0 },
};
