# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# What the scripts of ci/ and coverage/ share. Sourced by bash from the top of the tree.

PACKAGES=ci/packages.txt

# True if what a detect column of packages.txt names is there. Nothing but the shell is needed.
present() {
	local kind=${1%%:*} what=${1#*:} name dir
	case $kind in
	cmd)
		local IFS='|'
		for name in $what; do
			command -v "$name" > /dev/null 2>&1 && return 0
		done
		return 1
		;;
	h)
		for dir in /usr/include /usr/local/include /usr/include/*-linux-gnu ${CPATH:+${CPATH//:/ }} \
			${C_INCLUDE_PATH:+${C_INCLUDE_PATH//:/ }}; do
			[ -e "$dir/$what" ] && return 0
		done
		return 1
		;;
	rt)
		dir=$(clang -print-runtime-dir 2> /dev/null) || return 1
		# Debian keeps them in lib/linux with the architecture in the name, others do not.
		compgen -G "$dir/libclang_rt.$what*.a" > /dev/null ||
			compgen -G "${dir%/*}/linux/libclang_rt.$what-x86_64.a" > /dev/null
		;;
	file)
		compgen -G "$what" > /dev/null
		;;
	*)
		echo "$PACKAGES: unknown way to detect: $1" >&2
		return 1
		;;
	esac
}

# Prints the lines `need<tab>debian<tab>fedora<tab>what for` of the given groups that are missing.
missing() {
	local group need debian fedora detect what want=" $* "
	while read -r group need debian fedora detect what; do
		case $group in '' | '#'*) continue ;; esac
		[[ $want == *" $group "* ]] || continue
		present "$detect" || printf '%s\t%s\t%s\t%s\n' "$need" "$debian" "$fedora" "$what"
	done < "$PACKAGES"
}

# The engines need more than one package each.
have_libfuzzer() { present cmd:clang && present rt:fuzzer; }
have_afl() { present cmd:afl-clang-fast && present cmd:afl-fuzz; }
have_kvm() { [ -r /dev/kvm ] && [ -w /dev/kvm ]; }
