/* SPDX-License-Identifier: MIT */
/*
 * minimal: a whole VMM on the modules: `minimal [GUEST [DISK]]` runs GUEST, which is what load_image()
 * takes (32-bit code for 0x10000, a multiboot image) or an .asm file for nasm, with DISK, which is what
 * blk_open() takes, as a virtio-mmio block device at 0xd0000000. Port 0xe9 takes text, a byte to port
 * 0xf4 ends the run and is the status. Without arguments it runs minimal.asm from beside this file on a
 * disk of one sector. Status 2: it could not start or go on, 3: no KVM, 4: no nasm.
 * @modules kvm load dev
 */
#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vmm/dev.h>
#include <vmm/kvm.h>
#include <vmm/load.h>

#define RAM  (16u << 20)
#define TEXT "A sector, read through virtio-blk.\n"

static const char *const devices[] = {"debugcon", "debug-exit", "virtio-blk,base=0xd0000000"};

struct machine {
	struct gmem *mem;
	struct bus *bus;
	struct clock clock;
	struct chr text;
	struct blk *disk;
	struct dev *dev[ARRAY_SIZE(devices)];
	struct kvm kvm;
	struct kvm_vm vm;
	struct kvm_vcpu vcpu;
	int code; /* what the guest ended with; -1: it runs */
};

static void print(void *ctx, const void *p, size_t len)
{
	(void)ctx;
	fwrite(p, 1, len, stdout);
}

static void guest_exit(void *ctx, uint8_t code)
{
	((struct machine *)ctx)->code = code;
}

/* Memory, in KVM too, the disk, the devices on the bus, a CPU. 0, or it failed and (err) says why. */
static int build(struct machine *m, const char *disk, struct err *err)
{
	struct dev_env env = {
		.clock = &m->clock, .console = &m->text, .disk = &m->disk, .nr_disks = 1};
	struct gmem_region ram;
	int r = gmem_new(&m->mem, err) || gmem_add(m->mem, 0, RAM, GMEM_RAM, err);

	clock_init(&m->clock);
	chr_init(&m->text, NULL, 0);
	m->text.tee = print;
	m->bus = bus_new(NULL);
	if (r || !m->bus)
		return r ? r : err_set(err, -ENOMEM, "no memory");
	gmem_region(m->mem, 0, &ram);
	r = kvm_vm_create(&m->kvm, &m->vm, err) ||
	    kvm_set_memory(&m->vm, 0, 0, ram.gpa, ram.len, ram.host, err) ||
	    kvm_vcpu_create(&m->vm, 0, &m->vcpu, err) ||
	    (disk ? blk_open(&m->disk, disk, err) : blk_mem_new(&m->disk, BLK_SECTOR, err)) ||
	    (!disk && blk_write(m->disk, 0, TEXT, sizeof(TEXT)));
	env.mem = m->mem;
	env.host = (struct dev_host){.ctx = m, .guest_exit = guest_exit};
	for (size_t i = 0; i < ARRAY_SIZE(devices) && !r; i++)
		r = dev_new(&m->dev[i], devices[i], &env, err) ||
		    dev_attach(m->dev[i], m->bus, err);
	return r;
}

/* What nasm makes of (path). -ECHILD: there is no nasm. */
static int assemble(const char *path, void **image, size_t *len, struct err *err)
{
	char bin[32], *argv[] = {"nasm", "-f", "bin", "-o", bin, (char *)(uintptr_t)path, NULL};
	int fd = memfd_create("image", MFD_CLOEXEC), status;
	pid_t pid;

	snprintf(bin, sizeof(bin), "/proc/%d/fd/%d", getpid(), fd);
	if (posix_spawnp(&pid, argv[0], NULL, NULL, argv, environ))
		return err_set(err, -ECHILD, "there is no nasm");
	if (waitpid(pid, &status, 0) != pid || status)
		return err_set(err, -EINVAL, "nasm does not take %.100s", path);
	return file_read(bin, RAM, image, len, err);
}

