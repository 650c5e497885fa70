/* reservation/reservation.h - the inside of a LunReservation, shared by its procedures.
 *
 * Each procedure stands in a file of its own as the numbered steps of its figure (patent
 * application 09/687,335, Figures 5 to 12).  A procedure runs with the lock held, sends commands
 * through command.c only, and changes the state through lun_resv_event() only.
 *
 * Facts that shape all of them (SPC-4 5.9, and targets that differ):
 *   1. RELEASE from a path that is not the holder answers GOOD and does nothing: what was
 *      released is read back.
 *   2. RESERVE from a second path conflicts although we hold: it is success when key and type
 *      read back are ours.
 *   3. PREEMPT with our own key moves the holder to this path and removes our other paths'
 *      registrations: data stops, the others are registered again, data goes on.
 *   4. PREEMPT with a zero service action key removes everybody under types 7 and 8, our own
 *      paths too: never sent.
 *   5. A conflict on our own PREEMPT, or on data, with our key gone, means that we lost: fenced.
 *      REGISTER AND IGNORE would undo that, so no procedure sends it without having seen its own
 *      key on the LUN before, but for opening, and after a power loss.
 *   6. A command whose answer was lost is resolved by reading the state, never repeated blindly.
 *   7. Any command can end with a unit attention, PERSISTENT RESERVE IN too: it is noted, and the
 *      command is sent again.
 */
#pragma once

#include "base/pr.h"
#include "path/policy.h"
#include "reservation/port.h"
#include "reservation/rivals.h"
#include "reservation/state.h"

#include <pthread.h>

#define LUN_RESV_NOBODY (-1) /* holder: no path of ours */
#define LUN_RESV_ANY \
  (-2) /* holder: ours, by a path that is not known, or by all of them */

typedef struct {
  bool registered; /* under our key, as far as we know */
  bool dead;       /* failed while opening; ignored until it comes up again */
} LunResvPath;

typedef struct LunResvKeeper LunResvKeeper;

struct LunReservation {
  LunResvPort port;
  LunReservationConfig config;
  int local_lock; /* file, or -1 (local-lock.c) */

  pthread_mutex_t lock; /* of all below, held through whole procedures */
  LunResvState state;
  LunResvOption option;
  LunResvPath paths[LUN_PATHS_MAX];
  int holder;  /* path, or LUN_RESV_NOBODY, LUN_RESV_ANY */
  bool retain; /* close() leaves the reservation */
  bool holds_data;
  bool
    may_leave_keys; /* of paths that died, or lost their session: close() looks for them */
  uint32_t seen_generation; /* PRGENERATION of the last READ KEYS */
  uint32_t generation;      /* the same, when we last knew to be registered */
  LunResult last;           /* result of the last command, for messages */

  /* flags.c; unused without config.has_flags */
  uint64_t flag; /* ours is registered as this over flag_path, for a moment; 0 = not */
  int flag_path;
  int64_t flag_stale_us;
  LunRivals siblings;
  /* unit attentions since the last check */
  bool saw_reset;     /* 29h: power on, reset, nexus loss */
  bool saw_power_on;  /* 29h/01h: just that */
  bool saw_preempted; /* 2Ah/03h, 05h: somebody removed registrations */

  LunDevice *device; /* NULL over a port of tests, as the keeper */
  LunResvKeeper *keeper;
};

/* ---- keeper.c: the thread that looks after an open reservation ---- */

LunResvKeeper *lun_resv_keeper_new (LunReservation *r, LunDevice *device);
void lun_resv_keeper_free (LunResvKeeper *keeper);
/* The state changed. */
void lun_resv_keeper_note (LunResvKeeper *keeper, LunResvState state);

/* ---- command.c: one command, its unit attentions and busy times ---- */

typedef enum {
  LUN_RESV_DONE,
  LUN_RESV_CONFLICT, /* not registered, not the holder, or held by another */
  LUN_RESV_REFUSED,  /* illegal request: the device does not do this */
  LUN_RESV_LOST,     /* no answer, or one that tells nothing */
} LunResvAnswer;

LunResvAnswer lun_resv_out (LunReservation *r, unsigned path, LunPrOutAction action,
                            uint64_t key, uint64_t service_key);
/* The same with another type than the configured one. */
LunResvAnswer lun_resv_out_typed (LunReservation *r, unsigned path,
                                  LunPrOutAction action, LunPrType type, uint64_t key,
                                  uint64_t service_key);
/* *GOT gets the bytes that arrived. */
LunResvAnswer lun_resv_in (LunReservation *r, unsigned path, LunPrInAction action,
                           void *buf, size_t len, size_t *got);
LunResvAnswer lun_resv_bare (LunReservation *r, unsigned path, LunCdb cdb);
/* The device does not know the command at all (05h/20h). */
bool lun_resv_is_unknown_command (const LunReservation *r);

/* ---- look.c: what is on the LUN, over any path that answers ---- */

bool lun_resv_look_keys (LunReservation *r, LunPrKeys *out, GError **error);
bool lun_resv_look_reservation (LunReservation *r, LunPrReservation *out,
                                GError **error);
unsigned lun_resv_count_key (const LunPrKeys *keys, uint64_t key);
bool lun_resv_is_ours (const LunReservation *r, const LunPrReservation *found);

/* ---- explain.c ---- */

/* Without the lock; true when *ERROR says who it is. */
bool lun_resv_explain (LunReservation *r, GError **error);

