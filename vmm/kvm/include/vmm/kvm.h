/* SPDX-License-Identifier: MIT */
/*
 * kvm: typed wrappers over the KVM ioctls that Vise uses. No policy, no state beyond the three
 * file descriptors and the run mapping.
 *
 * Guarantees: every wrapper returns 0 (or a count where said) or -errno, and on failure names the
 * ioctl in (err). EINTR from ioctls other than KVM_RUN is retried. Nothing here knows gmem or bus:
 * the module is good alone (vmm/examples/hello_kvm.c is a whole program on it).
 * The caller promises: a vcpu is used by one thread; the vm outlives its vcpus, the kvm its vms.
 * Who frees: kvm_close(), kvm_vm_close(), kvm_vcpu_close(); each is fine on a zeroed struct.
 */
#ifndef VMM_KVM_H
#define VMM_KVM_H

#include <linux/kvm.h>
#include <signal.h>
#include <vmm/base.h>

/* Exit reasons and capabilities newer than the oldest headers we build with. */
#ifndef KVM_EXIT_NOTIFY
#define KVM_EXIT_NOTIFY 37
#endif
#ifndef KVM_EXIT_LOONGARCH_IOCSR
#define KVM_EXIT_LOONGARCH_IOCSR 38
#endif
#ifndef KVM_EXIT_MEMORY_FAULT
#define KVM_EXIT_MEMORY_FAULT 39
#endif
#ifndef KVM_EXIT_TDX
#define KVM_EXIT_TDX 40
#endif
#ifndef KVM_EXIT_ARM_SEA
#define KVM_EXIT_ARM_SEA 41
#endif

struct kvm {
	int fd;
	int mmap_size;
};

struct kvm_vm {
	int fd;
	const struct kvm *kvm;
};

struct kvm_vcpu {
	int fd;
	const struct kvm *kvm;
	struct kvm_run *run;
};

/*
 * Open /dev/kvm (or (path) unless NULL) and check the API version. The message says what to do:
 * -ENOENT (no such device), -EACCES (join the kvm group), -EINVAL (not KVM, or another API).
 */
int kvm_open(struct kvm *k, const char *path, struct err *err);
void kvm_close(struct kvm *k);

/* The capability's value (0: absent) or -errno. The vm form asks KVM_CHECK_EXTENSION on the VM. */
int kvm_check(const struct kvm *k, long cap);
int kvm_vm_check(const struct kvm_vm *vm, long cap);

/* At most *n entries go into (ents); *n becomes how many there are. -E2BIG when too few. */
int kvm_supported_cpuid(const struct kvm *k, struct kvm_cpuid_entry2 *ents, unsigned *n,
			struct err *err);
/* MSR numbers that KVM_GET_MSRS knows: at most *n; *n becomes how many. -E2BIG when too few. */
int kvm_msr_list(const struct kvm *k, uint32_t *nums, unsigned *n, struct err *err);

/* EINTR (a signal timer may be armed) is retried. */
int kvm_vm_create(const struct kvm *k, struct kvm_vm *vm, struct err *err);
void kvm_vm_close(struct kvm_vm *vm);

/* size 0 deletes the slot. flags: KVM_MEM_READONLY, KVM_MEM_LOG_DIRTY_PAGES. */
int kvm_set_memory(const struct kvm_vm *vm, uint32_t slot, uint32_t flags, uint64_t gpa,
		   uint64_t size, void *host, struct err *err);
/* One bit a page of the slot, into (bitmap), which holds the slot's pages rounded up to 64 bits. */
int kvm_get_dirty_log(const struct kvm_vm *vm, uint32_t slot, uint64_t *bitmap, struct err *err);
int kvm_set_tss_addr(const struct kvm_vm *vm, uint64_t gpa, struct err *err);
int kvm_set_identity_map_addr(const struct kvm_vm *vm, uint64_t gpa, struct err *err);
int kvm_vm_enable_cap(const struct kvm_vm *vm, uint32_t cap, uint64_t arg0, struct err *err);
/*
 * (ranges): at most KVM_MSR_FILTER_MAX_RANGES; flags KVM_MSR_FILTER_DEFAULT_*. KVM reads whole
 * 64-bit words of a range's bitmap; a bit that is 0 denies.
 */
int kvm_set_msr_filter(const struct kvm_vm *vm, uint32_t flags,
		       const struct kvm_msr_filter_range *ranges, unsigned n, struct err *err);

