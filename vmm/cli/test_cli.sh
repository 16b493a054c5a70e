#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# vmm/cli/test_cli.sh VISE: runs the program on bad input and good. Each bad input must give one line
# on standard error that begins with "vise: ", names what is wrong, and the documented exit status.
# The last line is `N passed, N failed, N skipped`.
set -u
vise=$(realpath "${1:?usage: $0 VISE}") || exit 2
dir=$(mktemp -d) || exit 2
trap 'rm -rf "$dir"' EXIT
chmod 755 "$dir"
pass=0 fail=0 skip=0
have_kvm() { [ -r /dev/kvm ] && [ -w /dev/kvm ]; }
cd "$dir" || exit 2
export XDG_CACHE_HOME=$dir/cache
# A leak is a finding too, but not where the machine cannot look for it (ptrace is forbidden).
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1}

good() { pass=$((pass + 1)) && echo "ok     $1"; }
bad() { fail=$((fail + 1)) && echo "not ok $1" && printf '%s\n' "$2" | head -n 20 | sed 's/^/       /'; }
skipped() { skip=$((skip + 1)) && echo "skip   $1"; }

# bad_input NAME STATUS PATTERN COMMAND...
bad_input() {
	local name=$1 want=$2 pattern=$3 status lines
	shift 3
	timeout -k 5 60 "$@" > "$dir/out" 2> "$dir/err" < /dev/null
	status=$?
	lines=$(wc -l < "$dir/err")
	if [ "$status" != "$want" ]; then
		bad "$name" "status $status, want $want: $(cat "$dir/err")"
	elif [ "$lines" != 1 ]; then
		bad "$name" "$lines lines, want 1: $(cat "$dir/err")"
	elif ! grep -qE "^vise: .*($pattern)" "$dir/err"; then
		bad "$name" "no match for '$pattern': $(cat "$dir/err")"
	else
		good "$name"
	fi
}

# works NAME STATUS PATTERN COMMAND...: the pattern is looked for in standard output.
works() {
	local name=$1 want=$2 pattern=$3 status
	shift 3
	timeout -k 5 60 "$@" > "$dir/out" 2> "$dir/err" < /dev/null
	status=$?
	if [ "$status" != "$want" ]; then
		bad "$name" "status $status, want $want: $(cat "$dir/err" "$dir/out")"
	elif ! grep -qE "$pattern" "$dir/out"; then
		bad "$name" "no match for '$pattern': $(cat "$dir/err" "$dir/out")"
	else
		good "$name"
	fi
}

# mov al, 0; out 0xf4, al; hlt
printf '\260\000\346\364\364' > pass.bin
printf '\260\007\346\364\364' > seven.bin
printf 'pio w 0xe9 1 0x41\npio w 0xf4 1 0x0\n' > script

# ---- usage ---------------------------------------------------------------------------------------
bad_input "unknown verb" 2 "unknown verb 'trac': is 'trace' meant" "$vise" trac
bad_input "unknown option" 2 "unknown option --memm: is --mem meant" "$vise" run --memm 1 pass.bin
bad_input "option without its value" 2 "needs a value" "$vise" run --mem
bad_input "number that is none" 2 "'many': not a number" "$vise" run --limit many pass.bin
bad_input "no guest" 2 "no guest: give" "$vise" run
bad_input "two guests" 2 "too many words" "$vise" run pass.bin pass.bin
bad_input "unknown back end" 2 "back ends are soft, kvm and script" "$vise" run --cpu z80 pass.bin
bad_input "unknown back end of test" 2 "tests run on: soft kvm" "$vise" test --cpu z80 .
bad_input "unknown engine" 2 "none of: libfuzzer afl" "$vise" fuzz --engine hongg x
bad_input "unknown bench" 2 "no bench is called 'x'" "$vise" bench x
bad_input "mode that is none" 2 "none of: real prot long" "$vise" run --mode vm86 pass.bin
bad_input "base that is none" 2 "not an address" "$vise" run --base here pass.bin

