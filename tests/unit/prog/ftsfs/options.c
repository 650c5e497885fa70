#include "prog/ftsfs/options.h"
#include "prog/ftsfs/option_cache.h"

#include "base/error.h"
#include "lib/suite.h"

#include <string.h>
#include <unistd.h>

/* Parses the words of LINE; the options, or NULL and the message in *WHY. */
static bool
parse (const char *line, FtsMountOptions *out, char **why)
{
  g_auto (GStrv) argv = g_strsplit (line, " ", -1);
  g_autoptr (GError) error = NULL;
  bool well = fts_mount_options_parse ((int) g_strv_length (argv), argv, out, &error);

  if (!well) {
    ck_assert (g_error_matches (error, FTS_ERROR, FTS_ERROR_CONFIG));
    *why = g_strdup (error->message);
  }
  return well;
}

static void
check_refused (const char *line, const char *fragment)
{
  g_auto (FtsMountOptions) options = { 0 };
  g_autofree char *why = NULL;

  ck_assert_msg (!parse (line, &options, &why), "%s was accepted", line);
  ck_assert_msg (strstr (why, fragment) != NULL, "%s: %s", line, why);
}

START_TEST (test_source_is_peer_and_export)
{
  g_auto (FtsMountOptions) options = { 0 };
  g_autofree char *why = NULL;

  ck_assert (parse ("ftsfs beta:/srv/x /mnt -o volume=file:/l.img", &options, &why));
  ck_assert_str_eq (options.source, "beta:/srv/x");
  ck_assert_str_eq (options.peer, "beta");
  ck_assert_str_eq (options.export_name, "srv/x");
  ck_assert_str_eq (options.mountpoint, "/mnt");
  ck_assert_str_eq (options.volume, "file:/l.img");
  ck_assert_ptr_null (options.devices->pdata[0]);
  ck_assert_uint_eq (options.wait_ms, 10000);
}
END_TEST

START_TEST (test_slash_before_the_export_may_be_left_out)
{
  g_auto (FtsMountOptions) options = { 0 };
  g_autofree char *why = NULL;

  ck_assert (parse ("ftsfs beta:home /mnt -ovolume=v", &options, &why));
  ck_assert_str_eq (options.export_name, "home");
}
END_TEST

START_TEST (test_every_value_goes_to_its_field)
{
  g_auto (FtsMountOptions) options = { 0 };
  g_autofree char *why = NULL;

  ck_assert (parse (
    "ftsfs a:b /m -o volume=v,device=d1,device=d2,name=n,secret=/s "
    "-o wait=1.5,hard,timeo=20,retrans=4,grace=2.5,max_connections=3,readahead=64,writebehind=0 "
    "-o attr_timeout=4,entry_timeout=0.5,negative_timeout=0,threads=1000 "
    "-o stats=/st,ro,noxattr",
    &options, &why));
  ck_assert_str_eq (options.devices->pdata[0], "d1");
  ck_assert_str_eq (options.devices->pdata[1], "d2");
  ck_assert_ptr_null (options.devices->pdata[2]);
  ck_assert_str_eq (options.name, "n");
  ck_assert_str_eq (options.secret_file, "/s");
  ck_assert_uint_eq (options.wait_ms, 1500);
  ck_assert (options.is_hard);
  ck_assert_uint_eq (options.timeo, 20);
  ck_assert_uint_eq (options.retrans, 4);
  ck_assert_uint_eq (options.grace_ms, 2500);
  ck_assert_uint_eq (options.max_connections, 3);
  ck_assert_uint_eq (options.readahead_kb, 64);
  ck_assert_uint_eq (options.behind_kb, 0);
  ck_assert (options.file_attr_min == 4 && options.file_attr_max == 4);
  ck_assert (options.dir_attr_min == 4 && options.entry_timeout == 0.5);
  ck_assert (options.negative_timeout == 0);
  ck_assert_uint_eq (options.threads, 100);
  ck_assert_str_eq (options.stats_file, "/st");
  ck_assert (options.read_only && options.no_xattr);
}
END_TEST

static void
parse_cache (const char *words, FtsMountOptions *options)
{
  g_autofree char *why = NULL;
  g_autofree char *line = g_strdup_printf ("ftsfs a:b /m -o volume=v,%s", words);

  ck_assert_msg (parse (line, options, &why), "%s", why);
}

START_TEST (test_cache_options_of_nfs)
{
  g_auto (FtsMountOptions) one = { 0 };
  g_auto (FtsMountOptions) two = { 0 };
  g_auto (FtsMountOptions) three = { 0 };

  parse_cache ("acregmin=3,acregmax=60,acdirmin=30,lookupcache=pos", &one);
  ck_assert (one.file_attr_min == 3 && one.file_attr_max == 60);
  ck_assert (one.dir_attr_min == 30 && one.dir_attr_max == 30);
  ck_assert (one.entry_timeout == 1 && one.negative_timeout == 0);
  ck_assert (fts_option_cache_seconds (&one, false, 1) == 3);
  ck_assert (fts_option_cache_seconds (&one, false, 100) == 10);
  ck_assert (fts_option_cache_seconds (&one, false, 1e6) == 60);
  ck_assert (fts_option_cache_seconds (&one, true, 1e6) == 30);
  parse_cache ("noac,watch_timeout=0", &two);
  ck_assert (two.file_attr_max == 0 && two.dir_attr_max == 0);
  ck_assert (two.entry_timeout == 0 && two.watch_timeout == 0);
  parse_cache ("noac,ac,lookupcache=none,actimeo=7,acregmax=2", &three);
  ck_assert (three.file_attr_min == 2 && three.file_attr_max == 2);
  ck_assert (three.dir_attr_min == 7 && three.negative_timeout == 7);
}
END_TEST

