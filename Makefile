# SPDX-License-Identifier: MIT
# One non-recursive make for all of Vise. `make help` lists what there is.
# Each flavour has a tree of its own under build/ and they live side by side.

MAKEFLAGS += --no-builtin-rules
SHELL := /bin/bash
.SHELLFLAGS := -o pipefail -c
.DELETE_ON_ERROR:
.SUFFIXES:

# ---- the module graph: the only statement of who may include whom ------------------------------
DEPS_base    :=
DEPS_state   := base
DEPS_trace   := base
DEPS_insn    := base
DEPS_gmem    := state
DEPS_clock   := state
DEPS_bus     := trace
DEPS_chr     := base
DEPS_virtq   := gmem trace
DEPS_x86     := gmem
DEPS_load    := x86
DEPS_kvm     := base
DEPS_cpu     := kvm insn x86 trace
DEPS_dev     := bus virtq clock chr
DEPS_vm      := cpu dev load
DEPS_harness := vm
DEPS_cli     := harness

MODULES := base state trace insn gmem clock bus chr virtq x86 load kvm cpu dev vm harness cli

# Libraries from outside that a module's own sources call.
LIBS_insn := -lZydis

# What a unit test may link beside its module's own closure.
TESTDEPS_virtq :=

DIR = $(if $(filter harness,$(1)),harness,vmm/$(1))
closure = $(sort $(1) $(foreach d,$(DEPS_$(1)),$(call closure,$(d))))
incs = $(foreach d,$(call closure,$(1)),$(if $(filter cli,$(d)),,-I$(call DIR,$(d))/include))
libs = $(sort $(foreach d,$(call closure,$(1)),$(LIBS_$(d))))

# ---- flavours --------------------------------------------------------------------------------
ifneq ($(filter default undefined,$(origin CC)),)
CC := cc
endif
CLANG ?= clang
GCC ?= gcc
AFLCC ?= afl-clang-fast
AR := ar
NASM ?= nasm

WARN := -Wall -Wextra -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wundef -Wshadow
WERROR ?=
CBASE := -std=gnu11 -D_GNU_SOURCE -g -fno-strict-aliasing $(WARN) $(if $(WERROR),-Werror)
SAN := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer

FLAVOURS := dev release gcc clang asan cov fuzz afl
CC_dev     = $(CC)
FLAGS_dev     := -O1
CC_release = $(CC)
FLAGS_release := -O2
CC_gcc     = $(GCC)
FLAGS_gcc     := -O2
CC_clang   = $(CLANG)
FLAGS_clang   := -O2
CC_asan    = $(CLANG)
FLAGS_asan    := -O1 $(SAN)
CC_cov     = $(CLANG)
FLAGS_cov     := -O0 -fprofile-instr-generate -fcoverage-mapping
CC_fuzz    = $(CLANG)
FLAGS_fuzz    := -O2 $(SAN) -fsanitize=fuzzer-no-link -DVISE_FUZZ
CC_afl     = AFL_QUIET=1 $(AFLCC)
FLAGS_afl     := -O2 -DVISE_FUZZ

