#include "fts/export.h"

#include "base/error.h"
#include "lib/suite.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[32];

static void
make_dir (void)
{
  strcpy (dir, "/dev/shm/ftsexportXXXXXX");
  ck_assert_ptr_nonnull (mkdtemp (dir));
}

static char *
write_file (const char *name, const char *text, mode_t mode)
{
  char *path = g_build_filename (dir, name, NULL);

  ck_assert (g_file_set_contents (path, text, -1, NULL));
  ck_assert_int_eq (chmod (path, mode), 0);
  return path;
}

static void
check_refused (const GError *error, const char *const *words)
{
  ck_assert_ptr_nonnull (error);
  ck_assert (g_error_matches (error, FTS_ERROR, FTS_ERROR_CONFIG));
  for (; *words != NULL; words++)
    ck_assert_msg (strstr (error->message, *words) != NULL, "'%s' has no '%s'",
                   error->message, *words);
}

START_TEST (test_a_plain_specification_is_read_write_for_all)
{
  g_autoptr (FtsExports) exports = fts_exports_new ();

  ck_assert (fts_exports_add (exports, "data=/dev/shm", NULL));
  const FtsExport *export = fts_exports_find (exports, "/data");
  ck_assert_ptr_nonnull (export);
  ck_assert_str_eq (export->path, "/dev/shm");
  ck_assert (!export->read_only && !export->allow_devices && !export->allow_setid);
  ck_assert (fts_export_allows (export, "anybody"));
  ck_assert_str_eq (fts_exports_secret_of (exports, "anybody"), "");
}
END_TEST

START_TEST (test_options_of_a_specification_are_taken)
{
  g_autoptr (FtsExports) exports = fts_exports_new ();

  ck_assert (
    fts_exports_add (exports, "a=/dev/shm:ro,peers=beta:gamma,devices,setid", NULL));
  ck_assert (fts_exports_add (exports, "b=/dev/shm,ro", NULL));
  ck_assert (fts_exports_add (exports, "c=/dev/shm:rw", NULL));
  const FtsExport *a = fts_exports_find (exports, "a");
  ck_assert (a->read_only && a->allow_devices && a->allow_setid);
  ck_assert (fts_export_allows (a, "beta") && fts_export_allows (a, "gamma"));
  ck_assert (!fts_export_allows (a, "alpha"));
  ck_assert (fts_exports_find (exports, "b")->read_only);
  ck_assert (!fts_exports_find (exports, "c")->read_only);
  ck_assert_uint_eq (fts_exports_count (exports), 3);
}
END_TEST

START_TEST (test_wrong_specifications_are_refused_with_a_reason)
{
  const struct {
    const char *spec;
    const char *words[3];
  } cases[] = {
    { "data", { "NAME=PATH" } },
    { "=/dev/shm", { "export name" } },
    { "a/b=/dev/shm", { "export name", "a/b" } },
    { "data=", { "data", "absolute" } },
    { "data=relative/path", { "data", "absolute" } },
    { "data=/no/such/directory", { "data", "/no/such/directory", "No such file" } },
    { "data=/etc/passwd", { "/etc/passwd", "Not a directory" } },
    { "data=/dev/shm,frob", { "frob", "known" } },
    { "data=/dev/shm,anonuid=me", { "anonuid=me", "number" } },
    { "data=/dev/shm,squash=some", { "squash=some", "none or root or all" } },
    { "data=/dev/shm,watch=perhaps",
      { "watch=perhaps", "auto or fanotify or inotify or off" } },
    { "data=/dev/shm,root_squash=1", { "root_squash", "alone" } },
    { "data=/dev/shm,peers=", { "peers", "name" } },
    { "data=/dev/shm,uidmap=/no/such/map", { "uidmap", "/no/such/map" } },
  };

  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (FtsExports) exports = fts_exports_new ();
    g_autoptr (GError) error = NULL;
    const char *words[4] = { cases[i].words[0], cases[i].words[1], cases[i].words[2] };
    ck_assert_msg (!fts_exports_add (exports, cases[i].spec, &error), "%s",
                   cases[i].spec);
    check_refused (error, words);
    ck_assert_uint_eq (fts_exports_count (exports), 0);
  }
}
END_TEST

START_TEST (test_a_name_is_exported_once)
{
  g_autoptr (FtsExports) exports = fts_exports_new ();
  g_autoptr (GError) error = NULL;

  ck_assert (fts_exports_add (exports, "data=/dev/shm", NULL));
  ck_assert (!fts_exports_add (exports, "data=/tmp", &error));
  check_refused (error, (const char *const[]){ "data", "twice", NULL });
}
END_TEST

