/* SPDX-License-Identifier: MIT */
/*
 * Included in front of every source by `make lint` when clang's analyzer reads it. The analyzer
 * looks at one file at a time, so it would follow the impossible path on which
 * `return err_set(err, -EINVAL, ...)` returns 0 and report what happens there.
 */
#include <vmm/base.h>

#define err_set(err, code, ...) ((void)(err_set)((err), (code), __VA_ARGS__), (code))
