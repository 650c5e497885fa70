/* main.c - emul-target: serves an emulated LUN to iSCSI initiators on this machine.
 *
 *   emul-target IMAGE --portal 127.0.0.1:PORT [--portal ...] [--iqn NAME] [--set KEY=VALUE]
 *               [--chap USER:SECRET [--mutual USER:SECRET]]
 *
 * Prints "ADDRESS:PORT" of each portal when it listens (port 0: any free one), and serves until
 * SIGTERM or SIGINT.  IMAGE becomes a LUN when it is none yet.  --set changes what is offered at
 * login: InitialR2T, ImmediateData, FirstBurstLength, MaxBurstLength, MaxRecvDataSegmentLength.
 */
#include "lib/iscsi_target/target.h"

#include <lunpath/emul.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define DEFAULT_IQN "iqn.2026-01.ftsfs:emul"

typedef struct {
  char *image;
  char *iqn;
  char *chap;
  char *mutual;
  char **portals;
  char **settings;
} Options;

static bool
fail (GError **error, const char *what, const char *why)
{
  g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "%s: %s", what, why);
  return false;
}

/* ---- options ---- */

static bool
parse_options (int argc, char **argv, Options *options, GError **error)
{
  const GOptionEntry entries[] = {
    { "portal", 0, 0, G_OPTION_ARG_STRING_ARRAY, &options->portals, "listen here",
      "127.x.x.x:PORT" },
    { "iqn", 0, 0, G_OPTION_ARG_STRING, &options->iqn, "name of the target", "NAME" },
    { "set", 0, 0, G_OPTION_ARG_STRING_ARRAY, &options->settings, "offer at login",
      "KEY=VALUE" },
    { "chap", 0, 0, G_OPTION_ARG_STRING, &options->chap, "who may log in",
      "USER:SECRET" },
    { "mutual", 0, 0, G_OPTION_ARG_STRING, &options->mutual, "who the target is",
      "USER:SECRET" },
    G_OPTION_ENTRY_NULL,
  };
  g_autoptr (GOptionContext) context = g_option_context_new ("IMAGE");

  g_option_context_add_main_entries (context, entries, NULL);
  if (!g_option_context_parse (context, &argc, &argv, error))
    return false;
  if (argc != 2 || options->portals == NULL ||
      g_strv_length (options->portals) > TARGET_PORTALS_MAX)
    return fail (error, "usage", "emul-target IMAGE --portal 127.0.0.1:PORT ...");
  options->image = argv[1];
  return true;
}

static bool
take_account (const char *text, TargetAccount *account, GError **error)
{
  const char *colon = text ? strchr (text, ':') : NULL;

  if (text == NULL)
    return true;
  if (colon == NULL || colon == text)
    return fail (error, text, "not USER:SECRET");
  account->user = g_strndup (text, (size_t) (colon - text));
  account->secret = g_strdup (colon + 1);
  return true;
}

static bool
configure (Target *target, const Options *options, GError **error)
{
  for (char **s = options->settings; s && *s; s++)
    if (!target_params_set (&target->params, *s))
      return fail (error, *s, "not KEY=VALUE of a parameter");
  return take_account (options->chap, &target->chap, error) &&
         take_account (options->mutual, &target->mutual, error) &&
         lun_emul_create (target->image, 0, 0, error);
}

/* ---- portals ---- */

static bool
parse_portal (const char *text, struct sockaddr_in *address, GError **error)
{
  const char *colon = strrchr (text, ':');
  g_autofree char *host = colon ? g_strndup (text, (size_t) (colon - text)) : NULL;
  guint64 port;

  *address = (struct sockaddr_in){ .sin_family = AF_INET };
  if (host == NULL || inet_pton (AF_INET, host, &address->sin_addr) != 1 ||
      !g_ascii_string_to_unsigned (colon + 1, 10, 0, UINT16_MAX, &port, NULL))
    return fail (error, text, "not ADDRESS:PORT");
  if (ntohl (address->sin_addr.s_addr) >> 24 != 127)
    return fail (error, text, "not a loopback address");
  address->sin_port = htons ((uint16_t) port);
  return true;
}

static char *
portal_name (int fd)
{
  struct sockaddr_in address;
  socklen_t len = sizeof address;
  char host[INET_ADDRSTRLEN];

  if (getsockname (fd, (struct sockaddr *) &address, &len) != 0 ||
      inet_ntop (AF_INET, &address.sin_addr, host, sizeof host) == NULL)
    return NULL;
  return g_strdup_printf ("%s:%u", host, ntohs (address.sin_port));
}

static int
listen_at (const char *portal, GError **error)
{
  struct sockaddr_in address;
  int on = 1;

  if (!parse_portal (portal, &address, error))
    return -1;
  int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd >= 0 && setsockopt (fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
      bind (fd, (struct sockaddr *) &address, sizeof address) == 0 &&
      listen (fd, 64) == 0)
    return fd;
  fail (error, portal, g_strerror (errno));
  if (fd >= 0)
    close (fd);
  return -1;
}

static bool
listen_all (Target *target, char **portals, struct pollfd *fds, GError **error)
{
  for (int i = 0; portals[i]; i++) {
    fds[i] = (struct pollfd){ .fd = listen_at (portals[i], error), .events = POLLIN };
    if (fds[i].fd < 0)
      return false;
    target->portals[target->n_portals++] = portal_name (fds[i].fd);
  }
  for (int i = 0; i < target->n_portals; i++)
    puts (target->portals[i]);
  return fflush (stdout) == 0;
}

/* ---- serving ---- */

static void
accept_one (Target *target, int listener)
{
  int on = 1;
  int fd = accept4 (listener, NULL, NULL, SOCK_CLOEXEC);

  if (fd < 0)
    return;
  (void) setsockopt (fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  target_serve (target, fd);
}

/* Until a signal to end.  The last of FDS is for signals. */
static void
serve (Target *target, struct pollfd *fds, int n_fds)
{
  for (;;) {
    if (poll (fds, (nfds_t) n_fds, -1) < 0)
      continue;
    if (fds[n_fds - 1].revents)
      return;
    for (int i = 0; i < n_fds - 1; i++)
      if (fds[i].revents)
        accept_one (target, fds[i].fd);
  }
}

/* Blocked in all threads, read from the descriptor. */
static int
catch_signals (void)
{
  sigset_t set;

  sigemptyset (&set);
  sigaddset (&set, SIGTERM);
  sigaddset (&set, SIGINT);
  pthread_sigmask (SIG_BLOCK, &set, NULL);
  return signalfd (-1, &set, SFD_CLOEXEC);
}

int
main (int argc, char **argv)
{
  struct pollfd fds[TARGET_PORTALS_MAX + 1];
  g_autoptr (GError) error = NULL;
  Options options = { 0 };
  Target target;

  if (!parse_options (argc, argv, &options, &error)) {
    fprintf (stderr, "emul-target: %s\n", error->message);
    return 2;
  }
  int signals = catch_signals ();
  target_init (&target, options.image, options.iqn ? options.iqn : DEFAULT_IQN);
  bool ok = configure (&target, &options, &error) &&
            listen_all (&target, options.portals, fds, &error);
  if (ok) {
    fds[target.n_portals] = (struct pollfd){ .fd = signals, .events = POLLIN };
    serve (&target, fds, target.n_portals + 1);
  } else {
    fprintf (stderr, "emul-target: %s\n", error->message);
  }
  target_clear (&target);
  g_strfreev (options.portals);
  g_strfreev (options.settings);
  g_free (options.iqn);
  g_free (options.chap);
  g_free (options.mutual);
  return ok ? 0 : 1;
}
