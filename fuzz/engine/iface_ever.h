/* SPDX-License-Identifier: MIT */
/*
 * iface_ever: which slots of the interface (iface.h) were ever touched, by any input: what an engine
 * clears from input to input stays here, one byte a slot. Where VISE_IFACE names a file, they are in
 * that file, which all processes of a run share: `vise fuzz` counts them. For fuzz targets only.
 */
#ifndef FUZZ_ENGINE_IFACE_EVER_H
#define FUZZ_ENGINE_IFACE_EVER_H

#include <stdint.h>

#define IFACE_EVER 8192u /* bytes of the file; slots above it are not counted */

extern uint8_t *fuzz_iface_ever;

#endif