# ---- edges ---------------------------------------------------------------------------------------
# mov cx, 3; again: dec cx; jnz again; mov al, 0; out 0xf4, al; hlt
printf '\271\003\000\111\165\375\260\000\346\364\364' > loop.bin
# shellcheck disable=SC2016  # the inner shell expands them
works "edges of a loop" 0 '^0x8004 0x8003 2 0x8004 0x8006 1$' \
	sh -c '"$1" run -q --edges edges loop.bin && echo $(cat edges)' sh "$vise"
bad_input "edges on script" 2 "only --cpu soft counts edges" "$vise" run --cpu script:script --edges edges
bad_input "edges to nowhere" 3 "cannot write nowhere/edges" "$vise" run -q --edges nowhere/edges loop.bin

# ---- metrics -------------------------------------------------------------------------------------
# shellcheck disable=SC2016  # the inner shell expands them
works "metrics" 0 '^{"metric":"exit.pio","value":1}$' \
	sh -c '"$1" run -q --metrics metrics loop.bin && cat metrics' sh "$vise"
# shellcheck disable=SC2016
works "metrics with the host's time" 0 '^{"metric":"exit.ns","unit":"ns","count":1,' \
	sh -c '"$1" run -q --metrics metrics --metrics-time loop.bin && cat metrics' sh "$vise"
works "metrics: their names" 0 '^device\.NAME\.queue\.N\.kicks ' "$vise" run --metrics help
bad_input "metrics to nowhere" 3 "cannot write nowhere/metrics" "$vise" run -q --metrics nowhere/metrics loop.bin
bad_input "vsock of no kind" 3 "echo or unix:PATH" "$vise" run --vsock tcp:1 loop.bin

# ---- what comes from outside -----------------------------------------------------------------------
# Real mode: what the serial port has when it interrupts is sent back, the TSC goes to 0xe9; q ends it.
{
	printf '\372\061\300\216\330\216\320\274\000\160\307\006\220\000\061\200\243\222\000\260\021\346\040\260'
	printf '\040\346\041\260\004\346\041\260\001\346\041\260\357\346\041\272\371\003\260\001\356\373\364\353'
	printf '\374\272\375\003\354\250\001\164\025\272\370\003\354\356\210\303\017\061\146\347\351\200\373\161'
	printf '\165\347\060\300\346\364\260\040\346\040\317'
} > echo.bin
# shellcheck disable=SC2016  # the inner shell expands them
works "live input does not repeat, and says so" 0 '"deterministic":false.*debug-exit 0' \
	sh -c '(sleep 0.2; printf aq) | "$1" run --json --serial fd:0 echo.bin' sh "$vise"
# shellcheck disable=SC2016
works "a recorded run, replayed with nothing opened" 0 '^same$' \
	sh -c '(printf a; sleep 0.2; printf bq) | "$1" run -q --json --serial fd:0,2 --seed 3 --record rec echo.bin > a &&
		"$1" run -q --json --serial fd:0,2 --replay rec echo.bin > b && grep -q "\"deterministic\":true" a && cmp a b && echo same' sh "$vise"
# shellcheck disable=SC2016
works "a run that is interrupted leaves its recording" 0 'the recording ends here' \
	sh -c '(printf ab; sleep 20) | timeout -s INT 1 "$1" run -q --serial fd:0 --record cut echo.bin
		"$1" run --json --serial fd:0 --replay cut echo.bin || [ $? = 5 ]' sh "$vise"
