/* SPDX-License-Identifier: MIT */
/* dev_queue_end: the last line of a target that is made with dev_queue.h. */
#ifdef __clang__
#pragma clang attribute pop
#endif
