#!/bin/bash -eu
# SPDX-License-Identifier: MIT
# The same contract, so the same script.
exec "$SRC/vise/ci/templates/oss-fuzz/build.sh"
