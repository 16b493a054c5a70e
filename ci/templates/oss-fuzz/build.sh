#!/bin/bash -eu
# SPDX-License-Identifier: MIT
# Builds every fuzz target for OSS-Fuzz, ClusterFuzzLite and whoever else keeps their contract:
#
#	in   CC CXX CFLAGS CXXFLAGS LIB_FUZZING_ENGINE SANITIZER FUZZING_ENGINE SRC WORK
#	out  $OUT/TARGET, TARGET_seed_corpus.zip, TARGET.dict, TARGET.options, and $OUT/lib: the
#	     libraries that they are linked with, found by the rpath $ORIGIN/lib
#
# The sources are the current folder, or $SRC/vise. `ci/ossfuzz` runs this on any machine. With
# SANITIZER=memory only the targets are built that link nothing but what is compiled here.
# TARGETS="a b" builds those alone.
[ -e fuzz/targets ] || cd "$SRC/vise"

# Objects of different flags live side by side, so a next build takes up what is there.
name=${FUZZING_ENGINE:-libfuzzer}-${SANITIZER:-address}
args=(OSS="$name" OSS_CC="$CC" OSS_LINK="$CXX" OSS_CFLAGS="$CFLAGS" OSS_CXXFLAGS="$CXXFLAGS" OSS_ENGINE="$LIB_FUZZING_ENGINE")
[ -z "${TARGETS:-}" ] || args+=(OSS_TARGETS="$TARGETS")
# The generators of seeds run here and now: no sanitizer and no engine in them.
command -v cc > /dev/null || args+=(CC=clang)
# shellcheck disable=SC2206  # options of make
mk=(env -u CC -u CXX -u CFLAGS -u CXXFLAGS -u TARGETS make --no-print-directory -j"${JOBS:-$(nproc)}" "${args[@]}")
targets=$("${mk[@]}" -s print-OSS_TARGETS)
"${mk[@]}" oss-targets

mkdir -p "$OUT/lib"
for t in $targets; do
	cp "build/oss-$name/out/$t" "$OUT/$t"
	# Of the libraries all but the C library's own, which every machine has.
	ldd "$OUT/$t" | awk '$2 == "=>" && $3 ~ /^\// { print $3 }' |
		grep -vE '/(libc|libm|libdl|libpthread|librt|libresolv|libgcc_s|libstdc\+\+)\.so' |
		while read -r lib; do
			[ -e "$OUT/lib/${lib##*/}" ] || cp -L "$lib" "$OUT/lib/"
		done
	inputs=("build/seeds/$t" "build/corpora/$t")
	# A regression may be called as a seed is; in a zip a name is there once.
	if [ -d "fuzz/regressions/$t" ]; then
		again=build/oss-$name/regressions/$t
		mkdir -p "$again"
		for f in "fuzz/regressions/$t"/*; do cp "$f" "$again/regression-${f##*/}"; done
		inputs+=("$again")
	fi
	rm -f "$OUT/${t}_seed_corpus.zip"
	find "${inputs[@]}" -type f | LC_ALL=C sort | zip -q -j -X -@ "$OUT/${t}_seed_corpus.zip"
	[ ! -e "fuzz/dict/$t.dict" ] || cp "fuzz/dict/$t.dict" "$OUT/"
	[ ! -e "fuzz/options/$t.options" ] || cp "fuzz/options/$t.options" "$OUT/"
done
