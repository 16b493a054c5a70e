# SPDX-License-Identifier: MIT
# kit.mk: Vise's fuzz targets for a device of your own, which stays where it is. A whole makefile:
#
#	CLASS = dev_class_mydev		your struct dev_class (vmm/dev.h, vmm/virtio.h), or
#	#SHIM = mydev_shim		a struct vise_shim (kit_shim.h): a device of another VMM
#	OBJS = mydev.o			compiled by the rule below, with the flags of each build
#	QUEUES = virtq			it is a virtio model on vmm/virtq.h: target `queue` too; or
#	#QUEUES = own			(SHIM) it walks its rings by itself: they are watched by `regs`, `machine`
#	include $(shell pkg-config --variable=kit vise-dev)/kit.mk
#
# Goals (TARGETS is regs, machine, and queue where QUEUES = virtq):
#	check		the seeds, and what is in regressions/TARGET, through replay programs with ASan and UBSan
#	fuzz		libFuzzer on each target for SECONDS (60), corpora in corpus/TARGET, findings in findings/
#	fuzz-TARGET	the same for one
#	fuzz-afl	AFL++ on AFL_TARGET (regs) for SECONDS
#	replay		the replay programs, kit/asan/TARGET [--trace] FILE...
#	kit-clean
#
# Also heard: OPTS (options of the instance, "a=1,b=2"), CFLAGS, LDLIBS, CLANG, AFLCC, SECONDS, FUZZFLAGS.
# Your objects and the frame are compiled with the sanitizers. Vise's archives are as installed: what your
# device hands to them to be copied is looked at (kit_wrap.c), and faults of theirs show by asserts and oracles. kit_class.h has what you may define
# beside the device; kit_shim.h the shim.
KIT := $(patsubst %/,%,$(dir $(lastword $(MAKEFILE_LIST))))
CLANG ?= clang
AFLCC ?= afl-clang-fast
SECONDS ?= 60
AFL_TARGET ?= regs
TARGETS ?= regs machine $(if $(filter virtq,$(QUEUES)),queue)

comma := ,
KIT_SAN := -g -O1 -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
KIT_ABOUT := $(if $(SHIM),-DKIT_SHIM=$(SHIM),-DKIT_CLASS=$(CLASS)) $(if $(OPTS),-DKIT_OPTS='"$(OPTS)"') \
	$(if $(filter own,$(QUEUES)),-DKIT_OWN_RINGS)
KIT_CFLAGS = -std=gnu11 -D_GNU_SOURCE -fno-strict-aliasing -I$(KIT) $(shell pkg-config --cflags vise-dev) $(CFLAGS)
KIT_LIBS = $(shell pkg-config --libs vise-dev) $(LDLIBS)
KIT_ENGINE := $(filter-out kit_% replay,$(patsubst $(KIT)/%.c,%,$(wildcard $(KIT)/*.c))) kit_wrap $(if $(SHIM),kit_shim)
KIT_WRAP := $(patsubst %,-Wl$(comma)--wrap=%,gmem_read gmem_write virtq_read virtq_write)

.PHONY: replay check fuzz fuzz-afl kit-clean $(TARGETS:%=check-%) $(TARGETS:%=fuzz-%)
.DEFAULT_GOAL := check
check: $(TARGETS:%=check-%)
fuzz: $(TARGETS:%=fuzz-%)
replay: $(TARGETS:%=kit/asan/%)
kit-clean:
	rm -rf kit

# A build is a compiler, its flags, and what has main().
KIT_CC_asan = $(CLANG) $(KIT_SAN)
KIT_CC_fuzz = $(CLANG) $(KIT_SAN) -fsanitize=fuzzer-no-link -DVISE_FUZZ
KIT_CC_afl = AFL_QUIET=1 $(AFLCC) $(KIT_SAN) -DVISE_FUZZ
KIT_END_fuzz := -fsanitize=fuzzer
KIT_END_afl := -fsanitize=fuzzer
define kit_build
kit/$(1)/%.o: %.c $(MAKEFILE_LIST)
	@mkdir -p $$(@D)
	$$(KIT_CC_$(1)) $$(KIT_CFLAGS) -c -o $$@ $$<
kit/$(1)/%.o: $(KIT)/%.c $(MAKEFILE_LIST)
	@mkdir -p $$(@D)
	$$(KIT_CC_$(1)) $$(KIT_CFLAGS) $$(KIT_ABOUT) -c -o $$@ $$<
kit/$(1)/%: kit/$(1)/kit_%.o $(OBJS:%=kit/$(1)/%) $(KIT_ENGINE:%=kit/$(1)/%.o) $(if $(filter asan,$(1)),kit/asan/replay.o)
	$$(KIT_CC_$(1)) -o $$@ $$(filter %.o,$$^) $$(KIT_END_$(1)) $(KIT_WRAP) $$(KIT_LIBS)
endef
$(foreach b,asan fuzz afl,$(eval $(call kit_build,$(b))))
.PRECIOUS: kit/asan/%.o kit/fuzz/%.o kit/afl/%.o kit/asan/% kit/fuzz/% kit/afl/%

# Seeds that fit any device.
kit/seeds/%: $(KIT)/kit_seeds.c $(KIT)/kit_queue_seeds.c
	@mkdir -p $@
	$(CC) $(KIT_CFLAGS) -o kit/seeds-$*.gen $(KIT)/kit_$(if $(filter queue,$*),queue_)seeds.c
	kit/seeds-$*.gen $@

define kit_target
check-$(1): kit/asan/$(1) kit/seeds/$(1)
	kit/asan/$(1) kit/seeds/$(1) $$(wildcard regressions/$(1))
fuzz-$(1): kit/fuzz/$(1) kit/seeds/$(1)
	@mkdir -p corpus/$(1) findings
	kit/fuzz/$(1) -max_len=192 -timeout=10 -entropic=0 -max_total_time=$$(SECONDS) -artifact_prefix=findings/$(1)- \
		$$(FUZZFLAGS) corpus/$(1) kit/seeds/$(1) $$(wildcard regressions/$(1))
endef
$(foreach t,$(TARGETS),$(eval $(call kit_target,$(t))))
fuzz-afl: kit/afl/$(AFL_TARGET) kit/seeds/$(AFL_TARGET)
	@mkdir -p findings
	afl-fuzz -V $(SECONDS) -i kit/seeds/$(AFL_TARGET) -o findings/afl -- kit/afl/$(AFL_TARGET)
