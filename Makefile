# SPDX-License-Identifier: MIT
# One non-recursive make for all of Vise. `make help` lists what there is.
#
# Each flavour (a compiler and its flags) has a tree of its own under build/ and they live side by
# side: build/FLAVOUR/{obj,lib,test,examples,replay,vise}. Lists come from file names; nobody keeps
# one by hand. CC, CLANG, GCC, AFLCC, NASM, EXTRA_CFLAGS, EXTRA_LDFLAGS, WERROR=1 and V=1 are heard.

MAKEFLAGS += --no-builtin-rules --no-builtin-variables --no-print-directory
ifeq ($(MAKELEVEL),0)
# A -j from the command line wins over this one (GNU make 4.x).
MAKEFLAGS += -j$(shell nproc)
endif
SHELL := /bin/bash
.SHELLFLAGS := -o pipefail -c
.DELETE_ON_ERROR:
.SUFFIXES:
THIS := $(firstword $(MAKEFILE_LIST))

# ---- the module graph: the only statement of who may include whom ------------------------------
DEPS_base    :=
DEPS_state   := base
DEPS_trace   := base
DEPS_stats   := base
DEPS_insn    := base
DEPS_gmem    := state
DEPS_clock   := state
DEPS_bus     := trace
DEPS_input   := clock
DEPS_rate    := clock
DEPS_chr     := input
DEPS_blk     := stats
DEPS_vsock   := input
DEPS_virtq   := gmem trace stats
DEPS_x86     := gmem
DEPS_unpack  := base
DEPS_load    := x86 unpack
DEPS_kvm     := base
DEPS_soft    := x86 clock insn
DEPS_cpu     := kvm soft trace
DEPS_net     := input
DEPS_dev     := bus virtq clock chr blk net vsock rate
DEPS_pci     := dev
DEPS_vm      := cpu pci load
DEPS_harness := vm
DEPS_cli     := harness

# Sorted so that a module comes after all of its dependencies (the closures below rely on it).
MODULES := base state trace stats insn gmem clock bus input rate chr blk net vsock virtq x86 unpack load kvm soft cpu dev pci vm harness cli

# Libraries from outside that a module's own sources call.
LIBS_insn := -lZydis
# What unpacks kernels is used where its header is there; WITHOUT='zlib.h lzma.h' builds as if it were not.
UNPACKERS := ZLIB:zlib:z BZLIB:bzlib:bz2 LZMA:lzma:lzma LZ4:lz4:lz4 ZSTD:zstd:zstd
WITHOUT ?=
part = $(word $(1),$(subst :, ,$(2)))
unpack-has = $(if $(filter $(WITHOUT),$(call part,2,$(1)).h),,$(wildcard $(addsuffix /$(call part,2,$(1)).h,/usr/include /usr/local/include)))
LIBS_unpack := $(foreach u,$(UNPACKERS),$(if $(call unpack-has,$(u)),-l$(call part,3,$(u))))
# Compressed clusters of qcow2.
LIBS_blk := $(filter -lz -lzstd,$(LIBS_unpack))

# What a unit test may include and link beside its module's own closure.
TESTDEPS_virtq :=

DIR = $(if $(filter harness,$(1)),harness,vmm/$(1))
$(foreach m,$(MODULES),$(eval CLOSURE_$(m) := $(sort $(m) $(foreach d,$(DEPS_$(m)),$(CLOSURE_$(d))))))
closure = $(sort $(foreach m,$(1),$(CLOSURE_$(m))))
# cli has no public header: nobody may call it.
incs = $(foreach d,$(filter-out cli,$(call closure,$(1))),-I$(call DIR,$(d))/include)
libs = $(sort $(foreach d,$(call closure,$(1)),$(LIBS_$(d))))
archives = $(foreach d,$(call closure,$(2)),build/$(1)/lib/libvise-$(d).a)

# ---- flavours --------------------------------------------------------------------------------
ifneq ($(filter default undefined,$(origin CC)),)
CC := cc
RELEASECC = $(SANCC)
endif
RELEASECC ?= $(CC)
ifneq ($(filter default undefined,$(origin AR)),)
AR := ar
endif
CLANG ?= clang
GCC ?= gcc
AFLCC ?= afl-clang-fast
NASM ?= nasm

# vise itself takes archives of those where there are some: five libraries less to load are 0.3 ms of
# CPU time less from its start to a guest's end.
UNPACK_ARCHIVES := $(foreach l,$(LIBS_unpack:-l%=%),$(if $(findstring /,$(shell $(CC) -print-file-name=lib$(l).a)),-l$(l)))
prefer-archives = $(foreach l,$(1),$(if $(filter $(UNPACK_ARCHIVES),$(l)),-l:$(l:-l%=lib%).a,$(l)))

