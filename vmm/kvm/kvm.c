/* SPDX-License-Identifier: MIT */
/* kvm: /dev/kvm itself and what belongs to a whole VM. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <vmm/kvm.h>
#include "kvm_priv.h"

#define API_VERSION 12 /* the only one there ever was since Linux 2.6.22 */

int kvm_ioctl(int fd, unsigned long req, void *arg, const char *name, struct err *err)
{
	int r;

	do
		r = ioctl(fd, req, arg);
	while (r < 0 && errno == EINTR);
	if (r < 0) {
		int code = -errno;

		return err_set(err, code, "%s: %s", name, strerror(-code));
	}
	return r;
}

int kvm_open(struct kvm *k, const char *path, struct err *err)
{
	int fd, r;

	*k = (struct kvm){.fd = -1};
	if (!path)
		path = "/dev/kvm";
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0) {
		r = -errno;
		switch (r) {
		case -ENOENT:
			return err_set(err, r,
				       "%s is not there: load kvm_intel or kvm_amd and turn "
				       "virtualisation on in the firmware, or use --cpu script",
				       path);
		case -EACCES:
		case -EPERM:
			return err_set(err, -EACCES,
				       "%s may not be opened: join the group kvm (usermod -aG kvm "
				       "USER, then log in again)",
				       path);
		default:
			return err_set(err, r, "%s: %s", path, strerror(-r));
		}
	}
	r = ioctl(fd, KVM_GET_API_VERSION, 0);
	if (r != API_VERSION) {
		close(fd);
		if (r < 0)
			return err_set(err, -EINVAL, "%s is not KVM", path);
		return err_set(err, -EINVAL, "%s has API version %d, %d is needed", path, r,
			       API_VERSION);
	}
	r = kvm_ioctl(fd, KVM_GET_VCPU_MMAP_SIZE, NULL, "KVM_GET_VCPU_MMAP_SIZE", err);
	if (r >= 0 && (size_t)r < sizeof(struct kvm_run))
		r = err_set(err, -EINVAL, "KVM_GET_VCPU_MMAP_SIZE: %d is too small", r);
	if (r < 0) {
		close(fd);
		return r;
	}
	k->fd = fd;
	k->mmap_size = r;
	return 0;
}

/* A zeroed struct holds no descriptor: 0 is never one of KVM's, since stdin was open before. */
static void close_fd(int *fd)
{
	if (*fd > 0)
		close(*fd);
	*fd = -1;
}

void kvm_close(struct kvm *k)
{
	close_fd(&k->fd);
}

int kvm_check(const struct kvm *k, long cap)
{
	return kvm_ioctl(k->fd, KVM_CHECK_EXTENSION, (void *)cap, "KVM_CHECK_EXTENSION", NULL);
}

int kvm_vm_check(const struct kvm_vm *vm, long cap)
{
	return kvm_ioctl(vm->fd, KVM_CHECK_EXTENSION, (void *)cap, "KVM_CHECK_EXTENSION", NULL);
}

int kvm_supported_cpuid(const struct kvm *k, struct kvm_cpuid_entry2 *ents, unsigned *n,
			struct err *err)
{
	/* KVM says -E2BIG without the count: ask with room enough, at most KVM's own limit. */
	unsigned room = *n > 256 ? *n : 256;
	struct kvm_cpuid2 *c = calloc(1, sizeof(*c) + room * sizeof(c->entries[0]));
	int r;

	if (!c)
		return err_set(err, -ENOMEM, "KVM_GET_SUPPORTED_CPUID: no memory");
	c->nent = room;
	r = kvm_ioctl(k->fd, KVM_GET_SUPPORTED_CPUID, c, "KVM_GET_SUPPORTED_CPUID", err);
	if (r >= 0) {
		r = 0;
		if (c->nent > *n)
			r = err_set(err, -E2BIG, "KVM_GET_SUPPORTED_CPUID: %u entries, room for %u",
				    c->nent, *n);
		else
			memcpy(ents, c->entries, c->nent * sizeof(c->entries[0]));
		*n = c->nent;
	}
	free(c);
	return r;
}

int kvm_msr_list(const struct kvm *k, uint32_t *nums, unsigned *n, struct err *err)
{
	struct kvm_msr_list probe = {0}, *l;
	unsigned have;
	int r;

	/* With room for none it fails with E2BIG and says how many there are. */
	if (ioctl(k->fd, KVM_GET_MSR_INDEX_LIST, &probe) < 0 && errno != E2BIG)
		return err_set(err, -errno, "KVM_GET_MSR_INDEX_LIST: %s", strerror(errno));
	have = probe.nmsrs;
	if (have > *n) {
		r = err_set(err, -E2BIG, "KVM_GET_MSR_INDEX_LIST: %u MSRs, room for %u", have, *n);
		*n = have;
		return r;
	}
	l = calloc(1, sizeof(*l) + have * sizeof(l->indices[0]));
	if (!l)
		return err_set(err, -ENOMEM, "KVM_GET_MSR_INDEX_LIST: no memory");
	l->nmsrs = have;
	r = kvm_ioctl(k->fd, KVM_GET_MSR_INDEX_LIST, l, "KVM_GET_MSR_INDEX_LIST", err);
	if (r >= 0) {
		r = 0;
		*n = l->nmsrs < have ? l->nmsrs : have;
		memcpy(nums, l->indices, *n * sizeof(nums[0]));
	}
	free(l);
	return r;
}