START_TEST (test_a_key_file_has_all_that_the_command_line_has)
{
  g_autoptr (FtsExports) exports = fts_exports_new ();

  make_dir ();
  g_autofree char *file = write_file ("server.conf",
                                      "[export a]\npath=/dev/shm\nmode=ro\n"
                                      "peers=beta;gamma\n[export b]\npath=/tmp\n"
                                      "devices=true\nsetid=true\n",
                                      0644);
  ck_assert (fts_exports_load (exports, file, NULL));
  const FtsExport *a = fts_exports_find (exports, "a");
  const FtsExport *b = fts_exports_find (exports, "b");
  ck_assert (a->read_only && !b->read_only);
  ck_assert (fts_export_allows (a, "gamma") && !fts_export_allows (a, "x"));
  ck_assert (b->allow_devices && b->allow_setid && !a->allow_setid);
  unlink (file);
  rmdir (dir);
}
END_TEST

START_TEST (test_errors_of_a_key_file_name_file_group_and_key)
{
  const struct {
    const char *text;
    const char *words[3];
  } cases[] = {
    { "[export a]\npath=/dev/shm\nmode=maybe\n", { "bad.conf", "[export a]", "mode" } },
    { "[export a]\npath=/dev/shm\nfrob=1\n", { "bad.conf", "[export a]", "frob" } },
    { "[export a]\nmode=ro\n", { "bad.conf", "a", "path" } },
    { "[export a]\npath=/dev/shm\nsetid=perhaps\n",
      { "bad.conf", "[export a]", "setid" } },
    { "[exports]\npath=/dev/shm\n", { "bad.conf", "[exports]", "known" } },
    { "no group\n", { "bad.conf" } },
  };

  make_dir ();
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (FtsExports) exports = fts_exports_new ();
    g_autoptr (GError) error = NULL;
    g_autofree char *file = write_file ("bad.conf", cases[i].text, 0644);
    const char *words[4] = { cases[i].words[0], cases[i].words[1], cases[i].words[2] };
    ck_assert (!fts_exports_load (exports, file, &error));
    check_refused (error, words);
    unlink (file);
  }
  rmdir (dir);
}
END_TEST

START_TEST (test_with_secrets_only_known_peers_may_connect)
{
  g_autoptr (FtsExports) exports = fts_exports_new ();

  make_dir ();
  g_autofree char *file = write_file ("secrets", "[secrets]\nbeta=sesame\n", 0600);
  ck_assert (fts_exports_load_secrets (exports, file, NULL));
  ck_assert_str_eq (fts_exports_secret_of (exports, "beta"), "sesame");
  ck_assert_ptr_null (fts_exports_secret_of (exports, "alpha"));
  unlink (file);
  rmdir (dir);
}
END_TEST

START_TEST (test_what_is_said_of_a_peer_holds_for_its_numbered_namesakes)
{
  g_autoptr (FtsExports) exports = fts_exports_new ();
  make_dir ();
  g_autofree char *file =
    write_file ("secrets", "[secrets]\nbeta=sesame\nbeta.3=its own\n", 0600);
  char name[] = "beta";
  char *peers[] = { name, NULL };
  const FtsExport export = { .peers = peers };

  ck_assert (fts_exports_load_secrets (exports, file, NULL));
  ck_assert_str_eq (fts_exports_secret_of (exports, "beta.2"), "sesame");
  ck_assert_str_eq (fts_exports_secret_of (exports, "beta.3"), "its own");
  ck_assert_ptr_null (fts_exports_secret_of (exports, "beta."));
  ck_assert_ptr_null (fts_exports_secret_of (exports, "beta.2x"));
  ck_assert_ptr_null (fts_exports_secret_of (exports, ".2"));
  ck_assert (fts_export_allows (&export, "beta.12"));
  ck_assert (!fts_export_allows (&export, "beta.x"));
  unlink (file);
  rmdir (dir);
}
END_TEST

START_TEST (test_peers_and_secrets_may_be_patterns)
{
  g_autoptr (FtsExports) exports = fts_exports_new ();
  make_dir ();
  g_autofree char *file =
    write_file ("secrets", "[secrets]\nnode*=for nodes\nnode7=its own\n*=rest\n", 0600);

  ck_assert (fts_exports_load_secrets (exports, file, NULL));
  ck_assert_str_eq (fts_exports_secret_of (exports, "node1"), "for nodes");
  ck_assert_str_eq (fts_exports_secret_of (exports, "node7"), "its own");
  ck_assert_str_eq (fts_exports_secret_of (exports, "node7.2"), "its own");
  ck_assert_str_eq (fts_exports_secret_of (exports, "alpha"), "rest");
  ck_assert (fts_exports_add (exports, "a=/dev/shm,peers=node?:beta", NULL));
  const FtsExport *a = fts_exports_find (exports, "a");
  ck_assert (fts_export_allows (a, "node3") && fts_export_allows (a, "node3.2"));
  ck_assert (fts_export_allows (a, "beta") && !fts_export_allows (a, "node33"));
  unlink (file);
  rmdir (dir);
}
END_TEST

