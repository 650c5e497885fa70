/* lunpath/reservation.h - registrations and reservation of one host on one device, over all its
 * paths (D2 to D9).
 *
 * All paths of a host are registered under one key, one reservation protects the LUN, and it
 * stays while paths die and return.  The open options are those of the document's non-concurrent
 * cluster (one owner at a time); SHARED is for LUNs that several hosts use together.
 *
 *   g_autoptr (LunReservation) r = lun_reservation_new (device, &config);
 *   lun_reservation_open (r, LUN_RESV_DEFAULT, &error);   ... use the device ...
 *   lun_reservation_close (r, &error);
 *
 * Threads: all calls from any thread; they wait for each other and do I/O.  The device must
 * outlive the reservation.  Errors: RESERVED (a stranger holds the LUN; the message has his key),
 * FENCED (another host removed our registration: final for this object), BUSY (a process of this
 * machine has the device), NO_PATH, IO, UNSUPPORTED, CONFIG.
 */
#pragma once

#include <lunpath/device.h>
#include <lunpath/pr-type.h>

typedef struct LunReservation LunReservation;

/* What is ours on the LUN (src/reservation/state.h has the transitions). */
typedef enum {
  LUN_RESV_NONE,        /* nothing: not opened, closed, or refused */
  LUN_RESV_REGISTERING, /* paths are being registered; no data */
  LUN_RESV_REGISTERED,  /* registered; no reservation, or another member's */
  LUN_RESV_HELD,        /* the reservation is ours, or everybody's who is registered */
  LUN_RESV_MOVING, /* the holder's path died; another becomes the holder; no data */
  LUN_RESV_CHECKING, /* something casts doubt on our registration; no data until read again */
  LUN_RESV_FENCED, /* another host removed us; for good */
  LUN_RESV_COMPAT, /* no PERSISTENT RESERVE: one path with RESERVE(6) */
} LunResvState;

/* The open options of Figure 7, and one of our own. */
typedef enum {
  LUN_RESV_DEFAULT,    /* register all paths, reserve; fails when another holds it */
  LUN_RESV_FORCED,     /* breaks another's reservation */
  LUN_RESV_RETAIN,     /* as default; close() leaves the reservation */
  LUN_RESV_NO_RESERVE, /* registers only; gives up an own retained reservation */
  LUN_RESV_SINGLE,     /* as default, and no other open of this machine beside it */
  LUN_RESV_SHARED, /* many hosts of one volume: register, see that a reservation is there */
} LunResvOption;

typedef struct {
  uint64_t key;        /* of this host and incarnation; never 0 */
  LunPrType type;      /* 0 = exclusive access, registrants only (6) */
  uint32_t timeout_ms; /* how long a busy target is asked again; 0 = 10,000 */
  /* Registrations and reservation outlive a power loss (APTPL).  A device that cannot do that is
   * refused, UNSUPPORTED.  The last registration of any host decides for all. */
  bool survives_power_loss;
  /* A key on the LUN that belongs to nobody any more and may be preempted.  NULL: keys of this
   * owner's other incarnations (lun_resv_key_is_same_owner). */
  bool (*is_orphan) (uint64_t key, void *user_data);
  void *user_data;
  bool
    is_shared_key; /* paths of this host are registered under it already, by another process */
  bool has_flags; /* a LunSwap of any member may have made a flag of its key (swap.h) */
} LunReservationConfig;

LunReservation *lun_reservation_new (LunDevice *device,
                                     const LunReservationConfig *config);
/* Sends nothing: what is on the LUN stays.  NULL is fine. */
void lun_reservation_free (LunReservation *reservation);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LunReservation, lun_reservation_free)

/* Figure 7: reserves as OPTION says.  A failed open leaves no registration of ours. */
bool lun_reservation_open (LunReservation *reservation, LunResvOption option,
                           GError **error);
/* Figure 12: releases (unless retained) and unregisters.  Good when nothing is held. */
bool lun_reservation_close (LunReservation *reservation, GError **error);
/* Figure 6: as close, but a retained reservation is released too. */
bool lun_reservation_remove (LunReservation *reservation, GError **error);

LunResvState lun_reservation_state (LunReservation *reservation);
const char *lun_resv_state_name (LunResvState state);

/* ---- while open ---- */

/* Figure 5, configuration: registers all paths without reserving anything. */
bool lun_reservation_register (LunReservation *reservation, GError **error);
/* A path that came up: registered and verified before it may carry data. */
bool lun_reservation_path_up (LunReservation *reservation, const char *path,
                              GError **error);
/* A path that died.  When it was the holder's, another path becomes the holder. */
bool lun_reservation_path_down (LunReservation *reservation, const char *path,
                                GError **error);
/* A path that is taken away in order, while it still works. */
bool lun_reservation_remove_path (LunReservation *reservation, const char *path,
                                  GError **error);
/* After a unit attention 29h or 2Ah, or a reservation conflict: reads keys and reservation again,
 * mends what a reset or power loss took, and finds out whether we are fenced.  Data may go on
 * when it returns true. */
bool lun_reservation_check (LunReservation *reservation, GError **error);
/* The holder left (registrants-only types): reserves, unless somebody has already. */
bool lun_reservation_takeover (LunReservation *reservation, GError **error);
/* Removes VICTIM's registrations, ends his commands, and proves that his key is gone. */
bool lun_reservation_fence (LunReservation *reservation, uint64_t victim,
                            GError **error);
/* Removes every registration and the reservation. */
bool lun_reservation_clear (LunReservation *reservation, GError **error);

/* ---- what is on the LUN ---- */

typedef struct {
  uint64_t key;
  bool is_holder;
  uint16_t relative_port;
  char *port; /* initiator port */
} LunResvRegistration;

typedef struct {
  uint32_t generation;
  GArray *keys; /* of uint64_t, one a registered path */
  bool is_reserved;
  uint64_t holder_key; /* 0: every registered path (types 7 and 8) */
  LunPrType type;
  GArray
    *registrations; /* of LunResvRegistration; NULL where the device does not tell */
} LunResvView;

/* Works in every state; changes nothing.  Clear OUT with lun_resv_view_clear(). */
bool lun_reservation_read (LunReservation *reservation, LunResvView *out,
                           GError **error);
void lun_resv_view_clear (LunResvView *view);
/* "another host (key ..., type 6: exclusive access, registrants only, port ...)", of a view with a
 * reservation.  Free with g_free(). */
char *lun_resv_view_describe (const LunResvView *view);
/* Where *ERROR is RESERVED: its message says who holds the device, where that can be found out.  Not
 * while a reservation of ours is open on DEVICE: one that fails to open says it by itself.  True
 * when it does. */
bool lun_device_explain_reserved (LunDevice *device, GError **error);

/* *FOUND: that one of the CANDIDATES under which a path of this host is registered already, by
 * another process that shares its nexus; 0 = none.  Before opening. */
bool lun_reservation_find_own_key (LunReservation *reservation,
                                   const uint64_t *candidates, unsigned n,
                                   uint64_t *found, GError **error);

/* ---- keys ----
 *   bits 63-40  drawn from the volume's tag
 *   bits 39-32  host index + 1, so that no key is 0
 *   bits 31-0   drawn from the generation: another one for each incarnation
 */
uint64_t lun_resv_key (uint64_t volume_tag, uint32_t host_index, uint64_t generation);
bool lun_resv_key_is_of_volume (uint64_t key, uint64_t volume_tag);
/* Volume and host are the same; the generation may differ. */
bool lun_resv_key_is_same_owner (uint64_t a, uint64_t b);