int kvm_vm_create(const struct kvm *k, struct kvm_vm *vm, struct err *err)
{
	int r = kvm_ioctl(k->fd, KVM_CREATE_VM, NULL, "KVM_CREATE_VM", err);

	*vm = (struct kvm_vm){.fd = r < 0 ? -1 : r, .kvm = k};
	return r < 0 ? r : 0;
}

void kvm_vm_close(struct kvm_vm *vm)
{
	close_fd(&vm->fd);
}

int kvm_set_memory(const struct kvm_vm *vm, uint32_t slot, uint32_t flags, uint64_t gpa,
		   uint64_t size, void *host, struct err *err)
{
	struct kvm_userspace_memory_region m = {
		.slot = slot,
		.flags = flags,
		.guest_phys_addr = gpa,
		.memory_size = size,
		.userspace_addr = (uintptr_t)host,
	};
	int r = kvm_ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION, &m, "KVM_SET_USER_MEMORY_REGION",
			  err);

	return r < 0 ? err_prefix_code(r, err, "slot %u, 0x%llx bytes at 0x%llx", slot,
				       (unsigned long long)size, (unsigned long long)gpa)
		     : 0;
}

int kvm_get_dirty_log(const struct kvm_vm *vm, uint32_t slot, uint64_t *bitmap, struct err *err)
{
	struct kvm_dirty_log d = {.slot = slot, .dirty_bitmap = bitmap};
	int r = kvm_ioctl(vm->fd, KVM_GET_DIRTY_LOG, &d, "KVM_GET_DIRTY_LOG", err);

	return r < 0 ? err_prefix_code(r, err, "slot %u", slot) : 0;
}

int kvm_set_tss_addr(const struct kvm_vm *vm, uint64_t gpa, struct err *err)
{
	int r = kvm_ioctl(vm->fd, KVM_SET_TSS_ADDR, (void *)(uintptr_t)gpa, "KVM_SET_TSS_ADDR",
			  err);

	return r < 0 ? r : 0;
}

int kvm_set_identity_map_addr(const struct kvm_vm *vm, uint64_t gpa, struct err *err)
{
	int r = kvm_ioctl(vm->fd, KVM_SET_IDENTITY_MAP_ADDR, &gpa, "KVM_SET_IDENTITY_MAP_ADDR",
			  err);

	return r < 0 ? r : 0;
}

int kvm_vm_enable_cap(const struct kvm_vm *vm, uint32_t cap, uint64_t arg0, struct err *err)
{
	struct kvm_enable_cap c = {.cap = cap, .args = {arg0}};
	int r = kvm_ioctl(vm->fd, KVM_ENABLE_CAP, &c, "KVM_ENABLE_CAP", err);

	return r < 0 ? err_prefix_code(r, err, "capability %u", cap) : 0;
}

int kvm_set_msr_filter(const struct kvm_vm *vm, uint32_t flags,
		       const struct kvm_msr_filter_range *ranges, unsigned n, struct err *err)
{
	struct kvm_msr_filter f = {.flags = flags};
	int r;

	if (n > KVM_MSR_FILTER_MAX_RANGES)
		return err_set(err, -E2BIG, "KVM_X86_SET_MSR_FILTER: %u ranges, at most %d", n,
			       KVM_MSR_FILTER_MAX_RANGES);
	for (unsigned i = 0; i < n; i++)
		f.ranges[i] = ranges[i];
	r = kvm_ioctl(vm->fd, KVM_X86_SET_MSR_FILTER, &f, "KVM_X86_SET_MSR_FILTER", err);
	return r < 0 ? r : 0;
}

int kvm_vcpu_create(const struct kvm_vm *vm, unsigned id, struct kvm_vcpu *vcpu, struct err *err)
{
	size_t size = (size_t)vm->kvm->mmap_size;
	int r = kvm_ioctl(vm->fd, KVM_CREATE_VCPU, (void *)(uintptr_t)id, "KVM_CREATE_VCPU", err);
	void *run;

	*vcpu = (struct kvm_vcpu){.fd = -1};
	if (r < 0)
		return err_prefix_code(r, err, "vCPU %u", id);
	run = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, r, 0);
	if (run == MAP_FAILED) {
		int code = -errno;

		close(r);
		return err_set(err, code, "mmap of vCPU %u: %s", id, strerror(-code));
	}
	*vcpu = (struct kvm_vcpu){.fd = r, .kvm = vm->kvm, .run = run};
	return 0;
}

void kvm_vcpu_close(struct kvm_vcpu *vcpu)
{
	if (vcpu->run)
		munmap(vcpu->run, (size_t)vcpu->kvm->mmap_size);
	vcpu->run = NULL;
	close_fd(&vcpu->fd);
}
