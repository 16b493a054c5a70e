/* SPDX-License-Identifier: MIT */
/*
 * bare_start: the least that runs a three-instruction guest: what `vise bench start` compares with.
 * Status 0 when the guest wrote 0 to port 0xf4, 3 where there is no KVM.
 * @modules base
 */
#include <fcntl.h>
#include <linux/kvm.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define MEM  0x1000000u /* as much as a machine of Vise has */
#define BASE 0x8000u
#define EXIT 0xf4u

int main(void)
{
	/* mov al, 0; out 0xf4, al; hlt */
	static const unsigned char guest[] = {0xb0, 0x00, 0xe6, 0xf4, 0xf4};
	struct kvm_userspace_memory_region region = {.memory_size = MEM};
	struct kvm_regs regs = {.rflags = 2, .rip = BASE};
	struct kvm_sregs sregs;
	struct kvm_run *run;
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC), vm, vcpu, size;
	char *mem = mmap(NULL, MEM, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (kvm < 0)
		return 3;
	vm = ioctl(kvm, KVM_CREATE_VM, 0);
	size = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	region.userspace_addr = (unsigned long)mem;
	if (vm < 0 || size <= 0 || mem == MAP_FAILED ||
	    ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region) < 0)
		return 3;
	memcpy(mem + BASE, guest, sizeof(guest));
	vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
	run = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
	if (vcpu < 0 || run == MAP_FAILED || ioctl(vcpu, KVM_GET_SREGS, &sregs) < 0)
		return 3;
	sregs.cs.base = sregs.cs.selector = 0;
	if (ioctl(vcpu, KVM_SET_SREGS, &sregs) < 0 || ioctl(vcpu, KVM_SET_REGS, &regs) < 0 ||
	    ioctl(vcpu, KVM_RUN, 0) < 0)
		return 3;
	return run->exit_reason == KVM_EXIT_IO && run->io.port == EXIT
		       ? ((unsigned char *)run)[run->io.data_offset]
		       : 1;
}