WARN := -Wall -Wextra -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wundef -Wshadow
WERROR ?=
CBASE := -std=gnu11 -D_GNU_SOURCE -g -fno-strict-aliasing $(WARN)
SAN := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
# The sanitizers need no particular compiler; libFuzzer, coverage and AFL++ need clang's.
SANCC := $(if $(shell command -v $(firstword $(CLANG))),$(CLANG),$(CC))

FLAVOURS := dev release gcc clang gcc-O0 clang-O0 asan msan cov leak fuzz fuzz-plain afl afl-cmplog $(OSS:%=oss-%)
CC_dev            = $(CC)
FLAGS_dev        := -O1
# clang where it is, unless CC says otherwise: soft's handlers end in musttail jumps, whatever is compiled
# in; gcc has no such promise. By the best of many runs of `vise bench cpu` on a shared machine clang 14
# gives 470, 475 and 446 Minsn/s (integer, memory, calls), gcc 12 440, 418 and 412; medians there say less.
CC_release        = $(RELEASECC)
# gcc makes sibling calls of soft's handlers at -O2; elsewhere it is told nothing and loops.
FLAGS_release    := -O2 -DSOFT_DISPATCH=1
CC_gcc            = $(GCC)
FLAGS_gcc        := -O2 -DSOFT_DISPATCH=1
CC_clang          = $(CLANG)
FLAGS_clang      := -O2
# For ci/hashes: the same results without optimisation; handlers of soft by a loop, and by musttail.
CC_gcc-O0         = $(GCC)
FLAGS_gcc-O0     := -O0
CC_clang-O0       = $(CLANG)
FLAGS_clang-O0   := -O0
CC_asan           = $(SANCC)
FLAGS_asan       := -O1 $(SAN)
# MemorySanitizer believes only what it compiled: without the libraries that unpack.
CC_msan           = $(CLANG)
FLAGS_msan       := -O1 -Ibuild/gen/without -fsanitize=memory -fno-sanitize-recover=all -fno-omit-frame-pointer
CC_cov            = $(CLANG)
FLAGS_cov        := -O0 -fprofile-instr-generate -fcoverage-mapping -fcoverage-compilation-dir=.
CFLAGS_cov       := -mllvm -runtime-counter-relocation
# Leaks of the host into the guest, planted for vise verify to find.
CC_leak           = $(CC)
FLAGS_leak       := -O1 -DVISE_LEAK
CC_fuzz           = $(CLANG)
FLAGS_fuzz       := -O2 $(SAN) -fsanitize=fuzzer-no-link -fsanitize-coverage-ignorelist=fuzz/engine/coverage.ignore -DVISE_FUZZ
# What comes in through these is decoded from bytes by the targets: what is compared with what tells
# an engine nothing there, and costs a fifth of the time.
FUZZ_NOCMP := base state trace gmem clock bus input rate chr virtq dev cpu load x86 pci
# Without the sanitizers: what they cost is measured beside it, and some targets cannot have them.
CC_fuzz-plain     = $(CLANG)
FLAGS_fuzz-plain := -O2 -fsanitize=fuzzer-no-link -fsanitize-coverage-ignorelist=fuzz/engine/coverage.ignore -DVISE_FUZZ
CC_afl            = AFL_QUIET=1 $(AFLCC)
FLAGS_afl        := -O2 $(SAN) -DVISE_FUZZ
# The cmplog twin also tells afl-fuzz what is compared with what; it is a target like the other.
CC_afl-cmplog     = AFL_QUIET=1 AFL_LLVM_CMPLOG=1 $(AFLCC)
FLAGS_afl-cmplog := -O2 $(SAN) -DVISE_FUZZ
# OSS=NAME: one more flavour, oss-NAME: the compiler, flags and engine of OSS-Fuzz or of whoever keeps
# its contract. ci/templates/oss-fuzz/build.sh calls it.
OSS_CC ?= $(CLANG)
OSS_LINK ?= $(CLANG)++
OSS_LIBFUZZER := $(findstring fuzzer-no-link,$(OSS_CFLAGS))
OSS_MSAN := $(findstring -fsanitize=memory,$(OSS_CFLAGS))
ifneq ($(OSS),)
CC_oss-$(OSS)     = AFL_QUIET=1 $(OSS_CC)
FLAGS_oss-$(OSS) := $(if $(OSS_MSAN),-Ibuild/gen/without) $(OSS_CFLAGS) -DVISE_FUZZ \
	$(if $(OSS_LIBFUZZER),-fsanitize-coverage-ignorelist=fuzz/engine/coverage.ignore)
endif