int kvm_vcpu_create(const struct kvm_vm *vm, unsigned id, struct kvm_vcpu *vcpu, struct err *err);
void kvm_vcpu_close(struct kvm_vcpu *vcpu);

/* KVM_RUN once: 0, -EINTR, -EAGAIN, or another -errno; (err) is filled in for the others only. */
int kvm_run(struct kvm_vcpu *vcpu, struct err *err);

/*
 * A segment from a selector and what its descriptor says: (attr) is as in descriptors, from the type on: bits
 * 8 to 15 and 20 to 23 of the second word are 0 to 7 and 12 to 15 here (SDM 3A, 3.4.5).
 */
struct kvm_segment kvm_segment_of(uint16_t selector, uint64_t base, uint32_t limit, uint16_t attr);

int kvm_get_regs(const struct kvm_vcpu *vcpu, struct kvm_regs *r, struct err *err);
int kvm_set_regs(const struct kvm_vcpu *vcpu, const struct kvm_regs *r, struct err *err);
int kvm_get_sregs(const struct kvm_vcpu *vcpu, struct kvm_sregs *s, struct err *err);
int kvm_set_sregs(const struct kvm_vcpu *vcpu, const struct kvm_sregs *s, struct err *err);
int kvm_get_fpu(const struct kvm_vcpu *vcpu, struct kvm_fpu *f, struct err *err);
int kvm_set_fpu(const struct kvm_vcpu *vcpu, const struct kvm_fpu *f, struct err *err);
/* KVM_GET_FPU and KVM_SET_FPU leave MXCSR out; the first 512 bytes here are the FXSAVE image. */
int kvm_get_xsave(const struct kvm_vcpu *vcpu, struct kvm_xsave *x, struct err *err);
int kvm_set_xsave(const struct kvm_vcpu *vcpu, const struct kvm_xsave *x, struct err *err);
int kvm_get_xcrs(const struct kvm_vcpu *vcpu, struct kvm_xcrs *x, struct err *err);
int kvm_set_xcrs(const struct kvm_vcpu *vcpu, const struct kvm_xcrs *x, struct err *err);
int kvm_get_debugregs(const struct kvm_vcpu *vcpu, struct kvm_debugregs *d, struct err *err);
int kvm_set_debugregs(const struct kvm_vcpu *vcpu, const struct kvm_debugregs *d, struct err *err);
int kvm_get_events(const struct kvm_vcpu *vcpu, struct kvm_vcpu_events *e, struct err *err);
int kvm_set_events(const struct kvm_vcpu *vcpu, const struct kvm_vcpu_events *e, struct err *err);
int kvm_get_mp_state(const struct kvm_vcpu *vcpu, uint32_t *state, struct err *err);
int kvm_set_mp_state(const struct kvm_vcpu *vcpu, uint32_t state, struct err *err);
/* Returns how many of the (n) were read or set: fewer means that the next one was refused. */
int kvm_get_msrs(const struct kvm_vcpu *vcpu, struct kvm_msr_entry *m, unsigned n, struct err *err);
int kvm_set_msrs(const struct kvm_vcpu *vcpu, const struct kvm_msr_entry *m, unsigned n,
		 struct err *err);
int kvm_set_cpuid(const struct kvm_vcpu *vcpu, const struct kvm_cpuid_entry2 *ents, unsigned n,
		  struct err *err);
/* The guest TSC's frequency in kHz. */
int kvm_get_tsc_khz(const struct kvm_vcpu *vcpu, struct err *err);
int kvm_set_tsc_khz(const struct kvm_vcpu *vcpu, unsigned khz, struct err *err);
int kvm_interrupt(const struct kvm_vcpu *vcpu, uint32_t vector, struct err *err);
int kvm_nmi(const struct kvm_vcpu *vcpu, struct err *err);
int kvm_set_guest_debug(const struct kvm_vcpu *vcpu, const struct kvm_guest_debug *d,
			struct err *err);
/* The signals blocked during KVM_RUN; NULL: as outside. */
int kvm_set_signal_mask(const struct kvm_vcpu *vcpu, const sigset_t *set, struct err *err);

/* "KVM_EXIT_IO", or NULL: no reason by that number is known. */
const char *kvm_exit_reason_name(uint32_t reason);

#endif
