/* SPDX-License-Identifier: MIT */
/*
 * hello_kvm: a real-mode guest prints through port 0xe9 and halts: a VMM on the kvm module alone.
 * Status 3 where there is no KVM.
 * @modules kvm
 */
#include <stdio.h>
#include <vmm/kvm.h>

/* mov si, text; next: lodsb; or al, al; jz end; out 0xe9, al; jmp next; end: hlt; text: */
static _Alignas(4096) char mem[0x1000] = "\xbe\x0d\x00\xac\x08\xc0\x74\x04\xe6\xe9\xeb\xf7\xf4"
					 "Hello from a guest.\n";

int main(void)
{
	struct kvm_regs regs = {.rflags = 2};
	struct kvm_sregs sregs;
	struct kvm_vcpu vcpu = {0};
	struct kvm_vm vm = {0};
	struct kvm kvm = {0};
	struct err err = {0};
	int r = kvm_open(&kvm, NULL, &err), status = r ? 3 : 1;

	if (!r && !(r = kvm_vm_create(&kvm, &vm, &err)) &&
	    !(r = kvm_set_memory(&vm, 0, 0, 0, sizeof(mem), mem, &err)) &&
	    !(r = kvm_vcpu_create(&vm, 0, &vcpu, &err)) &&
	    !(r = kvm_get_sregs(&vcpu, &sregs, &err))) {
		sregs.cs.base = sregs.cs.selector = 0;
		r = kvm_set_sregs(&vcpu, &sregs, &err) || kvm_set_regs(&vcpu, &regs, &err);
	}
	while (!r && !(r = kvm_run(&vcpu, &err)) && vcpu.run->exit_reason == KVM_EXIT_IO)
		putchar(((char *)vcpu.run)[vcpu.run->io.data_offset]);
	if (!r && vcpu.run->exit_reason == KVM_EXIT_HLT)
		status = 0;
	else
		fprintf(stderr, "hello_kvm: %s\n", r ? err.msg : "an exit that is no HLT");
	kvm_vcpu_close(&vcpu);
	kvm_vm_close(&vm);
	kvm_close(&kvm);
	return status;
}
