/* SPDX-License-Identifier: MIT */
/* cpu: the script back end's parts: script.c plays, script_text.c parses, script_raw.c decodes. */
#ifndef VMM_CPU_SCRIPT_H
#define VMM_CPU_SCRIPT_H

#include <vmm/cpu.h>

/* One line of a script. */
struct cpu_item {
	enum {
		CPU_ITEM_EXIT,
		CPU_ITEM_EXPECT_INT, /* val: vector */
		CPU_ITEM_END,
	} what;
	enum cpu_exit_kind kind; /* of CPU_ITEM_EXIT */
	uint32_t line;
	uint32_t raw;
	bool write, any, gp;
	uint8_t size;	   /* access: 1 to 8 */
	uint8_t nr_bytes;  /* internal */
	uint8_t bytes[15]; /* internal: instruction bytes */
	uint64_t addr;	   /* port, gpa, MSR number; suberror; reason */
	uint64_t val;
};

#define CPU_SCRIPT_MAX ((size_t)16 << 20) /* bytes of a script, text or binary */

/* The items of a text: *out is malloc()ed. */
int cpu_script_parse(const char *text, size_t len, struct cpu_item **out, size_t *nr,
		     struct err *err);

/* The exit that the 16 bytes at (b) mean. (data) is where port data goes: CPU_RAW_DATA bytes. */
#define CPU_RAW_BYTES 16u
#define CPU_RAW_DATA  4096u
void cpu_script_decode_raw(const uint8_t *b, uint8_t *data, struct cpu_exit *e);

#endif
