/* SPDX-License-Identifier: MIT */
/* kvm: what its files share. */
#ifndef VMM_KVM_PRIV_H
#define VMM_KVM_PRIV_H

#include <vmm/kvm.h>

/* One ioctl, EINTR retried: its result, or -errno with "NAME: why" in (err). */
int kvm_ioctl(int fd, unsigned long req, void *arg, const char *name, struct err *err);

/* err_prefix() that keeps the code where there is no (err) to hold it. */
#define err_prefix_code(code, err, ...) (err_prefix(err, __VA_ARGS__), (code))

#endif
