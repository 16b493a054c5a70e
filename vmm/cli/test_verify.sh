#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# vmm/cli/test_verify.sh VISE LEAKY: is `vise verify` any good? LEAKY is the flavour `leak`: eight
# leaks of the host are planted in it, and each must be found at the instruction that springs it, in
# the thing that it spoils. VISE has none. The last line is `N passed, N failed, N skipped`.
set -u
vise=$(realpath "${1:?usage: $0 VISE LEAKY}") || exit 2
leaky=$(realpath "${2:?usage: $0 VISE LEAKY}") || exit 2
dir=$(mktemp -d) || exit 2
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 2
export XDG_CACHE_HOME=$dir/cache
pass=0 fail=0 skip=0
good() { pass=$((pass + 1)) && echo "ok     $1"; }
bad() { fail=$((fail + 1)) && echo "not ok $1" && printf '%s\n' "$2" | head -n 20 | sed 's/^/       /'; }
skipped() { skip=$((skip + 1)) && echo "skip   $1"; }
command -v nasm > /dev/null || {
	skipped "all of it: no nasm here"
	echo "0 passed, 0 failed, $skip skipped"
	exit 4
}

# A guest that computes, springs leak N, forgets what it read, computes on and ends well.
guest() {
	cat > "leak$1.asm" << END
;@ summary: reads port 0x5e$1 in the middle of a computation
;@ mode: long
;@ mem: 2M
%include "test.inc"
        mov  ecx, 20000
.before: imul rbx, rbx, 77
        add  rbx, rcx
        dec  ecx
        jnz  .before
        mov  dword [0x80000], 1
        mov  dx, 0x5e$1
        in   al, dx
        mov  al, 0
        mov  ecx, 50000
.after: lea  rbx, [rbx * 3 + 1]
        dec  ecx
        jnz  .after
        pass
END
}

# leak N NAME THING: found at the instruction that reads the port; THING differs after it.
leak() {
	local n=$1 name=$2 thing=$3 at got
	guest "$n"
	# The time of an event is the count of instructions before it; the port's is the one that counts.
	at=$("$vise" trace -v "leak$n.asm" 2> /dev/null | awk -v port="0x5e$n" '$0 ~ "pio r " port " " { print $1 + 1; exit }')
	"$vise" verify -n 6 "leak$n.asm" > out 2>&1 || {
		bad "$name: without the leak" "$(cat out)"
		return
	}
	"$leaky" verify -n 40 "leak$n.asm" --json > out 2>&1
	got=$(sed -n 's/.*"at":\([0-9]*\).*"exact":true,"insn":"[^"]*in al, dx",.*/\1/p' out)
	if [ -z "$at" ] || [ "$got" != "$at" ]; then
		bad "$name: found at instruction '$got', it is in ${at:-?}" "$(cat out)"
	elif ! grep -q "\"what\":\"$thing\"" out; then
		bad "$name: nothing is said of $thing" "$(cat out)"
	else
		good "$name: instruction $at, $thing"
	fi
}

# says NAME STATUS PATTERN COMMAND...: in standard output and error together.
says() {
	local name=$1 want=$2 pattern=$3 status
	shift 3
	timeout -k 5 120 "$@" > out 2>&1 < /dev/null
	status=$?
	if [ "$status" != "$want" ]; then
		bad "$name" "status $status, want $want: $(cat out)"
	elif ! grep -qE "$pattern" out; then
		bad "$name" "no match for '$pattern': $(cat out)"
	else
		good "$name"
	fi
}

for n in 0 1 8; do guest $n; done
# What else there is to be told.
printf '\353\376' > loop.bin
printf 'pio w 0xf4 1 0x0\n' > script
says "the same" 0 '^leak0.asm: the same in 5 runs of 230039 instructions, 1150195 compared, hash [0-9a-f]{16}$' "$vise" verify -n 5 leak0.asm
says "the same by another build" 0 'the same in 4 runs' "$vise" verify -n 4 --with "$leaky" leak0.asm
says "closely" 0 'the same in 2 runs' "$vise" verify -n 2 --every 64 leak0.asm
says "JSON" 0 '^\{"verify":"leak0.asm","cpu":"soft","verdict":"same","runs":3,"length":230039,"compared":690117,"unit":"instructions","hash":"[0-9a-f]{16}","after":null,"at":null,"exact":false,"insn":null,"suspect":null,"differs":\[\]\}$' "$vise" verify -n 3 --json leak0.asm
says "up to a limit" 5 'the same in 2 runs of 5000 instructions, 10000 compared, .*, up to the limit$' "$vise" verify -n 2 --limit 5000 --base 0x8000 loop.bin
says "host time is no limit" 2 '^vise: --timeout ends a run by the host.s time' "$vise" verify --timeout 100 leak0.asm
says "a script is no guest" 2 '^vise: a script is the same every time' "$vise" verify --cpu script:script
says "one run is none" 2 '^vise: .*runs' "$vise" verify -n 1 leak0.asm
says "no such guest" 3 '^vise: cannot open nosuch.asm' "$vise" verify nosuch.asm
says "another build that is not there" 3 'nosuch' "$vise" verify -n 2 --with ./nosuch leak0.asm
says "a plan by hand" 2 "^vise: --worker '1:2'" "$vise" verify --worker 1:2 leak0.asm
says "a leak in words" 1 '^leak8.asm: runs 1 and [0-9]+ part at instruction 80035$' "$leaky" verify -n 20 leak8.asm
# has NAME PATTERN: the output of the last one.
has() { if grep -qE "$2" out; then good "$1"; else bad "$1" "$(cat out)"; fi; }
has "the instruction is named" '^    instruction   0x[0-9a-f]* in al, dx$'
has "the device is suspected" '^    suspect       the device that has the field uart0.scr$'
has "the conditions are said" '^    host b .*address layout'
if [ -r /dev/kvm ] && [ -w /dev/kvm ]; then
	says "exits on kvm" 0 'the same [0-9]* exits in 3 runs on kvm, where no more is promised$' "$vise" verify -n 3 --cpu kvm leak0.asm
	says "a leak on kvm" 1 'part at exit 1$' "$leaky" verify -n 9 --cpu kvm leak1.asm
else
	skipped "exits on kvm: no /dev/kvm here"
fi

leak 1 "host time" "event 1"
leak 2 "an uninitialised byte" "memory 0x80012"
leak 3 "the order of pointers" "cpu rax"
leak 4 "the FPU's mode" "cpu rax"
leak 5 "the address-space layout" "cpu rax"
leak 6 "a signal" "cpu rax"
leak 7 "the host's CPUID" "cpu rax"
leak 8 "the order of a hash" "dev uart0.scr"

echo "$pass passed, $fail failed, $skip skipped"
[ $fail = 0 ]