bad_input "a recording of another guest" 3 "another machine or guest" "$vise" run -q --serial fd:0 --replay rec loop.bin
bad_input "a recording with input that the machine lacks" 3 "has input 'serial'" "$vise" run -q --replay rec echo.bin
head -c 100 rec > short
bad_input "a recording cut short" 3 "short: the recording is damaged at byte" "$vise" run -q --serial fd:0 --replay short echo.bin
bad_input "no recording" 3 "echo.bin: this is no recording" "$vise" run -q --replay echo.bin echo.bin
bad_input "recorded and replayed" 3 "not both" "$vise" run -q --record x --replay rec echo.bin
bad_input "a recording to nowhere" 3 "cannot record to nowhere/x" "$vise" run -q --record nowhere/x echo.bin
bad_input "a chr that is none" 3 "'what' is none of: buf" "$vise" run -q --chr what pass.bin
bad_input "two inputs of the serial port" 2 "without --serial" "$vise" run -q --serial buf:x --input script pass.bin
printf 'A\nq' > in
# shellcheck disable=SC2016
works "a file as the other end" 0 '^A$' sh -c '"$1" run -q --serial file:said,in=in echo.bin > x && cat said' sh "$vise"
if have_kvm; then
	bad_input "a recording on kvm" 3 "need a CPU that repeats itself" "$vise" run -q --cpu kvm --record x echo.bin
else
	skipped "a recording on kvm"
fi

# ---- memory -----------------------------------------------------------------------------------------
for mem in 0 1 1T 18446744073709551615 99999999999999999999 -1 x 1048577; do
	bad_input "--mem $mem" 2 "--mem '?$mem" "$vise" run --mem "$mem" pass.bin
done
works "--mem with --json still ends with one object" 2 '^\{"verdict":"error","status":2,"guest":null,"cpu":"soft","icount":null,"exits":0,"deterministic":true,"hash":null,"reason":"--mem 0' \
	"$vise" run --json --mem 0 pass.bin

# ---- images ----------------------------------------------------------------------------------------
: > empty
printf '\177ELF\002\001\001' > cut.elf
head -c 64 /dev/zero | tr '\0' '\377' > ff && printf '\177ELF\002\001\001\000\000\000\000\000\000\000\000\000\002\000\076\000\001\000\000\000' | cat - ff > bad.elf
printf '\177ELF\001\001\001\000\000\000\000\000\000\000\000\000\002\000\003\000' | cat - ff > elf32
{
	head -c 514 /dev/zero
	printf 'HdrS'
} > cut.bzimage
printf '\002\260\255\033\003\000\000\000\373\117\122\344' > bad.multiboot
printf 'This is text and no guest at all.\n' > text
printf '\037\213\010\000\000\000\000\000\000\000' > packed.gz
truncate -s 3G huge
mkdir folder
bad_input "missing image" 3 "cannot open nowhere: No such file" "$vise" run nowhere
bad_input "empty image" 3 "empty: the file is empty" "$vise" run empty
bad_input "a folder" 3 "folder, where a file is needed" "$vise" run folder
bad_input "truncated ELF" 3 "." "$vise" run cut.elf
bad_input "ELF of nonsense" 3 "." "$vise" run bad.elf
bad_input "32-bit ELF of nonsense" 3 "." "$vise" run elf32
bad_input "truncated bzImage" 3 "." "$vise" run cut.bzimage
bad_input "text" 3 "text: text .*, not a guest" "$vise" run text
bad_input "gzip" 3 "compressed with gzip" "$vise" run packed.gz
bad_input "oversized image" 3 "huge: larger than" "$vise" run huge
truncate -s 40M large
bad_input "image larger than memory" 3 "." "$vise" run --base 0x8000 large
bad_input "flat image beyond memory" 3 "." "$vise" run --base 0xffffffffffff pass.bin
bad_input "missing initrd" 3 "cannot open gone" "$vise" run --initrd gone pass.bin
printf '070701%0104d' 0 | head -c 60 > cut.cpio
printf '\037\213\010\000\000\000\000\000\000\003\003' > cut.cpio.gz
bad_input "initrd that is cut short" 3 "cut.cpio: cpio archive: .*cut short" "$vise" run --initrd cut.cpio pass.bin
bad_input "compressed initrd that is cut short" 3 "cut.cpio.gz: .*(cut short|no zlib)" "$vise" run --initrd cut.cpio.gz pass.bin
bad_input "second initrd missing" 3 "cannot open gone" "$vise" run --initrd text --initrd gone pass.bin
bad_input "way to boot that is none" 2 "none of: auto direct guest 64 32 16 pvh" "$vise" run --boot fast pass.bin
bad_input "way to boot that a flat image has not" 3 "it has one entry only" "$vise" run --boot 32 --base 0x8000 pass.bin
bad_input "missing module" 3 "cannot open gone" "$vise" run --module gone,x pass.bin
bad_input "missing input" 3 "cannot open gone" "$vise" run --input gone pass.bin

