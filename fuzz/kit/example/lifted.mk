# SPDX-License-Identifier: MIT
# The same for a device of another VMM, through the shim: `make -f lifted.mk check fuzz`.
SHIM = lifted_shim
OBJS = lifted.o
QUEUES = own
CFLAGS = $(if $(BUG),-DBUG=$(BUG))
include $(shell pkg-config --variable=kit vise-dev)/kit.mk