# ---- what there is: lists come from file names, sorted -------------------------------------------
SRCS = $(sort $(filter-out $(call DIR,$(1))/test_%,$(wildcard $(call DIR,$(1))/*.c) \
	$(if $(filter dev,$(1)),$(wildcard vmm/dev/models/*.c))))
TESTS = $(sort $(wildcard $(call DIR,$(1))/test_*.c))
TARGETS := $(sort $(basename $(notdir $(wildcard fuzz/targets/*.c))))
EXAMPLES := $(sort $(basename $(notdir $(wildcard vmm/examples/*.c))))
# ` * @modules a b` in a target or example names the modules that it links.
named = $(shell sed -n 's/^ \* @modules //p' $(1))

.PHONY: all
all: build/dev/vise ## build/dev/vise (the default)

# ---- generated tables -----------------------------------------------------------------------------
MODELS := $(sort $(basename $(notdir $(wildcard vmm/dev/models/*.c))))
CMDS := $(patsubst cmd_%,%,$(sort $(basename $(notdir $(wildcard vmm/cli/cmd_*.c)))))
write-if-new = @mkdir -p $(@D); printf '%s\n' $(1) > $@.tmp; cmp -s $@.tmp $@ && rm $@.tmp || mv $@.tmp $@

.PHONY: FORCE
build/gen/dev_list.h: FORCE
	$(call write-if-new,$(patsubst %,"DEV(%)",$(MODELS)))
build/gen/cmd_list.h: FORCE
	$(call write-if-new,$(patsubst %,"CMD(%)",$(CMDS)))
GEN := build/gen/dev_list.h build/gen/cmd_list.h

# ---- rules for one module in one flavour ------------------------------------------------------------
define module_rules
$(1)_$(2)_OBJS := $$(patsubst %.c,build/$(1)/obj/%.o,$(call SRCS,$(2)))
$$($(1)_$(2)_OBJS) $$(patsubst %.c,build/$(1)/obj/%.o,$(call TESTS,$(2))): INCS := $(call incs,$(2)) -I$(call DIR,$(2)) -Ibuild/gen
build/$(1)/lib/libvise-$(2).a: $$($(1)_$(2)_OBJS)
	@mkdir -p $$(@D)
	@rm -f $$@
	@$$(AR) rcsD $$@ $$^
$(foreach t,$(call TESTS,$(2)),
build/$(1)/test/$(2)/$(basename $(notdir $(t))): build/$(1)/obj/$(basename $(t)).o $(foreach d,$(call closure,$(2)) $(TESTDEPS_$(2)),build/$(1)/lib/libvise-$(d).a)
	@mkdir -p $$(@D)
	@$$(CC_$(1)) $$(FLAGS_$(1)) -o $$@ $$< -Wl,--start-group $$(filter %.a,$$^) -Wl,--end-group $(call libs,$(2)) -lcmocka
)
endef

define flavour_rules
build/$(1)/obj/%.o: %.c | $(GEN)
	@mkdir -p $$(@D)
	@$$(if $$(V),set -x;) $$(CC_$(1)) $(CBASE) $$(FLAGS_$(1)) $$(EXTRA_CFLAGS) $$(INCS) -MMD -MP -c -o $$@ $$<
build/$(1)/vise: build/$(1)/lib/libvise-cli.a $(foreach m,$(filter-out cli,$(call closure,cli)),build/$(1)/lib/libvise-$(m).a)
	@$$(CC_$(1)) $$(FLAGS_$(1)) -o $$@ -Wl,--start-group $$^ -Wl,--end-group $(call libs,cli)
-include $$(shell find build/$(1) -name '*.d' 2>/dev/null)
endef

$(foreach f,$(FLAVOURS),$(eval $(call flavour_rules,$(f)))$(foreach m,$(MODULES),$(eval $(call module_rules,$(f),$(m)))))

# Unit tests, by module: `make unit-gmem`; FLAVOUR=asan for another flavour.
FLAVOUR ?= dev
unit_bins = $(foreach t,$(call TESTS,$(1)),build/$(2)/test/$(1)/$(basename $(notdir $(t))))
.PHONY: unit $(addprefix unit-,$(MODULES))
unit: $(addprefix unit-,$(MODULES)) ## run all unit tests (FLAVOUR=asan for another build)
define unit_rules
unit-$(1): $(foreach f,$(FLAVOURS),$(if $(filter $(f),$(FLAVOUR)),$(call unit_bins,$(1),$(f))))
	@set -e; for t in $$^; do echo "# $$$$t"; $$$$t; done
endef
$(foreach m,$(MODULES),$(eval $(call unit_rules,$(m))))

.PHONY: help
help: ## this list
	@sed -n 's/^\([a-z][a-zA-Z0-9_.\/-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | sort | awk -F'\t' '{ printf "  %-24s %s\n", $$1, $$2 }'

.PHONY: clean
clean: ## remove build/
	rm -rf build