# ---- devices ---------------------------------------------------------------------------------------
bad_input "unknown device" 2 "no-such" "$vise" run --device no-such pass.bin
bad_input "unknown device option" 2 "colour" "$vise" run --device virtio-rng,colour=red pass.bin
bad_input "device option that does not parse" 2 "irq" "$vise" run --device virtio-rng,irq=x pass.bin
bad_input "device option out of range" 2 "irq" "$vise" run --device virtio-rng,irq=99999 pass.bin

# ---- headers -----------------------------------------------------------------------------------------
printf ';@ summary: s\n;@ exti: 0\n' > key.asm
printf '\tmov eax, 1\n' > none.asm
printf ';@ summary: s\n\tbogus eax\n' > bogus.asm
bad_input "unknown header key" 3 "key.asm:2: unknown key 'exti'; keys are summary" "$vise" run key.asm
bad_input "no header" 3 "none.asm:1: .*summary" "$vise" run none.asm
works "test: unknown header key" 3 "ERROR: key.asm:2: unknown key 'exti'" "$vise" test key.asm
works "test: no such file" 3 "^0 passed, 1 failed, 0 skipped" "$vise" test nowhere.asm
works "test: a folder without tests" 3 "no guest test" "$vise" test folder
works "test: not a .asm" 3 "does not end in .asm" "$vise" test pass.bin
if command -v nasm > /dev/null; then
	bad_input "source that does not assemble" 3 "bogus.asm:2: error" "$vise" run bogus.asm
	bad_input "--mode with a .asm" 2 "says by its header" "$vise" run --mode long bogus.asm
else
	skipped "source that does not assemble: there is no nasm"
fi

# ---- the script back end ------------------------------------------------------------------------------
printf 'pio w 0xf4 1 0x0\nrubbish here\n' > bad.script
printf 'pio r 0x3fd 1 0x99\n' > wrong.script
bad_input "missing script" 3 "cannot open gone" "$vise" run --cpu script:gone
bad_input "script that does not parse" 3 "line 2" "$vise" run --cpu script:bad.script
works "a script runs" 0 '^A' "$vise" run -q --cpu script:script
works "a script's trace is a script" 0 '^end exit$' "$vise" trace -q --cpu script:script
bad_input "a script that expects another answer" 1 "line 1: .*want 0x99, got" "$vise" run --cpu script:wrong.script
works "all keys in the result" 0 '^\{"verdict":"pass","status":0,"guest":0,"cpu":"script","icount":(null|[0-9]+),"exits":2,"deterministic":true,"hash":"[0-9a-f]{16}","reason":"[^"]+"\}$' \
	"$vise" run --json --cpu script:script

