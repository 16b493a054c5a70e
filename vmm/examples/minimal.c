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
	fwrite(p, 1, len, ctx);
}

static void guest_exit(void *ctx, uint8_t code)
{
	((struct machine *)ctx)->code = code;
}

/* Memory, the disk, and the devices on the bus. (As below: 0, or it failed and (err) says why.) */
static int build(struct machine *m, const char *disk, struct err *err)
{
	struct dev_env env = {.clock = &m->clock,
			      .console = &m->text,
			      .disk = &m->disk,
			      .nr_disks = 1,
			      .host = {.ctx = m, .guest_exit = guest_exit}};
	int r;

	clock_init(&m->clock);
	chr_init(&m->text, NULL, 0);
	m->text.tee = print;
	m->text.tee_ctx = stdout;
	m->bus = bus_new(NULL);
	if (!m->bus)
		return err_set(err, -ENOMEM, "no memory");
	r = gmem_new(&m->mem, err) || gmem_add(m->mem, 0, RAM, GMEM_RAM, err) ||
	    (disk ? blk_open(&m->disk, disk, err)
		  : blk_mem_new(&m->disk, BLK_SECTOR, err) ||
			     blk_write(m->disk, 0, TEXT, sizeof(TEXT)));
	env.mem = m->mem;
	for (size_t i = 0; i < ARRAY_SIZE(devices) && !r; i++)
		r = dev_new(&m->dev[i], devices[i], &env, err) ||
		    dev_attach(m->dev[i], m->bus, err);
	return r;
}

/* What nasm makes of (path). -ECHILD: there is no nasm. */
static int assemble(const char *path, void **image, size_t *len, struct err *err)
{
	char bin[] = "/tmp/minimal.XXXXXX";
	char *argv[] = {"nasm", "-f", "bin", "-o", bin, (char *)(uintptr_t)path, NULL};
	int fd = mkstemp(bin), status, r;
	pid_t pid;

	if (fd < 0)
		return err_set(err, -EIO, "no temporary file");
	close(fd);
	if (posix_spawnp(&pid, argv[0], NULL, NULL, argv, environ))
		r = err_set(err, -ECHILD, "there is no nasm");
	else if (waitpid(pid, &status, 0) != pid || status)
		r = err_set(err, -EINVAL, "nasm does not take %.100s", path);
	else
		r = file_read(bin, RAM, image, len, err);
	unlink(bin);
	return r;
}

static struct kvm_segment segment(const struct x86_seg *s)
{
	return (struct kvm_segment){.base = s->base,
				    .limit = s->limit,
				    .selector = s->sel,
				    .type = s->attr & 15,
				    .s = s->attr >> 4 & 1,
				    .present = s->attr >> 7 & 1,
				    .db = s->attr >> 14 & 1,
				    .g = s->attr >> 15 & 1};
}

/* The image goes into memory, memory into KVM, and a CPU starts there: in 32-bit mode, unpaged. */
static int start(struct machine *m, const char *path, struct err *err)
{
	const char *dot = strrchr(path, '.');
	struct load_req req = {.base = 0x10000, .mode = X86_PROT};
	struct load_result loaded;
	struct gmem_region ram;
	struct kvm_sregs sregs;
	struct kvm_regs regs = {0};
	struct cpu_state s;
	void *image = NULL;
	int r = dot && !strcmp(dot, ".asm") ? assemble(path, &image, &req.image.len, err)
					    : file_read(path, RAM, &image, &req.image.len, err);

	req.image.data = image;
	if (!r)
		r = load_image(m->mem, &req, &loaded, &s, err);
	free(image);
	if (!r && loaded.mode != X86_PROT)
		r = err_set(err, -ENOTSUP, "%.100s starts in another mode than this", path);
	gmem_region(m->mem, 0, &ram);
	if (r || kvm_vm_create(&m->kvm, &m->vm, err) ||
	    kvm_set_memory(&m->vm, 0, 0, ram.gpa, ram.len, ram.host, err) ||
	    kvm_vcpu_create(&m->vm, 0, &m->vcpu, err) || kvm_get_sregs(&m->vcpu, &sregs, err))
		return r ? r : -EIO;
	sregs.cs = segment(&s.seg[X86_CS]);
	sregs.ds = sregs.es = sregs.fs = sregs.gs = sregs.ss = segment(&s.seg[X86_DS]);
	sregs.gdt.base = s.gdt.base;
	sregs.gdt.limit = s.gdt.limit;
	sregs.cr0 = s.cr0;
	regs.rax = s.gpr[X86_RAX];
	regs.rbx = s.gpr[X86_RBX];
	regs.rip = s.rip;
	regs.rflags = s.rflags;
	return kvm_set_sregs(&m->vcpu, &sregs, err) || kvm_set_regs(&m->vcpu, &regs, err);
}

/* An access of the guest's, to the bus and back. */
static void dispatch(struct bus *bus, enum bus_space space, uint64_t addr, uint8_t *data,
		     unsigned size, bool write)
{
	uint64_t val = 0;

	if (write) {
		memcpy(&val, data, size); /* the host's order is the guest's */
		bus_write(bus, space, addr, size, val);
	} else {
		bus_read(bus, space, addr, size, &val);
		memcpy(data, &val, size);
	}
}

static int run(struct machine *m, struct err *err)
{
	struct kvm_run *run = m->vcpu.run;

	while (m->code < 0) {
		uint8_t *data = (uint8_t *)run;
		int r = kvm_run(&m->vcpu, err);

		if (r && r != -EINTR)
			return r;
		if (!r && run->exit_reason == KVM_EXIT_IO)
			for (uint32_t i = 0; i < run->io.count; i++)
				dispatch(m->bus, BUS_PIO, run->io.port,
					 data + run->io.data_offset + i * run->io.size,
					 run->io.size, run->io.direction == KVM_EXIT_IO_OUT);
		else if (!r && run->exit_reason == KVM_EXIT_MMIO)
			dispatch(m->bus, BUS_MMIO, run->mmio.phys_addr, run->mmio.data,
				 run->mmio.len, run->mmio.is_write);
		else if (!r)
			return err_set(err, -EIO, "the guest stops: KVM's exit %u",
				       run->exit_reason);
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
		 !start(&m, argc > 1 ? argv[1] : guest, &err) && !run(&m, &err))
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
