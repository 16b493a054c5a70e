# SPDX-License-Identifier: MIT
# Cleans what `llvm-cov export -format=lcov` writes: paths become relative to the top (-v top=),
# and the branches of inline functions are folded. llvm-cov 14 lists these once for every source
# that includes the header when a line has two conditions, without saying which is which; we keep
# one pair a line: was any condition of it ever true, was any ever false.

/^SF:/ {
	path = substr($0, 4)
	if (index(path, top "/") == 1)
		path = substr(path, length(top) + 2)
	sub(/^\.\//, "", path)
	print "SF:" path
	header = path ~ /\.h$/
	next
}

header && /^BRDA:/ {
	split(substr($0, 6), v, ",")
	if (!(v[1] in taken)) {
		taken[v[1]] = 1
		order[++n] = v[1]
	}
	hits[v[1], v[3] % 2] += v[4] # "-", never reached, adds 0
	next
}

header && /^BR[FH]:/ {
	next
}

header && /^end_of_record/ {
	found = hit = 0
	for (i = 1; i <= n; i++)
		for (way = 0; way < 2; way++) {
			print "BRDA:" order[i] ",0," way "," hits[order[i], way] + 0
			found++
			hit += hits[order[i], way] > 0
		}
	print "BRF:" found
	print "BRH:" hit
	n = 0
	split("", taken)
	split("", hits)
}

{ print }