/* As they are on the LUN, flags not seen as what they stand for. */
bool lun_resv_look_raw_keys (LunReservation *r, LunPrKeys *out, GError **error);

/* ---- flags.c: keys that are flags for a moment (swap-pr.c) ---- */

/* What KEY stands for. */
uint64_t lun_resv_unflag (const LunReservation *r, uint64_t key);
/* Is RAW, a key on the LUN, KEY or a flag for it? */
bool lun_resv_stands_for (const LunReservation *r, uint64_t raw, uint64_t key);
/* PATH is registered under our flag, if it is set there, else under our key. */
uint64_t lun_resv_own_key (const LunReservation *r, unsigned path);
/* Until no process of this host that shares our key has its flag set, or it is long. */
void lun_resv_wait_for_siblings (LunReservation *r);
/* Takes back flags of processes of this host that died with them. */
void lun_resv_take_back_flags (LunReservation *r);
/* *FLAG: one that stands for KEY and is not ours. */
bool lun_resv_is_flagged_as (LunReservation *r, const LunPrKeys *raw, uint64_t key,
                             uint64_t *flag);

/* ---- steps.c: steps that several figures share ---- */

LunPrType lun_resv_type (const LunReservation *r);
/* Takes EVENT; holds data back, lets it go, or stops it as the new state says. */
void lun_resv_event (LunReservation *r, LunResvEvent event);
bool lun_resv_fenced (LunReservation *r, GError **error);
bool lun_resv_is_registered_path (const LunReservation *r, unsigned path);
/* The holder's path, else any that is registered and usable; -1 without one. */
int lun_resv_pick (const LunReservation *r);
/* It does not answer: what it registered may still be there. */
void lun_resv_lose_path (LunReservation *r, unsigned path);
/* Registers every usable path (Figure 5); false when none could be. */
bool lun_resv_register_all (LunReservation *r, GError **error);
/* Preempts keys of our own former incarnations (orphans.c). */
bool lun_resv_preempt_orphans (LunReservation *r, GError **error);
/* RESERVE over a registered path; conflict and lost answers are resolved by reading. */
bool lun_resv_reserve (LunReservation *r, GError **error);
/* Registers the paths that are usable and not registered, each one verified (rejoin.c). */
void lun_resv_rejoin_all (LunReservation *r);
bool lun_resv_rejoin (LunReservation *r, unsigned path, GError **error);
bool lun_resv_no_path (LunReservation *r, GError **error);
bool lun_resv_refuse_reserved (LunReservation *r, const LunPrReservation *found,
                               GError **error);
LunResvAnswer lun_resv_unregister (LunReservation *r, unsigned path);
void lun_resv_unregister_all (LunReservation *r);

/* ---- the procedures ---- */

bool lun_resv_open_default (LunReservation *r, GError **error);    /* Figure 11 */
bool lun_resv_open_forced (LunReservation *r, GError **error);     /* Figure 8 */
bool lun_resv_open_retain (LunReservation *r, GError **error);     /* Figure 9 */
bool lun_resv_open_no_reserve (LunReservation *r, GError **error); /* Figure 10 */
bool lun_resv_open_shared (LunReservation *r, GError **error);
/* Another member's or everybody's reservation is there, or ours is made (open-shared.c). */
bool lun_resv_join (LunReservation *r, bool *held, GError **error);
bool lun_resv_close (LunReservation *r, GError **error); /* Figure 12 */
/* RELEASE over the holder's path, read back. */
bool lun_resv_release (LunReservation *r, GError **error);
bool lun_resv_remove_path (LunReservation *r, unsigned path, GError **error);
/* Makes a usable path the holder (move.c). */
bool lun_resv_move (LunReservation *r, GError **error);
/* Removes VICTIM's key, ends his commands, proves that the key is gone (preempt.c). */
bool lun_resv_preempt (LunReservation *r, uint64_t victim, GError **error);
/* The commands of one try of that, over PATH, which is registered under KEY. */
LunResvAnswer lun_resv_preempt_over (LunReservation *r, unsigned path, uint64_t key,
                                     uint64_t victim);
/* Types 7 and 8, where targets remember who made the reservation: we did, from now on. */
void lun_resv_make_anew (LunReservation *r, unsigned path);
bool lun_resv_check (LunReservation *r, GError **error);

bool lun_resv_compat_open (LunReservation *r, GError **error);
bool lun_resv_compat_close (LunReservation *r, GError **error);
bool lun_resv_compat_check (LunReservation *r, GError **error);

/* local-lock.c: opens of this machine exclude each other. */
bool lun_resv_local_lock (LunReservation *r, GError **error);
void lun_resv_local_unlock (LunReservation *r);

/* One round of the keeper: paths that died or came up, a holder that left. */
void lun_resv_look_after (LunReservation *r);

LunReservation *lun_reservation_new_over (const LunResvPort *port,
                                          const LunReservationConfig *config);
LunResvPort lun_resv_port_of_device (LunDevice *device);
/* Paths of DEVICE that come up are registered before they carry data. */
void lun_resv_guard_paths (LunReservation *r, LunDevice *device);
void lun_resv_unguard_paths (LunDevice *device);
bool lun_resv_path_up (LunReservation *r, unsigned path, GError **error);
/* As lun_reservation_remove_path(), for a path that its device removes. */
bool lun_resv_let_path_go (LunReservation *r, unsigned path, GError **error);
