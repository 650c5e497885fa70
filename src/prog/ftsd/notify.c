/* notify.c - see notify.h. */
#include "prog/ftsd/notify.h"

#include <glib.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* '@' begins the name of a socket that no file system has. */
static socklen_t
fill_address (struct sockaddr_un *address, const char *name)
{
  size_t len = strlen (name);

  *address = (struct sockaddr_un){ .sun_family = AF_UNIX };
  if (len < 2 || len >= sizeof address->sun_path || (*name != '/' && *name != '@'))
    return 0;
  memcpy (address->sun_path, name, len);
  if (*name == '@')
    address->sun_path[0] = '\0';
  return (socklen_t) (offsetof (struct sockaddr_un, sun_path) + len);
}

void
ftsd_notify (const char *state)
{
  const char *name = g_getenv ("NOTIFY_SOCKET");
  struct sockaddr_un address;
  socklen_t len = name ? fill_address (&address, name) : 0;

  if (len == 0)
    return;
  int fd = socket (AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0)
    return;
  if (sendto (fd, state, strlen (state), MSG_NOSIGNAL, (struct sockaddr *) &address,
              len) < 0)
    g_debug ("%s does not listen", name);
  close (fd);
}

void
ftsd_notify_reloading (void)
{
  g_autofree char *state = g_strdup_printf (
    "RELOADING=1\nMONOTONIC_USEC=%" G_GINT64_FORMAT, g_get_monotonic_time ());

  ftsd_notify (state);
}
