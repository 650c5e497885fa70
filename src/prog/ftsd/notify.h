/* notify.h - tells a service manager how far we are, as sd_notify(3) does.
 *
 * One datagram to the socket that $NOTIFY_SOCKET names.  Without the variable, or when nobody
 * listens, nothing happens.
 */
#pragma once

/* STATE: lines VARIABLE=VALUE, such as "READY=1". */
void ftsd_notify (const char *state);
/* The same with "MONOTONIC_USEC=now" before it, as RELOADING=1 wants it. */
void ftsd_notify_reloading (void);
