/* SPDX-License-Identifier: MIT */
/* machine_end: the last line of a target that is made with machine.h. */
#ifdef __clang__
#pragma clang attribute pop
#endif