# ---- KVM -----------------------------------------------------------------------------------------------
# Namespaces in which /dev/kvm is not there, is something else, or may not be opened.
no_dev() { unshare -m sh -c 'mount -t tmpfs none /dev && mknod -m 666 /dev/null c 1 3 && exec "$@"' sh "$@"; }
other_dev() { unshare -m sh -c 'mount --bind /dev/null /dev/kvm && exec "$@"' sh "$@"; }
nobody() { setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }
export -f no_dev other_dev nobody
if unshare -m mount -t tmpfs none /dev 2> /dev/null; then
	bad_input "no /dev/kvm" 3 "/dev/kvm.*--cpu soft" bash -c 'no_dev "$@"' - "$vise" run --cpu kvm pass.bin
	works "no /dev/kvm: soft runs" 0 '"cpu":"soft","icount":2' bash -c 'no_dev "$@"' - "$vise" run --json pass.bin
	works "no /dev/kvm: a script runs" 0 '^A' bash -c 'no_dev "$@"' - "$vise" run -q --cpu script:script
	works "no /dev/kvm: doctor" 0 '^  no  /dev/kvm' bash -c 'no_dev "$@"' - "$vise" doctor
	if command -v nasm > /dev/null; then
		printf ';@ summary: s\n%%include "test.inc"\n\tpass\n' > skip.asm
		works "no /dev/kvm: test runs on soft" 0 '^1 passed, 0 failed, 0 skipped' bash -c 'no_dev "$@"' - "$vise" test skip.asm
		works "no /dev/kvm: test skips" 4 '^0 passed, 0 failed, 1 skipped' bash -c 'no_dev "$@"' - "$vise" test --cpu kvm skip.asm
	fi
	if [ -e /dev/kvm ]; then
		bad_input "/dev/kvm is something else" 3 "/dev/kvm.*--cpu soft" bash -c 'other_dev "$@"' - "$vise" run --cpu kvm pass.bin
	fi
else
	skipped "no /dev/kvm: mount namespaces are not allowed here"
fi
if [ -e /dev/kvm ] && nobody true 2> /dev/null && ! nobody test -w /dev/kvm; then
	cp "$vise" "$dir/vise" && chmod 755 "$dir/vise"
	bad_input "no permission for /dev/kvm" 3 "/dev/kvm.*(kvm group|group kvm).*--cpu soft" bash -c 'nobody "$@"' - "$dir/vise" run --cpu kvm pass.bin
else
	skipped "no permission for /dev/kvm: everyone has it here, or no other user can be had"
fi
printf '\353\376' > spin.bin
printf '\346\200\353\374' > exits.bin
printf '\017\061\243\000\220\260\000\346\364\364' > tsc.bin # rdtsc; mov [0x9000], ax
for cpu in soft kvm; do
	if [ $cpu = kvm ] && ! have_kvm; then
		skipped "guests on KVM: there is none"
		continue
	fi
	works "$cpu: a guest passes" 0 '"verdict":"pass","status":0,"guest":0,"cpu":"'$cpu'"' "$vise" run --json --cpu $cpu pass.bin
	works "$cpu: a guest fails" 1 '"verdict":"fail","status":1,"guest":7' "$vise" run --json --cpu $cpu seven.bin
	works "$cpu: a time limit" 5 '"verdict":"limit","status":5,"guest":null' "$vise" run --json --cpu $cpu --timeout 100 spin.bin
	works "$cpu: a trace" 0 '^pio w 0xf4 1 0x0$' "$vise" trace -q --cpu $cpu pass.bin
done
works "soft: a limit of instructions" 5 '"verdict":"limit","status":5,"guest":null,"cpu":"soft","icount":10,"exits":5,"deterministic":true' \
	"$vise" run --json --limit 10 exits.bin
bad_input "diff with one back end" 2 "give two back ends" "$vise" diff --cpu soft pass.bin
works "diff of soft and a script" 1 '^event 1 differs' "$vise" diff --cpu soft,script:script pass.bin
works "diff of soft and soft" 0 '^same: 2 events' "$vise" diff --cpu soft,soft pass.bin
if have_kvm; then
	works "an exit limit" 5 '"verdict":"limit","status":5,"guest":null,"cpu":"kvm","icount":null,"exits":10' \
		"$vise" run --json --cpu kvm --limit 10 exits.bin
	works "diff of soft and kvm" 0 '^same: 2 events' "$vise" diff pass.bin
	works "diff that finds the time" 1 'the final states differ' "$vise" diff tsc.bin
fi
works "a trace for Perfetto" 0 '' "$vise" trace -q --chrome chrome.json pass.bin
if grep -q '"traceEvents":\[' chrome.json; then
	good "what is in it"
else
	bad "what is in it" "$(cat chrome.json)"
fi

