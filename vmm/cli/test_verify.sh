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