# ---- what there is: lists come from file names, sorted -------------------------------------------
MODELS := $(sort $(basename $(notdir $(wildcard vmm/dev/models/*.c))))
CMDS := $(patsubst cmd_%,%,$(sort $(basename $(notdir $(wildcard vmm/cli/cmd_*.c)))))
$(foreach m,$(MODULES),$(eval ALL_$(m) := $(sort $(wildcard $(call DIR,$(m))/*.c))))
ALL_dev := $(ALL_dev) $(patsubst %,vmm/dev/models/%.c,$(MODELS))
$(foreach m,$(MODULES),$(eval TESTS_$(m) := $(filter $(call DIR,$(m))/test_%,$(ALL_$(m)))) \
	$(eval SRCS_$(m) := $(filter-out $(TESTS_$(m)),$(ALL_$(m)))))
TARGETS := $(sort $(basename $(notdir $(wildcard fuzz/targets/*.c))))
EXAMPLES := $(sort $(basename $(notdir $(wildcard vmm/examples/*.c))))
SEEDGENS := $(sort $(patsubst %.gen.c,%,$(notdir $(wildcard fuzz/seeds/*.gen.c))))
# replay.c and afl.c hold a main; what else is in fuzz/engine is linked into every target.
ENGINE := $(filter-out fuzz/engine/replay.c fuzz/engine/afl.c,$(sort $(wildcard fuzz/engine/*.c)))
AFLMAIN := $(wildcard fuzz/engine/afl.c)
# ` * @modules a b` in a target or an example names the modules that it may include and links.
named = $(shell sed -n 's/^ \* @modules //p' $(1))
$(foreach t,$(TARGETS),$(eval MODS_target_$(t) := $(call named,fuzz/targets/$(t).c)))
$(foreach e,$(EXAMPLES),$(eval MODS_example_$(e) := $(call named,vmm/examples/$(e).c)))
# The differential tester against the host's CPU executes code, so it is in no archive: it is linked
# into one unit test and into a program of its own.
SILICON := $(sort $(wildcard vmm/soft/silicon/*.c))
SILICON_LIB := $(filter-out vmm/soft/silicon/main.c,$(SILICON))
# ` * @silicon` in a target: it has the tester too.
SIL_TARGETS := $(patsubst fuzz/targets/%.c,%,$(shell grep -ls '^ \* @silicon' fuzz/targets/*.c))
target_srcs = fuzz/targets/$(1).c $(ENGINE) $(if $(filter $(1),$(SIL_TARGETS)),$(SILICON_LIB))
target_incs = $(call incs,$(MODS_target_$(1))) -Ifuzz/engine $(if $(filter $(1),$(SIL_TARGETS)),-Ivmm/soft/silicon)
# There is a program as soon as there is a main.
HAVE_VISE := $(wildcard vmm/cli/main.c)

.PHONY: all
all: dev ## build build/dev/vise (the default)

# ---- generated tables -----------------------------------------------------------------------------
write-if-new = @mkdir -p $(@D); printf '%s\n' $(1) > $@.$$$$; \
	if cmp -s $@.$$$$ $@; then rm $@.$$$$; else mv $@.$$$$ $@; fi

.PHONY: FORCE
build/gen/dev_list.h: FORCE
	$(call write-if-new,$(patsubst %,"DEV(%)",$(MODELS)))
build/gen/cmd_list.h: FORCE
	$(call write-if-new,$(patsubst %,"CMD(%)",$(CMDS)))
build/gen/unpack_config.h: FORCE
	$(call write-if-new,$(foreach u,$(UNPACKERS),"#define UNPACK_WITH_$(call part,1,$(u)) $(if $(call unpack-has,$(u)),1,0)"))
# libslirp is loaded when it is asked for: its header is enough to build with it, and nobody links it.
build/gen/net_config.h: FORCE
	$(call write-if-new,"#define NET_WITH_SLIRP $(if $(call unpack-has,SLIRP:slirp/libslirp:slirp),1,0)")
build/gen/without/unpack_config.h: FORCE
	$(call write-if-new,$(foreach u,$(UNPACKERS),"#define UNPACK_WITH_$(call part,1,$(u)) 0"))
GEN := build/gen/dev_list.h build/gen/cmd_list.h build/gen/unpack_config.h build/gen/net_config.h build/gen/without/unpack_config.h

# ---- compiling ---------------------------------------------------------------------------------
# What a flavour without them does not link.
flavour_libs = $(filter-out $(if $(findstring gen/without,$(FLAGS_$(1))),$(LIBS_unpack)),$(call libs,$(2)))
# Where the commands of a recipe are shown: V=1.
Q := $(if $(V),,@)

# An object that was compiled with warnings leaves them beside it and is compiled again until they
# are gone, so that none is overlooked in the second run and WERROR=1 always sees them.
compile = $(Q)mkdir -p $(@D); $(CC_$(1)) $(CBASE) $(FLAGS_$(1)) $(CFLAGS_$(1)) $(EXTRA_CFLAGS) $(if $(WERROR),-Werror) \
	$(INCS) -MMD -MP -MF $(basename $@).d -MT $@ -c -o $@.$$$$ $< 2> $@.warn; st=$$?; cat $@.warn >&2; \
	if [ $$st = 0 ]; then mv $@.$$$$ $@; fi; \
	if [ $$st != 0 ] || ! [ -s $@.warn ]; then rm -f $@.warn; fi; exit $$st
link = $(Q)mkdir -p $(@D); $(CC_$(1)) $(FLAGS_$(1)) $(EXTRA_LDFLAGS) -o $@ $(filter %.o,$^) \
	-Wl,--start-group $(filter %.a,$^) -Wl,--end-group

FOUND := $(shell find build -path build/linux -prune -o -type f \( -name '*.d' -o -name '*.o.warn' \) -print 2>/dev/null)
$(patsubst %.warn,%,$(filter %.warn,$(FOUND))): FORCE

objs = $(patsubst %.c,build/$(1)/obj/%.o,$(2))

define module_rules
$(call objs,$(1),$(SRCS_$(2))): INCS := $(call incs,$(2)) -I$(call DIR,$(2)) -Ibuild/gen
$(call objs,$(1),$(TESTS_$(2))): INCS := $(call incs,$(2) $(TESTDEPS_$(2))) -I$(call DIR,$(2)) -Ibuild/gen
build/$(1)/lib/libvise-$(2).a: $(call objs,$(1),$(SRCS_$(2))) build/$(1)/members
	$$(Q)mkdir -p $$(@D); $$(AR) rcsD $$@.$$$$$$$$ $$(filter %.o,$$^) && mv $$@.$$$$$$$$ $$@
$(foreach t,$(TESTS_$(2)),
build/$(1)/test/$(2)/$(basename $(notdir $(t))): $(call objs,$(1),$(t)) $(call archives,$(1),$(2) $(TESTDEPS_$(2)))
	$$(call link,$(1)) $(call libs,$(2) $(TESTDEPS_$(2))) -lcmocka
)
endef

define example_rules
$(call objs,$(1),vmm/examples/$(2).c): INCS := $(call incs,$(MODS_example_$(2)))
build/$(1)/examples/$(2): $(call objs,$(1),vmm/examples/$(2).c) $(call archives,$(1),$(MODS_example_$(2)))
	$$(call link,$(1)) $(call libs,$(MODS_example_$(2)))
endef

define silicon_rules
$(call objs,$(1),$(SILICON)): INCS := $(call incs,soft) -Ivmm/soft/silicon
$(call objs,$(1),vmm/soft/test_silicon.c vmm/soft/test_cases.c): INCS += -Ivmm/soft/silicon
build/$(1)/test/soft/test_silicon build/$(1)/test/soft/test_cases: $(call objs,$(1),$(SILICON_LIB))
# What is left alone in an address space calls no counters; AFL++ heeds no attribute that says so.
$(if $(filter afl%,$(1)),$(call objs,$(1),vmm/soft/silicon/bare.c): CC_$(1) := $(CLANG))
build/$(1)/silicon: $(call objs,$(1),$(SILICON)) $(call archives,$(1),soft)
	$$(call link,$(1)) $(call libs,soft)
endef

# A target's object, and its replay program: the same file in every flavour, with our own main.
define target_rules
$(call objs,$(1),fuzz/targets/$(2).c): INCS := $(call target_incs,$(2))
build/$(1)/replay/$(2): $(call objs,$(1),$(call target_srcs,$(2)) fuzz/engine/replay.c) \
		$(call archives,$(1),$(MODS_target_$(2)))
	$$(call link,$(1)) $(call flavour_libs,$(1),$(MODS_target_$(2)))
endef

define flavour_rules
build/$(1)/flags: FORCE
	$$(call write-if-new,'$$(CC_$(1)) $$(CBASE) $$(FLAGS_$(1)) $$(EXTRA_CFLAGS) $$(EXTRA_LDFLAGS)')
build/$(1)/members: FORCE
	$$(call write-if-new,$(foreach m,$(MODULES),"$(m): $(SRCS_$(m))"))
build/$(1)/obj/%.o: %.c build/$(1)/flags | $(GEN)
	$$(call compile,$(1))
$(call objs,$(1),$(ENGINE) fuzz/engine/replay.c $(AFLMAIN)): INCS := -Ifuzz/engine $(call incs,base)
build/$(1)/vise: $(call archives,$(1),cli)
	$$(call link,$(1)) $(call prefer-archives,$(call libs,cli))

LIBS_OF_$(1) := $(call archives,$(1),$(MODULES))
TESTBINS_$(1) := $(foreach m,$(MODULES),$(patsubst $(call DIR,$(m))/%.c,build/$(1)/test/$(m)/%,$(TESTS_$(m))))
EXAMPLEBINS_$(1) := $(patsubst %,build/$(1)/examples/%,$(EXAMPLES))
REPLAYS_$(1) := $(patsubst %,build/$(1)/replay/%,$(TARGETS))
.PHONY: $(1) everything-$(1)
$(1): $$(LIBS_OF_$(1)) $(if $(HAVE_VISE),build/$(1)/vise)
everything-$(1): $(1) $$(TESTBINS_$(1)) $$(EXAMPLEBINS_$(1)) $$(REPLAYS_$(1))
endef

$(foreach f,$(FLAVOURS),$(eval $(call flavour_rules,$(f))) \
	$(foreach m,$(MODULES),$(eval $(call module_rules,$(f),$(m)))) \
	$(foreach e,$(EXAMPLES),$(eval $(call example_rules,$(f),$(e)))) \
	$(eval $(call silicon_rules,$(f))) \
	$(foreach t,$(TARGETS),$(eval $(call target_rules,$(f),$(t)))) \
	$(eval $(call objs,$(f),vmm/cli/bench_cpu.c): INCS += -DVISE_FLAVOUR='"$(f)"'))

$(foreach f,fuzz fuzz-plain $(if $(OSS_LIBFUZZER),oss-$(OSS)),$(eval $(call objs,$(f),$(foreach m,$(FUZZ_NOCMP),$(SRCS_$(m)))): CFLAGS_$(f) := -fno-sanitize-coverage=trace-cmp))

# Shown by `make help`; their rules are above.
dev: ## the archives and vise with the system's compiler, for daily work
release: ## the same, optimised: what `make install` installs
gcc: ## the same with gcc
clang: ## the same with clang
asan: ## the same with AddressSanitizer and UBSan, which end the program
cov: ## the same with clang's source-based coverage
leak: ## the same with planted leaks, which vise verify finds
# ---- unit tests ----------------------------------------------------------------------------------
FLAVOUR ?= dev
ifeq ($(filter $(FLAVOUR),$(FLAVOURS)),)
$(error FLAVOUR=$(FLAVOUR) is none of: $(FLAVOURS))
endif
.PHONY: unit unit-bins $(addprefix unit-,$(MODULES))
unit-bins: $(TESTBINS_$(FLAVOUR))
unit: unit-bins ## run all unit tests (FLAVOUR=asan for another build; `make unit-MODULE` for one)
	@ci/unit $(TESTBINS_$(FLAVOUR))
define unit_rules
unit-$(1): $(filter build/$(FLAVOUR)/test/$(1)/%,$(TESTBINS_$(FLAVOUR)))
	@ci/unit $$^
endef
$(foreach m,$(MODULES),$(eval $(call unit_rules,$(m))))

# ---- examples ------------------------------------------------------------------------------------
.PHONY: examples
examples: $(EXAMPLEBINS_$(FLAVOUR)) ## build and run the small programs in vmm/examples
	@ci/each $(EXAMPLEBINS_$(FLAVOUR))

# ---- fuzzing -------------------------------------------------------------------------------------
define fuzz_rules
build/replay/$(1): build/asan/replay/$(1)
	@mkdir -p $$(@D); ln -f $$< $$@
build/fuzz/$(1): $(call objs,fuzz,$(call target_srcs,$(1))) $(call archives,fuzz,$(MODS_target_$(1)))
	$$(call link,fuzz) -fsanitize=fuzzer $(call libs,$(MODS_target_$(1)))
build/fuzz-plain/$(1): $(call objs,fuzz-plain,$(call target_srcs,$(1))) $(call archives,fuzz-plain,$(MODS_target_$(1)))
	$$(call link,fuzz-plain) -fsanitize=fuzzer $(call libs,$(MODS_target_$(1)))
$(foreach f,afl afl-cmplog,
build/$(f)/$(1): $(call objs,$(f),$(call target_srcs,$(1)) $(AFLMAIN)) $(call archives,$(f),$(MODS_target_$(1)))
	$$(call link,$(f)) $(if $(AFLMAIN),,-fsanitize=fuzzer) $(call libs,$(MODS_target_$(1)))
)
.PHONY: seeds-$(1)
seeds-$(1): build/seeds/.$(1).made build/corpora/.$(1).made
# What fuzzing found beside them, from fuzz/corpora/$(1).zip, if it is of the target's input format.
build/corpora/.$(1).made: fuzz/targets/$(1).c $(wildcard fuzz/corpora fuzz/corpora/$(1).zip)
	@ci/corpora unpack $(1)
# A generator fuzz/seeds/$(1).gen.c writes files into the folder that it is given; what is checked
# in under fuzz/seeds/$(1)/ is copied beside them.
build/seeds/.$(1).made: $(if $(filter $(1),$(SEEDGENS)),build/seedgen/$(1)) $(wildcard fuzz/seeds/$(1) fuzz/seeds/$(1)/*)
	@rm -rf build/seeds/$(1) && mkdir -p build/seeds/$(1)
	$(if $(filter $(1),$(SEEDGENS)),$$(Q)build/seedgen/$(1) build/seeds/$(1))
	$(if $(wildcard fuzz/seeds/$(1)/*),$$(Q)cp fuzz/seeds/$(1)/* build/seeds/$(1)/)
	@touch $$@
endef
define seedgen_rules
$(call objs,dev,fuzz/seeds/$(1).gen.c): INCS := $(call incs,$(MODS_target_$(1))) -Ifuzz/engine -Ibuild/gen
build/seedgen/$(1): $(call objs,dev,fuzz/seeds/$(1).gen.c) $(call archives,dev,$(MODS_target_$(1)))
	$$(call link,dev) $(call libs,$(MODS_target_$(1)))
endef
$(foreach t,$(TARGETS),$(eval $(call fuzz_rules,$(t))))
$(foreach t,$(SEEDGENS),$(eval $(call seedgen_rules,$(t))))

.PHONY: targets seeds replays fuzz-libfuzzer fuzz-afl fuzz-cmplog fuzz-bare fuzz-replay
targets: replays fuzz-libfuzzer fuzz-afl seeds ## every fuzz target for every engine, and the seeds
replays: $(patsubst %,build/replay/%,$(TARGETS))
fuzz-libfuzzer: $(patsubst %,build/fuzz/%,$(TARGETS))
fuzz-bare: $(patsubst %,build/fuzz-plain/%,$(TARGETS))
fuzz-cmplog: $(patsubst %,build/afl-cmplog/%,$(TARGETS))
fuzz-afl: fuzz-cmplog $(patsubst %,build/afl/%,$(TARGETS))
seeds: $(patsubst %,seeds-%,$(TARGETS)) ; @: ## the seeds and the corpora, build/{seeds,corpora}/TARGET
fuzz-replay: replays seeds ## every seed and every past finding through its replay program (ASan)
	@ci/replay build/replay $(TARGETS)

# A test.c that `vise triage` made, with its target, under ASan.
.PHONY: finding
finding: $(if $(TARGET),$(call objs,asan,$(call target_srcs,$(TARGET))) $(call archives,asan,$(MODS_target_$(TARGET)))) ## build and run a finding's test: make finding TARGET=T FILE=.../test.c
	$(if $(and $(TARGET),$(FILE)),,$(error make finding TARGET=T FILE=FILE))
	$(Q)$(CC_asan) $(CBASE) $(FLAGS_asan) -o build/finding $(FILE) $(filter %.o,$^) -Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(call libs,$(MODS_target_$(TARGET)))
	build/finding

# MemorySanitizer: the targets that link nothing which it did not compile; unpack is about such libraries.
MSAN_TARGETS := $(foreach t,$(filter-out unpack,$(TARGETS)),$(if $(call flavour_libs,msan,$(MODS_target_$(t))),,$(t)))
.PHONY: msan-replay
msan-replay: $(patsubst %,build/msan/replay/%,$(MSAN_TARGETS)) $(patsubst %,seeds-%,$(MSAN_TARGETS)) ## the same under MemorySanitizer, where it can be
	@REPLAY_DEPTH= ci/replay build/msan/replay $(MSAN_TARGETS)

# For ci/ossfuzz and ci/mutants: what a target is made of.
$(foreach t,$(TARGETS),$(eval CLOSURE_target_$(t) := $(call closure,$(MODS_target_$(t)))) \
	$(eval LIBS_target_$(t) := $(call libs,$(MODS_target_$(t)))) $(eval SOURCES_target_$(t) := $(call target_srcs,$(t))))

# The targets as OSS-Fuzz wants them, its engine linked in; they find their libraries beside them.
OSS_TARGETS ?= $(if $(OSS_MSAN),$(MSAN_TARGETS),$(TARGETS))
define oss_rules
build/$(1)/out/$(2): $(call objs,$(1),$(call target_srcs,$(2))) $(call archives,$(1),$(MODS_target_$(2)))
	$$(Q)mkdir -p $$(@D); AFL_QUIET=1 $(OSS_LINK) $(if $(OSS_MSAN),-Ibuild/gen/without) $(OSS_CXXFLAGS) -o $$@ $$(filter %.o,$$^) \
		-Wl,--start-group $$(filter %.a,$$^) -Wl,--end-group $(call flavour_libs,$(1),$(MODS_target_$(2))) \
		$(OSS_ENGINE) -Wl,--disable-new-dtags,-rpath,'$$$$ORIGIN/lib'
endef
$(foreach f,$(OSS:%=oss-%),$(foreach t,$(TARGETS),$(eval $(call oss_rules,$(f),$(t)))))
.PHONY: oss-targets
oss-targets: $(foreach t,$(OSS_TARGETS),build/oss-$(OSS)/out/$(t) seeds-$(t))

# ---- the jobs ------------------------------------------------------------------------------------
.PHONY: test cli-test hashes linux linux-devices check-svm lint coverage bench check demo
test: dev ## run the guest tests (vise test guests)
	build/dev/vise test guests
cli-test: dev asan ## the command line on bad input and good, the asan build too
	vmm/cli/test_cli.sh build/dev/vise
	vmm/cli/test_cli.sh build/asan/vise
linux: ## fetch and build the Linux guests, build/linux/{stock,tiny}; installs what is missing
	@ci/setup linux && guests/linux/build
linux-devices: release ## Debian's kernel drives every virtio device, over both transports (make linux first)
	VISE=build/release/vise ci/linux-devices
hashes: build/dev/vise build/gcc/vise build/clang/vise build/gcc-O0/vise build/clang-O0/vise ## the guests on soft end the same in every build
	ci/hashes
check-svm: dev ## the guests on a genuine kvm_amd, inside QEMU
	@ci/check-svm || [ $$? = 4 ]
lint: ## formatting, clang-tidy, cppcheck, shellcheck and the rules of the tree
	@ci/lint
coverage: ## one lcov tracefile and HTML from all tests, a table and the gate
	@coverage/run
# All modules in one program that is never run: it tells llvm-cov of every line, also of those that no
# test links.
build/cov/whole: $(LIBS_OF_cov)
	@mkdir -p $(@D); echo "int main(void) { return 0; }" > $@.c
	$(Q)$(CC_cov) -fprofile-instr-generate -o $@ $(if $(HAVE_VISE),,$@.c) -Wl,--unresolved-symbols=ignore-all -Wl,--whole-archive $^ -Wl,--no-whole-archive \
		$(call libs,$(MODULES))
bench: release fuzz-libfuzzer seeds ## the figures of the README (vise bench)
	build/release/vise bench
demo: ## the tour: build, guests, an exit trace, a little fuzzing; installs what is missing
	@ci/run demo
check: ## everything CI checks; installs what is missing (SETUP=0 forbids it)
	@ci/run check

# ---- what the tools are told -----------------------------------------------------------------------
# One line a source, from the rules above: SOURCE<tab>INCLUDES. Editors and clang-tidy get it as
# build/compile_commands.json, where clangd looks by itself.
define source_lines
$(foreach m,$(MODULES),$(foreach s,$(SRCS_$(m)),"$(s)|$(call incs,$(m)) -I$(call DIR,$(m)) -Ibuild/gen") \
	$(foreach s,$(TESTS_$(m)),"$(s)|$(call incs,$(m) $(TESTDEPS_$(m))) -I$(call DIR,$(m)) -Ibuild/gen $(if $(findstring test_silicon,$(s))$(findstring test_cases,$(s)),-Ivmm/soft/silicon)")) \
$(foreach s,$(SILICON),"$(s)|$(call incs,soft) -Ivmm/soft/silicon") \
$(foreach e,$(EXAMPLES),"vmm/examples/$(e).c|$(call incs,$(MODS_example_$(e)))") \
$(foreach t,$(TARGETS),"fuzz/targets/$(t).c|$(call target_incs,$(t))") \
$(foreach t,$(SEEDGENS),"fuzz/seeds/$(t).gen.c|$(call incs,$(MODS_target_$(t))) -Ifuzz/engine -Ibuild/gen") \
$(foreach s,$(sort $(wildcard fuzz/engine/*.c)),"$(s)|-Ifuzz/engine $(call incs,base)")
endef
SOURCES := $(foreach m,$(MODULES),$(ALL_$(m))) $(SILICON) $(EXAMPLES:%=vmm/examples/%.c) $(TARGETS:%=fuzz/targets/%.c) \
	$(SEEDGENS:%=fuzz/seeds/%.gen.c) $(sort $(wildcard fuzz/engine/*.c))

.PHONY: compile_commands.json
compile_commands.json: build/compile_commands.json ## build/compile_commands.json, for clangd and clang-tidy
build/sources.list: FORCE
	$(call write-if-new,$(source_lines))
build/compile_commands.json: build/sources.list $(THIS) | $(GEN)
	@awk -F'|' -v dir='$(CURDIR)' -v cc='$(CC) $(CBASE) $(FLAGS_dev)' 'BEGIN { print "[" } \
		$$1 { gsub(/["\\]/, "\\\\&", dir); printf "%s{\"directory\":\"%s\",\"file\":\"%s\",\"command\":\"%s %s -c %s\"}", \
		sep, dir, $$1, cc, $$2, $$1; sep = ",\n" } END { print "\n]" }' $< > $@

# clang-tidy, a stamp a source. The dev object is a prerequisite because it knows the headers.
TIDY := $(patsubst %.c,build/lint/tidy/%.ok,$(SOURCES))
.PHONY: tidy
tidy: $(TIDY)
TIDY_TESTS := --checks=-bugprone-not-null-terminated-result,-clang-analyzer-security.insecureAPI.strcpy
# The analyzer gives up on a function after so many states (its own limit is 225000): a fifth of the
# time for nearly all of the findings.
TIDY_NODES ?= 40000
tidy_opts = --extra-arg=-Xclang --extra-arg=-analyzer-config --extra-arg=-Xclang --extra-arg=max-nodes=$(TIDY_NODES) \
	$(if $(filter vmm/base/%,$(1)),,--extra-arg=-include --extra-arg=ci/analyzer.h) \
	$(if $(findstring /test_,$(1)),$(TIDY_TESTS))
build/lint/tidy/%.ok: %.c build/dev/obj/%.o .clang-tidy ci/analyzer.h | build/compile_commands.json
	@mkdir -p $(@D); clang-tidy -p build --quiet $(call tidy_opts,$<) \
		$< 2> $@.err || { grep -v ". warnings\? generated" $@.err; exit 1; }
	@touch $@

# ---- installing ------------------------------------------------------------------------------------
PREFIX ?= /usr/local
DESTDIR ?=
VERSION := 0.1
SHARED_MODULES := $(filter-out cli,$(MODULES))
bin := $(DESTDIR)$(PREFIX)/bin
inc := $(DESTDIR)$(PREFIX)/include/vmm
lib := $(DESTDIR)$(PREFIX)/lib
share := $(DESTDIR)$(PREFIX)/share/vise
man := $(DESTDIR)$(PREFIX)/share/man/man1
completions := $(DESTDIR)$(PREFIX)/share/bash-completion/completions
GUESTLIB := $(wildcard guests/lib/*)
# What a device's author fuzzes an own device with: fuzz/kit/kit.mk says how.
KIT := $(wildcard fuzz/kit/kit* fuzz/engine/*.h) $(ENGINE) fuzz/engine/replay.c
PCS := $(patsubst %,build/release/pc/vise-%.pc,$(SHARED_MODULES))
# The option tables print the manual pages and the completion.
MAN := $(if $(HAVE_VISE),$(patsubst %,build/release/man/vise-%.1,$(CMDS)))
COMPLETION := $(if $(HAVE_VISE),build/release/man/vise.bash)
build/release/man/vise-%.1: build/release/vise
	@mkdir -p $(@D)
	$(Q)build/release/vise $* --help-man > $@
build/release/man/vise.bash: build/release/vise
	@mkdir -p $(@D)
	$(Q)build/release/vise --bash > $@

# All libraries are static, so a user needs the closure even without --static: Requires, not
# Requires.private.
build/release/pc/vise-%.pc: FORCE
	$(call write-if-new,'prefix=$(PREFIX)' 'includedir=$${prefix}/include' 'libdir=$${prefix}/lib' \
		$(if $(filter dev,$*),'kit=$${prefix}/share/vise/kit') '' \
		'Name: vise-$*' 'Description: the $* module of Vise' 'Version: $(VERSION)' \
		'Requires: $(patsubst %,vise-%,$(DEPS_$*))' 'Cflags: -I$${includedir}' \
		'Libs: -L$${libdir} -lvise-$* $(LIBS_$*)')

.PHONY: install uninstall
install: release $(PCS) $(MAN) $(COMPLETION) ## install the release build: PREFIX=/usr/local DESTDIR=
	install -d '$(inc)' '$(lib)/pkgconfig' '$(share)/guests/lib'
	$(if $(HAVE_VISE),install -d '$(bin)' && install -m 755 build/release/vise '$(bin)/vise')
	install -m 644 $(foreach m,$(SHARED_MODULES),$(wildcard $(call DIR,$(m))/include/vmm/*.h)) '$(inc)'
	install -m 644 $(patsubst %,build/release/lib/libvise-%.a,$(SHARED_MODULES)) '$(lib)'
	install -m 644 $(PCS) '$(lib)/pkgconfig'
	$(if $(GUESTLIB),install -m 644 $(GUESTLIB) '$(share)/guests/lib')
	install -d '$(share)/kit' && install -m 644 $(KIT) '$(share)/kit'
	$(if $(MAN),install -d '$(man)' && install -m 644 $(MAN) '$(man)')
	$(if $(COMPLETION),install -d '$(completions)' && install -m 644 $(COMPLETION) '$(completions)/vise')
uninstall: ## remove what install put there (same PREFIX and DESTDIR)
	rm -f '$(bin)/vise' '$(completions)/vise' $(patsubst %,'$(man)/vise-%.1',$(CMDS)) $(patsubst %,'$(lib)/libvise-%.a',$(SHARED_MODULES)) \
		$(patsubst %,'$(lib)/pkgconfig/vise-%.pc',$(SHARED_MODULES)) \
		$(foreach m,$(SHARED_MODULES),$(patsubst %,'$(inc)/%',$(notdir $(wildcard $(call DIR,$(m))/include/vmm/*.h))))
	rm -rf '$(share)'
	-rmdir --ignore-fail-on-non-empty '$(inc)'

# ---- the rest ----------------------------------------------------------------------------------------
.PHONY: help clean
help: ## this list
	@sed -n 's/^\([a-z][a-zA-Z0-9_.\/-]*\):.*## \(.*\)/\1\t\2/p' $(THIS) | sort | \
		awk -F'\t' '{ printf "  %-24s %s\n", $$1, $$2 }'
clean: ## remove build/
	rm -rf build

# For scripts: the value of a list, `make print-TARGETS`.
print-%:
	@echo $($*)

-include $(filter %.d,$(FOUND))