START_TEST (test_squash_has_the_words_of_nfs)
{
  const struct {
    const char *options;
    FtsSquash squash;
    uint32_t uid, gid;
  } cases[] = {
    { "", FTS_SQUASH_NONE, 65534, 65534 },
    { ",root_squash", FTS_SQUASH_ROOT, 65534, 65534 },
    { ",squash=root,anonuid=70", FTS_SQUASH_ROOT, 70, 65534 },
    { ",all_squash,anonuid=70,anongid=71", FTS_SQUASH_ALL, 70, 71 },
    { ",all_squash,no_root_squash", FTS_SQUASH_NONE, 65534, 65534 },
  };

  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (FtsExports) exports = fts_exports_new ();
    g_autofree char *spec = g_strconcat ("a=/dev/shm", cases[i].options, NULL);
    ck_assert (fts_exports_add (exports, spec, NULL));
    const FtsRights *rights = &fts_exports_find (exports, "a")->rights;
    ck_assert_int_eq (rights->squash, cases[i].squash);
    ck_assert_uint_eq (rights->anon_uid, cases[i].uid);
    ck_assert_uint_eq (rights->anon_gid, cases[i].gid);
  }
}
END_TEST

START_TEST (test_how_changes_are_seen_can_be_chosen)
{
  const struct {
    const char *options;
    FtsWatchChoice watch;
  } cases[] = {
    { "", FTS_WATCH_AUTO },
    { ",watch=auto", FTS_WATCH_AUTO },
    { ",watch=fanotify", FTS_WATCH_FANOTIFY },
    { ",watch=inotify", FTS_WATCH_INOTIFY },
    { ",watch=off", FTS_WATCH_OFF },
  };

  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (FtsExports) exports = fts_exports_new ();
    g_autofree char *spec = g_strconcat ("a=/dev/shm", cases[i].options, NULL);
    ck_assert (fts_exports_add (exports, spec, NULL));
    const FtsExport *a = fts_exports_find (exports, "a");
    ck_assert_int_eq (a->watch, cases[i].watch);
    g_autofree char *line = fts_export_describe (a);
    ck_assert (cases[i].watch == FTS_WATCH_AUTO ||
               strstr (line, cases[i].options) != NULL);
  }
}
END_TEST

START_TEST (test_secrets_that_others_can_read_are_refused)
{
  const mode_t modes[] = { 0644, 0640, 0604, 0660 };

  make_dir ();
  for (size_t i = 0; i < G_N_ELEMENTS (modes); i++) {
    g_autoptr (FtsExports) exports = fts_exports_new ();
    g_autoptr (GError) error = NULL;
    g_autofree char *file =
      write_file ("secrets", "[secrets]\nbeta=sesame\n", modes[i]);
    ck_assert (!fts_exports_load_secrets (exports, file, &error));
    check_refused (error, (const char *const[]){ "secrets", "chmod", NULL });
    ck_assert_ptr_null (strstr (error->message, "sesame"));
    unlink (file);
  }
  rmdir (dir);
}
END_TEST

START_TEST (test_empty_secrets_and_files_without_them_are_refused)
{
  const char *texts[] = { "[secrets]\nbeta=\n", "[secret]\nbeta=x\n", "" };

  make_dir ();
  for (size_t i = 0; i < G_N_ELEMENTS (texts); i++) {
    g_autoptr (FtsExports) exports = fts_exports_new ();
    g_autoptr (GError) error = NULL;
    g_autofree char *file = write_file ("secrets", texts[i], 0600);
    ck_assert (!fts_exports_load_secrets (exports, file, &error));
    check_refused (error, (const char *const[]){ "secrets", NULL });
    unlink (file);
  }
  rmdir (dir);
}
END_TEST

FTS_SUITE ("fts/export", test_a_plain_specification_is_read_write_for_all,
           test_options_of_a_specification_are_taken,
           test_wrong_specifications_are_refused_with_a_reason,
           test_a_name_is_exported_once,
           test_a_key_file_has_all_that_the_command_line_has,
           test_errors_of_a_key_file_name_file_group_and_key,
           test_with_secrets_only_known_peers_may_connect,
           test_what_is_said_of_a_peer_holds_for_its_numbered_namesakes,
           test_peers_and_secrets_may_be_patterns, test_squash_has_the_words_of_nfs,
           test_how_changes_are_seen_can_be_chosen,
           test_secrets_that_others_can_read_are_refused,
           test_empty_secrets_and_files_without_them_are_refused)
