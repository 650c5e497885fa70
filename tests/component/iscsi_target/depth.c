/* depth.c - more commands than a path takes at a time: the rest waits, none fails. */
#include "component/iscsi_target/rig.h"

#include <lunpath/device.h>
#include <lunpath/transport.h>

#include <netinet/in.h>

#define DEPTH     32 /* of an iSCSI path */
#define N_IOS     400
#define N_THREADS 4
#define PIECE     4096

/* ---- the layer `dam`: it tells nobody of an end while it is closed, and counts ---- */

typedef struct {
  LunTransport base;
} Dam;

typedef struct {
  LunIo io; /* what the lower transport sees */
  LunIo *parent;
} Drop;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of all below */
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static GQueue held = G_QUEUE_INIT; /* Drop: commands that have ended */
static bool is_closed;
static unsigned in_flight, most_in_flight; /* submitted, and their ends not told */
static unsigned n_ended, n_failed;         /* of the test's commands */

static void
let_go (Drop *drop)
{
  LunIo *parent = drop->parent;

  pthread_mutex_lock (&lock);
  in_flight--;
  pthread_mutex_unlock (&lock);
  parent->result = drop->io.result;
  g_free (drop);
  parent->done (parent);
}

static void
on_below_done (LunIo *io)
{
  pthread_mutex_lock (&lock);
  bool waits = is_closed;
  if (waits)
    g_queue_push_tail (&held, io);
  pthread_cond_broadcast (&changed);
  pthread_mutex_unlock (&lock);
  if (!waits)
    let_go ((Drop *) io);
}

static void
dam_submit (LunTransport *transport, LunIo *io)
{
  Drop *drop = g_new0 (Drop, 1);

  drop->io = *io;
  drop->io.done = on_below_done;
  drop->parent = io;
  pthread_mutex_lock (&lock);
  in_flight++;
  most_in_flight = MAX (most_in_flight, in_flight);
  pthread_mutex_unlock (&lock);
  lun_transport_submit (transport->lower, &drop->io);
}

static void
dam_close (LunTransport *transport)
{
  g_free (transport);
}

static LunTransport *
dam_wrap (LunTransport *lower, const char *args, GError **error)
{
  Dam *dam = g_new0 (Dam, 1);

  dam->base.ops = (LunTransportOps){ .submit = dam_submit, .close = dam_close };
  dam->base.facts = lower->facts;
  return &dam->base;
}

static void
open_dam (void)
{
  Drop *drop;

  pthread_mutex_lock (&lock);
  is_closed = false;
  while ((drop = g_queue_pop_head (&held)) != NULL) {
    pthread_mutex_unlock (&lock);
    let_go (drop);
    pthread_mutex_lock (&lock);
  }
  pthread_mutex_unlock (&lock);
}

/* ---- a target that listens ---- */

typedef struct {
  Rig rig;
  int listener;
  int port;
} Portal;

static void *
accept_one (void *data)
{
  Portal *portal = data;

  target_serve (portal->rig.target, accept (portal->listener, NULL, NULL));
  return NULL;
}

static void
listen_on (Portal *portal)
{
  struct sockaddr_in address = { .sin_family = AF_INET,
                                 .sin_addr.s_addr = htonl (INADDR_LOOPBACK) };
  socklen_t len = sizeof address;

  portal->rig = rig_new ();
  portal->listener = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ck_assert_int_eq (bind (portal->listener, (struct sockaddr *) &address, len), 0);
  ck_assert_int_eq (listen (portal->listener, 4), 0);
  ck_assert_int_eq (getsockname (portal->listener, (struct sockaddr *) &address, &len),
                    0);
  portal->port = ntohs (address.sin_port);
}

static LunDevice *
open_device (Portal *portal)
{
  g_autofree char *path =
    g_strdup_printf ("dam+iscsi://127.0.0.1:%d/%s/0", portal->port, RIG_IQN);
  const char *const paths[] = { path, NULL };
  g_autoptr (GError) error = NULL;
  pthread_t thread;

  ck_assert_int_eq (pthread_create (&thread, NULL, accept_one, portal), 0);
  LunDevice *device = lun_device_open (&(LunDeviceConfig){ .paths = paths }, &error);
  ck_assert_msg (device != NULL, "%s", error ? error->message : "");
  pthread_join (thread, NULL);
  return device;
}

/* ---- many commands ---- */

static LunDevice *device;
static LunIo ios[N_IOS];
static struct iovec iovs[N_IOS];
static uint8_t *data;

static void
on_done (LunIo *io)
{
  g_autoptr (GError) error = NULL;
  bool failed = !lun_device_check (device, io, &error);

  pthread_mutex_lock (&lock);
  n_ended++;
  n_failed += failed;
  pthread_cond_broadcast (&changed);
  pthread_mutex_unlock (&lock);
}

/* Every fourth command, from several threads at once. */
static void *
submit_share (void *first)
{
  for (unsigned i = GPOINTER_TO_UINT (first); i < N_IOS; i += N_THREADS) {
    unsigned piece = i % (RIG_BLOCKS * 512 / PIECE);
    iovs[i] = (struct iovec){ data + (size_t) i * PIECE, PIECE };
    ios[i] = (LunIo){ .op = i % 2 ? LUN_OP_READ : LUN_OP_WRITE,
                      .priority = i % 8 == 0 ? LUN_PRIO_CONTROL : LUN_PRIO_BULK,
                      .lba = piece * PIECE / 512,
                      .blocks = PIECE / 512,
                      .iov = &iovs[i],
                      .n_iov = 1,
                      .done = on_done };
    lun_device_submit (device, &ios[i]);
  }
  return NULL;
}

static void
submit_all (void)
{
  pthread_t threads[N_THREADS];

  for (unsigned i = 0; i < N_THREADS; i++)
    pthread_create (&threads[i], NULL, submit_share, GUINT_TO_POINTER (i));
  for (unsigned i = 0; i < N_THREADS; i++)
    pthread_join (threads[i], NULL);
}

static void
wait_until (unsigned *value, unsigned least)
{
  pthread_mutex_lock (&lock);
  while (*value < least)
    pthread_cond_wait (&changed, &lock);
  pthread_mutex_unlock (&lock);
}

START_TEST (test_more_commands_than_the_queue_depth_wait_and_none_fails)
{
  Portal portal;

  lun_layer_register (&(LunLayerOps){ .name = "dam", .wrap = dam_wrap });
  listen_on (&portal);
  device = open_device (&portal);
  data = g_malloc0 ((size_t) N_IOS * PIECE);
  pthread_mutex_lock (&lock);
  is_closed = true;
  pthread_mutex_unlock (&lock);
  submit_all ();
  wait_until (&held.length, DEPTH); /* all that were sent have been answered ... */
  ck_assert_uint_eq (n_ended, 0);   /* ... and the rest is not even sent */
  ck_assert_uint_eq (in_flight, DEPTH);
  open_dam ();
  wait_until (&n_ended, N_IOS);
  ck_assert_uint_eq (n_failed, 0);
  ck_assert_uint_eq (most_in_flight, DEPTH);
  lun_device_close (device);
  close (portal.listener);
  rig_clear (&portal.rig);
  g_free (data);
}
END_TEST

FTS_SUITE ("iscsi_target/depth",
           test_more_commands_than_the_queue_depth_wait_and_none_fails)