START_TEST (test_cache_options_of_sshfs)
{
  g_auto (FtsMountOptions) one = { 0 };
  g_auto (FtsMountOptions) two = { 0 };
  g_auto (FtsMountOptions) three = { 0 };

  parse_cache ("cache=no,kernel_cache", &one);
  ck_assert (one.file_attr_max == 0 && one.entry_timeout == 0);
  ck_assert_int_eq (one.data_cache, FTS_DATA_CACHE_KEEP);
  parse_cache ("dcache_timeout=20,dir_cache=yes,direct_io", &two);
  ck_assert (two.file_attr_max == 20 && two.negative_timeout == 20);
  ck_assert_int_eq (two.data_cache, FTS_DATA_CACHE_NONE);
  parse_cache ("direct_io,auto_cache,cache_timeout=3", &three);
  ck_assert (three.dir_attr_min == 3);
  ck_assert_int_eq (three.data_cache, FTS_DATA_CACHE_AUTO);
}
END_TEST

START_TEST (test_cache_options_with_wrong_values_say_which_are_right)
{
  check_refused ("ftsfs a:b /m -o volume=v,lookupcache=some",
                 "all, pos, positive or none");
  check_refused ("ftsfs a:b /m -o volume=v,cache=maybe", "yes or no");
  check_refused ("ftsfs a:b /m -o volume=v,acregmin=-1", "number of seconds");
  check_refused ("ftsfs a:b /m -o volume=v,acdirmax=", "number of seconds");
}
END_TEST

START_TEST (test_kernel_options_are_kept_and_fstab_words_dropped)
{
  g_auto (FtsMountOptions) options = { 0 };
  g_autofree char *why = NULL;

  ck_assert (
    parse ("ftsfs a:b /m -o rw,nosuid,_netdev,volume=v,x-systemd.automount,noatime,"
           "nofail,default_permissions",
           &options, &why));
  ck_assert_str_eq (options.kernel_options, "nosuid,noatime");
}
END_TEST

START_TEST (test_escaped_comma_belongs_to_the_value)
{
  g_auto (FtsMountOptions) options = { 0 };
  g_autofree char *why = NULL;

  ck_assert (parse ("ftsfs a:b /m -o volume=/x\\,y\\\\z,ro", &options, &why));
  ck_assert_str_eq (options.volume, "/x,y\\z");
  ck_assert (options.read_only);
}
END_TEST

START_TEST (test_source_option_stands_for_the_first_word)
{
  g_auto (FtsMountOptions) one = { 0 };
  g_auto (FtsMountOptions) two = { 0 };
  g_autofree char *why = NULL;

  ck_assert (parse ("ftsfs /m -o source=a:b,volume=v", &one, &why));
  ck_assert_str_eq (one.peer, "a");
  ck_assert (parse ("ftsfs dummy /m -o source=a:b,volume=v", &two, &why));
  ck_assert_str_eq (two.peer, "a");
  ck_assert_str_eq (two.mountpoint, "/m");
}
END_TEST

START_TEST (test_flags_of_a_program)
{
  g_auto (FtsMountOptions) options = { 0 };
  g_autofree char *why = NULL;

  ck_assert (parse ("ftsfs -fs a:b /m -d -o volume=v", &options, &why));
  ck_assert (options.foreground && options.single_thread && options.debug);
  ck_assert (!options.fake);
}
END_TEST

START_TEST (test_flags_of_a_mount_helper_are_those_of_mount)
{
  g_auto (FtsMountOptions) options = { 0 };
  g_autofree char *why = NULL;

  ck_assert (
    parse ("/sbin/mount.fuse.ftsfs a:b /m -sfnv -o volume=v,what=ever -t fuse.ftsfs",
           &options, &why));
  ck_assert (options.fake && options.verbose);
  ck_assert (!options.foreground && !options.single_thread);
  ck_assert_str_eq (options.kernel_options, geteuid () == 0 ? "suid,dev" : "");
}
END_TEST