# ---- bench boot ----------------------------------------------------------------------------------------
# In a tree of its own with a kernel of its own, without QEMU (PATH): an ELF64 file of one segment at 1
# MiB that prints the line that is waited for through COM1 and ends. Of its RAM disk, 48 MiB, nothing
# may be kept once it has been loaded.
mkdir -p tree/build/dev tree/build/linux/tiny tree/vmm/base/include/vmm no-tools
touch tree/vmm/base/include/vmm/base.h
cp "$vise" tree/build/dev/vise
{
	printf '\177ELF\2\1\1\0\0\0\0\0\0\0\0\0\2\0\76\0\1\0\0\0' # ELF64, executable, x86-64
	printf '\170\0\20\0\0\0\0\0\100\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0' # entry 0x100078, segments at 0x40
	printf '\0\0\0\0\100\0\70\0\1\0\0\0\0\0\0\0'
	printf '\1\0\0\0\5\0\0\0\0\0\0\0\0\0\0\0' # PT_LOAD, all of the file
	printf '\0\0\20\0\0\0\0\0\0\0\20\0\0\0\0\0'
	printf '\232\0\0\0\0\0\0\0\232\0\0\0\0\0\0\0\0\20\0\0\0\0\0\0'
	printf '\276\216\0\20\0\146\272\370\3'  # mov esi, text; mov dx, 0x3f8
	printf '\254\204\300\164\3\356\353\370' # next: lodsb; test al, al; jz end; out dx, al; jmp next
	printf '\260\0\346\364\364'           # end: mov al, 0; out 0xf4, al; hlt
	printf 'VISE: init\n\0'
} > tree/build/linux/tiny/vmlinux
boot() { env PATH="$dir/no-tools" tree/build/dev/vise bench boot --rounds 3 --json; }
# figure NAME: its value.
figure() { sed -n 's|^{"bench":"boot","case":"'"$1"'","value":\([0-9.e+-]*\),.*|\1|p' out; }
works "bench boot without a kernel" 4 '' env PATH="$dir/no-tools" tree/build/dev/vise bench boot
head -c 48M /dev/zero > tree/build/linux/tiny/initrd.cpio
boot > out 2> err
status=$?
if [ $status = 0 ] && grep -q 'no stock Linux here: make linux' err && grep -q 'no qemu-system-x86_64 here' err; then
	good "bench boot: one kernel, nothing to compare with"
else
	bad "bench boot: one kernel, nothing to compare with" "status $status: $(cat err out)"
fi

for want in tiny/soft tiny/beside-ram tiny/to-init tiny/to-the-end tiny/in-user-space; do
	if figure $want | awk '$1 >= 0 { n++ } END { exit n != 1 }'; then
		good "bench boot: $want"
	else
		bad "bench boot: $want" "$(cat err out)"
	fi
done
if awk -v init="$(figure tiny/to-init)" -v all="$(figure tiny/to-the-end)" -v user="$(figure tiny/in-user-space)" \
	'BEGIN { exit !(init > 0 && init < all && all < 0.0001 && user == 0) }'; then
	good "bench boot: instructions"
else
	bad "bench boot: instructions" "$(cat out)"
fi
if nm "$vise" 2> /dev/null | grep -q __asan_init; then
	skipped "bench boot: a loaded RAM disk is given back: the sanitizer keeps what was freed"
elif awk -v mib="$(figure tiny/beside-ram)" 'BEGIN { exit !(mib > 0 && mib < 40) }'; then
	good "bench boot: a loaded RAM disk is given back"
else
	bad "bench boot: a loaded RAM disk is given back" "$(cat out)"
fi
printf '\17\13' | dd of=tree/build/linux/tiny/vmlinux bs=1 seek=120 conv=notrunc 2> /dev/null # ud2
works "bench boot: a kernel that does not get there" 3 '' env PATH="$dir/no-tools" tree/build/dev/vise bench boot --rounds 1

