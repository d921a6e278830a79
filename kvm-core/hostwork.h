/* SPDX-License-Identifier: GPL-2.0 */
/*
 * hostwork: what the kernel has for a thread that goes back to user space, done
 * for one that goes back to its guest. Apart from vcpu.h, whose names and those of
 * <linux/kvm_host.h> are not for one file.
 */
#ifndef BACKPLANE_HOSTWORK_H
#define BACKPLANE_HOSTWORK_H

/*
 * Run what waits for the thread's way to user space. The calling thread's, after an
 * exit that a host interrupt made, for what waits comes by one; sleeps. A signal that
 * waits is left to the run loop.
 */
void hostwork_do(void);

#endif