START_TEST (test_what_is_wrong_is_named)
{
  check_refused ("ftsfs a:b /m -o volume=v,colour=red", "\"colour=red\"");
  check_refused ("ftsfs a:b /m -o volume=v,wait=soon", "wait=soon");
  check_refused ("ftsfs a:b /m -o volume=v,wait=-1", "wait=-1");
  check_refused ("ftsfs a:b /m -o volume=v,threads=", "threads=");
  check_refused ("ftsfs a:b /m -o volume=", "volume=");
  check_refused ("ftsfs a:b /m", "volume");
  check_refused ("ftsfs a:b -o volume=v", "PEER:/EXPORT");
  check_refused ("ftsfs a:b /m /n -o volume=v", "PEER:/EXPORT");
  check_refused ("ftsfs nowhere /m -o volume=v", "\"nowhere\"");
  check_refused ("ftsfs :/x /m -o volume=v", "\":/x\"");
  check_refused ("ftsfs a:/ /m -o volume=v", "\"a:/\"");
  check_refused ("ftsfs a:b /m -o", "-o");
  check_refused ("ftsfs a:b /m -q", "-q");
  check_refused ("ftsfs a:b /m --quick", "--quick");
}
END_TEST

START_TEST (test_a_misspelt_option_is_told_its_name)
{
  check_refused ("ftsfs a:b /m -o volume=v,atrr_timeout=1", "mean \"attr_timeout=\"?");
  check_refused ("ftsfs a:b /m -o volum=v", "mean \"volume=\"?");
  check_refused ("ftsfs a:b /m -o volume=v,nosiud", "mean \"nosuid\"?");
  check_refused ("ftsfs a:b /m -o volume=v,uidfiel=x", "mean \"uidfile=\"?");
  check_refused ("ftsfs a:b /m -o volume=v,"
                 "a-very-long-option-that-nobody-has-ever-thought-of",
                 "thought-of\"");
}
END_TEST

START_TEST (test_users_and_masks)
{
  g_auto (FtsMountOptions) options = { 0 };
  g_autofree char *why = NULL;

  ck_assert (parse ("ftsfs a:b /m -o volume=v,idmap=file,uidfile=/u,nomap=ignore,uid=5,"
                    "umask=027,dmask=0700",
                    &options, &why));
  ck_assert (options.idmap == FTS_MOUNT_IDMAP_FILE && options.nomap_ignore);
  ck_assert_str_eq (options.uid_file, "/u");
  ck_assert_uint_eq (options.uid, 5);
  ck_assert_uint_eq (options.gid, FTS_NO_ID);
  ck_assert_uint_eq (options.umask, 027);
  ck_assert_uint_eq (options.dmask, 0700);
  ck_assert_uint_eq (options.fmask, FTS_NO_ID);
  check_refused ("ftsfs a:b /m -o volume=v,idmap=file", "uidfile=");
  check_refused ("ftsfs a:b /m -o volume=v,uidfile=/u", "idmap=file");
  check_refused ("ftsfs a:b /m -o volume=v,anonuid=5", "idmap=squash");
  check_refused ("ftsfs a:b /m -o volume=v,uid=4294967295", "uid=4294967295");
  check_refused ("ftsfs a:b /m -o volume=v,uid=anna", "number");
  check_refused ("ftsfs a:b /m -o volume=v,umask=1000", "octal");
}
END_TEST

START_TEST (test_bg_tries_long_unless_told)
{
  g_auto (FtsMountOptions) one = { 0 };
  g_auto (FtsMountOptions) two = { 0 };
  g_auto (FtsMountOptions) three = { 0 };
  g_autofree char *why = NULL;

  ck_assert (parse ("ftsfs a:b /m -o volume=v", &one, &why));
  ck_assert (!one.background && one.retry_minutes == 0);
  ck_assert (parse ("ftsfs a:b /m -o volume=v,bg", &two, &why));
  ck_assert (two.background && two.retry_minutes == 10000);
  ck_assert (parse ("ftsfs a:b /m -o volume=v,retry=0,bg", &three, &why));
  ck_assert (three.background && three.retry_minutes == 0);
}
END_TEST

START_TEST (test_a_remount_needs_only_a_directory)
{
  g_auto (FtsMountOptions) options = { 0 };
  g_autofree char *why = NULL;

  ck_assert (parse ("ftsfs none /m -o remount,ro", &options, &why));
  ck_assert (options.remount && options.read_only);
  ck_assert_str_eq (options.mountpoint, "/m");
}
END_TEST

START_TEST (test_help_needs_nothing_else)
{
  g_auto (FtsMountOptions) options = { 0 };
  g_autofree char *why = NULL;

  ck_assert (parse ("ftsfs --help", &options, &why));
  ck_assert (options.help);
}
END_TEST

FTS_SUITE ("ftsfs/options", test_source_is_peer_and_export,
           test_slash_before_the_export_may_be_left_out,
           test_every_value_goes_to_its_field, test_cache_options_of_nfs,
           test_cache_options_of_sshfs,
           test_cache_options_with_wrong_values_say_which_are_right,
           test_kernel_options_are_kept_and_fstab_words_dropped,
           test_escaped_comma_belongs_to_the_value,
           test_source_option_stands_for_the_first_word, test_flags_of_a_program,
           test_flags_of_a_mount_helper_are_those_of_mount, test_what_is_wrong_is_named,
           test_a_misspelt_option_is_told_its_name, test_users_and_masks,
           test_bg_tries_long_unless_told, test_a_remount_needs_only_a_directory,
           test_help_needs_nothing_else)