# ---- fuzz ------------------------------------------------------------------------------------------------
# In the same tree, with an engine that finds three things of two causes and then nothing more: what it
# says is libFuzzer's, and make has nothing to do.
mkdir -p tree/fuzz/targets tree/build/fuzz tree/build/replay tree/build/corpora/fake
printf '%%:\n\t@:\n' > tree/Makefile
printf '/*\n * fake: an engine that is none.\n */\n' > tree/fuzz/targets/fake.c
printf x > tree/build/corpora/fake/one
cat > tree/build/fuzz/fake << 'EOS'
#!/bin/sh
for a; do
	last=$a
	case $a in
	-artifact_prefix=*) p=${a#*=} ;;
	-merge_control_file=*) c=${a#*=} ;;
	*/corpus) corpus=$a ;;
	esac
done
if [ -n "${c:-}" ]; then
	set -- "$last"/*
	{ echo $# && echo 0 && printf '%s\n' "$@" && for i in $(seq 0 $(($# - 1))); do echo "FT $i"; done; } > "$c"
	exit 0
fi
echo "$@" > "$p../args"
printf '\001\001\000\001' > "$VISE_IFACE"
for i in 1 2 3; do printf $i > "$corpus/$i"; done
printf '#3\tINITED cov: 5 ft: 6 corp: 2/2b exec/s: 0 rss: 30Mb\n#90\tNEW    cov: 9 ft: 12 corp: 3/3b\n' >&2
n=$(ls "$p" | grep -c crash-)
if [ "$n" = 3 ]; then
	echo 'stat::number_of_executed_units: 100' >&2
	exit 0
fi
if [ "$n" = 2 ]; then echo 'oracle fresh: it is not' >&2; else echo "oracle used-len: $n, stored 9" >&2; fi
echo x > "${p}crash-$n"
echo "Test unit written to ${p}crash-$n" >&2
exit 77
EOS
chmod +x tree/build/fuzz/fake
if tree/build/dev/vise fuzz fake --time 20 --out fuzzed > out 2> err; [ $? = 3 ]; then
	skipped "fuzz: $(head -n 1 err)"
else
	works "fuzz: it starts from the corpus too" 0 'tree/build/corpora/fake$' cat fuzzed/fake/args
	rm -rf fuzzed
	works "fuzz: findings by cause" 1 '^  2 of them: .*used-len' tree/build/dev/vise fuzz fake --time 20 --out fuzzed
	rm -rf fuzzed
	works "fuzz: the summary" 1 '^fake on libfuzzer: 370 execs in .* s \([0-9]+/s\), coverage 9 edges and 3 of the interface, corpus 3, 100 % stable, last find after .* s, 3 findings$' \
		tree/build/dev/vise fuzz fake --time 20 --out fuzzed
	rm -rf fuzzed
	works "fuzz: the same as JSON" 1 '"execs":370,.*"coverage":9,"interface":3,"corpus":3,"findings":3,"stability":100.00,"last_find":[0-9.]+,"buckets":\[\{"cause":"[^"]*used-len[^"]*","findings":2\},\{"cause":"[^"]*fresh[^"]*","findings":1\}\]' \
		tree/build/dev/vise fuzz fake --time 20 --json --out fuzzed
	echo 'fuzz/corpora/fake.zip is not used: it is of another format' > tree/build/corpora/.fake.why
	works "fuzz: a corpus of another format is said" 0 '^vise: fuzz: fuzz/corpora/fake.zip is not used' sh -c 'tree/build/dev/vise fuzz fake --time 20 --out fuzzed 2>&1; true'
fi

# ---- what is printed about itself -----------------------------------------------------------------------
for verb in $("$vise" --help | sed -n 's/^  \([a-z]*\) .*/\1/p'); do
	works "$verb --help" 0 "^usage: vise $verb" "$vise" "$verb" --help
	works "$verb --help-man" 0 '^\.TH VISE' "$vise" "$verb" --help-man
done
"$vise" --bash > complete.sh
if bash -n complete.sh; then good "--bash"; else bad "--bash" "$(cat complete.sh)"; fi

echo "$pass passed, $fail failed, $skip skipped"
[ $fail = 0 ]