/* The image goes into memory, and its entry state into the CPU: 32-bit mode, unpaged, flat. */
static int load(struct machine *m, const char *path, struct err *err)
{
	const char *dot = strrchr(path, '.');
	struct load_req req = {.base = 0x10000, .mode = X86_PROT};
	struct load_result loaded;
	struct kvm_sregs sregs;
	struct cpu_state s;
	void *image = NULL;
	int r = dot && !strcmp(dot, ".asm") ? assemble(path, &image, &req.image.len, err)
					    : file_read(path, RAM, &image, &req.image.len, err);

	req.image.data = image;
	r = r || load_image(m->mem, &req, &loaded, &s, err) || kvm_get_sregs(&m->vcpu, &sregs, err);
	free(image);
	if (r || loaded.mode != X86_PROT)
		return r ? r : err_set(err, -ENOTSUP, "%.100s starts in another mode", path);
	const struct x86_seg *cs = &s.seg[X86_CS], *ds = &s.seg[X86_DS];
	const struct kvm_regs regs = {
		.rax = s.gpr[X86_RAX], .rbx = s.gpr[X86_RBX], .rip = s.rip, .rflags = s.rflags};
	sregs.cs = kvm_segment_of(cs->sel, cs->base, cs->limit, cs->attr);
	sregs.ds = kvm_segment_of(ds->sel, ds->base, ds->limit, ds->attr);
	sregs.es = sregs.fs = sregs.gs = sregs.ss = sregs.ds;
	sregs.gdt = (struct kvm_dtable){.base = s.gdt.base, .limit = s.gdt.limit};
	sregs.cr0 = s.cr0;
	return kvm_set_sregs(&m->vcpu, &sregs, err) || kvm_set_regs(&m->vcpu, &regs, err);
}

/* Until the guest ends: its accesses to ports, and to memory that is none, go to the bus and back. */
static int run(struct machine *m, struct err *err)
{
	struct kvm_run *run = m->vcpu.run;

	while (m->code < 0) {
		int r = kvm_run(&m->vcpu, err);

		if (r == -EINTR)
			continue;
		if (r)
			return r;
		if (run->exit_reason == KVM_EXIT_IO)
			for (uint32_t i = 0; i < run->io.count; i++)
				bus_access(m->bus, BUS_PIO, run->io.port,
					   (uint8_t *)run + run->io.data_offset + i * run->io.size,
					   run->io.size, run->io.direction == KVM_EXIT_IO_OUT);
		else if (run->exit_reason == KVM_EXIT_MMIO)
			bus_access(m->bus, BUS_MMIO, run->mmio.phys_addr, run->mmio.data,
				   run->mmio.len, run->mmio.is_write);
		else
			return err_set(err, -EIO, "it stops: KVM's exit %u", run->exit_reason);
	}
	return 0;
}

int main(int argc, char **argv)
{
	static const char self[] = __FILE__;
	struct machine m = {.code = -1};
	struct err err = {0};
	char guest[sizeof(self) + 2];
	int status = 2;

	snprintf(guest, sizeof(guest), "%.*sasm", (int)sizeof(self) - 2, self);
	if (kvm_open(&m.kvm, NULL, &err))
		status = 3;
	else if (!build(&m, argc > 2 ? argv[2] : NULL, &err) &&
		 !load(&m, argc > 1 ? argv[1] : guest, &err) && !run(&m, &err))
		status = m.code;
	else if (err.code == -ECHILD)
		status = 4;
	if (err.code)
		fprintf(stderr, "minimal: %s\n", err.msg);
	kvm_vcpu_close(&m.vcpu);
	kvm_vm_close(&m.vm);
	kvm_close(&m.kvm);
	for (size_t i = ARRAY_SIZE(devices); i--;)
		dev_free(m.dev[i]);
	bus_free(m.bus);
	chr_fini(&m.text);
	blk_close(m.disk);
	gmem_free(m.mem);
	return status;
}
