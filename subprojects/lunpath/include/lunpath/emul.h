/* lunpath/emul.h - our LUN emulation (D10): a SCSI logical unit in a mapped file.
 *
 * Many processes, each with several nexuses, see one LUN: the image is mapped shared, and the
 * state that the standard gives a LUN (registrations, reservation, unit attentions, SCSI-2
 * reservation, identity) lies beside it in "IMAGE.lun", mapped shared with a robust lock.  The
 * engine knows nothing of its caller: the file transport uses it in process, an iSCSI front end
 * can serve it.
 *
 * Any thread; a nexus may have many commands in flight.  A process may die at any instruction:
 * the LUN is then as before or after its command, only a plain WRITE may be half done.
 *
 * Of one machine: processes that share an image run under one kernel.  The image keeps its size
 * while it is in use; a process that touches a block which another has cut off, or for which
 * the file system has no room, gets SIGBUS.  A child of fork() may go on with what its parent
 * opened, but keeps the parent's commands alive in the eyes of PREEMPT AND ABORT.
 */
#pragma once

#include <lunpath/error.h>
#include <lunpath/io.h>

#include <glib.h>

typedef struct LunEmul LunEmul;
typedef struct LunEmulNexus LunEmulNexus;

/* Makes IMAGE a LUN (creates "IMAGE.lun") when it is none yet; SIZE bytes > 0 creates or
 * truncates IMAGE itself.  BLOCK_SIZE 512 or 4096; an existing LUN keeps its own and another
 * one given is LUN_ERROR_CONFIG; 0 = existing, else 512. */
bool lun_emul_create (const char *image, uint64_t size, uint32_t block_size,
                      GError **error);

LunEmul *lun_emul_open (const char *image, bool read_only, GError **error);
void lun_emul_close (LunEmul *emul);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LunEmul, lun_emul_close)

uint32_t lun_emul_block_size (const LunEmul *emul);
uint64_t lun_emul_n_blocks (const LunEmul *emul);
const char *lun_emul_uuid (const LunEmul *emul);

/* The I_T nexus with this initiator port NAME (an iSCSI TransportID "iqn...,i,0x..."), made on
 * first use.  A name keeps its registration over processes, as an initiator port does.  The
 * handle belongs to EMUL. */
LunEmulNexus *lun_emul_nexus (LunEmul *emul, const char *name, GError **error);

/* The same at another target port: 1 (which lun_emul_nexus() means) to 4. */
LunEmulNexus *lun_emul_nexus_at (LunEmul *emul, const char *name, unsigned target_port,
                                 GError **error);

/* The asymmetric access state (SPC-4 5.16, for example 0h optimized, 1h non-optimized, 2h standby, 3h
 * unavailable, Fh transitioning) of a target port; every nexus is told by 2Ah/06h.  False when there is
 * no such port or state. */
bool lun_emul_set_port_state (LunEmul *emul, unsigned target_port, unsigned state);

/* Executes one command as the LUN would: unit attention, SCSI-2 and persistent reservation
 * checks, then the command.  IOV is data out for LUN_DIR_OUT, data in for LUN_DIR_IN; short
 * transfers set the residual.  Blocks for two commands only: SYNCHRONIZE CACHE (and FUA) until
 * the file system has the image; PREEMPT AND ABORT until the WRITEs have ended that the
 * preempted nexuses had under way - HARDWARE ERROR when one has not after ten seconds (its
 * process is stopped, but alive).
 *
 * COMPARE AND WRITE is atomic with respect to every other COMPARE AND WRITE.  A plain WRITE to
 * the same block at the same time may come between its two halves. */
LunResult lun_emul_execute (LunEmulNexus *nexus, const uint8_t *cdb, size_t cdb_len,
                            LunDirection dir, const struct iovec *iov, int n_iov);

/* The fast path of the file transport: READ(16)/WRITE(16) without building a CDB, the same
 * checks.  WRITE wakes waiters of the blocks written. */
LunResult lun_emul_read (LunEmulNexus *nexus, uint64_t lba, uint32_t blocks,
                         const struct iovec *iov, int n_iov);
LunResult lun_emul_write (LunEmulNexus *nexus, uint64_t lba, uint32_t blocks,
                          const struct iovec *iov, int n_iov);

/* Task management and power: LUN RESET (29h/03h to every nexus, SCSI-2 reservation gone,
 * persistent one stays); power cycle (29h/01h, registrations lost unless APTPL). */
void lun_emul_lun_reset (LunEmul *emul);
void lun_emul_power_cycle (LunEmul *emul);

/* The mapped image for waiting, and its wake words.  A waiter: begin (counts itself on the
 * words of its blocks and gives their values), compare the blocks with what it saw, sleep with
 * futex on those words while they have the values, end. */
const uint8_t *lun_emul_map (const LunEmul *emul, uint64_t lba, uint32_t blocks);

/* One wake word covers LUN_EMUL_WAKE_BYTES of the image (several places may share a word). */
#define LUN_EMUL_WAKE_BYTES 4096
uint32_t *lun_emul_wake_word (LunEmul *emul, uint64_t byte_offset);
void lun_emul_wait_begin (LunEmul *emul, uint64_t byte_offset);
void lun_emul_wait_end (LunEmul *emul, uint64_t byte_offset);
/* Wakes everybody who sleeps on that word though nothing was written (to end a wait early). */
void lun_emul_wake (LunEmul *emul, uint64_t byte_offset);
